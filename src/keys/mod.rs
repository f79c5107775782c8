//! Secrets that let someone in: API keys, passwords, sessions.

mod keyring;
mod password;
mod token;

pub use keyring::{Keyring, Known};
pub use password::{PasswordError, hash_password, is_password};
pub use token::{new_api_key, new_password, new_session_token, token_hash};
