//! `[web]`: sessions of people and connections of anyone.

use super::reader::Section;
use std::net::IpAddr;

/// Sessions, connections and what lies between them and us.
#[derive(Clone, Debug, PartialEq)]
pub struct Web {
    /// A session ends when nothing was asked in it for so long.
    pub session_idle_secs: u64,
    /// A session ends so long after sign-in, whatever happens in it.
    pub session_max_secs: u64,
    /// Connections at a time; further ones wait to be accepted.
    pub connections_max: usize,
    /// How long a client may take for a request's head.
    pub header_timeout_secs: u64,
    /// How long a client may be silent in the middle of a body.
    pub body_idle_timeout_secs: u64,
    /// How long a client may take for a whole body.
    pub body_timeout_secs: u64,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Whether cookies are marked `Secure`, so that browsers send them by https only.
    pub secure_cookies: bool,
}

impl Web {
    pub(super) fn read(mut section: Section<'_>) -> Web {
        let web = Web {
            session_idle_secs: section.integer("session_idle_secs", 28_800, 60..=2_592_000),
            session_max_secs: section.integer("session_max_secs", 604_800, 60..=7_776_000),
            connections_max: section.integer("connections_max", 1_024, 8..=65_536),
            header_timeout_secs: section.integer("header_timeout_secs", 10, 1..=300),
            body_idle_timeout_secs: section.integer("body_idle_timeout_secs", 30, 1..=300),
            body_timeout_secs: section.integer("body_timeout_secs", 300, 1..=3_600),
            trusted_proxies: section.list(
                "trusted_proxies",
                "a list of IP addresses such as \"10.0.0.7\"",
                Vec::new(),
                |text| text.parse().ok(),
            ),
            secure_cookies: section.boolean("secure_cookies", false),
        };
        section.require(
            web.session_idle_secs <= web.session_max_secs,
            "session_idle_secs",
            format!("must not be above session_max_secs ({})", web.session_max_secs),
        );
        section.require(
            web.body_idle_timeout_secs <= web.body_timeout_secs,
            "body_idle_timeout_secs",
            format!("must not be above body_timeout_secs ({})", web.body_timeout_secs),
        );
        web
    }
}
