//! Answers that are kept for requests with an `Idempotency-Key`, in the commit of what they answer.

use super::error::StoreError;
use super::tables as t;
use super::txn::Txn;
use crate::model::Hash;
use redb::ReadableTable;
use sha2::{Digest, Sha256};

/// How long an answer is kept: 7 days.
const KEPT_NANOS: u64 = 7 * 24 * 3600 * 1_000_000_000;
/// Expired answers that one commit removes, so that none takes long.
const REMOVED_PER_COMMIT: usize = 64;
/// Bytes of an answer before it is compressed; larger ones are not made.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// Whose key it is: a digest of the caller's name and the `Idempotency-Key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerKey(Hash);

impl AnswerKey {
    /// The key of that caller.
    pub fn new(caller: &str, key: &str) -> AnswerKey {
        AnswerKey(Sha256::new().chain_update(caller).chain_update([0]).chain_update(key).finalize().into())
    }
}

/// An answer as it went out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: Vec<u8>,
}

/// What is known of an `Idempotency-Key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// It is new.
    Nothing,
    /// The same request was answered before.
    Answer(Answer),
    /// The key came with another request before.
    OtherRequest,
}

impl Txn<'_> {
    /// What was answered to that key. `request` is the digest of the request's path and body.
    pub fn remembered(&self, key: AnswerKey, request: &Hash) -> Result<Remembered, StoreError> {
        let answers = self.reading().open_table(t::ANSWERS)?;
        let Some(row) = answers.get(&key.0)? else { return Ok(Remembered::Nothing) };
        let known = self.read_answer(row.value(), request);
        // Whoever repeats a request whose answer is damaged is served as if it were new: ids still tell
        // duplicates.
        known.or_else(|what| {
            tracing::error!(key = hex::encode(key.0), what, "a kept answer cannot be read");
            Ok(Remembered::Nothing)
        })
    }

    fn read_answer(&self, row: &[u8], request: &Hash) -> Result<Remembered, &'static str> {
        let (head, packed) = row.split_first_chunk::<43>().ok_or("the row is too short")?;
        let until = u64::from_le_bytes(*head[1..].first_chunk().expect("the head has 43 bytes"));
        if until <= self.now().0 {
            return Ok(Remembered::Nothing);
        }
        if head[9..41] != request[..] {
            return Ok(Remembered::OtherRequest);
        }
        let bytes = packed.first_chunk().map_or(usize::MAX, |bytes| u32::from_le_bytes(*bytes) as usize);
        if bytes > ANSWER_BYTES_MAX {
            return Err("the answer claims an impossible size");
        }
        let body =
            lz4_flex::block::decompress(&packed[4..], bytes).map_err(|_| "the answer cannot be unpacked")?;
        Ok(Remembered::Answer(Answer { status: u16::from_le_bytes([head[41], head[42]]), body }))
    }

    /// Keeps the answer to that key for 7 days; removes some whose time is over.
    pub fn remember(&mut self, key: AnswerKey, request: &Hash, answer: &Answer) -> Result<(), StoreError> {
        let until = self.now().0.saturating_add(KEPT_NANOS);
        let mut row = vec![1];
        row.extend_from_slice(&until.to_le_bytes());
        row.extend_from_slice(request);
        row.extend_from_slice(&answer.status.to_le_bytes());
        let bytes = u32::try_from(answer.body.len()).expect("an answer is far smaller than 4 GiB");
        row.extend_from_slice(&bytes.to_le_bytes());
        row.extend_from_slice(&lz4_flex::block::compress(&answer.body));
        self.forget_old_answers()?;
        let write = self.writing();
        write.open_table(t::ANSWERS)?.insert(&key.0, &row[..])?;
        write.open_table(t::ANSWERS_BY_END)?.insert((until, &key.0), ())?;
        Ok(())
    }

    fn forget_old_answers(&mut self) -> Result<(), StoreError> {
        let now = self.now().0;
        let write = self.writing();
        let (mut answers, mut by_end) = (write.open_table(t::ANSWERS)?, write.open_table(t::ANSWERS_BY_END)?);
        for _ in 0..REMOVED_PER_COMMIT {
            let first = by_end.first()?.map(|(end, _)| (end.value().0, *end.value().1));
            let Some((until, key)) = first.filter(|(until, _)| *until <= now) else { break };
            by_end.remove((until, &key))?;
            answers.remove(&key)?;
        }
        Ok(())
    }
}
