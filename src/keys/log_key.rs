//! The key that signs the log's checkpoints, in a file of its own or a systemd credential, and the one that follows it.

use super::key_file::{KeyFileError, make_key, read_key, sync_dir};
use crate::merkle::{Signer, Verifier};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use thiserror::Error;

/// The file below the directory of keys: an Ed25519 private key as PKCS#8 in PEM.
const FILE: &str = "checkpoint-key.pem";
/// The key that is about to follow it.
const NEXT_FILE: &str = "checkpoint-key.next.pem";
/// The systemd credential with the key, which then lies in no file of ours.
const CREDENTIAL: &str = "checkpoint-key";
/// The systemd credential with the key before it, for the one start that hands over.
const FORMER_CREDENTIAL: &str = "checkpoint-key-former";

/// Why the key cannot be had. Without it no checkpoint can be signed, so the appliance does not start.
#[derive(Debug, Error)]
pub enum LogKeyError {
    /// Its file.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// A name that signed notes do not allow.
    #[error(
        "the log's origin {0:?} cannot be the name of a key: it must not be empty or hold spaces or plus signs"
    )]
    Origin(String),
    /// Another key than the log names.
    #[error(
        "the key that signs the log is missing or another one: the log names {named}, {path} holds {found}; restore the file from a backup"
    )]
    Other {
        /// The id of the key that the log names last.
        named: String,
        /// Where the key was looked for.
        path: PathBuf,
        /// The id of the key that is there.
        found: String,
    },
    /// A credential is the operator's to replace.
    #[error(
        "the key is the systemd credential {CREDENTIAL}: give the new key in it and the present one as {FORMER_CREDENTIAL}, then restart"
    )]
    Credential,
}

/// Where the log's key is looked for.
#[derive(Clone, Copy, Debug)]
pub struct LogKeyPlaces<'a> {
    /// The directory of keys.
    pub dir: &'a Path,
    /// The directory of systemd's credentials, where there is one.
    pub credentials: Option<&'a Path>,
}

/// The key in force, shared by whoever signs or shows it, and the way to the next one.
pub struct LogSigner {
    /// The directory of its file; `None` where it is a credential.
    dir: Option<PathBuf>,
    current: RwLock<Arc<Signer>>,
}

/// The log's key as it was found.
pub struct OpenedLogKey {
    /// The key that signs.
    pub signer: LogSigner,
    /// The one that the log still names, where it has to hand over first.
    pub former: Option<Signer>,
}

impl LogSigner {
    /// Opens the key of the log with that origin. `named` is the key that the log names last; before it names one, a
    /// key is made on first use.
    pub fn open(
        places: LogKeyPlaces<'_>,
        origin: &str,
        named: Option<&Verifier>,
    ) -> Result<OpenedLogKey, LogKeyError> {
        if let Some(dir) = places.credentials
            && let Some(key) = read(&dir.join(CREDENTIAL), origin)?
        {
            let former = read(&dir.join(FORMER_CREDENTIAL), origin)?;
            return choose(key, former, named, &dir.join(CREDENTIAL), None);
        }
        let (path, next) = (places.dir.join(FILE), places.dir.join(NEXT_FILE));
        if named.is_none() && !path.exists() {
            make_key(&path)?;
        }
        if let Some(key) = read(&next, origin)? {
            // A rotation was under way: what the log says decides whether it happened.
            let happened = named == Some(key.verifier());
            let settled = if happened { std::fs::rename(&next, &path) } else { std::fs::remove_file(&next) };
            settled.and_then(|()| sync_dir(places.dir)).map_err(KeyFileError::io(&next))?;
        }
        let key = read(&path, origin)?.ok_or_else(|| other(named, &path, "no key"))?;
        choose(key, None, named, &path, Some(places.dir))
    }

    /// The key in force.
    pub fn current(&self) -> Arc<Signer> {
        self.current.read().expect("no holder of this lock panics").clone()
    }

    /// Makes the key that is to follow, on disk beside the one in force, which goes on signing.
    pub fn prepare(&self) -> Result<Signer, LogKeyError> {
        let dir = self.dir.as_deref().ok_or(LogKeyError::Credential)?;
        let path = dir.join(NEXT_FILE);
        make_key(&path)?;
        read(&path, self.current().name())?.ok_or(LogKeyError::File(KeyFileError::NoKey { path }))
    }

    /// Signs with `next` from here on. For the transaction that names it: nothing may be signed between the two.
    pub fn switch(&self, next: Signer) {
        *self.current.write().expect("no holder of this lock panics") = Arc::new(next);
    }

    /// Gives the new key the place of the old one, once the log names it for good.
    pub fn settle(&self) -> Result<(), LogKeyError> {
        let dir = self.dir.as_deref().ok_or(LogKeyError::Credential)?;
        let next = dir.join(NEXT_FILE);
        let renamed = std::fs::rename(&next, dir.join(FILE)).and_then(|()| sync_dir(dir));
        Ok(renamed.map_err(KeyFileError::io(&next))?)
    }
}

/// The keys that lie where the log's is looked for, without touching them: the one that signs, and one that a rotation
/// cut short has left beside it. None where it is a credential that is not at hand.
pub fn key_on_disk(places: LogKeyPlaces<'_>, origin: &str) -> Result<Vec<Verifier>, LogKeyError> {
    let credential = places.credentials.map(|dir| dir.join(CREDENTIAL)).filter(|path| path.exists());
    let paths = credential
        .map_or_else(|| [FILE, NEXT_FILE].map(|file| places.dir.join(file)).to_vec(), |path| vec![path]);
    let keys = paths.iter().map(|path| read(path, origin).map(|key| key.map(|key| key.verifier().clone())));
    keys.filter_map(Result::transpose).collect()
}

/// Holds the key that was found against the one that the log names.
fn choose(
    key: Signer,
    former: Option<Signer>,
    named: Option<&Verifier>,
    path: &Path,
    dir: Option<&Path>,
) -> Result<OpenedLogKey, LogKeyError> {
    let is_named = named.is_none_or(|named| named == key.verifier());
    let former = former.filter(|former| !is_named && named == Some(former.verifier()));
    if !is_named && former.is_none() {
        return Err(other(named, path, &key.verifier().id().to_string()));
    }
    let current = RwLock::new(Arc::new(key));
    Ok(OpenedLogKey { signer: LogSigner { dir: dir.map(Path::to_owned), current }, former })
}

fn other(named: Option<&Verifier>, path: &Path, found: &str) -> LogKeyError {
    let named = named.map_or_else(|| "none".to_owned(), |named| named.id().to_string());
    LogKeyError::Other { named, path: path.to_owned(), found: found.to_owned() }
}

/// The key in that file; `None` where there is none.
fn read(path: &Path, origin: &str) -> Result<Option<Signer>, LogKeyError> {
    let signer = read_key(path)?.map(|key| Signer::new(origin, key));
    signer.transpose().map_err(|_| LogKeyError::Origin(origin.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const ORIGIN: &str = "seal.example/log";

    fn open(dir: &Path, named: Option<&Verifier>) -> Result<OpenedLogKey, LogKeyError> {
        LogSigner::open(LogKeyPlaces { dir, credentials: None }, ORIGIN, named)
    }

    fn verifier(opened: &OpenedLogKey) -> Verifier {
        opened.signer.current().verifier().clone()
    }

    #[test]
    fn the_key_is_made_once_for_its_owner_alone() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let keys = dir.path().join("keys");
        let first = verifier(&open(&keys, None).expect("it is made"));
        let again = verifier(&open(&keys, Some(&first)).expect("it is read"));
        assert_eq!(first, again);
        let mode = std::fs::metadata(keys.join(FILE)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_no_key_is_never_replaced() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(dir.path().join(FILE), "rubbish").expect("the directory exists");
        assert!(matches!(open(dir.path(), None), Err(LogKeyError::File(KeyFileError::NoKey { .. }))));
        assert_eq!(std::fs::read_to_string(dir.path().join(FILE)).expect("still there"), "rubbish");
    }

    #[test]
    fn a_lost_or_replaced_key_is_refused_and_none_is_made_in_its_place() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let named = verifier(&open(dir.path(), None).expect("it is made"));
        std::fs::remove_file(dir.path().join(FILE)).expect("it is there");
        assert!(matches!(open(dir.path(), Some(&named)), Err(LogKeyError::Other { .. })));
        assert!(!dir.path().join(FILE).exists());
        make_key(&dir.path().join(FILE)).expect("another one");
        assert!(matches!(open(dir.path(), Some(&named)), Err(LogKeyError::Other { .. })));
    }

    #[test]
    fn a_rotation_that_was_cut_short_ends_as_the_log_says() {
        for happened in [false, true] {
            let dir = tempfile::tempdir().expect("a temporary directory");
            let opened = open(dir.path(), None).expect("it is made");
            let next = opened.signer.prepare().expect("the next one is made").verifier().clone();
            let named = if happened { next } else { verifier(&opened) };
            assert_eq!(verifier(&open(dir.path(), Some(&named)).expect("it opens")), named);
            assert!(!dir.path().join(NEXT_FILE).exists());
        }
    }

    #[test]
    fn a_credential_is_taken_before_the_file_and_hands_over_from_the_former() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let credentials = tempfile::tempdir().expect("a temporary directory");
        make_key(&credentials.path().join(CREDENTIAL)).expect("a key");
        let places = LogKeyPlaces { dir: dir.path(), credentials: Some(credentials.path()) };
        let opened = LogSigner::open(places, ORIGIN, None).expect("it opens");
        let first = verifier(&opened);
        assert!(!dir.path().join(FILE).exists());
        assert!(matches!(opened.signer.prepare(), Err(LogKeyError::Credential)));
        let path = |name: &str| credentials.path().join(name);
        std::fs::rename(path(CREDENTIAL), path(FORMER_CREDENTIAL)).expect("it is there");
        make_key(&credentials.path().join(CREDENTIAL)).expect("another key");
        let opened = LogSigner::open(places, ORIGIN, Some(&first)).expect("it opens");
        assert_ne!(verifier(&opened), first);
        assert_eq!(opened.former.expect("it hands over").verifier(), &first);
    }
}
