//! The way out: mail, webhooks, push and the journal. The only module that knows the mail crate.

mod address;
mod error;
mod http;
mod mail;
mod resolve;
mod secrets;
mod target;
mod template;
mod tls;
mod words;

pub use address::{AddressError, Endpoint, Host, Policy, WebAddress};
pub use error::NotifyError;
pub use mail::is_mailbox;
pub use target::{Mail, MailSecurity, Push, SigningKey, Target, Way, Webhook, WebhookForm};
pub use template::{PLACEHOLDERS, Template, json_escape};
pub use words::{Notice, Words};

use jiff::Timestamp;
use resolve::Resolver;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tls::Trust;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one try may take in all; of one by mail, until the message is to go out.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a mail server may take over a message, which many look through before they answer (RFC 5321, 4.5.3.2, would
/// have it wait for 10 minutes): sent again too soon, it arrives twice.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(60);

/// What a target took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Whom its server refused while it took the message for others, and why.
    pub refused: Option<String>,
}

/// Sends notices to targets. Made once at start; without targets it never sends anything.
#[derive(Debug, Default)]
pub struct Notifier {
    targets: BTreeMap<String, (Target, Option<Trust>)>,
    policy: Policy,
    public_url: String,
    resolver: Resolver,
}

impl Notifier {
    /// Knows those targets.
    ///
    /// # Errors
    /// The target whose certificates cannot be used, and why.
    pub fn new(targets: Vec<Target>, policy: Policy, public_url: String) -> Result<Arc<Notifier>, String> {
        let trusted = targets.into_iter().map(|target| {
            let trust = match target.way {
                Way::Console => None,
                _ => Some(Trust::new(target.ca.as_deref()).map_err(|why| format!("{}: {why}", target.name))?),
            };
            Ok((target.name.clone(), (target, trust)))
        });
        let targets = trusted.collect::<Result<_, String>>()?;
        Ok(Arc::new(Notifier { targets, policy, public_url, resolver: Resolver::default() }))
    }

    /// The targets by name.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.targets.values().map(|(target, _)| target)
    }

    /// The target of that name.
    pub fn target(&self, name: &str) -> Option<&Target> {
        self.targets.get(name).map(|(target, _)| target)
    }

    /// Tries once to tell the delivery's target. Takes no longer than some 15 seconds, by mail than
    /// some 75, whatever the target does.
    pub async fn send(&self, notice: &Notice) -> Result<Taken, NotifyError> {
        let missing = || NotifyError::Message("the target is no longer in the settings".to_owned());
        let (target, trust) = self.targets.get(&notice.delivery.target).ok_or_else(missing)?;
        let Some(trust) = trust else {
            self.say(target, notice);
            return Ok(Taken::default());
        };
        match &target.way {
            Way::Mail(mail) => {
                let message = mail::compose(mail, target, notice, &self.public_url)?;
                let found = self.resolver.addresses(&mail.server).await?;
                let tls = mail.security != MailSecurity::Plain;
                let to = self.policy.choose(&mail.server, tls, &found)?;
                // Whoever asked for a test waits for its end.
                let patience = if notice.test { TOTAL_TIMEOUT } else { MESSAGE_TIMEOUT };
                mail::send(mail, to, trust, &message, patience).await
            }
            Way::Webhook(webhook) => {
                let now = Timestamp::now();
                let outgoing = http::webhook(webhook, target, notice, &self.public_url, now)?;
                self.request(&webhook.url, trust, outgoing, &[]).await
            }
            Way::Push(push) => {
                let outgoing = http::push(push, target, notice, &self.public_url)?;
                let token = push.token.as_ref().map_or("", |token| token.reveal());
                self.request(&push.url, trust, outgoing, &[token]).await
            }
            Way::Console => Ok(Taken::default()),
        }
    }

    async fn request(
        &self,
        url: &WebAddress,
        trust: &Trust,
        outgoing: http::Outgoing,
        secrets: &[&str],
    ) -> Result<Taken, NotifyError> {
        self.policy.check_web(url)?;
        let found = self.resolver.addresses(&url.endpoint).await?;
        let to = self.policy.choose(&url.endpoint, url.tls, &found)?;
        http::send(url, to, trust, outgoing, secrets).await
    }

    /// Into our own messages; whoever makes a console target wants to read there whom an alert is about.
    fn say(&self, target: &Target, notice: &Notice) {
        let words = notice.words(target, &self.public_url);
        tracing::warn!(
            target: "sealwatch::notification",
            alert = %notice.alert.id,
            delivery = %notice.delivery.id,
            severity = notice.alert.severity.name(),
            link = notice.link(&self.public_url),
            "{}: {}",
            words.title,
            template::one_line(&words.text, 1_000),
        );
    }
}

/// Whether a text holds certificates in PEM that can be trusted.
///
/// # Errors
/// Why it does not.
pub fn check_certificates(pem: &str) -> Result<(), String> {
    Trust::new(Some(pem)).map(|_| ())
}

#[cfg(test)]
mod tests;
