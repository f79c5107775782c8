//! Passwords, kept as Argon2id hashes in PHC form.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use thiserror::Error;

/// The shortest password that is taken.
const LENGTH_MIN: usize = 12;
/// The longest, so that hashing stays cheap to bound.
const LENGTH_MAX: usize = 1_000;

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PasswordError {
    /// Too short or too long.
    #[error("a password has {LENGTH_MIN} to {LENGTH_MAX} characters")]
    Length,
}

/// The hash to keep. Takes some 20 ms and 19 MiB on purpose.
pub fn hash_password(password: &str) -> Result<String, PasswordError> {
    if !(LENGTH_MIN..=LENGTH_MAX).contains(&password.chars().count()) {
        return Err(PasswordError::Length);
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    Ok(hash.expect("the default parameters are valid").to_string())
}

/// Whether it is the password of that hash. `None` does the work all the same and says no, so that the time
/// does not tell whether a user exists.
pub fn is_password(password: &str, hash: Option<&str>) -> bool {
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2VhbHdhdGNoLW5vYm9keQ$\
                          R1Ft5hmzYxNcYnLkKiG8o3cX4yqJ3NfS7mY7t3y0w0s";
    if password.chars().count() > LENGTH_MAX {
        return false;
    }
    let Ok(parsed) = PasswordHash::new(hash.unwrap_or(NOBODY)) else { return false };
    Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok() && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash_and_by_nothing_else() {
        let hash = hash_password("correct horse battery").expect("long enough");
        assert!(is_password("correct horse battery", Some(&hash)));
        assert!(!is_password("correct horse batterz", Some(&hash)));
        assert!(!is_password("correct horse battery", None));
        assert_eq!(hash_password("eleven char"), Err(PasswordError::Length));
    }
}
