//! The indexing pipeline: read, encode in parallel, index in input order, commit on boundaries.
//!
//! The input is cut into chunks. One thread reads (`read`) and one thread per encoder encodes (`encode`).
//! The caller's thread puts chunks back in order and indexes them. Queues are bounded, so memory does not
//! depend on the input. A commit falls on a chunk boundary and carries how far each input got. A run that
//! is stopped, by a signal or by force, loses at most what followed its last commit.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::AtomicBool,
        mpsc::{Receiver, sync_channel},
    },
    time::{Duration, Instant},
};

use gleaner_catalog::InputProgress;

use super::{
    chunk::{Chunk, Encoded},
    encode::encode_chunks,
    read::{OpenInputs, read_chunks},
};
use crate::{
    encoder::{DocumentEncoder, EncodedText, NoEncoder},
    error::{IndexError, Rejection},
    input::{Input, InputFile},
    store::{IndexStore, Written},
};

/// The first commit comes after this part of the time between commits, and every other after twice
/// the time of the one before: so a run that is stopped soon has got somewhere.
const FIRST_INTERVAL_PART: u32 = 8;

/// Chunks read ahead of the encoders.
const CHUNKS_AHEAD: usize = 2;

/// What to do with a line that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// Stop, with everything before it committed.
    Fail,
    /// Report it and go on, up to a number of lines in total.
    Skip {
        /// Lines tolerated.
        max_errors: u64,
    },
}

/// How to run.
pub struct IngestOptions<'a> {
    /// What to do with bad lines.
    pub on_error: OnError,
    /// Least time between commits; at the beginning of a run there is less.
    pub commit_interval: Duration,
    /// Go on after the last commit of an interrupted run.
    pub resume: bool,
    /// Set from outside to stop at the next chunk boundary, committed.
    pub stop: &'a AtomicBool,
}

/// The state of a run, reported after every chunk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Documents that were already committed when a resumed run started.
    pub found: u64,
    /// Documents indexed by this run.
    pub indexed: u64,
    /// Those of them whose text is longer than the model reads at once.
    pub longer: u64,
    /// Those of them whose `_id` no document had.
    pub added: u64,
    /// Those of them that replaced another document.
    pub replaced: u64,
    /// Those of them that are there already, text and keys the same; they are not encoded again.
    pub unchanged: u64,
    /// Those of them that deleted a document (`"_deleted": true`).
    pub deleted: u64,
    /// Those of them that would have deleted one, and there was none.
    pub missing: u64,
    /// Documents of this run without a vector, by dense field of the index in its order.
    pub without_dense: Vec<u64>,
    /// Blank lines that this run passed.
    pub blank: u64,
    /// Documents of this run that are committed.
    pub committed: u64,
    /// Lines refused, those included that were refused before a resumed run started.
    pub rejected: u64,
    /// Bytes of the input files read so far, those passed over by a resumed run included.
    pub read_bytes: u64,
    /// Those of them that a resumed run passed over before it began.
    pub passed_bytes: u64,
    /// Bytes of all input files.
    pub total_bytes: u64,
    /// Refused lines not reported before.
    pub rejections: Vec<Rejection>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestReport {
    /// The last state.
    pub progress: Progress,
    /// Whether it was stopped before the end of its inputs.
    pub interrupted: bool,
}

/// Indexes `inputs` in order and commits.
///
/// Encoders are needed only for inputs of texts. `report` is called on the calling thread after every
/// chunk and every commit.
///
/// # Errors
/// The first one met in input order; what was indexed before it is committed, but after `Storage`.
///
/// # Panics
/// If there are texts and no encoder.
pub fn ingest(
    store: &mut IndexStore,
    inputs: &[impl Into<InputFile> + Clone],
    mut encoders: Vec<Box<dyn DocumentEncoder>>,
    options: &IngestOptions<'_>,
    report: &mut dyn FnMut(&Progress),
) -> Result<IngestReport, IndexError> {
    let files: Vec<InputFile> = inputs.iter().map(|input| input.clone().into()).collect();
    if encoders.is_empty() {
        let is_given = |file: &InputFile| !file.kind.is_texts();
        assert!(files.iter().all(is_given), "texts cannot be encoded without an encoder");
        encoders.push(Box::new(NoEncoder));
    }
    let OpenInputs { inputs, earlier, found, rejected } =
        OpenInputs::open(store.manifest(), &files, options.resume)?;
    let fields = &store.manifest().dense.clone()[..];
    let passed_bytes = inputs.iter().map(Input::read_bytes).sum();
    let without_dense = vec![0; fields.len()];
    store.count_replaced()?;
    let earlier_documents = store.earlier_documents()?;
    let workers = encoders.len();
    let (chunks_in, chunks) = sync_channel::<Result<Chunk, IndexError>>(CHUNKS_AHEAD);
    let (encoded_in, encoded) = sync_channel::<Result<Encoded, IndexError>>(workers);
    let stop_at_rejection = options.on_error == OnError::Fail;
    // Owned by the workers alone: when they are gone, the reader's next send fails and it stops.
    let chunks = Arc::new(Mutex::new(chunks));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            read_chunks(inputs, earlier_documents, stop_at_rejection, &chunks_in, options.stop);
        });
        for mut encoder in encoders {
            let (chunks, encoded_in) = (Arc::clone(&chunks), encoded_in.clone());
            scope.spawn(move || encode_chunks(encoder.as_mut(), fields, &chunks, &encoded_in));
        }
        drop((chunks, encoded_in));
        let mut indexing = Indexing {
            store,
            options,
            report,
            progress: Progress {
                found,
                rejected,
                passed_bytes,
                without_dense,
                ..Progress::default()
            },
            last_commit: Instant::now(),
            interval: options.commit_interval / FIRST_INTERVAL_PART,
            earlier,
            inputs: Vec::new(),
        };
        let result = indexing.run(&encoded);
        // Closing the queue ends the other threads at their next send.
        drop(encoded);
        indexing.store.count_no_longer();
        result.map(|()| IngestReport {
            progress: indexing.progress,
            interrupted: indexing.inputs.is_empty()
                || !indexing.inputs.iter().all(|input| input.complete),
        })
    })
}

/// The calling thread's side: order, upserts, commits.
struct Indexing<'a, 'b> {
    store: &'a mut IndexStore,
    options: &'a IngestOptions<'b>,
    report: &'a mut dyn FnMut(&Progress),
    progress: Progress,
    last_commit: Instant,
    /// Time between commits by now.
    interval: Duration,
    earlier: Vec<InputProgress>,
    inputs: Vec<InputProgress>,
}

impl Indexing<'_, '_> {
    fn run(&mut self, encoded: &Receiver<Result<Encoded, IndexError>>) -> Result<(), IndexError> {
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        let mut failed = None;
        for message in encoded {
            match message {
                Ok((chunk, vectors)) => {
                    waiting.insert(chunk.sequence, (chunk, vectors));
                }
                Err(error) => failed = Some(error),
            }
            while let Some((chunk, vectors)) = waiting.remove(&next) {
                if let Err(error) = self.index_chunk(chunk, vectors) {
                    self.commit_what_is_sound(&error)?;
                    return Err(error);
                }
                next += 1;
            }
        }
        if !waiting.is_empty() && failed.is_none() {
            failed = Some(IndexError::Pipeline);
        }
        self.commit()?;
        failed.map_or(Ok(()), Err)
    }

    fn index_chunk(
        &mut self,
        chunk: Chunk,
        encoded: Result<Vec<EncodedText>, IndexError>,
    ) -> Result<(), IndexError> {
        let encoded = encoded?;
        self.progress.rejected += chunk.rejections.len() as u64;
        self.progress.rejections = chunk.rejections;
        let refused = self.check_rejections();
        if let Err(IndexError::TooManyRejected { .. }) = refused {
            // The chunk is left to the next run, which will meet the same lines and the same limit.
            (self.report)(&self.progress);
            return refused;
        }
        for (document, text) in chunk.documents.iter().zip(&encoded) {
            if document.is_deletion {
                let was_there = self.store.delete(&document.id)?;
                self.progress.deleted += u64::from(was_there);
                self.progress.missing += u64::from(!was_there);
                continue;
            }
            match self.store.upsert_rows(document, &text.rows)? {
                Written::Added => self.progress.added += 1,
                Written::Replaced => self.progress.replaced += 1,
            }
            self.count_missing(text);
        }
        self.progress.unchanged += chunk.unchanged;
        let fields = &self.store.manifest().dense;
        for (field, missing) in fields.iter().zip(&mut self.progress.without_dense) {
            // What is unchanged brought no vector.
            *missing += if field.model.is_none() { chunk.unchanged } else { 0 };
        }
        self.progress.blank += chunk.blank;
        self.progress.longer += encoded.iter().filter(|text| text.is_longer).count() as u64;
        self.inputs = chunk.inputs;
        self.progress.indexed += encoded.len() as u64 + chunk.unchanged;
        self.progress.read_bytes = chunk.read_bytes;
        self.progress.total_bytes = self.inputs.iter().map(|input| input.size_bytes).sum();
        if refused.is_err() {
            // The error names the line.
            self.progress.rejections.clear();
        }
        (self.report)(&self.progress);
        self.progress.rejections.clear();
        refused?;
        if self.last_commit.elapsed() >= self.interval {
            self.commit()?;
            self.interval = (self.interval * 2).min(self.options.commit_interval);
        }
        Ok(())
    }

    /// Counts a document in every dense field in which it has no vector.
    fn count_missing(&mut self, text: &EncodedText) {
        let has = |field: usize| {
            text.rows.iter().any(|row| row.dense.get(field).is_some_and(Option::is_some))
        };
        for (field, missing) in self.progress.without_dense.iter_mut().enumerate() {
            *missing += u64::from(!has(field));
        }
    }

    fn check_rejections(&self) -> Result<(), IndexError> {
        let rejections = &self.progress.rejections;
        let (Some(first), Some(last)) = (rejections.first(), rejections.last()) else {
            return Ok(());
        };
        let rejected = self.progress.rejected;
        match self.options.on_error {
            OnError::Fail => Err(IndexError::Rejected { rejection: first.clone() }),
            OnError::Skip { max_errors } if rejected > max_errors => {
                Err(IndexError::TooManyRejected { rejected, limit: max_errors, last: last.clone() })
            }
            OnError::Skip { .. } => Ok(()),
        }
    }

    /// Keeps what was indexed before an error, unless storage itself failed.
    fn commit_what_is_sound(&mut self, error: &IndexError) -> Result<(), IndexError> {
        match error {
            IndexError::Storage(_) => Ok(()),
            _ => self.commit(),
        }
    }

    fn commit(&mut self) -> Result<(), IndexError> {
        let inputs = [&self.earlier[..], &self.inputs].concat();
        let is_news = self.store.uncommitted() > 0
            || self.store.has_news
            || inputs != self.store.manifest().inputs;
        if !self.inputs.is_empty() && is_news {
            self.store.commit(inputs)?;
            self.store.merge_due()?;
            self.progress.committed = self.progress.indexed;
            (self.report)(&self.progress);
        }
        self.last_commit = Instant::now();
        Ok(())
    }
}
