//! What a witness keeps on disk: its own key, and of each log the last good checkpoint, the keys and all that came
//! before.
//!
//! ```text
//! LOCK                          one run at a time
//! witness-key.pem               its private key
//! witness-key.pub               the verifier key that belongs to it, with the witness's name
//! logs/<hash of the origin>/
//!     checkpoint                the last accepted one, with the log's signature and the witness's
//!     keys                      the log's keys that it trusts or trusted, one a line, the one in force last
//!     source                    where it was last seen
//!     history/<size>            every accepted one; nothing is ever taken away
//!     refused                   the last one that was refused, to the byte: evidence
//! ```

use super::source::CHECKPOINT_BYTES_MAX;
use crate::cli::given::read_file;
use crate::keys::{make_key, read_key, write_whole};
use crate::merkle::{Checkpoint, Cosigner, Note, Verifier};
use crate::store::DirLock;
use crate::witness::{Accepted, Growth, LastGood, Memory};
use anyhow::{Context, bail, ensure};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The most logs that one witness keeps.
const LOGS_MAX: usize = 1_000;

/// The most bytes of a list of keys.
const KEYS_BYTES_MAX: u64 = 1024 * 1024;

/// The directory of a witness, for this process alone.
pub(super) struct State {
    dir: PathBuf,
    cosigner: Cosigner,
    /// Whether the witness's key was made just now.
    pub(super) is_new: bool,
    _lock: DirLock,
}

/// What is kept of one log.
pub(super) struct KeptLog {
    pub(super) memory: Memory,
    /// Where it was last seen.
    pub(super) source: String,
}

impl State {
    /// Opens the directory; one that is new gets a key under that name.
    pub(super) fn open(dir: &Path, name: Option<&str>, default_name: &str) -> anyhow::Result<State> {
        let lock = DirLock::take(dir)?;
        let (key_file, name_file) = (dir.join("witness-key.pem"), dir.join("witness-key.pub"));
        let published = read_text(&name_file, KEYS_BYTES_MAX)?;
        let is_new = published.is_none();
        if is_new {
            ensure!(
                !dir.join("logs").exists(),
                "{} is missing, but logs are kept beside it; restore it from a backup",
                name_file.display()
            );
            make_key(&key_file)?;
        }
        let key = read_key(&key_file)?
            .with_context(|| format!("{} is missing; restore it from a backup", key_file.display()))?;
        let Some(published) = published else {
            let cosigner = Cosigner::new(name.unwrap_or(default_name), key).context("--name")?;
            write(&name_file, format!("{}\n", cosigner.verifier()).as_bytes())?;
            return Ok(State { dir: dir.to_owned(), cosigner, is_new, _lock: lock });
        };
        let published = Verifier::parse(published.trim_end())
            .with_context(|| format!("{} is damaged", name_file.display()))?;
        ensure!(
            name.is_none_or(|name| name == published.name()),
            "this witness is named {:?}; its name is part of its key and stays. Another name is another \
             witness: give it a --state of its own",
            published.name()
        );
        let cosigner = Cosigner::new(published.name(), key)?;
        ensure!(
            *cosigner.verifier() == published,
            "{} and {} do not belong together; restore them from a backup",
            key_file.display(),
            name_file.display()
        );
        Ok(State { dir: dir.to_owned(), cosigner, is_new, _lock: lock })
    }

    /// What others verify its cosignatures with.
    pub(super) fn verifier(&self) -> &Verifier {
        self.cosigner.verifier()
    }

    /// Where what is kept of a log lies.
    pub(super) fn dir_of(&self, origin: &str) -> PathBuf {
        let hash = hex::encode(Sha256::digest(origin));
        self.dir.join("logs").join(&hash[..32])
    }

    /// What is kept of that log.
    pub(super) fn log(&self, origin: &str) -> anyhow::Result<Option<KeptLog>> {
        self.read(&self.dir_of(origin))
    }

    /// Every log that is kept.
    pub(super) fn logs(&self) -> anyhow::Result<Vec<KeptLog>> {
        let logs = self.dir.join("logs");
        if !logs.exists() {
            return Ok(Vec::new());
        }
        let mut kept = Vec::new();
        for entry in logs.read_dir().with_context(|| format!("cannot list {}", logs.display()))? {
            ensure!(kept.len() < LOGS_MAX, "a witness keeps {LOGS_MAX} logs at most; begin another --state");
            kept.extend(self.read(&entry?.path())?);
        }
        Ok(kept)
    }

    fn read(&self, dir: &Path) -> anyhow::Result<Option<KeptLog>> {
        let damaged =
            || format!("what this witness keeps in {} is damaged; restore it from a backup", dir.display());
        let Some(keys) = read_text(&dir.join("keys"), KEYS_BYTES_MAX)? else { return Ok(None) };
        let keys: Vec<Verifier> =
            keys.lines().map(Verifier::parse).collect::<Result<_, _>>().with_context(damaged)?;
        let checkpoint = read_file(&dir.join("checkpoint"), CHECKPOINT_BYTES_MAX)?;
        let last = checkpoint.map(|bytes| self.last_good(&bytes, &keys)).transpose().with_context(damaged)?;
        let memory = Memory::new(keys, last).with_context(damaged)?;
        let source = read_text(&dir.join("source"), CHECKPOINT_BYTES_MAX)?.unwrap_or_default();
        Ok(Some(KeptLog { memory, source: source.trim_end().to_owned() }))
    }

    /// What a kept checkpoint says. Its time is that of the witness's own signature.
    fn last_good(&self, bytes: &[u8], keys: &[Verifier]) -> anyhow::Result<LastGood> {
        let note = Note::parse(bytes)?;
        let tree = Checkpoint::open(&note, keys)?.tree;
        let signed_by = note.verify(std::slice::from_ref(self.verifier()))?;
        let time_secs = signed_by[0].time_secs.context("the witness's signature states no time")?;
        Ok(LastGood { tree, at: Timestamp::from_second(time_secs.try_into()?)? })
    }

    /// Cosigns what was accepted and has it on disk before this returns. The checkpoint comes last: a kill before leaves
    /// what is trusted already, and the same run again does the rest.
    pub(super) fn keep(&self, accepted: &Accepted, source: &str, now: Timestamp) -> anyhow::Result<()> {
        let memory = Memory::new(accepted.keys.clone(), None).context("the keys are not those of one log")?;
        let dir = self.dir_of(memory.origin());
        let keys: String = accepted.keys.iter().map(|key| format!("{key}\n")).collect();
        write_changed(&dir.join("keys"), &keys)?;
        write_changed(&dir.join("source"), &format!("{source}\n"))?;
        if matches!(accepted.growth, Growth::Unchanged { .. }) {
            return Ok(());
        }
        let mut note = accepted.note.clone();
        let now_secs = u64::try_from(now.as_second()).context("the clock says that it is before 1970")?;
        note.add(self.cosigner.cosign(&note, now_secs)?)?;
        let note = note.to_string();
        write(&dir.join("history").join(format!("{:020}", accepted.tree.size)), note.as_bytes())?;
        write(&dir.join("checkpoint"), note.as_bytes())
    }

    /// Keeps what was refused.
    pub(super) fn keep_refused(&self, origin: &str, shown: &[u8]) -> anyhow::Result<PathBuf> {
        let file = self.dir_of(origin).join("refused");
        write(&file, shown)?;
        Ok(file)
    }
}

fn write_changed(path: &Path, text: &str) -> anyhow::Result<()> {
    let is_there = read_text(path, KEYS_BYTES_MAX)?.is_some_and(|there| there == text);
    if is_there { Ok(()) } else { write(path, text.as_bytes()) }
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_whole(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

fn read_text(path: &Path, bytes_max: u64) -> anyhow::Result<Option<String>> {
    let Some(bytes) = read_file(path, bytes_max)? else { return Ok(None) };
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(_) => bail!("{} is damaged: it is not text", path.display()),
    }
}
