//! An index: opened or created, written, committed, searched.
//!
//! Reading takes no lock and any number of readers may search at the same time. Writing takes the lock of the
//! folder with the first write, and keeps it until the index is dropped. What an index is to be is
//! `builder`'s, runs over files are `indexing`'s.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use gleaner_catalog::{IndexSettings, Manifest, OpenIndex};
use gleaner_encoder::{Side, SparseVector};
use gleaner_indexer::{
    Document as ReadDocument, EncodedText, IndexError, IndexStore, InputDocument, MergeReport,
};
use gleaner_searcher::SearchResponse;

use crate::{
    builder::{IndexBuilder, Resolved},
    document::Document,
    error::Error,
    models::Models,
    search::encode::QueryEncoder,
    search::prepare::Prepared,
    search::query::Search,
    snapshot::Snapshot,
    worker::DocumentModels,
    writing::encoders::DocumentEncoders,
};

/// Documents that are encoded and handed to the writer together.
const CHUNK_DOCUMENTS: usize = 1_024;
/// Time between two attempts to take the lock of a folder.
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// An index folder, open for searching and writing.
///
/// ```
/// use gleaner::{Document, Index, Query, Search, SparseVector};
///
/// let folder = tempfile::tempdir()?;
/// let mut index = Index::create(folder.path().join("my.index")).open()?;
/// let vector = |pairs: &[(u32, f32)]| SparseVector::from_pairs(pairs.iter().copied());
/// index.upsert([
///     Document::bare("a").vector(vector(&[(1, 2.0), (7, 0.5)])?),
///     Document::bare("b").vector(vector(&[(7, 1.0)])?),
/// ])?;
/// index.commit()?;
///
/// let answer = index.search(Query::vector(vector(&[(7, 2.0)])?))?;
/// assert_eq!((answer.hits[0].id.as_str(), answer.hits[0].score), ("b", 2.0));
/// assert!(answer.exact);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Index {
    reader: gleaner_searcher::Index,
    models: Models,
    /// Open once something was written.
    writer: Mutex<Option<IndexStore>>,
    /// How long it waits for another program that writes.
    lock_wait: Duration,
    documents: Mutex<DocumentEncoders>,
    /// Encoders of queries that no search is using.
    encoders: Mutex<Vec<QueryEncoder>>,
}

// A server shares an index among the threads of its requests.
const _: () = {
    const fn is_shared_by_threads<T: Send + Sync>() {}
    is_shared_by_threads::<Index>();
    is_shared_by_threads::<Models>();
    is_shared_by_threads::<Prepared>();
    is_shared_by_threads::<Snapshot>();
};

impl Index {
    /// Begins an index at `path`, or the opening for writing of one that is there: the builder says
    /// what it is to be.
    ///
    /// ```
    /// use gleaner::{Document, Index};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let (path, model) = (folder.path().join("my.index"), concat!(env!("CARGO_MANIFEST_DIR"), "/../data/models/splade-tiny"));
    /// # if gleaner::Models::new().open_sparse(model.as_ref()).is_err() {
    /// #     return Ok(()); // without the ONNX Runtime
    /// # }
    /// let mut index = Index::create(path).model(model).open()?;
    /// index.upsert([Document::new("1", "Penicillin was discovered by Alexander Fleming.")])?;
    /// index.commit()?;
    /// assert_eq!(index.search("who found penicillin")?.hits[0].id, "1");
    /// # Ok(())
    /// # }
    /// ```
    pub fn create(path: impl AsRef<Path>) -> IndexBuilder {
        IndexBuilder::new(path.as_ref())
    }

    /// Opens an index and checks every file of its latest commit. Its models are looked for where they
    /// were when it was built, and opened when a text comes.
    ///
    /// ```
    /// # use gleaner::{Document, SparseVector};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("my.index");
    /// # let mut index = gleaner::Index::create(&path).open()?;
    /// # let vector = SparseVector::from_pairs([(7, 1.0)])?;
    /// # index.upsert([Document::bare("a").vector(vector.clone())])?;
    /// # index.commit()?;
    /// let index = gleaner::Index::open(&path)?;
    /// assert_eq!(index.snapshot().documents(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `Catalog` when there is no index, or a damaged one.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_with(path, &Models::new())
    }

    /// As [`Index::open`], with models of the caller's choice: two indexes that share them open each model once.
    ///
    /// ```
    /// # use gleaner::{Document, SparseVector};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("my.index");
    /// # let mut index = gleaner::Index::create(&path).open()?;
    /// # let vector = SparseVector::from_pairs([(7, 1.0)])?;
    /// # index.upsert([Document::bare("a").vector(vector.clone())])?;
    /// # index.commit()?;
    /// use gleaner::{Index, Models};
    ///
    /// let models = Models::new();
    /// let first = Index::open_with(&path, &models)?;
    /// let second = Index::open_with(&path, &models)?;
    /// assert_eq!(first.snapshot().generation(), second.snapshot().generation());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Index::open`].
    pub fn open_with(path: impl AsRef<Path>, models: &Models) -> Result<Self, Error> {
        let reader = gleaner_searcher::Index::from_opened(OpenIndex::open(path.as_ref())?)?;
        models.look_beside(path.as_ref());
        Ok(Self::new(reader, models.clone(), DocumentModels::default(), None))
    }

    /// What a builder describes, with the writer that it was opened with. The newest commit is searched.
    pub(crate) fn from_resolved(
        resolved: Resolved,
        store: IndexStore,
        threads: Option<usize>,
    ) -> Result<Self, Error> {
        let Resolved { path, reader, settings, documents, models, .. } = resolved;
        // An index without a document is made anew for another analyser.
        let is_same = |reader: &gleaner_searcher::Index| {
            settings.analyzer.is_none_or(|asked| asked == reader.opened().fields().analyzer)
        };
        let reader = match reader.filter(is_same) {
            Some(reader) => reader,
            None => gleaner_searcher::Index::from_opened(OpenIndex::open(&path)?)?,
        };
        reader.refresh()?;
        let index = Self::new(reader, models, documents, threads);
        *index.locked_writer() = Some(store);
        Ok(index)
    }

    fn new(
        reader: gleaner_searcher::Index,
        models: Models,
        documents: DocumentModels,
        threads: Option<usize>,
    ) -> Self {
        let (writer, encoders) = (Mutex::new(None), Mutex::new(Vec::new()));
        let documents = Mutex::new(DocumentEncoders::new(documents, threads));
        Self { reader, models, writer, lock_wait: Duration::ZERO, documents, encoders }
    }

    /// The same, with time for another program that writes to end before writing fails.
    pub fn wait_for_lock(mut self, wait: Duration) -> Self {
        self.lock_wait = wait;
        self
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.reader.path()
    }

    /// The models of this index, shared.
    pub fn models(&self) -> &Models {
        &self.models
    }

    /// The latest commit that was opened.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { commit: self.reader.snapshot() }
    }

    /// Opens the latest commit, where another program made a newer one.
    ///
    /// ```
    /// # use gleaner::{Document, SparseVector};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("my.index");
    /// # let mut index = gleaner::Index::create(&path).open()?;
    /// # let vector = SparseVector::from_pairs([(7, 1.0)])?;
    /// # index.upsert([Document::bare("a").vector(vector.clone())])?;
    /// # index.commit()?;
    /// let reader = gleaner::Index::open(&path)?;
    /// index.upsert([Document::bare("b").vector(vector)])?;
    /// index.commit()?;
    /// assert_eq!(reader.snapshot().documents(), 1);
    /// assert_eq!(reader.refresh()?.documents(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Index::open`]; the snapshot opened before stays.
    pub fn refresh(&self) -> Result<Snapshot, Error> {
        Ok(Snapshot { commit: self.reader.refresh()? })
    }

    /// Searches the latest commit that was opened. A text is encoded by the models of the ranking's
    /// legs.
    ///
    /// ```
    /// # use gleaner::{Document, SparseVector};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("my.index");
    /// # let mut index = gleaner::Index::create(&path).open()?;
    /// # let vector = SparseVector::from_pairs([(7, 1.0)])?;
    /// # index.upsert([Document::bare("a").vector(vector.clone())])?;
    /// # index.commit()?;
    /// use gleaner::{Query, Search};
    ///
    /// let answer = index.search(Search::new(Query::vector(vector)).k(5))?;
    /// assert_eq!(answer.hits[0].id, "a");
    /// assert!(answer.exact);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Prepared::new`], [`QueryEncoder::encode`] and [`Snapshot::search`].
    pub fn search(&self, search: impl Into<Search>) -> Result<SearchResponse, Error> {
        let snapshot = self.snapshot();
        let mut prepared = Prepared::new(search.into(), &snapshot, &self.models)?;
        if prepared.needs_encoding() {
            let mut encoder = self.take_encoder();
            let encoded = encoder.encode(&mut prepared);
            self.encoders.lock().unwrap_or_else(PoisonError::into_inner).push(encoder);
            encoded?;
        }
        snapshot.search(&prepared)
    }

    fn take_encoder(&self) -> QueryEncoder {
        let mut free = self.encoders.lock().unwrap_or_else(PoisonError::into_inner);
        free.pop().unwrap_or_else(|| QueryEncoder::new(1))
    }

    /// The sparse vectors of texts by the index's model.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let (path, model) = (folder.path().join("my.index"), concat!(env!("CARGO_MANIFEST_DIR"), "/../data/models/splade-tiny"));
    /// # if gleaner::Models::new().open_sparse(model.as_ref()).is_err() {
    /// #     return Ok(()); // without the ONNX Runtime
    /// # }
    /// use gleaner::{Index, Side};
    ///
    /// let index = Index::create(path).model(model).open()?;
    /// let vectors = index.encode(Side::Query, &["penicillin"])?;
    /// assert!(vectors[0].iter().all(|(_, weight)| weight > 0.0));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`Models::sparse_of`]; `Encode`.
    pub fn encode(&self, side: Side, texts: &[&str]) -> Result<Vec<SparseVector>, Error> {
        self.models.encode(self.snapshot().manifest(), side, texts)
    }

    /// Replaces documents by their `_id`, or adds them. They are searched after [`Index::commit`].
    ///
    /// ```
    /// # use gleaner::{Document, SparseVector};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("my.index");
    /// # let mut index = gleaner::Index::create(&path).open()?;
    /// # let vector = SparseVector::from_pairs([(7, 1.0)])?;
    /// # index.upsert([Document::bare("a").vector(vector.clone())])?;
    /// # index.commit()?;
    /// let documents = ["a", "b"].map(|id| Document::bare(id).vector(vector.clone()));
    /// index.upsert(documents)?;
    /// // `a` was replaced.
    /// assert_eq!(index.commit()?.documents(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `Document` for the first one that cannot be indexed, those of its chunk of 1,024 that came before it not
    /// being written; `TextsNeedModel`; those of [`Models::sparse_of`] and [`Models::dense_of`]; `Index` for the
    /// writer's, a text that cannot be encoded among them.
    pub fn upsert(&mut self, documents: impl IntoIterator<Item = Document>) -> Result<(), Error> {
        let manifest = self.with_store(|store| Ok(store.manifest().clone()))?;
        let mut documents = documents.into_iter();
        loop {
            let chunk = documents.by_ref().take(CHUNK_DOCUMENTS);
            let chunk = chunk.map(|document| document.into_given(&manifest.dense));
            let chunk = chunk.collect::<Result<Vec<_>, Error>>()?;
            if chunk.is_empty() {
                return Ok(());
            }
            let encoded = self.encode_documents(&manifest, chunk)?;
            self.with_store(|store| {
                let mut written = encoded.into_iter();
                written.try_for_each(|(document, text)| {
                    store.upsert_rows(&document, &text.rows).map(|_| ()).map_err(Error::from)
                })
            })?;
        }
    }

    /// Removes the document with this `_id`, if there is one. It is found until [`Index::commit`].
    ///
    /// ```
    /// # use gleaner::{Document, SparseVector};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("my.index");
    /// # let mut index = gleaner::Index::create(&path).open()?;
    /// # let vector = SparseVector::from_pairs([(7, 1.0)])?;
    /// # index.upsert([Document::bare("a").vector(vector.clone())])?;
    /// # index.commit()?;
    /// index.delete("a")?;
    /// assert_eq!(index.snapshot().documents(), 1);
    /// assert_eq!(index.commit()?.documents(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `Index` for the writer's.
    pub fn delete(&mut self, id: &str) -> Result<(), Error> {
        self.with_store(|store| Ok(store.delete(id)?)).map(|_| ())
    }

    /// Makes everything written since the last commit durable, and searchable here. It survives a crash
    /// once this returns.
    ///
    /// ```
    /// # use gleaner::{Document, SparseVector};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("my.index");
    /// # let mut index = gleaner::Index::create(&path).open()?;
    /// # let vector = SparseVector::from_pairs([(7, 1.0)])?;
    /// # index.upsert([Document::bare("a").vector(vector.clone())])?;
    /// # index.commit()?;
    /// index.upsert([Document::bare("b").vector(vector)])?;
    /// assert_eq!(index.snapshot().documents(), 1);
    /// assert_eq!(index.commit()?.documents(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `Index`; the previous commit is then still whole. Those of [`Index::refresh`] after the commit was made.
    pub fn commit(&mut self) -> Result<Snapshot, Error> {
        self.commit_now()?;
        if let Some(store) = self.locked_writer().as_mut() {
            store.merge_due()?;
        }
        self.refresh()
    }

    /// Merges all segments of an index that nobody searches here: files that the merge replaces are let
    /// go with it. `wait` is for another program that writes to end.
    ///
    /// ```
    /// # use gleaner::{Document, SparseVector};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("my.index");
    /// # let mut index = gleaner::Index::create(&path).open()?;
    /// # let vector = SparseVector::from_pairs([(7, 1.0)])?;
    /// # index.upsert([Document::bare("a").vector(vector.clone())])?;
    /// # index.commit()?;
    /// drop(index);
    /// let report = gleaner::Index::merge_at(&path, std::time::Duration::ZERO)?;
    /// assert_eq!(report.after, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `Catalog` when there is no index, or a damaged one; `Index` as [`Index::merge`].
    pub fn merge_at(path: impl AsRef<Path>, wait: Duration) -> Result<MergeReport, Error> {
        let opened = OpenIndex::open(path.as_ref())?;
        let mut store = when_unlocked(wait, || {
            let model = opened.commit().manifest().model.clone();
            IndexStore::open_checked(&opened, model, &IndexSettings::default())
        })?;
        drop(opened);
        Ok(store.merge()?)
    }

    /// Merges all segments into as few as their limits allow.
    ///
    /// ```
    /// # use gleaner::{Document, SparseVector};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("my.index");
    /// # let mut index = gleaner::Index::create(&path).open()?;
    /// # let vector = SparseVector::from_pairs([(7, 1.0)])?;
    /// # index.upsert([Document::bare("a").vector(vector.clone())])?;
    /// # index.commit()?;
    /// index.upsert([Document::bare("b").vector(vector)])?;
    /// index.commit()?;
    /// assert_eq!(index.merge()?.after, 1);
    /// assert_eq!(index.snapshot().documents(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `Index`; the sources of a merge that fails stay in place. Those of [`Index::refresh`] after the merge.
    pub fn merge(&mut self) -> Result<MergeReport, Error> {
        let report = self.with_store(|store| Ok(store.merge()?))?;
        self.refresh()?;
        Ok(report)
    }

    fn locked_writer(&self) -> MutexGuard<'_, Option<IndexStore>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writer, opened if it is not open yet. Then the newest commit is searched.
    ///
    /// Errors: `Index` with `Locked` when another program writes; those of opening.
    pub(crate) fn with_store<T>(
        &self,
        work: impl FnOnce(&mut IndexStore) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut writer = self.locked_writer();
        let store = match &mut *writer {
            Some(store) => store,
            closed => closed.insert(self.open_store()?),
        };
        work(store)
    }

    fn open_store(&self) -> Result<IndexStore, Error> {
        let store = when_unlocked(self.lock_wait, || {
            let model = self.snapshot().manifest().model.clone();
            IndexStore::open_checked(self.reader.opened(), model, &IndexSettings::default())
        })?;
        self.refresh()?;
        Ok(store)
    }

    /// Gives the folder's lock back. What was not committed is gone.
    pub(crate) fn close_writer(&self) {
        *self.locked_writer() = None;
    }

    /// Whether this process holds the folder's lock.
    pub(crate) fn is_writing(&self) -> bool {
        self.locked_writer().is_some()
    }

    /// Commits what the writer holds, and opens it for searching.
    ///
    /// Errors: `Index`; those of [`Index::refresh`] after the commit was made.
    pub(crate) fn commit_now(&self) -> Result<Snapshot, Error> {
        if let Some(store) = self.locked_writer().as_mut()
            && store.uncommitted() > 0
        {
            let inputs = store.manifest().inputs.clone();
            store.commit(inputs)?;
        }
        self.refresh()
    }

    /// Merges all segments into as few as can be.
    ///
    /// Errors: `Index`, and those of [`Index::refresh`].
    pub(crate) fn merge_now(&self) -> Result<(), Error> {
        self.with_store(|store| Ok(store.merge()?))?;
        self.refresh().map(|_| ())
    }

    /// Merges that run beside other work.
    pub(crate) fn running_merges(&self) -> usize {
        self.locked_writer().as_ref().map_or(0, IndexStore::running_merges)
    }

    /// Takes the merges that have ended, and begins those that are due.
    ///
    /// Errors: `Index` of a merge that failed; its segments stay.
    pub(crate) fn merge_beside(&self) -> Result<(), Error> {
        let ended = match self.locked_writer().as_mut() {
            None => return Ok(()),
            Some(store) => {
                let ended = store.end_merges(false)?;
                store.begin_merges()?;
                ended
            }
        };
        match ended {
            0 => Ok(()),
            _ => self.refresh().map(|_| ()),
        }
    }

    /// The vectors of documents, in their order.
    ///
    /// Errors: those of [`DocumentEncoders::encode`].
    pub(crate) fn encode_documents(
        &self,
        manifest: &Manifest,
        documents: Vec<InputDocument>,
    ) -> Result<Vec<(ReadDocument, EncodedText)>, Error> {
        let mut encoders = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        encoders.encode(manifest, &self.models, documents)
    }
}

/// Opens for writing, again and again while another program has the lock and there is time.
///
/// Errors: those of `open`.
pub(crate) fn when_unlocked(
    wait: Duration,
    mut open: impl FnMut() -> Result<IndexStore, IndexError>,
) -> Result<IndexStore, Error> {
    let until = Instant::now() + wait;
    loop {
        match open() {
            Err(IndexError::Locked { .. }) if Instant::now() < until => {
                std::thread::sleep(LOCK_PAUSE);
            }
            opened => return Ok(opened?),
        }
    }
}
