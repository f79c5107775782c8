//! Reads what the command line names: files, within a bound, and the public keys of logs.

use crate::merkle::Verifier;
use anyhow::{Context, anyhow, bail, ensure};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// The most bytes of a file with keys that are read.
const KEY_FILE_BYTES_MAX: u64 = 4_096;

/// The bytes of a file; `None` where there is none.
pub(super) fn read_file(path: &Path, bytes_max: u64) -> anyhow::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.with_context(|| format!("cannot open {}", path.display()))?,
    };
    let mut bytes = Vec::new();
    let read = file.take(bytes_max + 1).read_to_end(&mut bytes);
    read.with_context(|| format!("cannot read {}", path.display()))?;
    if bytes.len() as u64 > bytes_max {
        bail!("{} is larger than {bytes_max} bytes", path.display());
    }
    Ok(Some(bytes))
}

/// The keys that the value of `--key` is, or that stand in the file that it names, one a line; one at least.
pub(super) fn read_keys(given: &str) -> anyhow::Result<Vec<Verifier>> {
    let error = match Verifier::parse(given.trim()) {
        Ok(key) => return Ok(vec![key]),
        Err(error) => error,
    };
    let Some(text) = read_file(given.as_ref(), KEY_FILE_BYTES_MAX)? else {
        bail!("--key {given}: there is no such file, and as a key (name+id+key): {error}");
    };
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let keys: Vec<Verifier> = lines
        .map(|line| Verifier::parse(line).map_err(|error| anyhow!("the file {given} of --key: {error}")))
        .collect::<anyhow::Result<_>>()?;
    ensure!(!keys.is_empty(), "the file {given} of --key holds no log's key");
    Ok(keys)
}
