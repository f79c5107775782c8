//! The first administrator, made where nobody could sign in.

use super::AppError;
use crate::keys;
use crate::model::{ReceivedAt, Role, User};
use crate::store::Store;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The password of the first administrator, named `admin`.
pub struct FirstPassword {
    /// The password.
    pub password: String,
    /// Where it lies until the first sign-in.
    pub file: PathBuf,
}

impl FirstPassword {
    /// Writes the password to its file, for the file's owner alone.
    fn write(&self) -> Result<(), AppError> {
        let io = || AppError::io(format!("write {}", self.file.display()));
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&self.file);
        file.and_then(|mut file| writeln!(file, "{}", self.password).and_then(|()| file.sync_all()))
            .map_err(io())
    }
}

/// Makes the user `admin` unless there is someone already, or nobody needs to sign in.
pub(super) fn make(
    store: &Store,
    dir: &Path,
    now: ReceivedAt,
    demo: bool,
) -> Result<Option<FirstPassword>, AppError> {
    if demo || !store.users()?.is_empty() {
        return Ok(None);
    }
    let password = keys::new_password();
    let password_hash = keys::hash_password(&password).expect("a new password has the right length");
    let first = FirstPassword { password, file: dir.join("initial-password") };
    // Before the commit: a crash between the two would leave a user whose password nobody knows.
    first.write()?;
    let user = User { name: "admin".to_owned(), role: Role::Admin, organizations: Vec::new(), password_hash };
    let mut txn = store.begin(now)?;
    txn.add_user(&user, "sealwatch")?;
    txn.commit()?;
    Ok(Some(first))
}
