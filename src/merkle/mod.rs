//! The Merkle tree over the log: RFC 6962 hashes, kept as tiles of C2SP tlog-tiles.

mod hash;
mod leaf;
mod tree;
mod tiled;
mod prove;
mod proof;
mod tile_path;
mod bundle;
mod canonical;
mod verifier;
mod signer;
mod note;
mod checkpoint;
mod cosignature;
mod tlog_proof;

pub use bundle::{BundleError, entry_bundle, split_entry_bundle};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use cosignature::{COSIGNATURE_AHEAD_SECS_MAX, CosignatureError, Cosigner, verify_cosignatures};
pub use hash::{empty_root, leaf_hash, node_hash, root_of};
pub use leaf::{Leaf, body_digest, leaf_bytes, leaf_of};
pub use note::{NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, Note, NoteError, NoteSignature, SignedBy};
pub use proof::{ProofError, TreeHead, verify_consistency, verify_inclusion};
pub use signer::{PrivateKey, PrivateKeyError, Signer};
pub use tile_path::{TileContent, TilePath, TilePathError};
pub use tiled::{TiledTree, TiledTreeError};
pub use tlog_proof::{TlogProof, TlogProofError};
pub use tree::{TILE_WIDTH, Tile, Tree};
pub use verifier::{KeyId, SignatureType, Verifier, VerifierError};
