//! Whom outgoing connections trust: the certificates of the settings, else the roots in the program.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// Trust for one target, made once.
#[derive(Clone, Debug)]
pub(super) struct Trust {
    config: Arc<ClientConfig>,
    ca: Option<String>,
}

impl Trust {
    /// Trusts those certificates in PEM alone; without any, the roots in the program.
    pub(super) fn new(ca: Option<&str>) -> Result<Trust, String> {
        let mut roots = RootCertStore::empty();
        match ca {
            Some(pem) => certificates(pem)?.into_iter().try_for_each(|certificate| {
                roots.add(certificate).map_err(|error| format!("a certificate cannot be used: {error}"))
            })?,
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Trust { config: Arc::new(config), ca: ca.map(str::to_owned) })
    }

    pub(super) fn rustls(&self) -> &ClientConfig {
        &self.config
    }

    pub(super) fn shared(&self) -> Arc<ClientConfig> {
        self.config.clone()
    }

    pub(super) fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
    }
}

/// The certificates in a PEM text: at least one.
pub(super) fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let found = found.map_err(|error| format!("is not PEM: {error}"))?;
    if found.is_empty() {
        return Err("holds no certificate in PEM".to_owned());
    }
    Ok(found)
}

/// What TLS said, where this link in a chain of errors is its. Each layer wraps what the one below said once more.
pub(super) fn cause(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(tls.to_string());
    }
    cause(error.downcast_ref::<std::io::Error>()?.get_ref()?)
}
