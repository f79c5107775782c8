//! A block: a run of entries, LZ4-compressed, with a checksum over all of it.
//!
//! ```text
//! version u8 = 1 ‖ entries u32 ‖ plain bytes u32 ‖ LZ4 block ‖ SHA-256 of everything before
//! plain: per entry kind u8 ‖ receivedAt u64 ‖ salt [32] ‖ id [16] ‖ source u32 ‖ verdict u8 ‖ flags u8
//!        ‖ organisation length u16 ‖ organisation ‖ body length u32; then the bodies, in the same order
//! ```
//! Numbers are little-endian. The heads come first because they compress better side by side.

use crate::model::{Entry, EntryFlags, EntryKind, ReceivedAt, Salt, Seq, SourceId, Verdict};
use sha2::{Digest, Sha256};
use thiserror::Error;
use uuid::Uuid;

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 9;
const SUM_BYTES: usize = 32;

/// Plain bytes after which the writer begins another block, so that reading one event never unpacks more than
/// a little.
pub const BLOCK_BYTES_MAX: usize = 1 << 20;

/// The most that a block may claim to unpack to: one event at the largest limit a setting allows, and its
/// neighbours.
const PLAIN_BYTES_MAX: usize = 64 << 20;

/// Why a block cannot be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BlockError {
    /// The bytes are not those that were written.
    #[error("the checksum does not match the content")]
    Checksum,
    /// Written by a newer program.
    #[error("block version {0} is not known to this program")]
    Version(u8),
    /// The checksum is right, and yet the content is no block: a fault of the program that wrote it.
    #[error("the content ends early or holds an unknown value")]
    Content,
}

/// The block of these entries, whose numbers must follow one another.
pub fn encode(entries: &[Entry]) -> Vec<u8> {
    let bodies: usize = entries.iter().map(|entry| entry.body.len()).sum();
    let mut plain = Vec::with_capacity(bodies + entries.len() * 80);
    for entry in entries {
        encode_head(entry, &mut plain);
    }
    for entry in entries {
        plain.extend_from_slice(&entry.body);
    }
    let mut block = vec![0; HEAD_BYTES + lz4_flex::block::get_maximum_output_size(plain.len())];
    let packed = lz4_flex::block::compress_into(&plain, &mut block[HEAD_BYTES..])
        .expect("the buffer has the largest size that compression can give");
    block.truncate(HEAD_BYTES + packed);
    block[0] = VERSION;
    block[1..5].copy_from_slice(&length(entries.len()).to_le_bytes());
    block[5..9].copy_from_slice(&length(plain.len()).to_le_bytes());
    let sum = Sha256::digest(&block);
    block.extend_from_slice(&sum);
    block
}

fn encode_head(entry: &Entry, out: &mut Vec<u8>) {
    out.push(entry.kind as u8);
    out.extend_from_slice(&entry.received_at.0.to_le_bytes());
    out.extend_from_slice(&entry.salt);
    out.extend_from_slice(entry.id.as_bytes());
    out.extend_from_slice(&entry.source.0.to_le_bytes());
    out.push(entry.verdict as u8);
    out.push(entry.flags.0);
    let organization = entry.assigned_organization.as_deref().unwrap_or_default();
    let bytes = u16::try_from(organization.len()).expect("the name of a key's organisation is short");
    out.extend_from_slice(&bytes.to_le_bytes());
    out.extend_from_slice(organization.as_bytes());
    out.extend_from_slice(&length(entry.body.len()).to_le_bytes());
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a block is far smaller than 4 GiB")
}

/// The entries of a block, the first of which is number `first`.
pub fn decode(block: &[u8], first: Seq) -> Result<Vec<Entry>, BlockError> {
    let content = block.len().checked_sub(SUM_BYTES).filter(|bytes| *bytes >= HEAD_BYTES);
    let (content, sum) = block.split_at(content.ok_or(BlockError::Checksum)?);
    if Sha256::digest(content)[..] != *sum {
        return Err(BlockError::Checksum);
    }
    decode_content(content, first)
}

/// The entries of a block whose checksum does not match, if they can be unpacked all the same. To find out which of
/// them are wrong; nothing that comes of it is to be believed.
pub fn salvage(block: &[u8], first: Seq) -> Option<Vec<Entry>> {
    let content = block.len().checked_sub(SUM_BYTES).filter(|bytes| *bytes >= HEAD_BYTES)?;
    decode_content(&block[..content], first).ok()
}

fn decode_content(content: &[u8], first: Seq) -> Result<Vec<Entry>, BlockError> {
    let mut head = Cursor(&content[..HEAD_BYTES]);
    let version = head.u8()?;
    if version != VERSION {
        return Err(BlockError::Version(version));
    }
    let (count, bytes) = (head.u32()? as usize, head.u32()? as usize);
    if bytes > PLAIN_BYTES_MAX || count > bytes {
        return Err(BlockError::Content);
    }
    let plain =
        lz4_flex::block::decompress(&content[HEAD_BYTES..], bytes).map_err(|_| BlockError::Content)?;
    decode_plain(Cursor(&plain), count, first)
}

fn decode_plain(mut plain: Cursor<'_>, count: usize, first: Seq) -> Result<Vec<Entry>, BlockError> {
    let mut entries = Vec::with_capacity(count);
    let mut lengths = Vec::with_capacity(count);
    for seq in first.0..first.0 + count as u64 {
        let (entry, bytes) = decode_head(&mut plain, Seq(seq))?;
        entries.push(entry);
        lengths.push(bytes);
    }
    for (entry, bytes) in entries.iter_mut().zip(lengths) {
        entry.body = plain.take(bytes)?.to_vec();
    }
    if plain.0.is_empty() { Ok(entries) } else { Err(BlockError::Content) }
}

fn decode_head(plain: &mut Cursor<'_>, seq: Seq) -> Result<(Entry, usize), BlockError> {
    let kind = EntryKind::from_number(plain.u8()?).ok_or(BlockError::Content)?;
    let received_at = ReceivedAt(u64::from_le_bytes(plain.array()?));
    let salt: Salt = plain.array()?;
    let id = Uuid::from_bytes(plain.array()?);
    let source = SourceId(plain.u32()?);
    let verdict = Verdict::from_number(plain.u8()?).ok_or(BlockError::Content)?;
    let flags = EntryFlags(plain.u8()?);
    let bytes = usize::from(u16::from_le_bytes(plain.array()?));
    let organization = std::str::from_utf8(plain.take(bytes)?).map_err(|_| BlockError::Content)?;
    let assigned_organization = (!organization.is_empty()).then(|| organization.to_owned());
    let body_bytes = plain.u32()? as usize;
    let entry = Entry {
        seq,
        kind,
        received_at,
        salt,
        id,
        source,
        verdict,
        flags,
        assigned_organization,
        body: Vec::new(),
    };
    Ok((entry, body_bytes))
}

/// The part of the plain bytes that is still to be read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], BlockError> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(BlockError::Content)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BlockError> {
        Ok(self.take(N)?.try_into().expect("exactly that many bytes were taken"))
    }

    fn u8(&mut self) -> Result<u8, BlockError> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> Result<u32, BlockError> {
        Ok(u32::from_le_bytes(self.array()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        (0..3u8)
            .map(|n| Entry {
                seq: Seq(40 + u64::from(n)),
                kind: if n == 1 { EntryKind::Activity } else { EntryKind::Event },
                received_at: ReceivedAt(1_000 + u64::from(n)),
                salt: [n; 32],
                id: Uuid::from_u128(u128::from(n)),
                source: SourceId(7),
                verdict: Verdict::ALL[usize::from(n)],
                flags: EntryFlags(n),
                assigned_organization: (n == 2).then(|| "acme".to_owned()),
                body: vec![n; usize::from(n) * 100],
            })
            .collect()
    }

    #[test]
    fn what_was_written_is_read() {
        assert_eq!(decode(&encode(&entries()), Seq(40)), Ok(entries()));
        assert_eq!(decode(&encode(&[]), Seq(0)), Ok(vec![]));
    }

    #[test]
    fn every_changed_bit_is_found() {
        let block = encode(&entries());
        for bit in 0..block.len() * 8 {
            let mut damaged = block.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&damaged, Seq(40)).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_block_cut_short_is_refused() {
        let block = encode(&entries());
        for bytes in 0..block.len() {
            assert_eq!(decode(&block[..bytes], Seq(40)), Err(BlockError::Checksum));
        }
    }
}
