//! Mail: one message, one conversation with the server of the settings, to the checked address alone.

use super::error::NotifyError;
use super::secrets;
use super::target::{self, MailSecurity, Target};
use super::template;
use super::tls::Trust;
use super::words::Notice;
use super::{CONNECT_TIMEOUT, TOTAL_TIMEOUT, Taken};
use crate::notify::address::Host;
use lettre::address::Envelope;
use lettre::message::header::{Header, HeaderName, HeaderValue, MessageId};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, AsyncTokioStream, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message};
use rustls::pki_types::ServerName;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How long a server may take to say goodbye once it has the message.
const GOODBYE: Duration = Duration::from_secs(1);
/// Bytes that a mail server may say in one conversation.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Characters that are kept of whom a server refused.
const REFUSED_CHARS_MAX: usize = 1_000;

/// Reads an address as `ada@example.org` or `Ada <ada@example.org>`.
pub fn is_mailbox(text: &str) -> bool {
    text.parse::<Mailbox>().is_ok()
}

/// The mail of a notice. Those of one alert refer to one id made from the alert's, so that they stand together; each
/// has an id of its own made from the delivery's, so that a resend can be told.
pub(super) fn compose(
    mail: &target::Mail,
    target: &Target,
    notice: &Notice,
    public_url: &str,
) -> Result<Message, NotifyError> {
    let wrong = |what: &str| NotifyError::Message(format!("{what} is no mail address"));
    let from: Mailbox = mail.from.parse().map_err(|_| wrong(&mail.from))?;
    let domain = from.email.domain().to_owned();
    let words = notice.words(target, public_url);
    let thread = format!("<{}@{domain}>", notice.alert.id);
    let id = format!("<{}.{}@{domain}>", notice.delivery.id.simple(), notice.alert.id.simple());
    let mut message = Message::builder()
        .from(from)
        // What looks like an encoded word would be decoded by the reader's program.
        .subject(words.title.replace("=?", "= ?"))
        .header(MessageId::from(id))
        .header(AutoSubmitted)
        .date(std::time::UNIX_EPOCH + Duration::from_nanos(notice.delivery.decided_at.0));
    if !notice.test {
        message = message.in_reply_to(thread.clone()).references(thread);
    }
    for to in &mail.to {
        message = message.to(to.parse().map_err(|_| wrong(to))?);
    }
    let body = MultiPart::alternative_plain_html(words.text, words.html);
    message.multipart(body).map_err(|error| NotifyError::Message(error.to_string()))
}

/// `Auto-Submitted` (RFC 3834, 5): keeps absence notes and the like from being sent in answer.
#[derive(Clone, Debug)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<AutoSubmitted, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Hands the message over to the server at `to`, which may take so long over it once it has all of it.
pub(super) async fn send(
    mail: &target::Mail,
    to: SocketAddr,
    trust: &Trust,
    message: &Message,
    patience: Duration,
) -> Result<Taken, NotifyError> {
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(to)).await;
    let stream = connected
        .map_err(|_| NotifyError::TimedOut(CONNECT_TIMEOUT))?
        .map_err(|error| NotifyError::Unreachable { to: to.to_string(), reason: error.to_string() })?;
    let stream = Bounded { inner: stream, peer: to, left: ANSWER_BYTES_MAX };
    let envelope: &Envelope = message.envelope();
    let until_then = converse(mail, stream, trust, envelope);
    let prepared = tokio::time::timeout(TOTAL_TIMEOUT, until_then).await;
    let (mut connection, taken) = prepared.map_err(|_| NotifyError::TimedOut(TOTAL_TIMEOUT))??;
    let message = message.formatted();
    let answer = tokio::time::timeout(patience, connection.message(&message)).await;
    let answer = answer.map_err(|_| NotifyError::TimedOut(patience).once_sent())?;
    answer.map_err(|error| match of_smtp(mail, &error) {
        broken @ NotifyError::Broken(_) => broken.once_sent(),
        error => error,
    })?;
    // The message is taken; how the conversation ends changes nothing.
    drop(tokio::time::timeout(GOODBYE, connection.quit()).await);
    Ok(taken)
}

/// Everything up to the point at which the message is to follow; and whom the server refused.
async fn converse(
    mail: &target::Mail,
    stream: Bounded<TcpStream>,
    trust: &Trust,
    envelope: &Envelope,
) -> Result<(AsyncSmtpConnection, Taken), NotifyError> {
    let hello = hello(envelope.from());
    let mut connection = match mail.security {
        MailSecurity::Tls => {
            let stream = encrypt(mail, stream, trust).await?;
            AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello).await
        }
        _ => AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello).await,
    }
    .map_err(|error| of_smtp(mail, &error))?;
    if mail.security == MailSecurity::StartTls {
        if !connection.can_starttls() {
            return Err(NotifyError::Unfit("does not offer STARTTLS"));
        }
        let parameters = tls_parameters(mail, trust)?;
        connection.starttls(parameters, &hello).await.map_err(|error| of_smtp(mail, &error))?;
    }
    if let Some((user, password)) = &mail.sign_in {
        let credentials = Credentials::new(user.clone(), password.reveal().to_owned());
        let signed_in = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
        signed_in.map_err(|error| match of_smtp(mail, &error) {
            NotifyError::Broken(_) if error.is_client() => {
                NotifyError::Unfit("offers no way to sign in that is known here")
            }
            error => error,
        })?;
    }
    let taken = name_all(mail, &mut connection, envelope).await?;
    Ok((connection, taken))
}

/// Says from whom and to whom it is; one that the server refuses is no reason to tell none of the others. Without a QUIT
/// after a refusal, which a confused server might leave unanswered: the refusal is what counts.
async fn name_all(
    mail: &target::Mail,
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
) -> Result<Taken, NotifyError> {
    let failed = |error| of_smtp(mail, &error);
    // Everything in the message is encoded as ASCII, so no extension is needed.
    connection.command(Mail::new(envelope.from().cloned(), Vec::new())).await.map_err(failed)?;
    let (mut refused, mut last) = (Vec::new(), None);
    for to in envelope.to() {
        match connection.command(Rcpt::new(to.clone(), Vec::new())).await.map_err(failed) {
            Ok(_) => {}
            // 421: it closes the connection (RFC 5321, 3.8).
            Err(error @ NotifyError::Smtp { code, .. }) if code != 421 => {
                refused.push(format!("{to}: {error}"));
                last = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    if let Some(error) = last.filter(|_| refused.len() == envelope.to().len()) {
        return Err(error);
    }
    connection.command(Data).await.map_err(failed)?;
    let refused = (!refused.is_empty()).then(|| {
        template::one_line(
            &format!("taken for the others, but not for {}", refused.join("; ")),
            REFUSED_CHARS_MAX,
        )
    });
    Ok(Taken { refused })
}

/// The name that is said in EHLO: that of the sender's domain, which is no secret, unlike the host's own.
fn hello(from: Option<&Address>) -> ClientId {
    from.map_or_else(ClientId::default, |from| ClientId::Domain(from.domain().to_owned()))
}

fn server_name(mail: &target::Mail) -> String {
    match &mail.server.host {
        Host::Name(name) => name.clone(),
        Host::Address(address) => address.to_string(),
    }
}

async fn encrypt(
    mail: &target::Mail,
    stream: Bounded<TcpStream>,
    trust: &Trust,
) -> Result<Bounded<tokio_rustls::client::TlsStream<Bounded<TcpStream>>>, NotifyError> {
    let peer = stream.peer;
    let name = ServerName::try_from(server_name(mail))
        .map_err(|_| NotifyError::Tls("the server has no name that TLS could check".to_owned()))?;
    let connector = tokio_rustls::TlsConnector::from(trust.shared());
    let inner = connector.connect(name, stream).await.map_err(|error| match super::tls::cause(&error) {
        Some(why) => NotifyError::Tls(why),
        None => NotifyError::Broken(error.to_string()),
    })?;
    Ok(Bounded { inner, peer, left: ANSWER_BYTES_MAX })
}

fn tls_parameters(mail: &target::Mail, trust: &Trust) -> Result<TlsParameters, NotifyError> {
    let failed = |error: lettre::transport::smtp::Error| NotifyError::Tls(error.to_string());
    let mut parameters = TlsParameters::builder(server_name(mail));
    parameters = match trust.ca() {
        None => parameters.certificate_store(CertificateStore::WebpkiRoots),
        Some(pem) => {
            let mut parameters = parameters.certificate_store(CertificateStore::None);
            for certificate in super::tls::certificates(pem).map_err(NotifyError::Tls)? {
                let certificate = Certificate::from_der(certificate.to_vec()).map_err(failed)?;
                parameters = parameters.add_root_certificate(certificate);
            }
            parameters
        }
    };
    parameters.build().map_err(failed)
}

fn of_smtp(mail: &target::Mail, error: &lettre::transport::smtp::Error) -> NotifyError {
    let mut link: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut innermost = error.to_string();
    while let Some(current) = link {
        if let Some(why) = super::tls::cause(current) {
            return NotifyError::Tls(why);
        }
        innermost = current.to_string();
        link = current.source();
    }
    let password = mail.sign_in.as_ref().map_or("", |(_, password)| password.reveal());
    let text = template::one_line(&secrets::hide(&innermost, &secrets::of("", &[password])), 200);
    match error.status() {
        Some(code) => NotifyError::Smtp { code: code.into(), text },
        None => NotifyError::Broken(text),
    }
}

/// A stream of which only so much is read: a server that never ends its answer ends the conversation.
#[derive(Debug)]
struct Bounded<S> {
    inner: S,
    peer: SocketAddr,
    left: usize,
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other("the mail server said more than 64 KiB")));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        self.left = self.left.saturating_sub(buf.filled().len() - before);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug> AsyncTokioStream for Bounded<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
