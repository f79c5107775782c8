//! Collects what proves one alert: its entries, their proofs, and the checkpoints that these lead to.

use super::alerts::{decode, decode_evidence};
use super::entries::Damaged;
use super::error::StoreError;
use super::log_keys::LogKey;
use super::open::Store;
use super::tables as t;
use crate::detect::PatternTable;
use crate::evidence::{Exhibit, Export, Link, ProvedEntry, Rule};
use crate::merkle::{Note, TiledTree, TiledTreeError, TlogProof, leaf_of};
use crate::model::{Alert, AlertChange, Hash, Organizations, Seq};
use redb::ReadableDatabase;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use thiserror::Error;
use uuid::Uuid;

/// Checkpoints of one exhibit; where more would be needed, the newest proves everything.
const CHECKPOINTS_MAX: usize = 1_000;
/// Entries of an alert's life.
const STEPS_MAX: usize = 3_000;
/// Replacements of the log's key.
const KEYS_MAX: usize = 200;

/// What evidence is asked for.
#[derive(Clone, Debug)]
pub struct AskedEvidence<'a> {
    /// Of which alert.
    pub alert: Uuid,
    /// Whose alerts may be seen.
    pub scope: &'a Organizations,
    /// Who asks, and when.
    pub export: Export,
}

/// Why there is no evidence of an alert.
#[derive(Debug, Error)]
pub enum EvidenceError {
    /// There is none of that id within what the caller may see.
    #[error("there is no alert with this id")]
    NotFound,
    /// It was raised before its entries were noted with it.
    #[error("the log does not say where this alert was raised: an older version of the program raised it")]
    Untraced,
    /// More than a bundle takes.
    #[error(
        "the alert has more than {STEPS_MAX} steps, or the log more than {KEYS_MAX} keys: too many for one file"
    )]
    TooMany,
    /// The newest checkpoint is older than one of its entries.
    #[error("no signed checkpoint covers all of this alert yet")]
    NotCovered,
    /// An entry that belongs to it.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The entries that an exhibit proves.
struct Places {
    events: Vec<Seq>,
    history: Vec<Seq>,
    keys: Vec<Seq>,
}

impl Places {
    fn all(&self) -> BTreeSet<Seq> {
        self.events.iter().chain(&self.history).chain(&self.keys).copied().collect()
    }
}

impl Store {
    /// Everything that proves an alert. `table` gives the settings in force for an organisation.
    pub fn exhibit<'t>(
        &self,
        asked: &AskedEvidence<'_>,
        table: impl FnOnce(Option<&str>) -> &'t PatternTable,
    ) -> Result<Exhibit, EvidenceError> {
        // Read before the alert: a step that comes in between is then seen to be not covered.
        let newest = self.checkpoint()?.ok_or(EvidenceError::NotCovered)?;
        let (alert, history) = self.alert_with_entries(asked)?.ok_or(EvidenceError::NotFound)?;
        let keys = self.log_keys()?.into_iter().filter(|key| key.named_at < newest.size).collect::<Vec<_>>();
        if history.is_empty() {
            return Err(EvidenceError::Untraced);
        }
        if history.len() > STEPS_MAX || keys.len() > KEYS_MAX {
            return Err(EvidenceError::TooMany);
        }
        let items = alert.evidence.first.iter().chain(&alert.evidence.last);
        let events: BTreeSet<Seq> = items.map(|item| item.seq).collect();
        let places = Places {
            events: events.into_iter().collect(),
            history,
            keys: keys.iter().map(|key| key.named_at).collect(),
        };
        if places.all().last().is_some_and(|last| *last >= newest.size) {
            return Err(EvidenceError::NotCovered);
        }
        let chain = self.chain(&places, &keys, newest.size)?;
        let mut proofs = self.proofs(&places.all(), &chain)?;
        let mut proved = |seqs: Vec<Seq>| -> Result<Vec<ProvedEntry>, EvidenceError> {
            let entries = seqs.into_iter().map(|seq| {
                let proof = proofs.remove(&seq).ok_or(EvidenceError::NotCovered)?;
                self.proved(seq, proof)
            });
            entries.collect()
        };
        let rule = Rule::of(&alert, table(alert.organization.as_deref()));
        Ok(Exhibit {
            export: asked.export.clone(),
            rule,
            events: proved(places.events)?,
            history: proved(places.history)?,
            keys: proved(places.keys)?,
            chain: self.links(&chain)?,
            alert,
        })
    }

    /// The alert and the entries of its life as of one moment. Of notifications, the latest, as many as its history has.
    fn alert_with_entries(&self, asked: &AskedEvidence<'_>) -> Result<Option<(Alert, Vec<Seq>)>, StoreError> {
        let id = asked.alert.as_bytes();
        let read = self.db.begin_read()?;
        let alerts = read.open_table(t::ALERTS)?;
        let Some(row) = alerts.get(id)? else { return Ok(None) };
        let mut alert = decode(id, row.value())?;
        if !asked.scope.allow(alert.organization.as_deref()) {
            return Ok(None);
        }
        if let Some(row) = read.open_table(t::EVIDENCE)?.get(id)? {
            decode_evidence(alert.id, row.value(), &mut alert.evidence)?;
        }
        let told = alert.history.iter().filter(|step| step.change == AlertChange::Notified).count();
        let (mut notifications, mut entries) = (VecDeque::new(), Vec::new());
        for row in read.open_table(t::ENTRIES_OF_ALERT)?.range((id, 0)..=(id, u64::MAX))? {
            let (key, is_notification) = row?;
            let seq = Seq(key.value().1);
            if is_notification.value() == 0 {
                entries.push(seq);
                continue;
            }
            notifications.push_back(seq);
            if notifications.len() > told {
                notifications.pop_front();
            }
        }
        entries.extend(notifications);
        entries.sort_unstable();
        Ok(Some((alert, entries)))
    }

    /// The checkpoints that are needed, by size: the first that covers each entry, those with which keys hand over, and
    /// the newest.
    fn chain(
        &self,
        places: &Places,
        keys: &[LogKey],
        newest: Seq,
    ) -> Result<BTreeMap<u64, Note>, StoreError> {
        let mut sizes = BTreeSet::from([newest]);
        for seq in places.all() {
            // The entries go up, so the last one found is the one that may cover this as well.
            if let Some(first) = self.checkpoints(seq.next(), 1)?.first() {
                sizes.insert(first.size);
            }
        }
        let hand_overs = || keys.iter().skip(1).map(|key| key.named_at.next());
        if sizes.len() > CHECKPOINTS_MAX {
            sizes = sizes.first().copied().into_iter().chain([newest]).collect();
        }
        sizes.extend(hand_overs());
        let notes = sizes.into_iter().map(|size| {
            let damaged = |what: String| StoreError::damaged("checkpoints", size, what);
            let found = self.checkpoints(size, 1)?.into_iter().find(|found| found.size == size);
            let text = found.ok_or_else(|| damaged("the checkpoint is missing".to_owned()))?.text;
            let note = Note::parse(text.as_bytes()).map_err(|error| damaged(error.to_string()))?;
            Ok((size.0, note))
        });
        notes.collect()
    }

    /// The proof of each entry, in the first checkpoint of the chain that covers it.
    fn proofs(
        &self,
        places: &BTreeSet<Seq>,
        chain: &BTreeMap<u64, Note>,
    ) -> Result<BTreeMap<Seq, TlogProof>, StoreError> {
        let mut proofs = BTreeMap::new();
        let mut from = 0;
        for (size, checkpoint) in chain {
            let mut tree = self.tree_of(*size);
            for seq in places.range(Seq(from)..Seq(*size)) {
                let hashes = tree.inclusion_proof(seq.0).map_err(no_tile)?;
                let proof = TlogProof { extra: None, index: seq.0, hashes, checkpoint: checkpoint.clone() };
                proofs.insert(*seq, proof);
            }
            from = *size;
        }
        Ok(proofs)
    }

    fn links(&self, chain: &BTreeMap<u64, Note>) -> Result<Vec<Link>, StoreError> {
        let mut links: Vec<Link> = Vec::new();
        for (size, note) in chain {
            let before = links.last().map_or(0, |link| link.size);
            let consistency = self.tree_of(*size).consistency_proof(before).map_err(no_tile)?;
            links.push(Link { size: *size, note: note.clone(), consistency });
        }
        Ok(links)
    }

    fn tree_of(&self, size: u64) -> TiledTree<impl FnMut(u8, u64, usize) -> Option<Vec<Hash>>> {
        TiledTree::new(size, |level, index, _| self.tile(level, index).ok().flatten())
    }

    fn proved(&self, seq: Seq, proof: TlogProof) -> Result<ProvedEntry, EvidenceError> {
        let missing = || StoreError::damaged("blocks", seq, "the entry is missing");
        let entry = self.entry(seq)?.ok_or_else(missing)??.entry;
        Ok(ProvedEntry { seq, leaf: leaf_of(&entry).to_vec(), salt: entry.salt, body: entry.body, proof })
    }
}

fn no_tile(error: TiledTreeError) -> StoreError {
    StoreError::damaged("tiles", "a tile", error)
}
