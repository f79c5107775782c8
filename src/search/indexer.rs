//! Writing the index: opened with distrust, made anew at any trouble, committed with its position.

use super::ask::{Search, Wanted};
use super::error::SearchError;
use super::payload::Payload;
use super::schema::{Fields, schema, tokenizers};
use crate::model::Seq;
use crate::search_text::Document;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tantivy::indexer::IndexWriterOptions;
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy};

/// Bytes below which the library refuses to work.
pub const MEMORY_BYTES_MIN: usize = 15_000_000;
/// Names an index whose [`Payload`] says what it is; without it there is none, whatever else lies there.
const META_FILE: &str = "meta.json";

/// Where an index is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In memory, as long as the [`Indexer`] lives.
    Memory,
    /// In a directory of its own.
    Directory(PathBuf),
}

/// What became of the directory when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// There was none.
    New,
    /// It goes on from where it was.
    Kept,
    /// It was removed, and why; it is made from the log again.
    Removed(String),
}

/// The one that writes. Whoever follows the log owns it; its [`Search`] is shared.
pub struct Indexer {
    place: Place,
    log_id: String,
    memory_bytes: usize,
    search: Arc<Search>,
    open: Option<Open>,
}

struct Open {
    writer: IndexWriter,
    reader: IndexReader,
    fields: Fields,
    documents: u64,
    /// The index answers once it has come to where the log ended when it was opened.
    answers_from: Seq,
}

impl Indexer {
    /// An index that is not opened yet. `memory_bytes` bounds what is kept in memory before it is written.
    pub fn new(place: Place, log_id: String, memory_bytes: usize) -> Indexer {
        let memory_bytes = memory_bytes.max(MEMORY_BYTES_MIN);
        Indexer { place, log_id, memory_bytes, search: Arc::new(Search::default()), open: None }
    }

    /// Where it can be asked.
    pub fn search(&self) -> Arc<Search> {
        self.search.clone()
    }

    /// What someone wants to be done with it, told once.
    pub fn take_wanted(&self) -> Option<Wanted> {
        self.search.take_wanted()
    }

    /// Opens what is there and reads all of it to check it, or begins anew. `size` is that of the log. Returns
    /// the first entry that is not in it.
    pub fn prepare(&mut self, size: Seq) -> Result<(Seq, Opening), SearchError> {
        self.close();
        let Place::Directory(dir) = self.place.clone() else {
            return self.begin_anew(size).map(|()| (Seq(0), Opening::New));
        };
        let existed = std::fs::read_dir(&dir).is_ok_and(|mut files| files.next().is_some());
        if !existed {
            self.begin_anew(size)?;
            return Ok((Seq(0), Opening::New));
        }
        let checked = catch_unwind(AssertUnwindSafe(|| self.checked(&dir, size)));
        let checked = checked.unwrap_or_else(|_| Err("it panicked while it was opened".to_owned()));
        match checked {
            Ok((index, payload)) => {
                self.begin(&index, payload.documents, size)?;
                self.tell(payload.position);
                Ok((payload.position, Opening::Kept))
            }
            Err(why) => {
                self.begin_anew(size)?;
                Ok((Seq(0), Opening::Removed(why)))
            }
        }
    }

    /// Removes what is there and begins with an empty index.
    pub fn begin_anew(&mut self, size: Seq) -> Result<(), SearchError> {
        self.close();
        let (schema, _) = schema();
        let builder = Index::builder().schema(schema).tokenizers(tokenizers());
        let index = match &self.place {
            Place::Memory => builder.create_in_ram().map_err(|error| self.failed(error))?,
            Place::Directory(dir) => {
                if dir.exists() {
                    std::fs::remove_dir_all(dir).map_err(|error| self.failed(error))?;
                }
                std::fs::create_dir_all(dir).map_err(|error| self.failed(error))?;
                builder.create_in_dir(dir).map_err(|error| self.failed(error))?
            }
        };
        self.begin(&index, 0, size)?;
        self.commit(Seq(0))
    }

    /// Adds an event; it is found after the next commit.
    pub fn add(&mut self, seq: Seq, document: &Document<'_>) -> Result<(), SearchError> {
        let open = self.open.as_mut().expect("it is prepared before anything is added");
        let added = open.writer.add_document(open.fields.document(seq, document));
        open.documents += 1;
        added.map(drop).map_err(|error| self.failed(error))
    }

    /// Makes everything added so far durable, with the position behind it.
    pub fn commit(&mut self, position: Seq) -> Result<(), SearchError> {
        let log_id = self.log_id.clone();
        let open = self.open.as_mut().expect("it is prepared before anything is committed");
        let payload = Payload { log_id, position, documents: open.documents };
        let committed = open.writer.prepare_commit().and_then(|mut commit| {
            commit.set_payload(&payload.write());
            commit.commit()
        });
        committed.and_then(|_| open.reader.reload()).map_err(|error| self.failed(error))?;
        self.tell(position);
        Ok(())
    }

    /// Tells those who ask how far it has come.
    fn tell(&self, position: Seq) {
        let Some(open) = &self.open else { return };
        if position >= open.answers_from {
            self.search.is_ready(open.reader.clone(), open.fields.clone());
        } else {
            self.search.is_making(position, open.answers_from);
        }
    }

    fn close(&mut self) {
        self.search.is_checking();
        self.open = None;
    }

    fn begin(&mut self, index: &Index, documents: u64, size: Seq) -> Result<(), SearchError> {
        // One thread writes and one merges: the log is read by one reader, and the machine has others to serve.
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(self.memory_bytes);
        let writer = index.writer_with_options(options.build()).map_err(|error| self.failed(error))?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual);
        let reader = reader.try_into().map_err(|error| self.failed(error))?;
        let (_, fields) = schema();
        self.open = Some(Open { writer, reader, fields, documents, answers_from: size });
        Ok(())
    }

    /// The index on disk, if it is whole and of this log; else why it is not.
    fn checked(&self, dir: &Path, size: Seq) -> Result<(Index, Payload), String> {
        let text = |error: tantivy::TantivyError| error.to_string();
        // Without this file the library would begin an empty index in its place.
        if !dir.join(META_FILE).is_file() {
            return Err(format!("{META_FILE} is missing"));
        }
        let mut index = Index::open_in_dir(dir).map_err(text)?;
        if index.schema() != schema().0 {
            return Err("it has other fields".to_owned());
        }
        index.set_tokenizers(tokenizers());
        let metas = index.load_metas().map_err(text)?;
        let payload = metas.payload.as_deref().and_then(Payload::read);
        let payload = payload.ok_or("it does not say what it is")?;
        if payload.log_id != self.log_id {
            return Err("it belongs to another log".to_owned());
        }
        if payload.position > size {
            return Err("it holds more than the log".to_owned());
        }
        let documents: u64 = metas.segments.iter().map(|segment| u64::from(segment.num_docs())).sum();
        if documents != payload.documents {
            return Err("documents are missing".to_owned());
        }
        let damaged = index.validate_checksum().map_err(text)?;
        match damaged.iter().next() {
            Some(file) => Err(format!("{} is damaged", file.display())),
            None => Ok((index, payload)),
        }
    }

    fn failed(&self, error: impl std::fmt::Display) -> SearchError {
        let dir = match &self.place {
            Place::Memory => "memory".to_owned(),
            Place::Directory(dir) => dir.display().to_string(),
        };
        SearchError::Failed { dir, what: error.to_string() }
    }
}
