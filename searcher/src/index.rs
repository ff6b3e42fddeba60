//! Folder to snapshot: one commit, opened and checked, ready to be searched.
//!
//! A snapshot is immutable and cheap to share; a request reads one snapshot from start to end.
//! Segments are immutable too, so those already checked are carried over to the next snapshot.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use gleaner_catalog::{Analyzer, CatalogError, Commit, Fields, Manifest, OpenIndex, SegmentFiles};
use gleaner_format::{DenseFieldView, DenseView, ImpactView};
use serde_json::{Map, Value};
use tantivy::{
    DocAddress, Opstamp, Searcher, SegmentReader, TantivyDocument, index::SegmentId,
    schema::Value as _,
};

use crate::{
    block_max::Scratch,
    bm25::living_tokens,
    error::SearchError,
    filter_cache::{FilterCache, LIMIT_BYTES, SegmentKey},
    ids::Ids,
    maxima::Maxima,
    passages::Passages,
    response::Passage,
    rows::RowSet,
    topk::Ties,
};

/// An index folder opened for searching.
pub struct Index {
    opened: OpenIndex,
    current: Mutex<Arc<Snapshot>>,
}

/// One commit.
pub struct Snapshot {
    path: PathBuf,
    fields: Fields,
    commit: Arc<Commit>,
    segments: Vec<Arc<Segment>>,
    /// Ordinals of the segments, the one with the most rows first: it sets the threshold for the
    /// others.
    visits: Vec<usize>,
    filters: Arc<FilterCache>,
    scratch: Mutex<Vec<Scratch>>,
}

/// One immutable segment: its impacts, its ids, its living rows.
pub struct Segment {
    id: SegmentId,
    delete_opstamp: Option<Opstamp>,
    files: Arc<SegmentFiles>,
    ids: Ids,
    alive: Option<RowSet>,
    /// In an index of passages.
    passages: Option<Passages>,
    /// Words of living documents.
    living_tokens: u64,
    maxima: Maxima,
}

impl Index {
    /// Opens a folder and checks every file of its latest commit.
    ///
    /// # Errors
    /// `Catalog`: nothing there, not an index, or damage. `Storage`.
    ///
    /// # Cost
    /// One read of all files for their checksums.
    pub fn open(path: &Path) -> Result<Self, SearchError> {
        Self::from_opened(OpenIndex::open(path)?)
    }

    /// Searches an index that is open, without reading its files again.
    ///
    /// # Errors
    /// `Catalog` with damage to the ids; `Storage`.
    pub fn from_opened(opened: OpenIndex) -> Result<Self, SearchError> {
        let snapshot = Snapshot::of(&opened, opened.commit(), None)?;
        Ok(Self { opened, current: Mutex::new(Arc::new(snapshot)) })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.opened.path()
    }

    /// The folder and its latest commit, for a writer that need not read the files again.
    pub fn opened(&self) -> &OpenIndex {
        &self.opened
    }

    /// The latest snapshot opened.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        unpoisoned(&self.current).clone()
    }

    /// Opens the latest commit if there is a newer one than [`Index::snapshot`].
    ///
    /// # Errors
    /// As [`Index::open`]; the snapshot opened before stays.
    pub fn refresh(&self) -> Result<Arc<Snapshot>, SearchError> {
        let current = self.snapshot();
        let commit = self.opened.refresh()?;
        if Arc::ptr_eq(&commit, &current.commit) {
            return Ok(current);
        }
        let next = Arc::new(Snapshot::of(&self.opened, commit, Some(&current))?);
        *unpoisoned(&self.current) = next.clone();
        Ok(next)
    }
}

/// Takes the lock even if a thread panicked with it: what it guards is replaced whole.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Segment {
    /// Lays out what a search needs of a segment whose files are checked.
    fn open(
        files: &Arc<SegmentFiles>,
        reader: &SegmentReader,
        (path, fields, manifest): (&Path, Fields, &Manifest),
    ) -> Result<Self, SearchError> {
        let column = reader.fast_fields().str("_id")?;
        let ids = column
            .ok_or_else(|| "the _id column is missing".to_owned())
            .and_then(|column| Ids::read(&column, reader.max_doc()))
            .map_err(|reason| {
                let file = path.join(format!("{}.fast", files.name()));
                CatalogError::Damaged { file, reason }
            })?;
        let alive = reader
            .alive_bitset()
            .map(|alive| RowSet::from_docs(files.impacts(), |doc| alive.is_alive(doc)));
        let is_alive = |doc| reader.alive_bitset().is_none_or(|alive| alive.is_alive(doc));
        let passages = manifest
            .long
            .is_passages()
            .then(|| Passages::new(reader.max_doc(), ids.len(), |doc| ids.ordinal(doc), is_alive));
        Ok(Self {
            id: reader.segment_id(),
            delete_opstamp: reader.delete_opstamp(),
            files: Arc::clone(files),
            ids,
            alive,
            passages,
            living_tokens: living_tokens(reader, fields.text)?,
            maxima: Maxima::default(),
        })
    }

    /// How rows make documents, in an index of passages.
    pub(crate) fn passages(&self) -> Option<&Passages> {
        self.passages.as_ref()
    }

    /// The row that carries what is stored of a document, of any of its rows that live; both in the
    /// storage layer's numbers.
    pub fn first_row(&self, doc: u32) -> u32 {
        self.passages.as_ref().map_or(doc, |passages| passages.first(doc))
    }

    /// The segment's name, the stem of its files.
    pub fn name(&self) -> String {
        self.id.uuid_string()
    }

    /// The impact file.
    pub fn impacts(&self) -> ImpactView<'_> {
        self.files.impacts()
    }

    /// The dense vector file.
    pub fn dense(&self) -> DenseView<'_> {
        self.files.dense()
    }

    /// The dense fields, in the order of the index's.
    pub fn dense_fields(&self) -> impl ExactSizeIterator<Item = DenseFieldView<'_>> {
        self.dense().fields()
    }

    /// One of them. Panics: if there is no such field, which opening checked.
    pub(crate) fn dense_field(&self, position: usize) -> DenseFieldView<'_> {
        self.dense_fields().nth(position).expect("a segment has all dense fields of its index")
    }

    /// Words of living documents, by the lengths that are stored with these.
    pub(crate) fn living_tokens(&self) -> u64 {
        self.living_tokens
    }

    /// What is kept of the most that any living document has.
    pub(crate) fn maxima(&self) -> &Maxima {
        &self.maxima
    }

    /// What the segment's rows are known by.
    pub(crate) fn key(&self) -> SegmentKey {
        (self.id, self.delete_opstamp)
    }

    /// Rows that are not deleted; `None` when all live.
    pub fn alive(&self) -> Option<&RowSet> {
        self.alive.as_ref()
    }

    /// The ordinal of a document's `_id` among the segment's ids in byte order.
    pub fn id_ordinal(&self, doc: u32) -> u64 {
        u64::from(self.ids.ordinal(doc))
    }

    /// Orders rows of equal score by the bytes of their `_id`s.
    pub(crate) fn ties(&self) -> IdOrder<'_> {
        IdOrder { view: self.impacts(), ids: &self.ids }
    }

    /// A document's `_id`.
    pub fn id(&self, doc: u32) -> &str {
        self.ids.id(self.ids.ordinal(doc))
    }

    /// The `_id` that [`Segment::id_ordinal`] numbers.
    pub(crate) fn id_at(&self, ordinal: u64) -> &str {
        self.ids.id(ordinal as u32)
    }
}

/// The order of a segment's ids.
pub(crate) struct IdOrder<'a> {
    view: ImpactView<'a>,
    ids: &'a Ids,
}

impl Ties for IdOrder<'_> {
    fn tie(&self, row: u32) -> u64 {
        u64::from(self.ids.ordinal(self.view.doc(row as usize)))
    }

    fn fetch(&self, row: u32) {
        self.ids.fetch(self.view.doc(row as usize));
    }
}

impl Snapshot {
    /// A commit as it is searched; segments of `previous` are laid out already.
    fn of(
        opened: &OpenIndex,
        commit: Arc<Commit>,
        previous: Option<&Self>,
    ) -> Result<Self, SearchError> {
        let (path, fields) = (opened.path(), opened.fields());
        let known = previous.map_or(&[][..], |previous| &previous.segments);
        let known: BTreeMap<_, _> = known.iter().map(|segment| (segment.key(), segment)).collect();
        let readers = commit.searcher().segment_readers().iter();
        let segments = commit.segments().iter().zip(readers).map(|(files, reader)| {
            match known.get(&(reader.segment_id(), reader.delete_opstamp())) {
                Some(segment) => Ok(Arc::clone(segment)),
                None => {
                    Segment::open(files, reader, (path, fields, commit.manifest())).map(Arc::new)
                }
            }
        });
        let segments = segments.collect::<Result<Vec<_>, SearchError>>()?;
        let mut visits: Vec<usize> = (0..segments.len()).collect();
        visits.sort_by_key(|&ordinal| Reverse(segments[ordinal].impacts().rows()));
        let filters = match previous {
            Some(previous) => Arc::clone(&previous.filters),
            None => Arc::new(FilterCache::new(LIMIT_BYTES)),
        };
        let (path, scratch) = (path.to_path_buf(), Mutex::new(Vec::new()));
        Ok(Self { path, fields, commit, segments, visits, filters, scratch })
    }

    /// The index folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The index's fields.
    pub(crate) fn fields(&self) -> Fields {
        self.fields
    }

    /// How the index's text becomes words.
    pub fn analyzer(&self) -> Analyzer {
        self.fields.analyzer
    }

    /// What the commit says about itself.
    pub fn manifest(&self) -> &Manifest {
        self.commit.manifest()
    }

    /// Number of the commit; grows with every commit.
    pub fn generation(&self) -> u64 {
        self.commit.generation()
    }

    /// The segments, in tantivy's order.
    pub fn segments(&self) -> &[Arc<Segment>] {
        &self.segments
    }

    /// Ordinals of the segments in the order of searching.
    pub(crate) fn visits(&self) -> &[usize] {
        &self.visits
    }

    /// Filters evaluated lately.
    pub(crate) fn filters(&self) -> &FilterCache {
        &self.filters
    }

    /// tantivy's view of the same commit.
    pub(crate) fn searcher(&self) -> &Searcher {
        self.commit.searcher()
    }

    /// Documents that are not deleted.
    pub fn live_docs(&self) -> u64 {
        let documents = |segment: &Arc<Segment>| segment.passages().map(Passages::documents);
        let documents: Option<u64> = self.segments.iter().map(documents).sum();
        documents.unwrap_or_else(|| self.live_rows())
    }

    /// Their rows: in an index of passages, a document has one for each.
    pub fn live_rows(&self) -> u64 {
        self.searcher().num_docs()
    }

    /// The passage that a row is; nothing where rows are whole documents.
    ///
    /// Errors: `Damaged` if what is stored is none.
    pub(crate) fn passage(&self, segment: usize, doc: u32) -> Result<Option<Passage>, SearchError> {
        if self.segments[segment].passages.is_none() {
            return Ok(None);
        }
        let document: TantivyDocument =
            self.searcher().doc(DocAddress::new(segment as u32, doc))?;
        let Some(stored) = document.get_all(self.fields.source).nth(1) else { return Ok(None) };
        let passage = stored.as_str().and_then(Passage::parse);
        passage.map(Some).ok_or_else(|| {
            let reason = format!("row {doc} does not say which passage it is");
            self.damaged_store(segment, reason)
        })
    }

    /// A document as it was given, a JSON object, of any of its rows; of one that was given as a bare vector, its `_id`.
    ///
    /// Errors: `Damaged` if what is stored is not one.
    pub fn stored(&self, segment: usize, doc: u32) -> Result<Map<String, Value>, SearchError> {
        let doc = self.segments[segment].first_row(doc);
        let address = DocAddress::new(segment as u32, doc);
        let document: TantivyDocument = self.searcher().doc(address)?;
        let source = document.get_first(self.fields.source).and_then(|value| value.as_str());
        let Some(source) = source else {
            let id = self.segments[segment].id(doc).to_owned();
            return Ok(Map::from_iter([("_id".to_owned(), Value::String(id))]));
        };
        serde_json::from_str(source).map_err(|error| self.damaged_store(segment, error.to_string()))
    }

    /// The error for stored documents of a segment that are not what was written.
    fn damaged_store(&self, segment: usize, reason: String) -> SearchError {
        let file = self.path.join(format!("{}.store", self.segments[segment].name()));
        CatalogError::Damaged { file, reason }.into()
    }

    /// Runs `search` with `count` pieces of scratch memory from the snapshot's pool.
    pub(crate) fn with_scratch<T>(
        &self,
        count: usize,
        search: impl FnOnce(&mut [Scratch]) -> T,
    ) -> T {
        let mut pool = unpoisoned(&self.scratch);
        let kept = pool.len().saturating_sub(count);
        let mut scratches = pool.split_off(kept);
        drop(pool);
        scratches.resize_with(count, Scratch::default);
        let result = search(&mut scratches);
        unpoisoned(&self.scratch).append(&mut scratches);
        result
    }
}
