//! The smallest HTTP/1.1 client that measures the appliance and not itself.

use anyhow::{Context, bail};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection that is kept alive.
pub(super) struct Client {
    stream: TcpStream,
    key: String,
    buffer: Vec<u8>,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Client {
    pub(super) async fn connect(address: SocketAddr, key: &str) -> anyhow::Result<Client> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Client { stream, key: key.to_owned(), buffer: Vec::new() })
    }

    pub(super) async fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        let head = format!("GET {path} HTTP/1.1\r\nHost: bench\r\nX-API-Key: {}\r\n\r\n", self.key);
        self.exchange(head.as_bytes(), &[]).await
    }

    pub(super) async fn post(&mut self, path: &str, kind: &str, body: &[u8]) -> anyhow::Result<Answer> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: bench\r\nX-API-Key: {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            self.key,
            body.len()
        );
        self.exchange(head.as_bytes(), body).await
    }

    async fn exchange(&mut self, head: &[u8], body: &[u8]) -> anyhow::Result<Answer> {
        self.stream.write_all(head).await?;
        self.stream.write_all(body).await?;
        self.buffer.clear();
        let head_end = loop {
            self.more().await?;
            if let Some(end) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..head_end]).to_lowercase();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).context("no status")?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        let length: usize = length.context("the answer does not say how long it is")?;
        while self.buffer.len() < head_end + length {
            self.more().await?;
        }
        Ok(Answer { status, body: self.buffer[head_end..].to_vec() })
    }

    async fn more(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the appliance closed the connection");
        }
        Ok(())
    }
}
