//! A log that a test has for itself, and what writes it.

use crate::ingest::{Clock, Disk, Limits, Writer, WriterTask};
use crate::store::{Options, Store};
use std::sync::Arc;
use tempfile::TempDir;

/// Goes with its directory.
pub(super) struct SmallLog {
    pub(super) dir: TempDir,
    pub(super) store: Arc<Store>,
    pub(super) writer: Writer,
    pub(super) task: WriterTask,
}

impl SmallLog {
    /// A new one, by that clock and on that disk.
    pub(super) fn open(clock: &Clock, disk: Disk) -> SmallLog {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(dir.path(), Options::default(), clock.received_at()).expect("a new log");
        let store = Arc::new(store);
        let limits = Limits { queue_requests_max: 8, commit_events_max: 8, commit_bytes_max: 1_024 };
        let (writer, task) =
            Writer::start(store.clone(), clock.clone(), disk, limits).expect("a thread starts");
        SmallLog { dir, store, writer, task }
    }

    /// Ends what writes it.
    pub(super) async fn close(self) {
        self.writer.stop().await;
        self.task.join().expect("the disk works");
    }
}
