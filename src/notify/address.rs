//! The address guard: which addresses a target may have, and which of those that its name resolves to may be connected
//! to. Pure: names are resolved elsewhere, and the connection goes to exactly the address that was checked here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use thiserror::Error;

/// Characters of a host's name (RFC 1035, 2.3.4).
const HOST_CHARS_MAX: usize = 253;
/// Ports that speak something other than HTTP, to which a request would be a message.
const FOREIGN_PORTS: [u16; 12] = [21, 22, 23, 25, 110, 143, 389, 465, 587, 3306, 5432, 6379];

/// Where a target is, as it is written in the settings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// A name in lower case, or an address.
    pub host: Host,
    /// Its port.
    pub port: u16,
}

/// A name or an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A name to resolve.
    Name(String),
    /// An address as such.
    Address(IpAddr),
}

/// An HTTP address that was taken apart by our own rules, narrower than those of browsers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebAddress {
    /// Whether it is https.
    pub tls: bool,
    /// The host and its port.
    pub endpoint: Endpoint,
    /// All of it as written.
    pub text: String,
}

/// What may be connected to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Whether private networks are fine: for targets of the configuration file.
    pub lan: bool,
    /// Endpoints that the configuration file names one by one; they may be anywhere.
    pub allowed: Vec<Endpoint>,
    /// Where the appliance itself answers; never a target.
    pub own: Option<SocketAddr>,
}

/// Why an address is not used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    /// It is not written as one of ours.
    #[error("{0}")]
    Written(&'static str),
    /// It lies where no target may.
    #[error("{address} is {what}; name the host and port in notify.allow if that is meant")]
    Forbidden {
        /// The address.
        address: IpAddr,
        /// What it is.
        what: &'static str,
    },
    /// It is the appliance's own.
    #[error("{0} is where the appliance itself answers")]
    Own(SocketAddr),
    /// The port belongs to another protocol.
    #[error("port {0} is not for HTTP; name the host and port in notify.allow if that is meant")]
    Port(u16),
    /// Without TLS, over a network that is not ours.
    #[error("{0} is on the open internet, and what is sent would not be encrypted; use https or TLS")]
    Plain(IpAddr),
    /// Nothing was resolved.
    #[error("the name has no address")]
    Nothing,
}

impl Endpoint {
    /// Reads `host:port`.
    pub fn parse(text: &str) -> Result<Endpoint, AddressError> {
        let (host, port) =
            text.rsplit_once(':').ok_or(AddressError::Written("a port is missing, as in ntfy.lan:443"))?;
        Ok(Endpoint { host: Host::parse(host)?, port: parse_port(port)? })
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.host {
            Host::Name(name) => write!(f, "{name}:{}", self.port),
            Host::Address(address) => SocketAddr::new(*address, self.port).fmt(f),
        }
    }
}

impl Host {
    /// Reads a name, an IPv4 address with four decimal parts, or an IPv6 address in brackets. Whatever another program
    /// might read as a number is no name.
    pub fn parse(text: &str) -> Result<Host, AddressError> {
        if let Some(inner) = text.strip_prefix('[') {
            let address = inner.strip_suffix(']').and_then(|inner| inner.parse::<Ipv6Addr>().ok());
            let wrong =
                AddressError::Written("what stands in brackets must be an IPv6 address without a zone");
            return address.map(|address| Host::Address(address.into())).ok_or(wrong);
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Host::Address(address.into()));
        }
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let last = text.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        let is_number = last.chars().all(|c| c.is_ascii_digit())
            || last.strip_prefix("0x").is_some_and(|rest| rest.chars().all(|c| c.is_ascii_hexdigit()));
        if text.len() > HOST_CHARS_MAX || is_number || !text.split('.').all(is_label) {
            let allowed = "the host must be a name of ASCII letters, digits, - and dots, an IPv4 address as \
                           10.0.0.7 or an IPv6 address as [fd00::7]";
            return Err(AddressError::Written(allowed));
        }
        Ok(Host::Name(text.to_ascii_lowercase()))
    }
}

impl WebAddress {
    /// Reads an address of http or https with a host, a port and a path, without user, query or fragment.
    pub fn parse(text: &str) -> Result<WebAddress, AddressError> {
        if text.len() > 2_000
            || !text.chars().all(|c| c.is_ascii_graphic())
            || text.contains(['\\', '#', '?'])
        {
            let wrong = "an address has at most 2,000 ASCII characters without spaces, \\, ? and #";
            return Err(AddressError::Written(wrong));
        }
        let (tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err(AddressError::Written("an address begins with https:// or http://")),
        };
        let authority = rest.split_once('/').map_or(rest, |(authority, _)| authority);
        if authority.contains('@') {
            return Err(AddressError::Written("an address holds no user and no password"));
        }
        let port_at = authority.rfind(':').filter(|at| !authority[*at..].contains(']'));
        let (host, port) = match port_at {
            Some(at) => (&authority[..at], parse_port(&authority[at + 1..])?),
            None => (authority, if tls { 443 } else { 80 }),
        };
        let endpoint = Endpoint { host: Host::parse(host)?, port };
        Ok(WebAddress { tls, endpoint, text: text.to_owned() })
    }
}

fn parse_port(text: &str) -> Result<u16, AddressError> {
    let digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port > 0);
    port.ok_or(AddressError::Written("a port is a number from 1 to 65535"))
}

impl Policy {
    /// Checks what stands in the settings, before anything is resolved.
    pub fn check_web(&self, address: &WebAddress) -> Result<(), AddressError> {
        let port = address.endpoint.port;
        if FOREIGN_PORTS.contains(&port) && !self.allowed.contains(&address.endpoint) {
            return Err(AddressError::Port(port));
        }
        Ok(())
    }

    /// Checks everything that the endpoint resolved to and answers with the address to connect to. One forbidden
    /// address is enough to refuse: whoever answers with several would else decide by the order.
    pub fn choose(
        &self,
        endpoint: &Endpoint,
        tls: bool,
        found: &[IpAddr],
    ) -> Result<SocketAddr, AddressError> {
        let is_named = self.allowed.contains(endpoint);
        for address in found.iter().copied() {
            let socket = SocketAddr::new(address, endpoint.port);
            if self.is_own(socket) {
                return Err(AddressError::Own(socket));
            }
            match place(address) {
                _ if is_named => {}
                Place::Public if tls => {}
                Place::Public => return Err(AddressError::Plain(address)),
                Place::Lan if self.lan => {}
                Place::Lan => return Err(AddressError::Forbidden { address, what: "in a private network" }),
                Place::Nowhere(what) => return Err(AddressError::Forbidden { address, what }),
            }
        }
        let first = found.first().ok_or(AddressError::Nothing)?;
        Ok(SocketAddr::new(*first, endpoint.port))
    }

    fn is_own(&self, socket: SocketAddr) -> bool {
        self.own.is_some_and(|own| {
            let address = socket.ip().to_canonical();
            let same = own.ip().to_canonical() == address;
            let everywhere = own.ip().is_unspecified() && (address.is_loopback() || address.is_unspecified());
            own.port() == socket.port() && (same || everywhere)
        })
    }
}

/// Where an address lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Public,
    Lan,
    /// Where no target is, unless it is named.
    Nowhere(&'static str),
}

/// The registries of special addresses (RFC 6890), read narrowly: what is in doubt is nowhere.
fn place(address: IpAddr) -> Place {
    match address {
        IpAddr::V4(address) => place_v4(address),
        IpAddr::V6(address) => place_v6(address),
    }
}

fn place_v4(address: Ipv4Addr) -> Place {
    match address.octets() {
        [127, ..] => Place::Nowhere("this host itself"),
        [0, ..] => Place::Nowhere("no address"),
        // Metadata services live here and in the next; 100.100.100.200 is one too.
        [169, 254, ..] => Place::Nowhere("a link-local or metadata address"),
        [100, 100, 100, 200] | [192, 0, 0, _] => Place::Nowhere("a metadata or protocol address"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Place::Lan,
        [198, 18..=19, ..] | [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [192, 88, 99, _] => {
            Place::Nowhere("for tests and examples")
        }
        [224..=239, ..] => Place::Nowhere("a multicast address"),
        [240..=255, ..] => Place::Nowhere("a reserved or broadcast address"),
        _ => Place::Public,
    }
}

fn place_v6(address: Ipv6Addr) -> Place {
    if let Some(inner) = embedded_v4(address) {
        return match place_v4(inner) {
            // Written in another way than usual, so meant to get past someone.
            Place::Lan => Place::Nowhere("a private address in disguise"),
            place => place,
        };
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Place::Nowhere("this host itself"),
        [0, 0, 0, 0, 0, 0, 0, 0] => Place::Nowhere("no address"),
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254] => Place::Nowhere("a metadata address"),
        [0xfe80..=0xfeff, ..] => Place::Nowhere("a link-local address"),
        [0xfc00..=0xfdff, ..] => Place::Lan,
        [0xff00..=0xffff, ..] => Place::Nowhere("a multicast address"),
        [0x2001, 0x0db8, ..] | [0x2001, 0..=0x01ff, ..] => Place::Nowhere("a reserved address"),
        [0x2000..=0x3fff, ..] => Place::Public,
        _ => Place::Nowhere("a reserved address"),
    }
}

/// The IPv4 address within one that is mapped, compatible, translated (NAT64) or tunnelled (6to4).
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let low = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, a, b] | [0, 0, 0, 0, 0xffff, 0, a, b] => Some(low(a, b)),
        [0x64, 0xff9b, _, _, _, _, a, b] => Some(low(a, b)),
        [0x2002, a, b, ..] => Some(low(a, b)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
