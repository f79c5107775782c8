//! The API keys in force, ready for look-up, with what their events are signed with.

use super::token_hash;
use crate::integrity;
use crate::model::{ApiKey, Secret, SourceId};
use std::collections::HashMap;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// All keys as of the last change. Made anew whenever one is created or revoked.
#[derive(Default)]
pub struct Keyring {
    by_hash: HashMap<[u8; 32], Arc<Known>>,
    by_source: HashMap<SourceId, Arc<Known>>,
    names: HashMap<SourceId, String>,
    /// What the events of each source are signed with, those of revoked keys included.
    signing: HashMap<SourceId, Arc<integrity::Key>>,
}

/// A key in force.
pub struct Known {
    /// Its record.
    pub key: ApiKey,
    /// What its events are signed with: its own secret, or the appliance's default.
    pub signing: Option<Arc<integrity::Key>>,
}

impl Keyring {
    /// The ring of these keys; `default_secret` signs for those without a secret of their own.
    pub fn new(keys: Vec<ApiKey>, default_secret: Option<&Secret>) -> Keyring {
        let default_key = default_secret.map(|secret| Arc::new(integrity::Key::new(secret)));
        let mut ring = Keyring::default();
        for key in keys {
            ring.names.insert(key.id, key.name.clone());
            let own = key.signing_secret.as_ref().map(|secret| Arc::new(integrity::Key::new(secret)));
            let signing = own.or_else(|| default_key.clone());
            ring.signing.extend(signing.clone().map(|signing| (key.id, signing)));
            if key.revoked {
                continue;
            }
            let known = Arc::new(Known { key, signing });
            ring.by_source.insert(known.key.id, known.clone());
            ring.by_hash.insert(known.key.key_hash, known);
        }
        ring
    }

    /// The key that was presented, if it is in force.
    pub fn find(&self, presented: &str) -> Option<Arc<Known>> {
        let hash = token_hash(presented);
        // The table compares digests, of which a guess reveals nothing; the last word has a comparison in
        // constant time.
        let known = self.by_hash.get(&hash)?;
        bool::from(known.key.key_hash.ct_eq(&hash)).then(|| known.clone())
    }

    /// The key in force of that number.
    pub fn by_source(&self, source: SourceId) -> Option<Arc<Known>> {
        self.by_source.get(&source).cloned()
    }

    /// What the events of a source are signed with, also where its key was revoked since.
    pub fn signing_of(&self, source: SourceId) -> Option<Arc<integrity::Key>> {
        self.signing.get(&source).cloned()
    }

    /// What people call a source; those of revoked keys keep their names.
    pub fn name(&self, source: SourceId) -> String {
        match self.names.get(&source) {
            Some(name) => name.clone(),
            None if source == SourceId(0) => "sealwatch".to_owned(),
            None => format!("source {}", source.0),
        }
    }

    /// The names of all sources.
    pub fn names(&self) -> &HashMap<SourceId, String> {
        &self.names
    }
}
