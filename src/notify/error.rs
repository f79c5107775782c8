//! Why a notification did not arrive, and what is to be done about it.

use super::address::AddressError;
use crate::routing::{Failure, TryEnd};
use std::time::Duration;
use thiserror::Error;

/// How one try ended that did not succeed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NotifyError {
    /// The target lies where none may.
    #[error("the address is not used: {0}")]
    Address(#[from] AddressError),
    /// The name could not be resolved.
    #[error("the name {name} cannot be resolved: {reason}")]
    Unresolved {
        /// The name.
        name: String,
        /// What the resolver said.
        reason: String,
    },
    /// Nobody answers there.
    #[error("no connection to {to}: {reason}")]
    Unreachable {
        /// The address.
        to: String,
        /// What the system said.
        reason: String,
    },
    /// It took too long.
    #[error("no answer within {} seconds", .0.as_secs())]
    TimedOut(Duration),
    /// The connection broke, or what came was not the protocol.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// Whoever answers could not prove to be the target.
    #[error("TLS failed: {0}; check the name, the certificate and ca_file")]
    Tls(String),
    /// An HTTP answer other than success.
    #[error("answered {status}{}", quoted(.text))]
    Status {
        /// The status.
        status: u16,
        /// How long we are asked to wait.
        retry_after: Option<Duration>,
        /// The beginning of the answer.
        text: String,
    },
    /// An SMTP answer other than success.
    #[error("the mail server answered {code}{}", quoted(.text))]
    Smtp {
        /// The reply code.
        code: u16,
        /// What it said.
        text: String,
    },
    /// The mail server does not offer what the settings ask for.
    #[error("the mail server {0}")]
    Unfit(&'static str),
    /// It ended when the message was out already: the target may have taken it and not said so, or not in time.
    #[error("{0}; it may have been taken")]
    PerhapsTaken(Box<NotifyError>),
    /// The message could not be made.
    #[error("the message cannot be made: {0}")]
    Message(String),
}

fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text:?}") }
}

impl NotifyError {
    /// Whether another try can succeed.
    fn is_worth_a_retry(&self) -> bool {
        match self {
            NotifyError::Status { status, .. } => {
                matches!(status, 300..=399 | 401 | 403..=405 | 408 | 425 | 429 | 500..)
            }
            NotifyError::Smtp { code, .. } => *code < 500 || is_sign_in(*code),
            NotifyError::Message(_) => false,
            NotifyError::PerhapsTaken(why) => why.is_worth_a_retry(),
            _ => true,
        }
    }

    /// Whether the target says that it is gone for good.
    pub fn is_gone(&self) -> bool {
        matches!(self, NotifyError::Status { status: 410, .. })
    }

    /// The same of a try whose message was out already.
    pub(super) fn once_sent(self) -> NotifyError {
        NotifyError::PerhapsTaken(Box::new(self))
    }

    /// What it tells of the target. What only other settings mend comes before what it asks for: whoever answers so may
    /// say anything beside it.
    pub fn failure(&self) -> Failure {
        match self {
            NotifyError::PerhapsTaken(why) => why.failure(),
            NotifyError::Status { status: 300..=399 | 401 | 403 | 404 | 405 | 410, .. } => {
                Failure::Misconfigured
            }
            NotifyError::Status { status: 408 | 425 | 429 | 500.., retry_after, .. } => {
                retry_after.map_or(Failure::Unwell, Failure::Asked)
            }
            NotifyError::Status { .. } | NotifyError::Message(_) => Failure::Refused,
            NotifyError::Smtp { code, .. } if is_sign_in(*code) => Failure::Misconfigured,
            NotifyError::Smtp { code: 500.., .. } => Failure::Refused,
            NotifyError::Address(_) | NotifyError::Tls(_) | NotifyError::Unfit(_) => Failure::Misconfigured,
            NotifyError::Smtp { .. }
            | NotifyError::Unresolved { .. }
            | NotifyError::Unreachable { .. }
            | NotifyError::TimedOut(_)
            | NotifyError::Broken(_) => Failure::Unwell,
        }
    }

    /// What it means for the delivery whose try it ended.
    pub fn ended(&self) -> TryEnd {
        let (again, asked) = (self.is_worth_a_retry(), self.retry_after());
        let perhaps_taken = matches!(self, NotifyError::PerhapsTaken(_));
        TryEnd::Failed { again, asked, perhaps_taken, why: self.to_string() }
    }

    /// How long the target asks us to wait.
    fn retry_after(&self) -> Option<Duration> {
        match self {
            NotifyError::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// RFC 4954, 6: what is wrong with signing in.
fn is_sign_in(code: u16) -> bool {
    matches!(code, 530 | 534 | 535 | 538)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, retry_after: Option<Duration>) -> NotifyError {
        NotifyError::Status { status, retry_after, text: String::new() }
    }

    #[test]
    fn each_answer_is_tried_again_or_not_and_moves_the_breaker_or_not() {
        for (code, again, failure) in [
            (302, true, Failure::Misconfigured),
            (400, false, Failure::Refused),
            (401, true, Failure::Misconfigured),
            (403, true, Failure::Misconfigured),
            (404, true, Failure::Misconfigured),
            (408, true, Failure::Unwell),
            (410, false, Failure::Misconfigured),
            (413, false, Failure::Refused),
            (422, false, Failure::Refused),
            (429, true, Failure::Unwell),
            (500, true, Failure::Unwell),
            (502, true, Failure::Unwell),
            (503, true, Failure::Unwell),
            (504, true, Failure::Unwell),
        ] {
            let error = status(code, None);
            assert_eq!((error.is_worth_a_retry(), error.failure()), (again, failure), "{code}");
        }
        let pause = Duration::from_secs(7);
        assert_eq!(status(429, Some(pause)).failure(), Failure::Asked(pause));
        for code in [302, 401, 403, 404, 405, 410] {
            assert_eq!(status(code, Some(pause)).failure(), Failure::Misconfigured, "{code}");
        }
        assert_eq!(status(400, Some(pause)).failure(), Failure::Refused);
        for (code, again, failure) in [
            (421, true, Failure::Unwell),
            (450, true, Failure::Unwell),
            (535, true, Failure::Misconfigured),
            (550, false, Failure::Refused),
            (554, false, Failure::Refused),
        ] {
            let error = NotifyError::Smtp { code, text: String::new() };
            assert_eq!((error.is_worth_a_retry(), error.failure()), (again, failure), "{code}");
        }
    }
}
