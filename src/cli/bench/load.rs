//! A kind of load: connections that each send signed events as fast as they are answered.

use super::client::Client;
use crate::decode;
use crate::integrity;
use crate::model::Secret;
use anyhow::ensure;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// One kind of load.
#[derive(Clone, Copy)]
pub(super) struct Load {
    pub(super) name: &'static str,
    pub(super) connections: usize,
    /// Events of one request.
    pub(super) batch: usize,
}

/// Different bodies that are sent in turn.
const BODIES: usize = 16;

impl Load {
    /// Events a second over one round.
    pub(super) async fn run(
        self,
        address: SocketAddr,
        key: &str,
        secret: &str,
        round: Duration,
    ) -> anyhow::Result<f64> {
        let signing = integrity::Key::new(&Secret::new(secret.to_owned()));
        let bodies: Vec<Vec<u8>> = (0..BODIES).map(|n| body(n * self.batch, self.batch, &signing)).collect();
        let bodies = Arc::new(bodies);
        let began = Instant::now();
        let mut senders = JoinSet::new();
        for _ in 0..self.connections {
            let (bodies, key) = (bodies.clone(), key.to_owned());
            senders.spawn(async move { self.send(address, &key, &bodies, began + round).await });
        }
        let mut events = 0;
        while let Some(sent) = senders.join_next().await {
            events += sent??;
        }
        Ok(events as f64 / began.elapsed().as_secs_f64())
    }

    async fn send(
        self,
        address: SocketAddr,
        key: &str,
        bodies: &[Vec<u8>],
        end: Instant,
    ) -> anyhow::Result<usize> {
        let mut client = Client::connect(address, key).await?;
        let (kind, expected) =
            if self.batch == 1 { ("application/json", 201) } else { ("application/x-ndjson", 202) };
        let mut events = 0;
        for body in bodies.iter().cycle() {
            if Instant::now() >= end {
                break;
            }
            let answer = client.post("/api/v1/audit/events", kind, body).await?;
            ensure!(answer.status == expected, "answered with {}", answer.status);
            events += self.batch;
        }
        Ok(events)
    }
}

fn body(first: usize, events: usize, key: &integrity::Key) -> Vec<u8> {
    let now = jiff::Timestamp::now();
    let mut body = Vec::new();
    for n in first..first + events {
        let json = format!(
            r#"{{"timestamp":"{now}","action":"patient.chart.view","status":"success","principalId":"nurse-{}","organizationId":"clinic-{}","eventVersion":"1.0","correlationId":"0192f0c1-{n:012x}","dataClassification":"PHI","retentionPolicy":"standard","sessionContext":{{"sessionId":"session-{n:08x}","ipAddress":"10.20.{}.{}","userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0 Safari/537.36"}},"details":{{"ward":"{}","chart":"vitals","device":"workstation-{}","reason":"routine round, no changes made to the record of the patient"}}"#,
            n % 5_000,
            n % 7,
            n / 256 % 256,
            n % 256,
            n % 40,
            n % 900
        );
        let unsigned = format!("{json}}}");
        let event = decode::event(unsigned.as_bytes(), &decode::Limits::default(), None);
        let hash = integrity::hash_v1(&event.expect("the sample is valid"));
        let signature = hex::encode(integrity::sign(&hash, key));
        body.extend_from_slice(json.as_bytes());
        let claim = format!(
            r#","hash":"{}","hashAlgorithm":"SHA-256","signature":"{signature}","algorithm":"HMAC-SHA256"}}"#,
            hex::encode(hash)
        );
        body.extend_from_slice(claim.as_bytes());
        body.push(b'\n');
    }
    if events == 1 {
        body.pop();
    }
    body
}
