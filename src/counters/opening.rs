//! The sled directory is opened with patience, distrusted, and set aside and begun anew at any trouble.

use super::sled_dir::decode_number;
use crate::model::Seq;
use sled::Db;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

/// Tries to open the directory, whose lock a killed process may hold for a moment yet, and the pause between
/// them.
const OPEN_TRIES: u32 = 40;
const OPEN_PAUSE: Duration = Duration::from_millis(250);

/// What became of the directory when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// There was none.
    New,
    /// It goes on from where it was.
    Kept,
    /// It was set aside, and why; the counters are filled from the log again.
    SetAside(String),
}

/// Opens the directory for that log of that size, or a new one in its place.
pub(super) fn open(dir: &Path, log_id: &str, size: Seq) -> Result<(Db, Opening), String> {
    let existed = dir.exists();
    let opening = if existed { Opening::Kept } else { Opening::New };
    let opened = open_guarded(dir).and_then(|db| {
        // Damage at the beginning of its file is to sled an empty one.
        if existed && db.is_empty() {
            return Err("there is nothing in it".to_owned());
        }
        is_of_log(&db, log_id, size).map(|()| db)
    });
    match opened {
        Ok(db) => Ok((db, opening)),
        Err(why) => Ok((begin_anew(dir, log_id)?, Opening::SetAside(why))),
    }
}

/// Sets what is there aside and opens a new directory for that log.
pub(super) fn begin_anew(dir: &Path, log_id: &str) -> Result<Db, String> {
    set_aside(dir).map_err(|error| error.to_string())?;
    let db = open_guarded(dir)?;
    is_of_log(&db, log_id, Seq(0))?;
    Ok(db)
}

/// sled panics on most kinds of damage; a panic here says no more than that the directory is no good.
fn open_guarded(dir: &Path) -> Result<Db, String> {
    let mut tries = 0;
    loop {
        let config = sled::Config::new().path(dir).cache_capacity(16 << 20).flush_every_ms(None);
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let db = config.open()?;
            // Damage often shows only on reading.
            db.iter().try_for_each(|row| row.map(drop))?;
            Ok::<Db, sled::Error>(db)
        }));
        tries += 1;
        match opened {
            Ok(Ok(db)) => return Ok(db),
            Ok(Err(sled::Error::Io(error))) if is_held(&error) && tries < OPEN_TRIES => {
                std::thread::sleep(OPEN_PAUSE);
            }
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err("sled panicked while it opened the directory".to_owned()),
        }
    }
}

fn is_held(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::WouldBlock || error.to_string().contains("could not acquire lock")
}

fn is_of_log(db: &Db, log_id: &str, size: Seq) -> Result<(), String> {
    let known = db.get("log").map_err(|error| error.to_string())?;
    let position = db.get("position").map_err(|error| error.to_string())?;
    match known {
        None if db.is_empty() => db.insert("log", log_id).map(drop).map_err(|error| error.to_string()),
        Some(known) if known == log_id.as_bytes() => {
            match position.map_or(0, |value| decode_number(&value)) {
                position if position > size.0 => Err("it has counted more than the log holds".to_owned()),
                _ => Ok(()),
            }
        }
        _ => Err("it belongs to another log".to_owned()),
    }
}

/// Renames the directory, so that what was in it can still be looked at; one earlier copy is kept at most.
fn set_aside(dir: &Path) -> std::io::Result<()> {
    let aside = dir.with_extension("damaged");
    if aside.exists() {
        std::fs::remove_dir_all(&aside)?;
    }
    if dir.exists() { std::fs::rename(dir, aside) } else { Ok(()) }
}
