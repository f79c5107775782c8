//! From an error to what is printed and how the process ends.

use crate::app::AppError;
use crate::keys::{KeyFileError, LogKeyError};
use crate::store::{LockError, StoreError};
use std::io::Write;
use std::process::ExitCode;

/// Wrong usage or configuration.
pub(super) const WRONG_USAGE: u8 = 2;
/// Damage that needs a person.
const DAMAGE: u8 = 70;
/// The disk, or the system.
const IO: u8 = 74;
/// The data directory is in use.
const IN_USE: u8 = 75;

/// Prints the error with its causes, and chooses the exit code.
pub(super) fn report(error: &anyhow::Error) -> ExitCode {
    // Where standard error is gone too, the exit code must do.
    drop(writeln!(std::io::stderr(), "sealwatch: {error:#}"));
    ExitCode::from(code_of(error))
}

fn code_of(error: &anyhow::Error) -> u8 {
    error
        .chain()
        .find_map(|cause| {
            let of_app = cause.downcast_ref::<AppError>().map(code_of_app);
            of_app.or_else(|| cause.downcast_ref::<StoreError>().map(code_of_store))
        })
        .unwrap_or(1)
}

fn code_of_app(error: &AppError) -> u8 {
    match error {
        AppError::Store(error) => code_of_store(error),
        AppError::Reader(crate::readers::ReaderError::Store(error)) => code_of_store(error),
        AppError::Counters(_)
        | AppError::Reader(
            crate::readers::ReaderError::Counters(_) | crate::readers::ReaderError::Thread(_),
        )
        | AppError::Io { .. }
        | AppError::LogKey(LogKeyError::File(KeyFileError::Io { .. })) => IO,
        AppError::Origin { .. }
        | AppError::Notify(_)
        | AppError::LogKey(LogKeyError::Origin(_) | LogKeyError::Credential) => WRONG_USAGE,
        AppError::LogKey(LogKeyError::File(KeyFileError::NoKey { .. }) | LogKeyError::Other { .. }) => DAMAGE,
        AppError::Reader(_) | AppError::Ended(_) => 1,
    }
}

fn code_of_store(error: &StoreError) -> u8 {
    match error {
        StoreError::Lock(LockError::InUse(_)) => IN_USE,
        StoreError::Database(_) if error.is_damage() => DAMAGE,
        StoreError::Newer { .. } | StoreError::Damaged { .. } => DAMAGE,
        StoreError::Lock(LockError::Io { .. })
        | StoreError::Open { .. }
        | StoreError::NoRoom
        | StoreError::NoRoomToMigrate { .. }
        | StoreError::Database(_) => IO,
        StoreError::TooLong { .. } => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_must_mend_is_told_apart_from_what_room_or_time_mends() {
        let io = || std::io::Error::other("it is gone");
        let code = |error| code_of(&anyhow::Error::from(AppError::Store(error)));
        assert_eq!(code(StoreError::Newer { found: 9, known: 2 }), DAMAGE);
        assert_eq!(code(StoreError::NoRoomToMigrate { found: 1, known: 2, needed: 2, free: 1 }), IO);
        assert_eq!(code(StoreError::NoRoom), IO);
        assert_eq!(code(StoreError::Open { path: "log.redb".into(), source: io() }), IO);
        assert_eq!(code(StoreError::Lock(LockError::InUse("data".into()))), IN_USE);
        assert_eq!(code_of(&anyhow::Error::from(StoreError::NoRoom)), IO, "of a command, too");
        assert_eq!(code_of(&anyhow::anyhow!("anything else")), 1);
    }
}
