//! Where a log is seen: at an address, in a data directory, or in plain files as C2SP tlog-tiles lays them out.

use super::http::HttpLog;
use crate::cli::data_dir::LocalClient;
use crate::cli::given::read_file;
use crate::merkle::{TILE_WIDTH, TileContent, TilePath, Verifier};
use crate::model::Hash;
use crate::store::{LockError, Options, Store, StoreError};
use crate::witness::HandOver;
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};

/// The most bytes of a checkpoint that are read: one with many signatures has some kilobytes.
pub(super) const CHECKPOINT_BYTES_MAX: u64 = 64 * 1024;

/// The most bytes of a list of hand-overs that are read: some 700 of them.
const HAND_OVERS_BYTES_MAX: u64 = 1024 * 1024;

/// Where the log tells its key and how one followed the other.
const KEY_PATH: &str = "api/v1/log/key";
const HISTORY_PATH: &str = "api/v1/log/key?history";
/// The same in plain files.
const HISTORY_FILE: &str = "key-history.json";

/// A log that can be looked at.
pub(super) enum Source {
    /// An appliance that answers, at an address or on its socket.
    Http(HttpLog),
    /// A data directory that nobody else uses.
    Stopped(Box<Store>),
    /// A directory of files.
    Files(PathBuf),
}

impl Source {
    /// Opens what `--from` names.
    pub(super) fn open(from: &str) -> anyhow::Result<Source> {
        if is_address(from) {
            return Ok(Source::Http(HttpLog::at(from)?));
        }
        let dir = Path::new(from);
        match Store::open_as_it_stands(dir, Options::default()) {
            Ok(Some(store)) => Ok(Source::Stopped(Box::new(store))),
            Ok(None) if dir.join("checkpoint").is_file() => Ok(Source::Files(dir.to_owned())),
            Ok(None) => bail!(
                "there is neither a log (log.redb) nor a checkpoint in {from}; --from takes a data directory, a \
                 directory of tiles or an address with http:// or https://"
            ),
            Err(StoreError::Lock(LockError::InUse(_))) => {
                Ok(Source::Http(HttpLog::on_socket(LocalClient::new(dir)?)?))
            }
            Err(error) => Err(error).with_context(|| {
                format!("cannot open {from}; `sealwatch verify` tells more of a damaged log")
            }),
        }
    }

    /// The newest checkpoint, to the byte; `None` where the log has signed none.
    pub(super) fn checkpoint(&self) -> anyhow::Result<Option<Vec<u8>>> {
        match self {
            Source::Http(log) => log.checkpoint(),
            Source::Stopped(store) => Ok(store.checkpoint()?.map(|newest| newest.text.into_bytes())),
            Source::Files(dir) => {
                let bytes = read_file(&dir.join("checkpoint"), CHECKPOINT_BYTES_MAX)?;
                bytes.context("the checkpoint is not there any more").map(Some)
            }
        }
    }

    /// How the log's keys followed each other; nothing where it does not say.
    pub(super) fn hand_overs(&self) -> anyhow::Result<Vec<HandOver>> {
        let bytes = match self {
            Source::Http(log) => log.get(HISTORY_PATH, HAND_OVERS_BYTES_MAX)?,
            Source::Stopped(store) => {
                return Ok(store.key_successions()?.into_iter().map(HandOver::from).collect());
            }
            Source::Files(dir) => read_file(&dir.join(HISTORY_FILE), HAND_OVERS_BYTES_MAX)?,
        };
        let Some(bytes) = bytes else { return Ok(Vec::new()) };
        serde_json::from_slice(&bytes).context("the log's list of former keys is not what it should be")
    }

    /// The key that the log itself names first; what follows it is proven by hand-overs.
    pub(super) fn first_key(&self, hand_overs: &[HandOver]) -> anyhow::Result<Option<Verifier>> {
        if let Some(first) = hand_overs.first() {
            return Ok(first.former());
        }
        match self {
            Source::Http(log) => {
                let key = log.get(KEY_PATH, CHECKPOINT_BYTES_MAX)?;
                Ok(key.and_then(|key| Verifier::parse(String::from_utf8_lossy(&key).trim_end()).ok()))
            }
            Source::Stopped(store) => Ok(store.log_keys()?.into_iter().next().map(|key| key.verifier)),
            Source::Files(_) => Ok(None),
        }
    }

    /// The hashes of a tile that has `width` of them in the tree that is looked at; `None` where they are not there.
    pub(super) fn tile(&self, level: u8, index: u64, width: usize) -> anyhow::Result<Option<Vec<Hash>>> {
        if let Source::Stopped(store) = self {
            return Ok(store.tile(level, index)?);
        }
        let path = |width| TilePath { content: TileContent::Hashes(level), index, width };
        let partial = self.tile_file(&path(width))?;
        // A partial tile may be taken away once the full one is there.
        let bytes = if partial.is_none() && width < TILE_WIDTH {
            self.tile_file(&path(TILE_WIDTH))?
        } else {
            partial
        };
        Ok(bytes.map(|bytes| bytes.as_chunks().0.to_vec()))
    }

    fn tile_file(&self, path: &TilePath) -> anyhow::Result<Option<Vec<u8>>> {
        let bytes_max = (TILE_WIDTH * size_of::<Hash>()) as u64;
        match self {
            Source::Http(log) => log.get(&path.to_string(), bytes_max),
            Source::Files(dir) => read_file(&dir.join(path.to_string()), bytes_max),
            Source::Stopped(_) => Ok(None),
        }
    }
}

/// Whether `--from` names an address.
pub(super) fn is_address(from: &str) -> bool {
    from.starts_with("http://") || from.starts_with("https://")
}
