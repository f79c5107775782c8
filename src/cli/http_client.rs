//! What every HTTP client of the commands has in common.

use reqwest::{Client, ClientBuilder, Url};
use std::time::Duration;

/// How long a connection may take to be made.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// A client for that address. It follows no redirects: what is sent is for the host that the operator named, and what
/// comes is believed of that one.
pub(super) fn builder(url: &Url) -> ClientBuilder {
    let builder = Client::builder().redirect(reqwest::redirect::Policy::none()).connect_timeout(CONNECT_MAX);
    if url.scheme() != "http" {
        return builder;
    }
    // Plain HTTP must work on a host without any certificates, where the usual client cannot be built.
    let nobody = rustls::RootCertStore::empty();
    let tls = rustls::ClientConfig::builder().with_root_certificates(nobody).with_no_client_auth();
    builder.tls_backend_preconfigured(tls)
}

/// An error with its causes, without the address, which the operator knows.
pub(super) fn causes(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut next: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    if causes.is_empty() { error.to_string() } else { causes.join(": ") }
}
