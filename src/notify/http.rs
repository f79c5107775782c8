//! Requests to webhooks and push servers: to the checked address alone, without redirects, proxies and long answers.

use super::address::{Host, WebAddress};
use super::error::NotifyError;
use super::secrets;
use super::target::{Push, SigningKey, Target, Webhook, WebhookForm};
use super::template;
use super::tls::Trust;
use super::words::{self, Notice};
use super::{CONNECT_TIMEOUT, TOTAL_TIMEOUT, Taken};
use crate::model::ReceivedAt;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use sha2::Sha256;
use std::net::SocketAddr;
use std::time::Duration;

/// Bytes of an answer that are read; what comes behind is not waited for.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Characters of an answer that are kept with the reason of a failure.
const ANSWER_CHARS_KEPT: usize = 200;
/// Bytes of the signing key's secret (Standard Webhooks, "Signature scheme").
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// The topic of alerts whose events name no organisation.
const TOPIC_OF_NOBODY: &str = "sealwatch";

/// A request that is ready to go.
pub(super) struct Outgoing {
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl SigningKey {
    /// Reads `whsec_` and the key in base64.
    pub fn parse(text: &str) -> Result<SigningKey, &'static str> {
        let wrong = "must be whsec_ and 24 to 64 random bytes in base64";
        let key = text.strip_prefix("whsec_").and_then(|text| STANDARD.decode(text).ok()).ok_or(wrong)?;
        SECRET_BYTES.contains(&key.len()).then(|| SigningKey(key.into())).ok_or(wrong)
    }

    /// `v1,` and the signature over id, time and body.
    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length will do");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// What a webhook gets.
pub(super) fn webhook(
    webhook: &Webhook,
    target: &Target,
    notice: &Notice,
    public_url: &str,
    now: Timestamp,
) -> Result<Outgoing, NotifyError> {
    let body = match &webhook.form {
        WebhookForm::Json => payload(notice, target, public_url).to_string(),
        WebhookForm::Slack => {
            let words = notice.words(target, public_url);
            let text = format!("*{}*\n{}", words.title.replace('*', " "), words.text);
            json!({ "text": template::slack_escape(&text) }).to_string()
        }
        WebhookForm::Template(body) => {
            let body = notice.fill(body, target, public_url, template::json_escape);
            serde_json::from_str::<serde_json::Value>(&body)
                .map_err(|error| NotifyError::Message(format!("the template gives no JSON: {error}")))?;
            body
        }
    };
    let id = format!("msg_{}", notice.delivery.id.simple());
    let mut headers = HeaderMap::new();
    put(&mut headers, "content-type", "application/json")?;
    put(&mut headers, "webhook-id", &id)?;
    put(&mut headers, "webhook-timestamp", &now.as_second().to_string())?;
    if let Some(secret) = &webhook.secret {
        put(&mut headers, "webhook-signature", &secret.sign(&id, now.as_second(), body.as_bytes()))?;
    }
    notice.trace.iter().try_for_each(|(name, value)| put(&mut headers, name, value))?;
    Ok(Outgoing { url: webhook.url.text.clone(), headers, body: body.into_bytes() })
}

fn payload(notice: &Notice, target: &Target, public_url: &str) -> serde_json::Value {
    let (alert, delivery) = (notice.alert_as_told(), &notice.delivery);
    let words = notice.words(target, public_url);
    let time = |at: ReceivedAt| at.timestamp().to_string();
    json!({
        "type": if notice.test { "alert.test" } else { "alert.notified" },
        "timestamp": time(delivery.decided_at),
        "data": {
            "deliveryId": delivery.id,
            "route": delivery.route,
            "title": words.title,
            "text": words.text,
            "link": notice.link(public_url),
            "checkpoint": notice.checkpoint,
            "alert": {
                "id": alert.id,
                "severity": alert.severity,
                "type": alert.pattern.alert_type(),
                "pattern": alert.pattern,
                "status": alert.status,
                "organizationId": alert.organization,
                "key": alert.key,
                "tags": alert.tags(),
                "occurrences": delivery.occurrences,
                "eventsCounted": delivery.counted,
                "threshold": alert.threshold,
                "timespanSeconds": alert.timespan_secs,
                "firedAt": delivery.fired_at,
                "createdAt": time(alert.created_at),
            },
        },
    })
}

/// What a push server gets: `POST {url}/{topic}`, the text as the body and the rest as headers.
pub(super) fn push(
    push: &Push,
    target: &Target,
    notice: &Notice,
    public_url: &str,
) -> Result<Outgoing, NotifyError> {
    let organization = notice.alert.organization.as_deref().filter(|name| !name.is_empty());
    let topic = push.topic.as_deref().or(organization).unwrap_or(TOPIC_OF_NOBODY);
    let url = format!("{}/{}", push.url.text.trim_end_matches('/'), template::path_segment(topic));
    let words = notice.words(target, public_url);
    let (priority, picture) = words::priority(notice.alert.severity);
    let mut headers = HeaderMap::new();
    put(&mut headers, "content-type", "text/plain; charset=utf-8")?;
    put(&mut headers, "title", &encoded_word(&words.title))?;
    put(&mut headers, "priority", &priority.to_string())?;
    put(&mut headers, "tags", &format!("{picture},{}", notice.alert.tags().join(",")))?;
    put(&mut headers, "click", &notice.link(public_url))?;
    put(&mut headers, "x-delivery-id", &notice.delivery.id.to_string())?;
    if let Some(token) = &push.token {
        put(&mut headers, "authorization", &format!("Bearer {}", token.reveal()))?;
    }
    notice.trace.iter().try_for_each(|(name, value)| put(&mut headers, name, value))?;
    Ok(Outgoing { url, headers, body: words.text.into_bytes() })
}

/// A header's text beyond ASCII as RFC 2047 has it, which ntfy reads; and one that only looks as if it were.
fn encoded_word(text: &str) -> String {
    if text.is_ascii() && !text.contains("=?") {
        text.to_owned()
    } else {
        format!("=?UTF-8?B?{}?=", STANDARD.encode(text))
    }
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) -> Result<(), NotifyError> {
    // Refuses line ends and controls, whatever got so far.
    let value = HeaderValue::from_str(value)
        .map_err(|_| NotifyError::Message(format!("the header {name} holds what no header may")))?;
    headers.insert(HeaderName::from_static(name), value);
    Ok(())
}

/// Sends to `to` and to nowhere else, whatever the name in the address resolves to by now. What is kept of an answer holds
/// neither the path of the address nor those secrets.
pub(super) async fn send(
    address: &WebAddress,
    to: SocketAddr,
    trust: &Trust,
    outgoing: Outgoing,
    secrets: &[&str],
) -> Result<Taken, NotifyError> {
    let mut client = reqwest::Client::builder()
        .tls_backend_preconfigured(trust.rustls().clone())
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .pool_max_idle_per_host(0)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .user_agent(concat!("sealwatch/", env!("CARGO_PKG_VERSION")));
    if let Host::Name(name) = &address.endpoint.host {
        client = client.resolve(name, to);
    }
    let client = client.build().map_err(|error| NotifyError::Message(error.to_string()))?;
    let url = reqwest::Url::parse(&outgoing.url).map_err(|error| NotifyError::Message(error.to_string()))?;
    let hidden = secrets::of(&outgoing.url, secrets);
    let request = client.post(url).headers(outgoing.headers).body(outgoing.body);
    let mut answer = request.send().await.map_err(|error| of_request(&error, to))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(Taken::default());
    }
    let asked = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
    let retry_after = asked.and_then(|value| parse_retry_after(value, Timestamp::now()));
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        bytes.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES_MAX - bytes.len())]);
        if bytes.len() >= ANSWER_BYTES_MAX {
            break;
        }
    }
    if bytes.len() >= ANSWER_BYTES_MAX {
        // What the end cuts in two would not be found.
        bytes.truncate(ANSWER_BYTES_MAX - secrets::BYTES_MAX);
    }
    let text = secrets::hide(&String::from_utf8_lossy(&bytes), &hidden);
    let text = template::one_line(text.trim(), ANSWER_CHARS_KEPT);
    Err(NotifyError::Status { status: status.as_u16(), retry_after, text })
}

/// `Retry-After` (RFC 9110, 10.2.3): seconds or a date. What lies in the past or makes no sense is not there.
fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = rfc2822::parse(value.trim()).ok()?.timestamp();
    Duration::try_from(date.duration_since(now)).ok()
}

/// What went wrong, from the innermost cause out. Once there is a connection the request goes out as a whole.
fn of_request(error: &reqwest::Error, to: SocketAddr) -> NotifyError {
    if error.is_timeout() {
        return match error.is_connect() {
            true => NotifyError::TimedOut(CONNECT_TIMEOUT),
            false => NotifyError::TimedOut(TOTAL_TIMEOUT).once_sent(),
        };
    }
    let mut innermost: &(dyn std::error::Error + 'static) = error;
    let mut tls = None;
    while let Some(source) = innermost.source() {
        innermost = source;
        tls = tls.or_else(|| super::tls::cause(innermost));
    }
    let reason = template::one_line(&innermost.to_string(), ANSWER_CHARS_KEPT);
    match tls {
        Some(why) => NotifyError::Tls(why),
        None if error.is_connect() => NotifyError::Unreachable { to: to.to_string(), reason },
        None => NotifyError::Broken(reason).once_sent(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_and_never_negative() {
        let now: Timestamp = "1994-11-06T08:49:07Z".parse().expect("a time");
        let secs = |secs| Some(Duration::from_secs(secs));
        assert_eq!(parse_retry_after("120", now), secs(120));
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), secs(30));
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:48:37 GMT", now), None);
        assert_eq!(parse_retry_after("1000000000", now), secs(1_000_000_000));
        assert_eq!(parse_retry_after("-5", now), None);
        assert_eq!(parse_retry_after("soon", now), None);
    }

    /// The example of the Standard Webhooks specification's own libraries.
    #[test]
    fn signatures_are_those_of_the_scheme() {
        let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("24 bytes");
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(
            SigningKey::parse("whsec_c2hvcnQ=").is_err() && SigningKey::parse("MfKQ9r8GKYqrTwjU").is_err()
        );
    }
}
