//! Finds a secret: in a variable, else in a file, else among systemd's credentials. Nothing here ever quotes one.

use super::reader::Reader;
use crate::model::Secret;
use std::collections::BTreeMap;
use std::path::Path;

/// The largest secret, in bytes; a larger file is surely another one.
const SECRET_BYTES_MAX: usize = 65_536;

/// Where a secret may be.
pub(super) struct Places {
    /// The variable that holds it.
    pub(super) variable: &'static str,
    /// The setting that names its file.
    pub(super) key: [&'static str; 2],
    /// The name of its systemd credential.
    pub(super) credential: &'static str,
}

impl Places {
    /// Notes a mistake at the place that the secret came from.
    pub(super) fn mistake(&self, reader: &mut Reader, environment: &BTreeMap<String, String>, message: &str) {
        match environment.contains_key(self.variable) {
            true => reader.mistake_in_variable(self.variable, message.to_owned()),
            false => reader.mistake(&self.key.map(str::to_owned), message.to_owned()),
        }
    }
}

/// The secret out of the first place that has one. A place that was named on purpose must hold a secret; the credential
/// alone may be empty, because a unit file has to name one in any case.
pub(super) fn find(
    places: &Places,
    file: Option<&Path>,
    reader: &mut Reader,
    environment: &BTreeMap<String, String>,
) -> Option<Secret> {
    if let Some(text) = environment.get(places.variable) {
        return secret(text.clone().into_bytes())
            .map_err(|why| reader.mistake_in_variable(places.variable, why))
            .ok();
    }
    if let Some(file) = file {
        let found = read_secret_file(file);
        let told = |why| reader.mistake(&places.key.map(str::to_owned), format!("{}: {why}", file.display()));
        return found.map_err(told).ok();
    }
    let file = Path::new(environment.get("CREDENTIALS_DIRECTORY")?).join(places.credential);
    if !file.exists() {
        return None;
    }
    let found = match read(&file) {
        Ok(bytes) if without_line_end(&bytes).is_empty() => return None,
        read => read.and_then(secret),
    };
    found.map_err(|why| reader.mistake_in_variable(&format!("credential {}", places.credential), why)).ok()
}

/// The secret in a file, or why there is none.
pub(super) fn read_secret_file(file: &Path) -> Result<Secret, String> {
    read(file).and_then(secret)
}

/// The bytes of a file that an operator named.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, String> {
    let bytes = std::fs::read(file).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() > SECRET_BYTES_MAX {
        return Err(format!("holds more than {SECRET_BYTES_MAX} bytes, so it is no secret"));
    }
    Ok(bytes)
}

/// The secret without the line end that editors put behind it.
fn secret(bytes: Vec<u8>) -> Result<Secret, String> {
    let text = String::from_utf8(without_line_end(&bytes).to_vec())
        .map_err(|_| "is not UTF-8, which the secret must be".to_owned())?;
    if text.is_empty() {
        return Err("is empty; put the secret there, or leave the setting out to go without one".to_owned());
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
