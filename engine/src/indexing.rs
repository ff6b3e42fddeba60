//! One run over files of documents: read, encode, index, commit, merge.
//!
//! The builder has opened the models and has proved that they are those of the index. The pipeline is
//! `indexer`'s; how a run is shown to people is the caller's.

use std::{sync::atomic::AtomicBool, time::Duration};

use gleaner_catalog::{LongTexts, Manifest, ModelBinding};
use gleaner_indexer::{
    IndexError, IndexStore, IngestOptions, InputFile, InputKind, OnError, Progress, ingest,
};

use crate::{
    builder::Resolved, error::Error, index::Index, models::Models,
    search::encode::threads_or_cores, snapshot::Snapshot,
};

/// A crash loses at most this much encoding, and a chunk.
const COMMIT_INTERVAL: Duration = Duration::from_secs(2);
/// Where vectors are given: they are read again sooner than small segments are merged.
const GIVEN_COMMIT_INTERVAL: Duration = Duration::from_secs(20);

static NEVER: AtomicBool = AtomicBool::new(false);

/// Files of documents on their way into an index. [`IndexBuilder::files`] begins one.
///
/// [`IndexBuilder::files`]: crate::IndexBuilder::files
///
/// ```
/// use gleaner::{Index, InputFormat, InputKind};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("my.index");
/// # let file = folder.path().join("docs.jsonl");
/// # std::fs::write(&file, "{\"id\": 1, \"vector\": {\"7\": 0.5}}\n")?;
/// let report = Index::create(path)
///     .files(&[file], InputFormat::Files(InputKind::VectorsJsonl))?
///     .resume(true)
///     .run()?;
/// assert_eq!(report.progress.indexed, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Indexing<'a> {
    resolved: Resolved,
    inputs: Vec<InputFile>,
    threads: Option<usize>,
    on_error: OnError,
    commit_interval: Option<Duration>,
    resume: bool,
    stop: &'a AtomicBool,
    on_progress: Option<OnProgress<'a>>,
}

/// Is told the state of a run.
type OnProgress<'a> = Box<dyn FnMut(&Progress) + 'a>;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexingReport {
    /// The last state.
    pub progress: Progress,
    /// Whether it was stopped before the end of its inputs. What was indexed is committed.
    pub is_interrupted: bool,
    /// What the index does with long texts.
    pub long: LongTexts,
    /// Dense fields in which documents of this run have no vector, and how many.
    pub without_dense: Vec<(String, u64)>,
}

impl Indexing<'static> {
    pub(crate) fn new(resolved: Resolved, inputs: Vec<InputFile>, threads: Option<usize>) -> Self {
        Self {
            resolved,
            inputs,
            threads,
            on_error: OnError::Fail,
            commit_interval: None,
            resume: false,
            stop: &NEVER,
            on_progress: None,
        }
    }
}

impl<'a> Indexing<'a> {
    /// What to do with a line that is refused; by default the run stops, with everything before the
    /// line committed.
    pub fn on_error(mut self, on_error: OnError) -> Self {
        self.on_error = on_error;
        self
    }

    /// Least time between commits; 2 s where texts are encoded, 20 s where vectors are given.
    pub fn commit_interval(mut self, interval: Duration) -> Self {
        self.commit_interval = Some(interval);
        self
    }

    /// Whether to go on after the last commit of an interrupted run.
    pub fn resume(mut self, is_resumed: bool) -> Self {
        self.resume = is_resumed;
        self
    }

    /// Stops at the next chunk boundary, committed, when this is set.
    pub fn stop_when<'b>(self, stop: &'b AtomicBool) -> Indexing<'b>
    where
        'a: 'b,
    {
        Indexing { stop, ..self }
    }

    /// Is told the state of the run after every chunk and every commit.
    pub fn on_progress<'b>(self, report: Box<dyn FnMut(&Progress) + 'b>) -> Indexing<'b>
    where
        'a: 'b,
    {
        Indexing { on_progress: Some(report), ..self }
    }

    /// The files, in order.
    pub fn inputs(&self) -> &[InputFile] {
        &self.inputs
    }

    /// The index as it was found, nothing where there is none yet.
    pub fn found(&self) -> Option<Snapshot> {
        Some(Snapshot { commit: self.resolved.reader.as_ref()?.snapshot() })
    }

    /// The sparse model that the index belongs to, or will belong to.
    pub fn model(&self) -> Option<&ModelBinding> {
        self.resolved.model.as_ref()
    }

    /// The models of the run, shared.
    pub fn models(&self) -> &Models {
        &self.resolved.models
    }

    /// Whether texts become sparse vectors.
    pub fn encodes_sparse(&self) -> bool {
        self.resolved.documents.sparse.is_some()
    }

    /// Whether any of the files holds texts, rather than vectors.
    pub fn has_texts(&self) -> bool {
        self.inputs.iter().any(|input| input.kind.is_texts())
    }

    /// Whether anything of the files is encoded.
    pub fn encodes(&self) -> bool {
        let has_texts_beside = || {
            self.inputs.iter().any(|input| match input.kind {
                InputKind::Texts | InputKind::Csv | InputKind::Tsv | InputKind::VectorsJsonl => {
                    true
                }
                InputKind::Vectors | InputKind::Ciff => false,
            })
        };
        self.has_texts() || !self.resolved.documents.dense.is_empty() && has_texts_beside()
    }

    /// Opens the index for writing, or creates it.
    ///
    /// # Errors
    /// `Index` when the folder holds another index than is asked for, or is open for writing elsewhere.
    pub fn open(self) -> Result<OpenedIndexing<'a>, Error> {
        let store = self.resolved.store()?;
        Ok(OpenedIndexing { indexing: self, store })
    }

    /// Opens the index and indexes everything: [`Indexing::open`] and [`OpenedIndexing::run`].
    ///
    /// # Errors
    /// Those of both.
    pub fn run(self) -> Result<IndexingReport, Error> {
        self.open()?.run()
    }
}

/// A run whose index is open for writing.
///
/// ```
/// use gleaner::{Index, InputFormat, InputKind};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("my.index");
/// # let file = folder.path().join("docs.jsonl");
/// # std::fs::write(&file, "{\"id\": 1, \"vector\": {\"7\": 0.5}}\n")?;
/// let opened = Index::create(path).files(&[file], InputFormat::Files(InputKind::VectorsJsonl))?.open()?;
/// assert_eq!(opened.indexing().inputs().len(), 1);
/// let (report, index) = opened.run_and_search()?;
/// assert_eq!((report.progress.indexed, index.snapshot().documents()), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct OpenedIndexing<'a> {
    indexing: Indexing<'a>,
    store: IndexStore,
}

impl<'a> OpenedIndexing<'a> {
    /// The files and the models of the run.
    pub fn indexing(&self) -> &Indexing<'a> {
        &self.indexing
    }

    /// Indexes everything. A new index into which nothing was indexed is removed again.
    ///
    /// # Errors
    /// `Index`, the first one met in the order of the files; what was indexed before it is committed.
    /// `Encode` when no session can be had.
    pub fn run(self) -> Result<IndexingReport, Error> {
        let (report, _, store) = self.fill()?;
        if report.is_interrupted || report.is_empty() {
            discard(store);
        }
        Ok(report)
    }

    /// Indexes everything, and opens the index for searching. Files that were read to open it are not
    /// read again.
    ///
    /// # Errors
    /// As [`OpenedIndexing::run`]; `Index` with `NothingIndexed`.
    pub fn run_and_search(self) -> Result<(IndexingReport, Index), Error> {
        let (report, indexing, store) = self.fill()?;
        if let Err(error) = report.check_not_empty(&indexing.inputs) {
            discard(store);
            return Err(error);
        }
        let Indexing { resolved, threads, .. } = indexing;
        Ok((report, Index::from_resolved(resolved, store, threads)?))
    }

    fn fill(self) -> Result<(IndexingReport, Indexing<'a>, IndexStore), Error> {
        let Self { mut indexing, mut store } = self;
        match indexing.fill(&mut store) {
            Ok(report) => Ok((report, indexing, store)),
            Err(error) => {
                discard(store);
                Err(error)
            }
        }
    }
}

/// Removes a new index into which nothing was indexed.
fn discard(store: IndexStore) {
    // The reason that matters is why nothing was indexed, not what is left of it.
    let _ = store.discard_if_unused();
}

impl Indexing<'_> {
    fn fill(&mut self, store: &mut IndexStore) -> Result<IndexingReport, Error> {
        let encodes = self.encodes();
        let workers = match encodes {
            true => {
                let threads = threads_or_cores(self.threads);
                self.resolved.documents.workers(store.manifest(), threads)?
            }
            false => Vec::new(),
        };
        let interval = if encodes { COMMIT_INTERVAL } else { GIVEN_COMMIT_INTERVAL };
        let options = IngestOptions {
            on_error: self.on_error,
            commit_interval: self.commit_interval.unwrap_or(interval),
            resume: self.resume,
            stop: self.stop,
        };
        let mut report = self.on_progress.take().unwrap_or_else(|| Box::new(|_| ()));
        let ended = ingest(store, &self.inputs, workers, &options, &mut *report)?;
        if !ended.interrupted {
            store.settle(ended.progress.indexed)?;
        }
        let Manifest { long, dense, .. } = store.manifest();
        let fields = dense.iter().map(|field| field.spec.name.clone());
        let counts = fields.zip(ended.progress.without_dense.iter().copied());
        Ok(IndexingReport {
            without_dense: counts.filter(|(_, count)| *count > 0).collect(),
            is_interrupted: ended.interrupted,
            long: *long,
            progress: ended.progress,
        })
    }
}

impl IndexingReport {
    /// Whether the index holds nothing of these files.
    pub fn is_empty(&self) -> bool {
        self.progress.found + self.progress.indexed == 0
    }

    /// Refuses a run that indexed nothing of its files.
    ///
    /// # Errors
    /// `Index` with `NothingIndexed`.
    pub fn check_not_empty(&self, inputs: &[InputFile]) -> Result<(), Error> {
        if !self.is_empty() {
            return Ok(());
        }
        let names = inputs.iter().map(|input| input.path.display().to_string());
        let inputs = names.collect::<Vec<_>>().join(", ");
        Err(IndexError::NothingIndexed { inputs, rejected: self.progress.rejected }.into())
    }
}
