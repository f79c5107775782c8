//! From the name of a host to its addresses.

use super::CONNECT_TIMEOUT;
use super::address::{Endpoint, Host};
use super::error::NotifyError;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

/// Addresses of one name that are looked at.
const ADDRESSES_MAX: usize = 32;

/// An answer that is to come.
pub(super) type Answer = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
/// Asks for the addresses of a name with a port.
type Ask = dyn Fn(String, u16) -> Answer + Send + Sync;

/// Who is asked: the host's resolver, in tests a script.
#[derive(Clone)]
pub(super) struct Resolver(Arc<Ask>);

impl Resolver {
    /// Asks `ask`.
    pub(super) fn new(ask: impl Fn(String, u16) -> Answer + Send + Sync + 'static) -> Resolver {
        Resolver(Arc::new(ask))
    }

    /// Everything that the endpoint's host resolves to, asked once and anew for each try.
    pub(super) async fn addresses(&self, endpoint: &Endpoint) -> Result<Vec<IpAddr>, NotifyError> {
        let name = match &endpoint.host {
            Host::Address(address) => return Ok(vec![*address]),
            Host::Name(name) => name,
        };
        let unresolved = |reason: String| NotifyError::Unresolved { name: name.clone(), reason };
        match tokio::time::timeout(CONNECT_TIMEOUT, (self.0)(name.clone(), endpoint.port)).await {
            Err(_) => Err(unresolved(format!("no answer within {} seconds", CONNECT_TIMEOUT.as_secs()))),
            Ok(Err(error)) => Err(unresolved(error.to_string())),
            Ok(Ok(found)) => Ok(found.into_iter().take(ADDRESSES_MAX).collect()),
        }
    }
}

impl Default for Resolver {
    fn default() -> Resolver {
        Resolver::new(|name, port| {
            Box::pin(async move {
                let found = tokio::net::lookup_host((name, port)).await?;
                Ok(found.map(|found| found.ip()).collect())
            })
        })
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}
