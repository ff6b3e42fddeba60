//! The indexing pipeline: read, encode in parallel, index in input order, commit on boundaries.
//!
//! Input is cut into chunks. One thread reads, one per encoder encodes (`encode`; vectors that the input
//! gives pass through), the caller's thread puts chunks back in order and indexes them. Queues are bounded,
//! so memory does not depend on the input. A commit falls on a chunk boundary and carries how far
//! each input got; a run that is stopped, by a signal or by force, loses at most what followed its
//! last commit.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use gleaner_catalog::InputProgress;
use gleaner_format::SparseVector;

use crate::{
    encode::{Chunk, DocumentEncoder, Encoded, EncodedText, NoEncoder, encode_chunks},
    error::{IndexError, Rejection},
    input::{Given, Input, InputFile, InputKind},
    store::IndexStore,
};

/// Documents per chunk.
pub const CHUNK_DOCUMENTS: usize = 1_024;

/// Postings per chunk of given vectors, above which it ends early.
const CHUNK_POSTINGS: usize = 1 << 20;

/// Numbers of given dense vectors per chunk, above which it ends early.
const CHUNK_NUMBERS: usize = 4 << 20;

/// Bytes of text per chunk, above which it ends early: texts may be long.
const CHUNK_TEXT_BYTES: usize = 16 << 20;

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
    /// Least time between commits.
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
/// chunk and every commit. Errors: the first one met in input order; what was indexed before it is
/// committed, but after `Storage`.
pub fn ingest(
    store: &mut IndexStore,
    inputs: &[impl Into<InputFile> + Clone],
    mut encoders: Vec<Box<dyn DocumentEncoder>>,
    options: &IngestOptions<'_>,
    report: &mut dyn FnMut(&Progress),
) -> Result<IngestReport, IndexError> {
    let files: Vec<InputFile> = inputs.iter().map(|input| input.clone().into()).collect();
    if encoders.is_empty() {
        let is_given = |file: &InputFile| file.kind != InputKind::Texts;
        assert!(files.iter().all(is_given), "texts cannot be encoded without an encoder");
        encoders.push(Box::new(NoEncoder));
    }
    let Opened { inputs, earlier, found, rejected } = open_inputs(store, &files, options.resume)?;
    let fields = &store.manifest().dense.clone()[..];
    let passed_bytes = inputs.iter().map(Input::read_bytes).sum();
    let workers = encoders.len();
    let (chunks_in, chunks) = sync_channel::<Result<Chunk, IndexError>>(CHUNKS_AHEAD);
    let (encoded_in, encoded) = sync_channel::<Result<Encoded, IndexError>>(workers);
    let stop_at_rejection = options.on_error == OnError::Fail;
    // Owned by the workers alone: when they are gone, the reader's next send fails and it stops.
    let chunks = Arc::new(Mutex::new(chunks));
    std::thread::scope(|scope| {
        scope.spawn(move || read_chunks(inputs, stop_at_rejection, &chunks_in, options.stop));
        for mut encoder in encoders {
            let (chunks, encoded_in) = (Arc::clone(&chunks), encoded_in.clone());
            scope.spawn(move || encode_chunks(encoder.as_mut(), fields, &chunks, &encoded_in));
        }
        drop((chunks, encoded_in));
        let mut indexing = Indexing {
            store,
            options,
            report,
            progress: Progress { found, rejected, passed_bytes, ..Progress::default() },
            last_commit: Instant::now(),
            earlier,
            inputs: Vec::new(),
        };
        let result = indexing.run(&encoded);
        // Closing the queue ends the other threads at their next send.
        drop(encoded);
        result.map(|()| IngestReport {
            progress: indexing.progress,
            interrupted: indexing.inputs.is_empty()
                || !indexing.inputs.iter().all(|input| input.complete),
        })
    })
}

/// Inputs ready to be read, and what earlier runs say of them and of others.
struct Opened {
    inputs: Vec<Input>,
    /// Files of earlier runs that are complete and not read by this one.
    earlier: Vec<InputProgress>,
    found: u64,
    rejected: u64,
}

/// Opens all inputs, moved on to where the interrupted run stopped if `resume` is set.
fn open_inputs(
    store: &IndexStore,
    files: &[InputFile],
    resume: bool,
) -> Result<Opened, IndexError> {
    let mut earlier = if resume { store.manifest().inputs.clone() } else { Vec::new() };
    let mut opened = Opened { inputs: Vec::new(), earlier: Vec::new(), found: 0, rejected: 0 };
    let fields = store.manifest().dense.clone().into();
    for file in files {
        let mut input = Input::open_with(file, &fields)?;
        let name = input.progress().path.clone();
        if let Some(at) = earlier.iter().position(|earlier| earlier.path == name) {
            let earlier = earlier.remove(at);
            input.resume(&earlier)?;
            opened.found += earlier.documents;
            opened.rejected += earlier.rejected;
        }
        opened.inputs.push(input);
    }
    if let Some(missing) = earlier.iter().find(|earlier| !earlier.complete) {
        return Err(IndexError::OtherInputs { path: PathBuf::from(&missing.path) });
    }
    opened.earlier = earlier;
    Ok(opened)
}

fn read_chunks(
    mut inputs: Vec<Input>,
    stop_at_rejection: bool,
    out: &SyncSender<Result<Chunk, IndexError>>,
    stop: &AtomicBool,
) {
    let mut sequence = 0;
    for current in 0..inputs.len() {
        while !inputs[current].progress().complete {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let chunk = read_chunk(&mut inputs, current, sequence, stop_at_rejection);
            let is_last = match &chunk {
                Ok(chunk) => stop_at_rejection && !chunk.rejections.is_empty(),
                Err(_) => true,
            };
            // A closed queue means that the other side stopped on an error of its own.
            if out.send(chunk).is_err() || is_last {
                return;
            }
            sequence += 1;
        }
    }
    if sequence == 0 {
        // Everything was complete already; say so with an empty chunk.
        let read_bytes = inputs.iter().map(Input::read_bytes).sum();
        let chunk = Chunk {
            sequence,
            file: PathBuf::new(),
            first_line: 0,
            documents: Vec::new(),
            given: None,
            dense: Vec::new(),
            rejections: Vec::new(),
            inputs: inputs.iter_mut().map(Input::mark).collect(),
            read_bytes,
        };
        let _ = out.send(Ok(chunk));
    }
}

/// Reads up to a chunk's number of entries, or up to the first bad one if that ends the run. The
/// bad entry itself then stays unread as far as the next run is concerned.
fn read_chunk(
    inputs: &mut [Input],
    current: usize,
    sequence: u64,
    stop_at_rejection: bool,
) -> Result<Chunk, IndexError> {
    let input = &mut inputs[current];
    let file = input.path().to_path_buf();
    let first_line = input.progress().lines + 1;
    let (mut documents, mut rejections) = (Vec::new(), Vec::new());
    let (mut vectors, mut dense_vectors) = (Vec::new(), Vec::new());
    let mut before_rejection = None;
    let (mut postings, mut numbers, mut text_bytes) = (0, 0, 0);
    while documents.len() + rejections.len() < CHUNK_DOCUMENTS
        && postings < CHUNK_POSTINGS
        && numbers < CHUNK_NUMBERS
        && text_bytes < CHUNK_TEXT_BYTES
    {
        let before = stop_at_rejection.then(|| input.position());
        match input.next()? {
            None => break,
            Some(Ok(Given { document, vector, dense })) => {
                postings += vector.as_ref().map_or(0, SparseVector::len);
                numbers += dense.iter().flatten().map(Vec::len).sum::<usize>();
                vectors.extend(vector);
                dense_vectors.push(dense);
                text_bytes += document.text.len();
                documents.push(document);
            }
            Some(Err(reason)) => rejections.push(input.rejection(reason)),
        }
        if stop_at_rejection && !rejections.is_empty() {
            before_rejection = before;
            break;
        }
    }
    if let Some(position) = before_rejection {
        input.forget_after(position);
    } else {
        input.progress().rejected += rejections.len() as u64;
    }
    input.progress().documents += documents.len() as u64;
    let read_bytes = inputs.iter().map(Input::read_bytes).sum();
    let inputs = inputs.iter_mut().map(Input::mark).collect();
    let given = (vectors.len() == documents.len()).then_some(vectors);
    Ok(Chunk {
        sequence,
        file,
        first_line,
        documents,
        given,
        dense: dense_vectors,
        rejections,
        inputs,
        read_bytes,
    })
}

/// The calling thread's side: order, upserts, commits.
struct Indexing<'a, 'b> {
    store: &'a mut IndexStore,
    options: &'a IngestOptions<'b>,
    report: &'a mut dyn FnMut(&Progress),
    progress: Progress,
    last_commit: Instant,
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
            self.store.upsert_rows(document, &text.rows)?;
        }
        self.progress.longer += encoded.iter().filter(|text| text.is_longer).count() as u64;
        self.inputs = chunk.inputs;
        self.progress.indexed += encoded.len() as u64;
        self.progress.read_bytes = chunk.read_bytes;
        self.progress.total_bytes = self.inputs.iter().map(|input| input.size_bytes).sum();
        if refused.is_err() {
            // The error names the line.
            self.progress.rejections.clear();
        }
        (self.report)(&self.progress);
        self.progress.rejections.clear();
        refused?;
        if self.last_commit.elapsed() >= self.options.commit_interval {
            self.commit()?;
        }
        Ok(())
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
        let is_news = self.store.uncommitted() > 0 || inputs != self.store.manifest().inputs;
        if !self.inputs.is_empty() && is_news {
            self.store.commit(inputs)?;
            self.progress.committed = self.progress.indexed;
            (self.report)(&self.progress);
        }
        self.last_commit = Instant::now();
        Ok(())
    }
}
