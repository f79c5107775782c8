//! Dead letters: kept with the entry that tells of them, looked at, tried again, discarded.

use super::access::{decode, encode};
use super::error::StoreError;
use super::open::Store;
use super::tables as t;
use super::txn::Txn;
use crate::model::{Activity, DeadLetter, Failure, ReceivedAt, Seq};
use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata};

/// Dead letters that are kept; of those beyond only the log tells.
pub const DEAD_LETTERS_MAX: u64 = 10_000;

/// A reader's step over one entry, and why it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedStep {
    /// The entry.
    pub seq: Seq,
    /// What the panic said.
    pub cause: String,
}

/// What became of a reader's steps in a stretch of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// Those that failed, for the first time or again.
    pub failed: Vec<FailedStep>,
    /// Those that had failed before and are done now.
    pub done: Vec<Seq>,
}

impl Steps {
    /// Whether there is anything to enter.
    pub fn is_empty(&self) -> bool {
        self.failed.is_empty() && self.done.is_empty()
    }
}

impl Store {
    /// Every dead letter, in the order of the ids.
    pub fn dead_letters(&self) -> Result<Vec<DeadLetter>, StoreError> {
        let letters = self.db.begin_read()?.open_table(t::FAILED_STEPS)?;
        let rows = letters.iter()?.map(|row| {
            let (id, value) = row?;
            decode("failed_steps", id.value(), value.value())
        });
        rows.collect()
    }

    /// How many wait.
    pub fn dead_letters_waiting(&self) -> Result<u64, StoreError> {
        Ok(self.db.begin_read()?.open_table(t::FAILED_STEPS)?.len()?)
    }
}

impl Txn<'_> {
    /// Enters what became of a reader's steps.
    pub fn enter_steps(&mut self, reader: &str, steps: &Steps) -> Result<(), StoreError> {
        for FailedStep { seq, cause } in &steps.failed {
            let new = DeadLetter::of_step(reader, *seq, Failure::new(self.now(), cause));
            self.keep_dead_letter(new)?;
        }
        for seq in &steps.done {
            let id = DeadLetter::id_of_step(reader, *seq);
            if self.remove_dead_letter(&id)? {
                self.append_activity(&Activity::DeadLetterDone { id })?;
            }
        }
        Ok(())
    }

    /// Keeps a letter, or enters its failure where it is known.
    fn keep_dead_letter(&mut self, new: DeadLetter) -> Result<(), StoreError> {
        let (known, count) = {
            let letters = self.reading().open_table(t::FAILED_STEPS)?;
            let known = letters.get(&*new.id)?.map(|row| decode("failed_steps", &new.id, row.value()));
            (known.transpose()?, letters.len()?)
        };
        let letter = match known {
            None => new,
            Some(known) => {
                let mut known: DeadLetter = known;
                new.failures.into_iter().for_each(|failure| known.fail(failure));
                known
            }
        };
        let cause = letter.failures.last().map(|failure| failure.cause.clone()).unwrap_or_default();
        self.append_activity(&Activity::DeadLetterKept { id: letter.id.clone(), seq: letter.seq, cause })?;
        if letter.tries > 1 || count < DEAD_LETTERS_MAX {
            self.writing().open_table(t::FAILED_STEPS)?.insert(&*letter.id, &encode(&letter)[..])?;
        }
        Ok(())
    }

    /// Has those tried again that are there; `None` is all. The readers do it when they come to the entry that says so.
    /// Answers which.
    pub fn retry_dead_letters(
        &mut self,
        ids: Option<&[String]>,
        by: &str,
    ) -> Result<Vec<String>, StoreError> {
        let ids = self.there(ids)?;
        if !ids.is_empty() {
            self.append_activity(&Activity::DeadLettersRetried { ids: ids.clone(), by: by.to_owned() })?;
        }
        Ok(ids)
    }

    /// Gives up on those that are there; `None` is all. Answers which.
    pub fn discard_dead_letters(
        &mut self,
        ids: Option<&[String]>,
        by: &str,
        reason: &str,
    ) -> Result<Vec<String>, StoreError> {
        let ids = self.there(ids)?;
        self.give_up_dead_letters(ids, by, reason)
    }

    /// Gives up on those that failed last before that time; their history stays in the log.
    pub fn archive_dead_letters(&mut self, before: ReceivedAt) -> Result<Vec<String>, StoreError> {
        let mut old = Vec::new();
        for row in self.reading().open_table(t::FAILED_STEPS)?.iter()? {
            let (id, value) = row?;
            let letter: DeadLetter = decode("failed_steps", id.value(), value.value())?;
            if letter.span().1 < before {
                old.push(letter.id);
            }
        }
        self.give_up_dead_letters(old, "sealwatch", "nobody decided in time")
    }

    fn give_up_dead_letters(
        &mut self,
        ids: Vec<String>,
        by: &str,
        reason: &str,
    ) -> Result<Vec<String>, StoreError> {
        for id in &ids {
            self.remove_dead_letter(id)?;
        }
        if !ids.is_empty() {
            let (by, reason) = (by.to_owned(), reason.to_owned());
            self.append_activity(&Activity::DeadLettersDiscarded { ids: ids.clone(), by, reason })?;
        }
        Ok(ids)
    }

    fn there(&self, ids: Option<&[String]>) -> Result<Vec<String>, StoreError> {
        let letters = self.reading().open_table(t::FAILED_STEPS)?;
        let mut there = Vec::new();
        match ids {
            Some(ids) => {
                for id in ids {
                    if letters.get(&**id)?.is_some() {
                        there.push(id.clone());
                    }
                }
            }
            None => {
                for row in letters.iter()? {
                    there.push(row?.0.value().to_owned());
                }
            }
        }
        Ok(there)
    }

    fn remove_dead_letter(&mut self, id: &str) -> Result<bool, StoreError> {
        Ok(self.writing().open_table(t::FAILED_STEPS)?.remove(id)?.is_some())
    }
}
