//! An index: opened or created, written, committed, searched.
//!
//! Reading takes no lock and any number of readers may search at the same time. Writing takes the lock of the
//! folder with the first write, and keeps it until the index is dropped. What an index is to be is
//! `builder`'s, runs over files are `indexing`'s.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use gleaner_catalog::{IndexSettings, Manifest, OpenIndex};
use gleaner_encoder::{Side, SparseVector};
use gleaner_indexer::{DocumentEncoder, EncodedText, IndexStore, InputDocument, MergeReport};
use gleaner_searcher::SearchResponse;

use crate::{
    builder::{IndexBuilder, Resolved},
    document::Document,
    error::Error,
    models::Models,
    search::encode::{QueryEncoder, threads_or_cores},
    search::prepare::Prepared,
    search::query::Search,
    snapshot::Snapshot,
    worker::{DocumentModels, on_all},
};

/// Documents that are encoded and handed to the writer together.
const CHUNK_DOCUMENTS: usize = 1_024;

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
    writer: Mutex<Option<Writer>>,
    documents: DocumentModels,
    /// Encoders of queries that no search is using.
    encoders: Mutex<Vec<QueryEncoder>>,
    threads: Option<usize>,
}

// A server shares an index among the threads of its requests.
const _: () = {
    const fn is_shared_by_threads<T: Send + Sync>() {}
    is_shared_by_threads::<Index>();
    is_shared_by_threads::<Models>();
    is_shared_by_threads::<Prepared>();
    is_shared_by_threads::<Snapshot>();
};

/// The writer, and the workers that encode for it.
struct Writer {
    store: IndexStore,
    /// Made with the first document that has a text.
    workers: Vec<Box<dyn DocumentEncoder>>,
}

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
        let mut index = Self::new(reader, models, documents, threads);
        index.set_writer(store);
        Ok(index)
    }

    fn new(
        reader: gleaner_searcher::Index,
        models: Models,
        documents: DocumentModels,
        threads: Option<usize>,
    ) -> Self {
        let (writer, encoders) = (Mutex::new(None), Mutex::new(Vec::new()));
        Self { reader, models, writer, documents, encoders, threads }
    }

    fn set_writer(&mut self, store: IndexStore) {
        let writer = Writer { store, workers: Vec::new() };
        *self.writer.get_mut().unwrap_or_else(PoisonError::into_inner) = Some(writer);
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
        self.open_writer()?;
        let fields = self.writer()?.store.manifest().dense.clone();
        let mut documents = documents.into_iter();
        loop {
            let chunk = documents.by_ref().take(CHUNK_DOCUMENTS);
            let chunk = chunk.map(|document| document.into_given(&fields));
            let chunk = chunk.collect::<Result<Vec<_>, Error>>()?;
            if chunk.is_empty() {
                return Ok(());
            }
            self.write(chunk)?;
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
        self.open_writer()?;
        Ok(self.writer()?.store.delete(id)?)
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
        if let Some(writer) = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner)
            && writer.store.uncommitted() > 0
        {
            let inputs = writer.store.manifest().inputs.clone();
            writer.store.commit(inputs)?;
        }
        self.refresh()
    }

    /// Merges all segments of an index that nobody searches here: files that the merge replaces are let
    /// go with it.
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
    /// let report = gleaner::Index::merge_at(&path)?;
    /// assert_eq!(report.after, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `Catalog` when there is no index, or a damaged one; `Index` as [`Index::merge`].
    pub fn merge_at(path: impl AsRef<Path>) -> Result<MergeReport, Error> {
        let opened = OpenIndex::open(path.as_ref())?;
        let model = opened.commit().manifest().model.clone();
        let mut store = IndexStore::open_checked(&opened, model, &IndexSettings::default())?;
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
        self.open_writer()?;
        let report = self.writer()?.store.merge()?;
        self.refresh()?;
        Ok(report)
    }

    fn writer(&mut self) -> Result<&mut Writer, Error> {
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner);
        Ok(writer.as_mut().expect("every caller opens the writer first"))
    }

    fn open_writer(&mut self) -> Result<(), Error> {
        if self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).is_none() {
            let model = self.snapshot().manifest().model.clone();
            let opened = self.reader.opened();
            let store = IndexStore::open_checked(opened, model, &IndexSettings::default())?;
            self.set_writer(store);
        }
        Ok(())
    }

    /// Encodes documents and hands them to the writer in their order.
    fn write(&mut self, documents: Vec<InputDocument>) -> Result<(), Error> {
        let manifest = self.writer()?.store.manifest().clone();
        let needs_models =
            documents.iter().any(|it| it.vector.is_none() || is_encoded(it, &manifest));
        if needs_models && self.writer()?.workers.is_empty() {
            self.open_document_models(&manifest, &documents)?;
            let workers = self.documents.workers(&manifest, threads_or_cores(self.threads))?;
            self.writer()?.workers = workers;
        }
        let writer = self.writer()?;
        let encoded = encode(&mut writer.workers, &manifest, documents)?;
        for (document, text) in encoded {
            writer.store.upsert_rows(&document, &text.rows)?;
        }
        Ok(())
    }

    /// Finds the models that the builder was not asked to open.
    fn open_document_models(
        &mut self,
        manifest: &Manifest,
        documents: &[InputDocument],
    ) -> Result<(), Error> {
        if self.documents.sparse.is_none() && manifest.model.is_some() {
            self.documents.sparse = Some(self.models.sparse_of(manifest)?);
        }
        for field in manifest.dense.iter().filter(|field| field.model.is_some()) {
            let name = &field.spec.name;
            if self.documents.dense.iter().all(|(known, _)| known != name) {
                let model = self.models.dense_of(field)?;
                self.documents.dense.push((name.clone(), model));
            }
        }
        let has_texts = documents.iter().any(|document| document.vector.is_none());
        match has_texts && self.documents.sparse.is_none() && manifest.dense.is_empty() {
            true => Err(Error::TextsNeedModel),
            false => Ok(()),
        }
    }
}

/// Whether a dense model makes a vector of the document's text.
fn is_encoded(document: &InputDocument, manifest: &Manifest) -> bool {
    let has_model = manifest.dense.iter().any(|field| field.model.is_some());
    has_model && !document.document.text.is_empty()
}

/// Encodes a chunk on all workers at once; what they made, in the order of the documents.
fn encode(
    workers: &mut [Box<dyn DocumentEncoder>],
    manifest: &Manifest,
    documents: Vec<InputDocument>,
) -> Result<Vec<(gleaner_indexer::Document, EncodedText)>, Error> {
    let fields = &manifest.dense[..];
    if workers.is_empty() {
        return Ok(gleaner_indexer::encode_given(None, fields, documents)?);
    }
    let encoded = on_all(workers, documents, |worker, share| {
        gleaner_indexer::encode_given(Some(worker.as_mut()), fields, share)
    })?;
    Ok(encoded.into_iter().flatten().collect())
}
