//! `[integrity]`: the secret that events are signed with unless their API key has its own.

use super::reader::{Reader, Section};
use crate::model::Secret;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The variable that holds the secret itself.
const SECRET_VARIABLE: &str = "AUDIT_CRYPTO_SECRET";

/// The name of the systemd credential that holds it.
const CREDENTIAL: &str = "audit-hmac-key";

/// The largest secret, in bytes; a larger file is surely another one.
const SECRET_BYTES_MAX: usize = 65_536;

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

    /// Reads the secret from the first place that has one. A place that was named on purpose must hold a
    /// secret; the credential alone may be empty, because a unit file has to name one in any case.
    pub(super) fn find_secret(&mut self, reader: &mut Reader, environment: &BTreeMap<String, String>) {
        if let Some(text) = environment.get(SECRET_VARIABLE) {
            match secret(text.clone().into_bytes()) {
                Ok(secret) => self.signing_secret = Some(secret),
                Err(why) => reader.mistake_in_variable(SECRET_VARIABLE, why),
            }
        } else if let Some(file) = &self.signing_secret_file {
            match read_secret_file(file) {
                Ok(secret) => self.signing_secret = Some(secret),
                Err(why) => reader.mistake(
                    &["integrity".to_owned(), "signing_secret_file".to_owned()],
                    format!("{}: {why}", file.display()),
                ),
            }
        } else if let Some(directory) = environment.get("CREDENTIALS_DIRECTORY") {
            let file = Path::new(directory).join(CREDENTIAL);
            if !file.exists() {
                return;
            }
            match read(&file) {
                Ok(bytes) if without_line_end(&bytes).is_empty() => {}
                Ok(bytes) => match secret(bytes) {
                    Ok(secret) => self.signing_secret = Some(secret),
                    Err(why) => reader.mistake_in_variable(&format!("credential {CREDENTIAL}"), why),
                },
                Err(why) => reader.mistake_in_variable(&format!("credential {CREDENTIAL}"), why),
            }
        }
    }
}

/// The secret in a file, or why there is none.
pub(super) fn read_secret_file(file: &Path) -> Result<Secret, String> {
    read(file).and_then(secret)
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let bytes = std::fs::read(file).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() > SECRET_BYTES_MAX {
        return Err(format!("holds more than {SECRET_BYTES_MAX} bytes, so it is no secret"));
    }
    Ok(bytes)
}

/// The secret without the line end that editors put behind it. The messages never quote it.
fn secret(bytes: Vec<u8>) -> Result<Secret, String> {
    let text = String::from_utf8(without_line_end(&bytes).to_vec())
        .map_err(|_| "is not UTF-8, which the secret must be".to_owned())?;
    if text.is_empty() {
        return Err(
            "is empty; put the signing secret there, or leave the setting out to go without one".to_owned()
        );
    }
    if text.contains('\u{fffd}') {
        return Err("is not UTF-8, which the secret must be".to_owned());
    }
    Ok(Secret::new(text))
}

fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}
