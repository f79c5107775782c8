//! Secrets: what lets someone in, and what the log is signed with.

mod keyring;
mod key_file;
mod log_key;
mod password;
mod token;

pub use key_file::{KeyFileError, make_key, read_key, write_whole};
pub use keyring::{Keyring, Known};
pub use log_key::{LogKeyError, LogKeyPlaces, LogSigner, OpenedLogKey, key_on_disk};
pub use password::{PasswordError, hash_password, is_password};
pub use token::{new_api_key, new_password, new_session_token, token_hash};
