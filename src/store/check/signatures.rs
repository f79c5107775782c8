//! The checkpoints and the keys of the log, held against the tree as it grows.

use super::Anchors;
use super::order::Order;
use super::report::{Fault, Report, Signed};
use super::walk::size_of;
use crate::merkle::{Checkpoint, Note, TreeHead, Verifier};
use crate::model::{Activity, Hash, ReceivedAt, Seq};
use crate::store::checkpoints::{StoredCheckpoint, decode};
use crate::store::error::StoreError;
use crate::store::log_keys::LogKey;
use crate::store::open::Store;
use crate::store::tables as t;
use redb::{ReadableDatabase, ReadableTable};
use std::collections::VecDeque;

/// Checkpoints that one read transaction takes.
const ROWS_MAX: usize = 1_000;
/// The longest that an entry waits for its checkpoint, by any setting, twice over, in nanoseconds.
const UNSIGNED_MAX: u64 = 120 * 1_000_000_000;
/// A running appliance signs at least this often while something comes, in nanoseconds.
const RHYTHM_MAX: u64 = 60 * 1_000_000_000;

/// Walks along the checkpoints beside whoever walks along the entries.
pub(super) struct Signatures<'s> {
    store: &'s Store,
    /// Where the log ended when the check began.
    end: u64,
    ahead: VecDeque<(u64, Result<StoredCheckpoint, StoreError>)>,
    order: Order<u64>,
    /// Below this size all checkpoints have been read.
    read_to: Option<u64>,
    /// The keys that the log has named so far.
    keys: Vec<LogKey>,
    /// What the caller wants to find in the log, by size.
    wanted: Vec<Wanted>,
    last_at: ReceivedAt,
    /// The newest size whose root is as it was signed.
    held: u64,
    first_broken: Option<u64>,
    broken: u64,
    checked: u64,
    signed: Option<Signed>,
    stretch: Stretch,
    gaps: u64,
    handed_over: Vec<u64>,
}

struct Wanted {
    note: Note,
    tree: TreeHead,
    was_reached: bool,
}

/// The events since the last checkpoint.
#[derive(Default)]
struct Stretch {
    /// When the present run of events began, and when its last one came.
    run: Option<(u64, ReceivedAt, ReceivedAt)>,
    /// Whether a longer break lies before the run.
    has_gap: bool,
    was_told: bool,
}

impl<'s> Signatures<'s> {
    pub(super) fn new(store: &'s Store, end: u64, anchors: &Anchors, report: &mut Report) -> Signatures<'s> {
        let mut wanted = Vec::new();
        for note in &anchors.checkpoints {
            match Checkpoint::parse(note.text()) {
                Ok(checkpoint) => {
                    wanted.push(Wanted { note: note.clone(), tree: checkpoint.tree, was_reached: false });
                }
                Err(error) => report.note(Fault::Altered, None, format!("the checkpoint given: {error}")),
            }
        }
        Signatures {
            store,
            end,
            ahead: VecDeque::new(),
            order: Order::of("checkpoints"),
            read_to: Some(0),
            keys: Vec::new(),
            wanted,
            last_at: ReceivedAt(0),
            held: 0,
            first_broken: None,
            broken: 0,
            checked: 0,
            signed: None,
            stretch: Stretch::default(),
            gaps: 0,
            handed_over: Vec::new(),
        }
    }

    /// An entry that names a key.
    pub(super) fn take(
        &mut self,
        seq: Seq,
        activity: &Activity,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let Activity::LogKeyNamed { key, previous } = activity else { return Ok(()) };
        let row = {
            let keys = self.store.db.begin_read()?.open_table(t::LOG_KEYS)?;
            keys.get(seq.0)?.map(|row| row.value().to_vec())
        };
        match row {
            None => report.note(
                Fault::Missing,
                Some(seq.0),
                "the key that this entry names is not in the table of keys",
            ),
            Some(row) if row != key.as_bytes() => {
                report.note(
                    Fault::Altered,
                    Some(seq.0),
                    "the table of keys has another key than this entry names",
                );
            }
            Some(_) => {}
        }
        let before = self.keys.last().map(|key| key.verifier.to_string());
        if before != *previous {
            report.note(
                Fault::Altered,
                Some(seq.0),
                "the entry names another key before its own than the log does",
            );
        }
        match Verifier::parse(key) {
            Ok(verifier) => self.keys.push(LogKey { named_at: seq, verifier }),
            Err(error) => {
                report.note(Fault::Altered, Some(seq.0), format!("the entry names no key: {error}"));
            }
        }
        Ok(())
    }

    /// An event was taken in: those between two checkpoints must not have come over a longer time than the appliance
    /// takes to sign.
    pub(super) fn event(&mut self, seq: u64, at: ReceivedAt, report: &mut Report) {
        if self.keys.is_empty() {
            // Nobody could sign yet.
            return;
        }
        let stretch = &mut self.stretch;
        let run = match stretch.run {
            Some((first, began, last)) if at.0.saturating_sub(last.0) <= RHYTHM_MAX => (first, began, at),
            Some(_) => {
                stretch.has_gap = true;
                (seq, at, at)
            }
            None => (seq, at, at),
        };
        stretch.run = Some(run);
        let (first, began, last) = run;
        if last.0 - began.0 > UNSIGNED_MAX && !stretch.was_told {
            stretch.was_told = true;
            let what =
                "events came for more than two minutes from here on without a checkpoint; one was removed";
            report.note(Fault::Missing, Some(first), what);
        }
    }

    /// The tree has `size` leaves; `root` computes its root.
    pub(super) fn at_size(
        &mut self,
        size: u64,
        root: &dyn Fn() -> Hash,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        while let Some(checkpoint) = self.next_up_to(size)? {
            self.checked += 1;
            self.stretch_ends();
            match checkpoint {
                Ok(checkpoint) => self.check(&checkpoint, root(), report),
                Err(error) => report.note(Fault::Altered, Some(size.saturating_sub(1)), error),
            }
        }
        let mut wanted = std::mem::take(&mut self.wanted);
        for wanted in wanted.iter_mut().filter(|wanted| wanted.tree.size == size) {
            wanted.was_reached = true;
            if wanted.tree.root != root() {
                let what = format!(
                    "the log's first {size} entries are not those of the checkpoint given: it was rewritten"
                );
                report.note(Fault::Altered, None, what);
            }
        }
        self.wanted = wanted;
        Ok(())
    }

    fn stretch_ends(&mut self) {
        self.gaps += u64::from(self.stretch.has_gap);
        self.stretch = Stretch::default();
    }

    fn check(&mut self, checkpoint: &StoredCheckpoint, root: Hash, report: &mut Report) {
        let size = checkpoint.size.0;
        let last = Some(size.saturating_sub(1));
        let Some(key) = LogKey::of_size(&self.keys, size).cloned() else {
            report.note(Fault::Altered, last, "a checkpoint was signed before the log named a key");
            return;
        };
        if checkpoint.at < self.last_at {
            report.note(
                Fault::Altered,
                last,
                "the checkpoint over this entry was signed before the one ahead of it",
            );
        }
        self.last_at = checkpoint.at;
        let opened = Note::parse(checkpoint.text.as_bytes())
            .map_err(Into::into)
            .and_then(|note| Checkpoint::open(&note, std::slice::from_ref(&key.verifier)));
        match opened {
            Err(error) => {
                report.note(
                    Fault::Altered,
                    last,
                    format!("the checkpoint that ends with this entry: {error}"),
                );
            }
            Ok(opened) if opened.tree.size != size => {
                report.note(
                    Fault::Altered,
                    last,
                    format!("the checkpoint kept for {size} entries is one of {}", opened.tree.size),
                );
            }
            Ok(opened) => {
                if self.keys.last().is_some_and(|key| key.named_at.0 + 1 == size) {
                    self.handed_over.push(size);
                }
                if opened.tree.root != root {
                    self.broken += 1;
                    self.first_broken.get_or_insert(size);
                    return;
                }
                self.held = size;
                self.signed = Some(Signed { size, at: checkpoint.at, key: key.verifier.to_string() });
            }
        }
    }

    /// What only the whole says.
    pub(super) fn finish(&mut self, anchors: &Anchors, report: &mut Report) -> Result<(), StoreError> {
        report.checkpoints = self.checked;
        report.signed = self.signed.take();
        if let Some(first) = self.first_broken {
            let (from, broken) = (self.held.min(first), self.broken);
            let what = format!(
                "what was signed is not what is there: of the entries from here to {}, at least one was changed, added or removed ({broken} checkpoints do not hold)",
                first - 1
            );
            // Where it is known which of them it is, this adds nothing to that.
            let is_known = report.first_wrong.is_some_and(|entry| (from..first).contains(&entry));
            report.note(Fault::Altered, (!is_known).then_some(from), what);
        }
        self.check_keys(anchors, report)?;
        self.check_wanted(anchors, report);
        self.check_end(report)?;
        if self.gaps > 0 {
            report.not_checked.push(format!(
                "whether checkpoints were removed at {} places where more than a minute lies between events that one \
                 checkpoint covers: the appliance was stopped then, or it was that; an older checkpoint kept elsewhere tells (--checkpoint)",
                self.gaps
            ));
        }
        Ok(())
    }

    fn check_keys(&self, anchors: &Anchors, report: &mut Report) -> Result<(), StoreError> {
        for key in self.keys.iter().skip(1) {
            let size = key.named_at.0 + 1;
            if !self.handed_over.contains(&size) {
                let what = "the checkpoint by which the former key handed over to this one is missing";
                report.note(Fault::Missing, Some(key.named_at.0), what);
            }
        }
        let rows = {
            let keys = self.store.db.begin_read()?.open_table(t::LOG_KEYS)?;
            let rows = keys.range(..self.end)?.map(|row| Ok(row?.0.value()));
            rows.collect::<Result<Vec<u64>, StoreError>>()?
        };
        for seq in rows.iter().filter(|seq| !self.keys.iter().any(|key| key.named_at.0 == **seq)) {
            report.note(
                Fault::Altered,
                Some(*seq),
                "the table of keys says that this entry names a key, and it does not",
            );
        }
        let origin = self.store.origin()?;
        if self.keys.iter().any(|key| Some(key.verifier.name()) != origin.as_deref()) {
            report.note(Fault::Altered, None, "the log's own name is not that of its keys");
        }
        for wanted in &anchors.keys {
            if !self.keys.iter().any(|key| key.verifier == *wanted) {
                let what = format!(
                    "the key given ({}) never was one of this log's: this is another log, or a forged one",
                    wanted.id()
                );
                report.note(Fault::Altered, None, what);
            }
        }
        Ok(())
    }

    fn check_wanted(&self, anchors: &Anchors, report: &mut Report) {
        let mut known: Vec<Verifier> = self.keys.iter().map(|key| key.verifier.clone()).collect();
        known.extend(anchors.keys.iter().filter(|key| !known.contains(key)).cloned().collect::<Vec<_>>());
        for wanted in &self.wanted {
            if let Err(error) = Checkpoint::open(&wanted.note, &known) {
                report.note(Fault::Altered, None, format!("the checkpoint given: {error}"));
            }
            if !wanted.was_reached && wanted.tree.size > self.end {
                let what = format!(
                    "the checkpoint given covers {} entries, and the log has {}: it was cut or set back",
                    wanted.tree.size, self.end
                );
                report.note(Fault::Missing, Some(self.end), what);
            }
        }
    }

    /// Checkpoints of more entries than there are.
    fn check_end(&self, report: &mut Report) -> Result<(), StoreError> {
        let read = self.store.db.begin_read()?;
        let last = read.open_table(t::CHECKPOINTS)?.last()?.map(|(size, _)| size.value());
        let size = size_of(self.store, &read)?.entries;
        if let Some(signed) = last.filter(|signed| *signed > size) {
            let what = format!(
                "a checkpoint covers {signed} entries, and the log has {size}: the last were removed"
            );
            report.note(Fault::Missing, Some(size), what);
        }
        if self.signed.is_none() && report.signed.is_none() && self.keys.is_empty() {
            report.not_checked.push("signatures: the log names no key yet".to_owned());
        }
        Ok(())
    }

    /// The next checkpoint of at most that size.
    fn next_up_to(&mut self, size: u64) -> Result<Option<Result<StoredCheckpoint, StoreError>>, StoreError> {
        if let (true, Some(from)) = (self.ahead.is_empty(), self.read_to.filter(|from| *from <= size)) {
            let rows = self.store.db.begin_read()?.open_table(t::CHECKPOINTS)?;
            for row in rows.range(from..=self.end)?.take(ROWS_MAX) {
                let (size, row) = row?;
                self.order.next(size.value(), || format!("of size {}", size.value()))?;
                self.ahead.push_back((size.value(), decode(size.value(), row.value())));
            }
            self.read_to = (self.ahead.len() == ROWS_MAX).then(|| self.ahead[ROWS_MAX - 1].0 + 1);
        }
        let is_due = self.ahead.front().is_some_and(|(due, _)| *due <= size);
        Ok(if is_due { self.ahead.pop_front().map(|(_, checkpoint)| checkpoint) } else { None })
    }
}
