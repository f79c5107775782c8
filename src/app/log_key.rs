//! The log's own name and the key that signs under it, fixed and named in the log the first time.

use super::AppError;
use crate::config::Config;
use crate::keys::{LogKeyPlaces, LogSigner};
use crate::model::ReceivedAt;
use crate::store::Store;

/// Opens the key that signs the log's checkpoints. A new log learns its name and its first key here, and one whose
/// systemd credential was replaced is handed over to the new key.
pub fn open(store: &Store, config: &Config, now: ReceivedAt) -> Result<LogSigner, AppError> {
    let origin = origin(store, config, now)?;
    let dir = config.data_dir.join("keys");
    let places = LogKeyPlaces { dir: &dir, credentials: config.log.credentials.as_deref() };
    let named = store.log_keys()?.pop().map(|key| key.verifier);
    let opened = LogSigner::open(places, &origin, named.as_ref())?;
    if named.is_none() || opened.former.is_some() {
        let mut txn = store.begin(now)?;
        txn.name_log_key(opened.former.as_ref(), opened.signer.current().verifier())?;
        txn.commit()?;
    }
    Ok(opened.signer)
}

fn origin(store: &Store, config: &Config, now: ReceivedAt) -> Result<String, AppError> {
    let set = &config.log.origin;
    match store.origin()? {
        Some(fixed) if set.is_empty() || *set == fixed => Ok(fixed),
        Some(fixed) => Err(AppError::Origin { fixed, set: set.clone() }),
        None => {
            let origin = if set.is_empty() { default_origin(store) } else { set.clone() };
            let mut txn = store.begin(now)?;
            txn.fix_origin(&origin)?;
            txn.commit()?;
            Ok(origin)
        }
    }
}

/// The host's name and the log's id.
fn default_origin(store: &Store) -> String {
    format!("{}/{}", host_name(), store.log_id())
}

/// The host's name, as far as the name of a key may hold it.
pub fn host_name() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let host: String = host.chars().filter(|c| c.is_ascii_alphanumeric() || ".-_".contains(*c)).collect();
    if host.is_empty() { "sealwatch".to_owned() } else { host }
}
