//! The targets: where notifications go, and by which way.

use super::address::{Endpoint, WebAddress};
use super::template::Template;
use crate::model::Secret;
use jiff::tz::TimeZone;

/// Somebody, or something, that is told. Made by the settings; lives as long as the process.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// What people call it, unique.
    pub name: String,
    /// How it is reached.
    pub way: Way,
    /// In which zone it reads times.
    pub time_zone: TimeZone,
    /// The title in place of the default one.
    pub title: Option<Template>,
    /// The text in place of the default one.
    pub text: Option<Template>,
    /// Certificates in PEM that are trusted in place of the bundled roots.
    pub ca: Option<String>,
}

/// How a target is reached.
#[derive(Clone, Debug, PartialEq)]
pub enum Way {
    /// By mail.
    Mail(Mail),
    /// By a request of its own.
    Webhook(Webhook),
    /// To telephones, as ntfy takes it.
    Push(Push),
    /// Into the program's own messages, and so the journal.
    Console,
}

impl Way {
    /// The name in settings and answers.
    pub fn name(&self) -> &'static str {
        match self {
            Way::Mail(_) => "email",
            Way::Webhook(_) => "webhook",
            Way::Push(_) => "push",
            Way::Console => "console",
        }
    }
}

/// A mail server, and who gets mail by it.
#[derive(Clone, Debug, PartialEq)]
pub struct Mail {
    /// The server.
    pub server: Endpoint,
    /// How the line is protected.
    pub security: MailSecurity,
    /// Who signs in, and with what.
    pub sign_in: Option<(String, Secret)>,
    /// From whom the mail is.
    pub from: String,
    /// To whom it goes.
    pub to: Vec<String>,
}

/// How the line to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS from the first byte.
    Tls,
    /// TLS before anything else is said.
    StartTls,
    /// Not at all; within one's own network only.
    Plain,
}

/// A receiver of JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// Where it listens.
    pub url: WebAddress,
    /// What requests are signed with.
    pub secret: Option<SigningKey>,
    /// What it takes.
    pub form: WebhookForm,
}

/// What a webhook's body looks like.
#[derive(Clone, Debug, PartialEq)]
pub enum WebhookForm {
    /// Everything, after the Standard Webhooks scheme.
    Json,
    /// `{"text": …}`, as Slack and those like it take it.
    Slack,
    /// What the settings say.
    Template(Template),
}

/// The key of the Standard Webhooks scheme.
#[derive(Clone, PartialEq)]
pub struct SigningKey(pub(super) zeroize::Zeroizing<Vec<u8>>);

/// A server that speaks as ntfy does.
#[derive(Clone, Debug, PartialEq)]
pub struct Push {
    /// Its address, without a topic.
    pub url: WebAddress,
    /// The topic; `None`: each alert goes to the topic that is named as its organisation.
    pub topic: Option<String>,
    /// The bearer token.
    pub token: Option<Secret>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(…)")
    }
}
