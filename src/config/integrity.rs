//! `[integrity]`: the secret that events are signed with unless their API key has its own.

use super::reader::{Reader, Section};
use super::secret::{self, Places};
use crate::model::Secret;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where the secret may be.
const PLACES: Places = Places {
    variable: "AUDIT_CRYPTO_SECRET",
    key: ["integrity", "signing_secret_file"],
    credential: "audit-hmac-key",
};

/// The default signing secret and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Integrity {
    /// The secret, out of `AUDIT_CRYPTO_SECRET`, else the file, else the systemd credential `audit-hmac-key`.
    /// `None`: events are checked by their hash alone, but for those whose API key has a secret.
    pub signing_secret: Option<Secret>,
    /// The file that the settings name.
    pub signing_secret_file: Option<PathBuf>,
}

impl Integrity {
    pub(super) fn read(mut section: Section<'_>) -> Integrity {
        let parse = |text: &str| super::path(text).map(Some);
        let show = |path: &Option<PathBuf>| path.as_deref().map_or_else(String::new, super::show_path);
        let file = section.text("signing_secret_file", "the path of a file", None, parse, show);
        Integrity { signing_secret: None, signing_secret_file: file }
    }

    /// Says whether there is a secret, and nothing that it could be guessed from.
    pub(super) fn show_secret(&self, texts: &mut BTreeMap<String, String>) {
        let shown = if self.signing_secret.is_some() { "set" } else { "not set" };
        texts.insert("integrity.signing_secret".to_owned(), shown.to_owned());
    }

    /// Reads the secret from the first place that has one.
    pub(super) fn find_secret(&mut self, reader: &mut Reader, environment: &BTreeMap<String, String>) {
        self.signing_secret = secret::find(&PLACES, self.signing_secret_file.as_deref(), reader, environment);
    }
}
