//! What is proven of the log, up to when and by which key; and the same on a sheet of paper.

use super::frame::{Frame, Section};
use super::time::TimeView;
use super::{text, words};
use crate::merkle::TreeHead;
use crate::model::{ReceivedAt, Seq};
use crate::store::{LastCheck, LogKey, StoredCheckpoint};
use crate::web::qr::qr_code;
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

/// How many keys the page lists: the latest ones.
const KEYS_SHOWN: usize = 20;

/// What is known of the log, as it was read.
#[derive(Clone, Debug)]
pub struct LogState {
    /// The name under which it is signed.
    pub origin: String,
    /// How many entries there are.
    pub size: Seq,
    /// The newest checkpoint and the tree that it signs.
    pub checkpoint: Option<(StoredCheckpoint, TreeHead)>,
    /// Every key that signed or signs, the one in force last, and when its entry was made.
    pub keys: Vec<(LogKey, Option<ReceivedAt>)>,
    /// What the appliance found when it last checked the log.
    pub last_check: Option<LastCheck>,
    /// Where the caller reached us, for commands.
    pub base_url: String,
}

/// What `integrity.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "integrity.html")]
pub struct IntegrityPage {
    /// Around it.
    pub frame: Frame,
    /// The name of the log.
    pub origin: String,
    /// What is proven; nothing before the first checkpoint.
    pub proven: Option<Proven>,
    /// How many entries wait for the next signature, in words; nothing where none does.
    pub waiting: Option<String>,
    /// The last check of the log by itself.
    pub check: CheckView,
    /// The key in force.
    pub key: Option<KeyRow>,
    /// The keys before it, newest first.
    pub former_keys: Vec<KeyRow>,
    /// Commands that check what is said here.
    pub commands: Commands,
}

/// What the newest checkpoint proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// How many entries, in words.
    pub entries: String,
    /// The number of the last of them.
    pub last: String,
    /// When it was signed.
    pub at: TimeView,
    /// The hash over all of them, in base64.
    pub root: String,
    /// The id of the key that signed it.
    pub key_id: String,
    /// The signed note.
    pub text: String,
}

/// The last check, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckView {
    /// When, where there was one.
    pub at: Option<TimeView>,
    /// Whether all was whole; nothing where that is not known.
    pub whole: Option<bool>,
    /// What it found, or why there is nothing to tell.
    pub words: String,
}

/// A key that signs or signed checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Its id: eight hex digits.
    pub id: String,
    /// The whole verifier key.
    pub verifier: String,
    /// The number of the entry that names it.
    pub entry: String,
    /// When that entry was made.
    pub since: Option<TimeView>,
}

/// Commands for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commands {
    /// Takes checkpoint and key.
    pub take: String,
    /// Takes the proof of one event.
    pub proof: String,
    /// Checks the whole log on its host.
    pub whole: String,
}

impl IntegrityPage {
    /// The page of the log as it is.
    pub fn new(frame: Frame, log: &LogState) -> IntegrityPage {
        let mut keys = log.keys.iter().rev().map(|(key, at)| key_row(key, *at)).take(KEYS_SHOWN);
        let key = keys.next();
        let signed = log.checkpoint.as_ref().map_or(0, |(checkpoint, _)| checkpoint.size.0);
        let waiting = log.size.0.saturating_sub(signed);
        IntegrityPage {
            frame: frame.titled("Integrity", Section::Integrity),
            origin: text::cell(Some(&log.origin)),
            proven: proven(log),
            waiting: (waiting > 0).then(|| entries(waiting)),
            check: check_view(log.last_check.as_ref()),
            former_keys: keys.collect(),
            key,
            commands: commands(&text::cell(Some(&log.base_url))),
        }
    }
}

/// What `integrity_sheet.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "integrity_sheet.html")]
pub struct IntegritySheet {
    /// Around it.
    pub frame: Frame,
    /// The name of the log.
    pub origin: String,
    /// What is proven; nothing before the first checkpoint.
    pub proven: Option<Proven>,
    /// The key that signed it.
    pub verifier: String,
    /// The signed note as a QR code, in SVG.
    pub code: Option<String>,
    /// When the sheet was made.
    pub made: TimeView,
}

impl IntegritySheet {
    /// The sheet of the newest checkpoint.
    pub fn new(frame: Frame, log: &LogState, now: Timestamp) -> IntegritySheet {
        let proven = proven(log);
        let code = log.checkpoint.as_ref().and_then(|(checkpoint, _)| {
            qr_code(&checkpoint.text, "The checkpoint as a QR code; its text stands beside it")
        });
        IntegritySheet {
            frame: frame.titled("Checkpoint sheet", Section::Integrity),
            origin: text::cell(Some(&log.origin)),
            verifier: signer(log).map(|key| key.verifier.to_string()).unwrap_or_default(),
            proven,
            code,
            made: now.into(),
        }
    }
}

/// The key that signed the newest checkpoint; another may sign since.
fn signer(log: &LogState) -> Option<LogKey> {
    let keys: Vec<LogKey> = log.keys.iter().map(|(key, _)| key.clone()).collect();
    LogKey::of_size(&keys, log.checkpoint.as_ref()?.0.size.0).cloned()
}

fn proven(log: &LogState) -> Option<Proven> {
    let (checkpoint, tree) = log.checkpoint.as_ref()?;
    Some(Proven {
        entries: entries(checkpoint.size.0),
        last: words::count(checkpoint.size.0.saturating_sub(1)),
        at: checkpoint.at.into(),
        root: STANDARD.encode(tree.root),
        key_id: signer(log).map(|key| key.verifier.id().to_string()).unwrap_or_default(),
        text: checkpoint.text.clone(),
    })
}

fn entries(number: u64) -> String {
    if number == 1 { "1 entry".to_owned() } else { format!("{} entries", words::count(number)) }
}

fn check_view(check: Option<&LastCheck>) -> CheckView {
    let Some(LastCheck { at, entries: read, findings, first, .. }) = check else {
        let words = "The log was not checked as a whole yet. Each entry is checked whenever it is read; sealwatch verify \
                     reads them all.";
        return CheckView { at: None, whole: None, words: words.to_owned() };
    };
    let read = entries(*read);
    let words = if *findings == 0 {
        format!("{read} read, every one as it was written.")
    } else {
        let first = first.as_deref().map(|first| format!(" The first: {}.", text::short(first, 300)));
        let (found, first) = (words::counted(*findings, "finding"), first.unwrap_or_default());
        format!("{read} read, {found}.{first} Run sealwatch verify on the host, and restore a backup.")
    };
    CheckView { at: Some((*at).into()), whole: Some(*findings == 0), words }
}

fn key_row(key: &LogKey, since: Option<ReceivedAt>) -> KeyRow {
    KeyRow {
        id: key.verifier.id().to_string(),
        verifier: key.verifier.to_string(),
        entry: words::count(key.named_at.0),
        since: since.map(TimeView::from),
    }
}

fn commands(base_url: &str) -> Commands {
    Commands {
        take: format!(
            "curl -o checkpoint.txt {base_url}/checkpoint\ncurl -o log-key.txt {base_url}/api/v1/log/key"
        ),
        proof: format!(
            "curl -H \"X-API-Key: $SEALWATCH_API_KEY\" -o event.tlog-proof \\\n  \
             {base_url}/api/v1/audit/events/EVENT_ID/proof"
        ),
        whole: "sealwatch verify --data-dir DIR".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> LogState {
        LogState {
            origin: "seal.example/log".to_owned(),
            size: Seq(12),
            checkpoint: None,
            keys: Vec::new(),
            last_check: None,
            base_url: "http://localhost:5600".to_owned(),
        }
    }

    fn frame() -> Frame {
        Frame::new(None, 0, false, 12, "0")
    }

    fn with_checkpoint() -> LogState {
        let text = "seal.example/log\n10\nAAAA\n\n— seal.example/log BBBB\n".to_owned();
        let checkpoint = StoredCheckpoint { size: Seq(10), at: ReceivedAt(1_688_990_087_000_000_000), text };
        LogState { checkpoint: Some((checkpoint, TreeHead { size: 10, root: [0; 32] })), ..log() }
    }

    #[test]
    fn before_the_first_checkpoint_nothing_is_called_proven() {
        let page = IntegrityPage::new(frame(), &log());
        assert_eq!((page.proven, page.waiting.as_deref()), (None, Some("12 entries")));
        let sheet = IntegritySheet::new(frame(), &log(), Timestamp::UNIX_EPOCH);
        assert_eq!((sheet.proven, sheet.code), (None, None));
    }

    #[test]
    fn a_checkpoint_proves_so_many_entries_and_the_rest_waits() {
        let page = IntegrityPage::new(frame(), &with_checkpoint());
        let proven = page.proven.expect("there is a checkpoint");
        assert_eq!((proven.entries.as_str(), proven.last.as_str()), ("10 entries", "9"));
        assert_eq!(page.waiting.as_deref(), Some("2 entries"));
        let all = IntegrityPage::new(frame(), &LogState { size: Seq(10), ..with_checkpoint() });
        assert_eq!(all.waiting, None);
    }

    #[test]
    fn the_sheet_holds_the_checkpoint_to_the_letter_as_text_and_as_code() {
        let log = with_checkpoint();
        let sheet = IntegritySheet::new(frame(), &log, Timestamp::UNIX_EPOCH);
        let shown = sheet.render().expect("it renders");
        let (checkpoint, _) = log.checkpoint.expect("there is one");
        assert!(shown.contains(&checkpoint.text), "{shown}");
        assert!(shown.contains("<svg class=\"qr\""), "{shown}");
    }

    #[test]
    fn a_check_with_findings_says_what_to_do() {
        let done = |findings: u64, first: Option<&str>| {
            let first = first.map(str::to_owned);
            check_view(Some(&LastCheck { seq: Seq(9), at: ReceivedAt(0), entries: 5, findings, first }))
        };
        assert_eq!(done(0, None).whole, Some(true));
        let bad = done(1, Some("entry 3"));
        assert_eq!(bad.whole, Some(false));
        assert!(bad.words.contains("1 finding. The first: entry 3."), "{}", bad.words);
        assert!(bad.words.contains("sealwatch verify"), "{}", bad.words);
    }
}
