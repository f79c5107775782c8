//! Messages in files: one that is written, and older ones that are compressed, so many and no more.

use super::record::Record;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// The file that is written.
const CURRENT: &str = "sealwatch.log";
/// Messages that may wait for the disk; further ones are counted and let go.
const WAITING_MAX: usize = 4_096;

/// Where files lie, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSettings {
    /// The directory.
    pub dir: PathBuf,
    /// Bytes after which a new one is begun; one is begun each day (UTC) as well.
    pub bytes_max: u64,
    /// Older ones that stay.
    pub kept: usize,
}

/// The way to the thread that owns the files, so that nobody else waits for their disk.
pub(super) struct Files {
    lines: Mutex<Option<SyncSender<(Date, String)>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    lost: Arc<AtomicU64>,
}

impl Files {
    /// Opens the file and starts the thread.
    pub(super) fn open(settings: FileSettings) -> io::Result<Files> {
        std::fs::create_dir_all(&settings.dir)?;
        let today = today();
        let (file, bytes) = open_current(&settings.dir)?;
        // What a former run began on another day is one of the older ones.
        let begun = file.metadata()?.modified().ok().and_then(|at| jiff::Timestamp::try_from(at).ok());
        let day = begun.filter(|_| bytes > 0).map_or(today, day_of);
        let (lines, waiting) = sync_channel(WAITING_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let rotation = Rotation { settings, file, bytes, day };
        let counted = lost.clone();
        let thread = std::thread::Builder::new()
            .name("log files".to_owned())
            .spawn(move || rotation.run(&waiting, &counted))?;
        Ok(Files { lines: Mutex::new(Some(lines)), thread: Mutex::new(Some(thread)), lost })
    }

    pub(super) fn write(&self, record: &Record) {
        let line = (day_of(record.time), record.json(true) + "\n");
        let lines = self.lines.lock().expect("no holder of this lock panics");
        if lines.as_ref().is_none_or(|lines| lines.try_send(line).is_err()) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Messages that could not be written.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Writes what waits and ends the thread. Blocks.
    pub(super) fn finish(&self) {
        drop(self.lines.lock().expect("no holder of this lock panics").take());
        let thread = self.thread.lock().expect("no holder of this lock panics").take();
        // A panic of the thread has been told by itself.
        drop(thread.map(JoinHandle::join));
    }
}

fn today() -> Date {
    day_of(jiff::Timestamp::now())
}

fn day_of(time: jiff::Timestamp) -> Date {
    TimeZone::UTC.to_datetime(time).date()
}

fn open_current(dir: &Path) -> io::Result<(File, u64)> {
    // What people did stands in it in outline: for the service and its group alone.
    let file = OpenOptions::new().create(true).append(true).mode(0o640).open(dir.join(CURRENT))?;
    let bytes = file.metadata()?.len();
    Ok((file, bytes))
}

/// What the thread holds.
struct Rotation {
    settings: FileSettings,
    file: File,
    bytes: u64,
    day: Date,
}

impl Rotation {
    fn run(mut self, lines: &Receiver<(Date, String)>, lost: &AtomicU64) {
        for (day, line) in lines {
            // A message that cannot be written cannot be complained of here either: it is counted.
            if self.write(day, &line).is_err() {
                lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn write(&mut self, day: Date, line: &str) -> io::Result<()> {
        let is_full = self.bytes > 0 && self.bytes + line.len() as u64 > self.settings.bytes_max;
        if is_full || (day != self.day && self.bytes > 0) {
            self.rotate()?;
        }
        self.day = day;
        self.file.write_all(line.as_bytes())?;
        self.bytes += line.len() as u64;
        Ok(())
    }

    /// Sets the current file aside, begins a new one, and compresses the other.
    fn rotate(&mut self) -> io::Result<()> {
        let dir = self.settings.dir.clone();
        let plain = dir.join(format!("{}.plain", self.free_name()));
        std::fs::rename(dir.join(CURRENT), &plain)?;
        (self.file, self.bytes) = open_current(&dir)?;
        compress(&plain)?;
        let mut older = older_files(&dir)?;
        let beyond = older.len().saturating_sub(self.settings.kept);
        older.drain(..beyond).try_for_each(std::fs::remove_file)
    }

    /// `sealwatch-2026-01-31-000.log` and so on, the first that is free; the names sort by age.
    fn free_name(&self) -> String {
        let of_day = format!("sealwatch-{}-", self.day);
        let older = older_files(&self.settings.dir).unwrap_or_default();
        let numbers = older.iter().filter_map(|path| {
            let name = path.file_name()?.to_str()?;
            name.strip_prefix(&of_day)?.get(..6)?.parse::<u32>().ok()
        });
        let number = numbers.max().map_or(0, |last| last + 1);
        format!("{of_day}{number:06}.log")
    }
}

/// Replaces `NAME.plain` by `NAME.gz`.
fn compress(plain: &Path) -> io::Result<()> {
    let target = plain.with_extension("gz");
    let file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o640).open(&target)?;
    let mut encoder = GzEncoder::new(file, Compression::default());
    io::copy(&mut File::open(plain)?, &mut encoder)?;
    encoder.finish()?;
    std::fs::remove_file(plain)
}

/// The files that are not written any more, the oldest first.
fn older_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(dir)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with("sealwatch-") && (name.ends_with(".log.gz") || name.ends_with(".log.plain"))
        })
        .collect();
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read;

    fn rotation(dir: &Path, bytes_max: u64, kept: usize) -> Rotation {
        let (file, bytes) = open_current(dir).expect("a new file");
        let settings = FileSettings { dir: dir.to_owned(), bytes_max, kept };
        Rotation { settings, file, bytes, day: jiff::civil::date(2026, 1, 30) }
    }

    /// Each file by name, unpacked.
    fn files(dir: &Path) -> Vec<(String, String)> {
        let mut found: Vec<_> =
            std::fs::read_dir(dir).expect("it is there").map(|entry| entry.expect("listed")).collect();
        found.sort_by_key(|entry| entry.file_name());
        let read = |path: PathBuf| {
            let mut text = String::new();
            let file = File::open(&path).expect("it can be read");
            let read = match path.extension().is_some_and(|extension| extension == "gz") {
                true => GzDecoder::new(file).read_to_string(&mut text),
                false => (&file).read_to_string(&mut text),
            };
            read.expect("it is whole");
            text
        };
        found
            .into_iter()
            .map(|entry| (entry.file_name().into_string().expect("text"), read(entry.path())))
            .collect()
    }

    #[test]
    fn a_file_ends_when_it_is_full_and_with_the_day() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut rotation = rotation(dir.path(), 8, 9);
        let (first, second) = (jiff::civil::date(2026, 1, 30), jiff::civil::date(2026, 1, 31));
        for (day, line) in [(first, "aaaa\n"), (first, "bb\n"), (first, "c\n"), (second, "d\n")] {
            rotation.write(day, line).expect("there is room");
        }
        let name = |number: u32| format!("sealwatch-2026-01-30-{number:06}.log.gz");
        let expected = [(name(0), "aaaa\nbb\n"), (name(1), "c\n"), (CURRENT.to_owned(), "d\n")];
        assert_eq!(files(dir.path()), expected.map(|(name, text)| (name, text.to_owned())));
    }

    #[test]
    fn so_many_older_ones_stay_and_a_new_run_goes_on_behind_them() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for run in 0..3 {
            let mut rotation = rotation(dir.path(), 2, 2);
            for line in 0..2 {
                rotation.write(rotation.day, &format!("{run}{line}\n")).expect("there is room");
            }
        }
        let texts: Vec<String> = files(dir.path()).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["11\n", "20\n", "21\n"]);
    }

    #[test]
    fn what_waits_is_written_before_the_end() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let settings = FileSettings { dir: dir.path().to_owned(), bytes_max: 1 << 20, kept: 1 };
        let files_open = Files::open(settings).expect("it can be made");
        let record = Record {
            time: jiff::Timestamp::now(),
            level: super::super::LogLevel::Info,
            target: "t",
            message: "told".to_owned(),
            fields: super::super::record::Fields::default(),
        };
        (0..100).for_each(|_| files_open.write(&record));
        files_open.finish();
        assert_eq!(files(dir.path())[0].1.lines().count(), 100);
        files_open.write(&record);
        assert_eq!(files_open.lost(), 1, "behind the end it is counted");
    }
}
