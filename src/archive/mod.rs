//! How entries lie on disk once they are written: compressed blocks that never change.

mod block;

pub use block::{BLOCK_BYTES_MAX, BlockError, decode, encode, salvage};
