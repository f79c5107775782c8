//! The keys that sign checkpoints, each named by an entry of the log, and how one hands over to the next.

use super::checkpoints::StoredCheckpoint;
use super::error::StoreError;
use super::open::Store;
use super::tables as t;
use super::txn::Txn;
use crate::merkle::{Checkpoint, Signer, TreeHead, Verifier, leaf_of};
use crate::model::{Activity, Salt, Seq};
use redb::ReadableDatabase;

/// A key that signs checkpoints, or did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogKey {
    /// The entry that names it. The checkpoint that ends with this entry is still the former key's.
    pub named_at: Seq,
    /// The key.
    pub verifier: Verifier,
}

impl LogKey {
    /// Which of the keys, in their order, signs a checkpoint of that size.
    pub fn of_size(keys: &[LogKey], size: u64) -> Option<&LogKey> {
        let later = keys.iter().rev().find(|key| size > key.named_at.0 + 1);
        later.or(keys.first())
    }
}

/// How a key handed over to the next: whoever trusts the former one learns of the new one from what that one signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySuccession {
    /// The entry's bytes that are its leaf.
    pub leaf: Vec<u8>,
    /// What its body is hashed with.
    pub salt: Salt,
    /// The JSON of [`Activity::LogKeyNamed`].
    pub body: Vec<u8>,
    /// The checkpoint that ends with this entry, signed by the former key.
    pub checkpoint: StoredCheckpoint,
}

impl Store {
    /// Every key that signed or signs checkpoints, the one in force last; none before the first is named.
    pub fn log_keys(&self) -> Result<Vec<LogKey>, StoreError> {
        let keys = self.db.begin_read()?.open_table(t::LOG_KEYS)?;
        let rows = keys.range::<u64>(..)?.map(|row| {
            let (seq, text) = row?;
            let verifier = std::str::from_utf8(text.value()).ok().and_then(|text| Verifier::parse(text).ok());
            let damaged = || StoreError::damaged("log_keys", seq.value(), "the row is not a verifier key");
            Ok(LogKey { named_at: Seq(seq.value()), verifier: verifier.ok_or_else(damaged)? })
        });
        rows.collect()
    }

    /// How each key after the first came into force, the first hand-over first.
    pub fn key_successions(&self) -> Result<Vec<KeySuccession>, StoreError> {
        self.log_keys()?.iter().skip(1).map(|key| self.key_succession(key)).collect()
    }

    fn key_succession(&self, key: &LogKey) -> Result<KeySuccession, StoreError> {
        let missing = |what: &str| StoreError::damaged("log_keys", key.named_at.0, what);
        let read = self.entry(key.named_at)?.ok_or_else(|| missing("no entry is there"))?;
        let entry = read.map_err(|damaged| missing(&damaged.to_string()))?.entry;
        let size = Seq(key.named_at.0 + 1);
        let checkpoint = self.checkpoints(size, 1)?.into_iter().find(|checkpoint| checkpoint.size == size);
        let checkpoint = checkpoint.ok_or_else(|| missing("the checkpoint of the former key is missing"))?;
        Ok(KeySuccession { leaf: leaf_of(&entry).to_vec(), salt: entry.salt, body: entry.body, checkpoint })
    }
}

impl Txn<'_> {
    /// Names the key that signs from here on; `former` signs the tree up to this entry, its last checkpoint. Both are
    /// in this commit, so there is no moment without a key that is known.
    pub fn name_log_key(&mut self, former: Option<&Signer>, key: &Verifier) -> Result<Seq, StoreError> {
        let previous = former.map(|former| former.verifier().to_string());
        let seq = self.append_activity(&Activity::LogKeyNamed { key: key.to_string(), previous })?;
        self.writing().open_table(t::LOG_KEYS)?.insert(seq.0, key.to_string().as_bytes())?;
        if let Some(former) = former {
            self.seal(former)?;
        }
        Ok(seq)
    }

    /// Signs the tree with everything that this transaction has appended so far, and keeps the checkpoint. Returns
    /// its size.
    pub fn seal(&mut self, signer: &Signer) -> Result<Seq, StoreError> {
        let tree = TreeHead { size: self.head.tree.size(), root: self.head.tree.root() };
        let text = Checkpoint::sign(tree, signer).to_string();
        let size = Seq(tree.size);
        self.put_checkpoint(&StoredCheckpoint { size, at: self.now(), text })?;
        Ok(size)
    }
}
