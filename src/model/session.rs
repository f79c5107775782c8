//! From where a principal acted.

use std::borrow::Cow;

/// The parts of `sessionContext` that the appliance reads; whatever else stands there is kept in the raw
/// bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionContext<'a> {
    /// `sessionId`, not empty.
    pub session_id: Option<Cow<'a, str>>,
    /// `ipAddress`, a valid IPv4 or IPv6 address as the sender wrote it.
    pub ip_address: Option<Cow<'a, str>>,
    /// `userAgent`, not empty.
    pub user_agent: Option<Cow<'a, str>>,
}
