//! The Merkle tree over the log: RFC 6962 hashes, kept as tiles of C2SP tlog-tiles.

mod hash;
mod leaf;
mod tree;

pub use hash::{empty_root, leaf_hash, node_hash, root_of};
pub use leaf::{body_digest, leaf_bytes};
pub use tree::{TILE_WIDTH, Tile, Tree};
