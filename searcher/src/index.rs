//! Folder to snapshot: one commit, opened and checked, ready to be searched.
//!
//! A snapshot is immutable and cheap to share; a request reads one snapshot from start to end.
//! Segments are immutable too, so those already checked are carried over to the next snapshot.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashSet},
    ops::Deref,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use gleaner_format::{DenseFieldView, DenseFile, DenseView, ImpactFile, ImpactView};
use serde_json::{Map, Value};
use tantivy::{
    DocAddress, IndexMeta, IndexReader, IndexSettings, Opstamp, ReloadPolicy, Searcher,
    SegmentMeta, SegmentReader, TantivyDocument, TantivyError,
    directory::{OwnedBytes, error::OpenReadError},
    index::{SegmentComponent, SegmentId},
    schema::Value as _,
};

use crate::{
    analyzer::register_analyzers,
    directory::ReadOnlyDirectory,
    error::SearchError,
    filter::{
        cache::{FilterCache, LIMIT_BYTES, SegmentKey},
        rows::RowSet,
    },
    lexical::lengths::living_tokens,
    manifest::Manifest,
    query::response::Passage,
    schema::{DENSE_EXTENSION, Fields, IMPACT_EXTENSION},
    snapshot::{ids::Ids, maxima::Maxima, passages::Passages},
    sparse::{scratch::Scratch, topk::Ties},
};

/// How often opening is tried when commits land between reading their list and their files.
const OPEN_ATTEMPTS: usize = 100;
/// Longest reason that is taken over from the storage layer.
const REASON_LIMIT_CHARS: usize = 200;
/// Time between two attempts.
const OPEN_PAUSE: Duration = Duration::from_millis(10);

/// An index folder opened for searching.
pub struct Index {
    path: PathBuf,
    tantivy: tantivy::Index,
    reader: IndexReader,
    fields: Fields,
    current: Mutex<Arc<Snapshot>>,
    /// Files whose checksums were found right. Files are immutable, so once is enough.
    checked: Mutex<HashSet<PathBuf>>,
}

/// One commit.
pub struct Snapshot {
    path: PathBuf,
    fields: Fields,
    manifest: Manifest,
    opstamp: Opstamp,
    searcher: Searcher,
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
    impacts: ImpactFile<Mapped>,
    dense: DenseFile<Mapped>,
    ids: Ids,
    alive: Option<RowSet>,
    /// In an index of passages.
    passages: Option<Passages>,
    /// Words of living documents.
    living_tokens: u64,
    maxima: Maxima,
}

/// Bytes that tantivy keeps mapped.
struct Mapped(OwnedBytes);

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        self.0.deref()
    }
}

impl Index {
    /// Opens a folder and checks every file of its latest commit.
    ///
    /// Errors: `IndexNotFound`, `ForeignIndex`, `Manifest`, `Damaged`, `DamagedImpacts`. Cost: one
    /// read of all files for their checksums.
    pub fn open(path: &Path) -> Result<Self, SearchError> {
        if !path.join("meta.json").is_file() {
            return Err(missing(path));
        }
        let meta_damaged = |error: TantivyError| damage(error, path.join("meta.json"));
        let directory = ReadOnlyDirectory::open(path).map_err(meta_damaged)?;
        let tantivy = tantivy::Index::open(directory).map_err(meta_damaged)?;
        register_analyzers(&tantivy);
        let fields = Fields::find(&tantivy)?;
        let mut checked = HashSet::new();
        let reader = while_commits_land(&tantivy, path, |metas| {
            check_files(&tantivy, path, metas, &mut checked)?;
            let reader = tantivy.reader_builder().reload_policy(ReloadPolicy::Manual);
            reader.try_into().map(Some).map_err(meta_damaged)
        })?;
        let snapshot = open_snapshot(path, &tantivy, &reader, fields, None, &mut checked)?;
        let current = Mutex::new(Arc::new(snapshot));
        let checked = Mutex::new(checked);
        Ok(Self { path: path.to_path_buf(), tantivy, reader, fields, current, checked })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The latest snapshot opened.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        unpoisoned(&self.current).clone()
    }

    /// Opens the latest commit if there is a newer one than [`Index::snapshot`].
    ///
    /// Errors: as [`Index::open`]; the snapshot opened before stays.
    pub fn refresh(&self) -> Result<Arc<Snapshot>, SearchError> {
        let current = self.snapshot();
        let meta_damaged = |error: TantivyError| damage(error, self.path.join("meta.json"));
        let metas = self.tantivy.load_metas().map_err(meta_damaged)?;
        // A merge keeps the commit's number and changes its segments.
        let same_segments = *current.searcher.generation().segments() == segment_ids(&metas);
        if metas.opstamp == current.opstamp && same_segments {
            return Ok(current);
        }
        let next = open_snapshot(
            &self.path,
            &self.tantivy,
            &self.reader,
            self.fields,
            Some(&current),
            &mut unpoisoned(&self.checked),
        )?;
        let next = Arc::new(next);
        *unpoisoned(&self.current) = next.clone();
        Ok(next)
    }
}

/// Runs `attempt` on the latest commit, again if it fails or declines because another process
/// committed meanwhile (its files may be gone then). A failure on a steady commit is real.
fn while_commits_land<T>(
    tantivy: &tantivy::Index,
    path: &Path,
    mut attempt: impl FnMut(&IndexMeta) -> Result<Option<T>, SearchError>,
) -> Result<T, SearchError> {
    let load = || tantivy.load_metas().map_err(|error| damage(error, path.join("meta.json")));
    let mut metas = load()?;
    for _ in 0..OPEN_ATTEMPTS {
        let result = attempt(&metas);
        if let Ok(Some(value)) = result {
            return Ok(value);
        }
        let latest = load()?;
        let is_steady = latest.opstamp == metas.opstamp
            && latest.payload == metas.payload
            && segment_ids(&latest) == segment_ids(&metas);
        match result {
            Err(error) if is_steady => return Err(error),
            _ => metas = latest,
        }
        std::thread::sleep(OPEN_PAUSE);
    }
    Err(SearchError::Busy { path: path.to_path_buf() })
}

fn segment_ids(metas: &IndexMeta) -> BTreeMap<SegmentId, Option<Opstamp>> {
    metas.segments.iter().map(|meta| (meta.id(), meta.delete_opstamp())).collect()
}

/// Checks files not checked before and opens the segments of the latest commit; those of
/// `previous` are open already.
fn open_snapshot(
    path: &Path,
    tantivy: &tantivy::Index,
    reader: &IndexReader,
    fields: Fields,
    previous: Option<&Snapshot>,
    checked: &mut HashSet<PathBuf>,
) -> Result<Snapshot, SearchError> {
    let known = previous.map_or(&[][..], |previous| &previous.segments);
    let known: BTreeMap<_, _> = known.iter().map(|segment| (segment.key(), segment)).collect();
    while_commits_land(tantivy, path, |metas| {
        check_files(tantivy, path, metas, checked)?;
        reader.reload().map_err(|error| damage(error, path.join("meta.json")))?;
        let searcher = reader.searcher();
        if *searcher.generation().segments() != segment_ids(metas) {
            return Ok(None);
        }
        let manifest = Manifest::read(metas.payload.as_deref(), path)?;
        let segments = searcher.segment_readers().iter().map(|reader| {
            match known.get(&(reader.segment_id(), reader.delete_opstamp())) {
                Some(segment) => Ok(Arc::clone(segment)),
                None => Segment::open(path, reader, (fields, &manifest)).map(Arc::new),
            }
        });
        let segments = segments.collect::<Result<Vec<_>, SearchError>>()?;
        let mut visits: Vec<usize> = (0..segments.len()).collect();
        visits.sort_by_key(|&ordinal| Reverse(segments[ordinal].impacts().rows()));
        Ok(Some(Snapshot {
            path: path.to_path_buf(),
            fields,
            manifest,
            opstamp: metas.opstamp,
            segments,
            visits,
            filters: match previous {
                Some(previous) => Arc::clone(&previous.filters),
                None => Arc::new(FilterCache::new(LIMIT_BYTES)),
            },
            searcher,
            scratch: Mutex::new(Vec::new()),
        }))
    })
}

/// A folder without a list of segments: nothing there, or an index that lost it.
fn missing(path: &Path) -> SearchError {
    let is_impacts = |file: &Path| file.extension().is_some_and(|name| name == IMPACT_EXTENSION);
    let mut files = std::fs::read_dir(path).into_iter().flatten().flatten();
    match files.any(|entry| is_impacts(&entry.path())) {
        true => SearchError::Damaged {
            file: path.join("meta.json"),
            reason: "the file is missing".to_owned(),
        },
        false => SearchError::IndexNotFound { path: path.to_path_buf() },
    }
}

/// Compares `meta.json` with what it was understood as. tantivy writes it without a checksum and
/// reads it forgivingly: a damaged name of an optional key would lose deletes without a word.
fn check_list(path: &Path, metas: &IndexMeta) -> Result<(), SearchError> {
    let file = path.join("meta.json");
    let found =
        std::fs::read(&file).map_err(|source| SearchError::Io { file: file.clone(), source })?;
    let understood = serde_json::to_vec_pretty(metas).unwrap_or_default();
    let ours = metas.index_settings == IndexSettings::default()
        && metas.persisted_custom_extensions.iter().map(String::as_str).collect::<BTreeSet<_>>()
            == BTreeSet::from([IMPACT_EXTENSION, DENSE_EXTENSION]);
    match ours && found.trim_ascii_end() == understood {
        true => Ok(()),
        false => {
            let reason = "it is not what was written".to_owned();
            Err(SearchError::Damaged { file, reason })
        }
    }
}

/// Takes the lock even if a thread panicked with it: what it guards is replaced whole.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The files of a segment that tantivy wrote; ours carry checksums of their own.
fn tantivy_files(meta: &SegmentMeta) -> impl Iterator<Item = PathBuf> + '_ {
    use SegmentComponent::{Delete, FastFields, FieldNorms, Positions, Postings, Store, Terms};
    [Postings, Positions, FastFields, FieldNorms, Terms, Store]
        .into_iter()
        .chain(meta.has_deletes().then_some(Delete))
        .map(|component| meta.relative_path(component))
}

/// Compares the checksums of all files of the commit that are not in `checked` yet, and forgets
/// those it no longer has.
fn check_files(
    tantivy: &tantivy::Index,
    path: &Path,
    metas: &IndexMeta,
    checked: &mut HashSet<PathBuf>,
) -> Result<(), SearchError> {
    check_list(path, metas)?;
    let files: HashSet<PathBuf> = metas.segments.iter().flat_map(tantivy_files).collect();
    for file in files.difference(checked) {
        let sound = tantivy
            .directory()
            .validate_checksum(file)
            .map_err(|error| damage(error.into(), path.join(file)))?;
        if !sound {
            let reason = "its checksum does not match its bytes".to_owned();
            return Err(SearchError::Damaged { file: path.join(file), reason });
        }
    }
    *checked = files;
    Ok(())
}

/// A storage error while opening, as damage where it says so.
fn damage(error: TantivyError, file: PathBuf) -> SearchError {
    match error {
        TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(missing)) => {
            SearchError::Damaged { file: missing, reason: "the file is missing".to_owned() }
        }
        TantivyError::DataCorruption(_)
        | TantivyError::DeserializeError(_)
        | TantivyError::IncompatibleIndex(_)
        | TantivyError::SchemaError(_)
        | TantivyError::OpenReadError(_)
        | TantivyError::InternalError(_)
        | TantivyError::IoError(_) => {
            // Some messages quote whole files.
            let reason = error.to_string().chars().take(REASON_LIMIT_CHARS).collect();
            SearchError::Damaged { file, reason }
        }
        other => SearchError::Tantivy(other),
    }
}

impl Segment {
    fn open(
        path: &Path,
        reader: &SegmentReader,
        (fields, manifest): (Fields, &Manifest),
    ) -> Result<Self, SearchError> {
        let id = reader.segment_id();
        let name = |extension: &str| path.join(format!("{}.{extension}", id.uuid_string()));
        let bytes = |extension: &str| -> Result<OwnedBytes, SearchError> {
            reader
                .open_read(SegmentComponent::Custom(extension.to_owned()))
                .map_err(|error| damage(error.into(), name(extension)))?
                .read_bytes()
                .map_err(|source| SearchError::Io { file: name(extension), source })
        };
        let damaged = |file, source| SearchError::DamagedImpacts { file, source };
        let impacts = ImpactFile::open(Mapped(bytes(IMPACT_EXTENSION)?))
            .map_err(|source| damaged(name(IMPACT_EXTENSION), source))?;
        let dense = DenseFile::open(Mapped(bytes(DENSE_EXTENSION)?))
            .map_err(|source| damaged(name(DENSE_EXTENSION), source))?;
        let (rows, dense_rows) = (impacts.view().rows(), dense.view().rows());
        for (extension, rows) in [(IMPACT_EXTENSION, rows), (DENSE_EXTENSION, dense_rows)] {
            if rows != reader.max_doc() as usize {
                let reason = format!("{rows} rows for {} documents", reader.max_doc());
                return Err(SearchError::Damaged { file: name(extension), reason });
            }
        }
        if !dense
            .view()
            .fields()
            .map(|field| field.spec())
            .eq(manifest.dense.iter().map(|f| &f.spec))
        {
            let reason = "its dense fields are not those of the index".to_owned();
            return Err(SearchError::Damaged { file: name(DENSE_EXTENSION), reason });
        }
        let column = reader.fast_fields().str("_id")?;
        let ids = column
            .ok_or_else(|| "the _id column is missing".to_owned())
            .and_then(|column| Ids::read(&column, reader.max_doc()))
            .map_err(|reason| SearchError::Damaged { file: name("fast"), reason })?;
        let alive = reader
            .alive_bitset()
            .map(|alive| RowSet::from_docs(impacts.view(), |doc| alive.is_alive(doc)));
        let living = alive.as_ref().map_or(rows as u64, RowSet::count);
        if living != u64::from(reader.num_docs()) {
            let reason = format!("{living} living rows, meta.json says {}", reader.num_docs());
            return Err(SearchError::Damaged { file: path.join("meta.json"), reason });
        }
        let is_alive = |doc| reader.alive_bitset().is_none_or(|alive| alive.is_alive(doc));
        let passages = manifest
            .long
            .is_passages()
            .then(|| Passages::new(reader.max_doc(), ids.len(), |doc| ids.ordinal(doc), is_alive));
        Ok(Self {
            id,
            delete_opstamp: reader.delete_opstamp(),
            impacts,
            dense,
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
        self.impacts.view()
    }

    /// The dense vector file.
    pub fn dense(&self) -> DenseView<'_> {
        self.dense.view()
    }

    /// The dense fields, in the order of the index's.
    pub fn dense_fields(&self) -> impl ExactSizeIterator<Item = DenseFieldView<'_>> {
        self.dense.view().fields()
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
    /// The index folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The index's fields.
    pub fn fields(&self) -> Fields {
        self.fields
    }

    /// What the commit says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Number of the commit; grows with every commit.
    pub fn generation(&self) -> u64 {
        self.opstamp
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
    pub fn searcher(&self) -> &Searcher {
        &self.searcher
    }

    /// Documents that are not deleted.
    pub fn live_docs(&self) -> u64 {
        let documents = |segment: &Arc<Segment>| segment.passages().map(Passages::documents);
        let documents: Option<u64> = self.segments.iter().map(documents).sum();
        documents.unwrap_or_else(|| self.live_rows())
    }

    /// Their rows: in an index of passages, a document has one for each.
    pub fn live_rows(&self) -> u64 {
        self.searcher.num_docs()
    }

    /// The passage that a row is; nothing where rows are whole documents.
    ///
    /// Errors: `Damaged` if what is stored is none.
    pub(crate) fn passage(&self, segment: usize, doc: u32) -> Result<Option<Passage>, SearchError> {
        if self.segments[segment].passages.is_none() {
            return Ok(None);
        }
        let document: TantivyDocument = self.searcher.doc(DocAddress::new(segment as u32, doc))?;
        let Some(stored) = document.get_all(self.fields.source).nth(1) else { return Ok(None) };
        let passage = stored.as_str().and_then(Passage::parse);
        passage.map(Some).ok_or_else(|| SearchError::Damaged {
            file: self.path.join(format!("{}.store", self.segments[segment].name())),
            reason: format!("row {doc} does not say which passage it is"),
        })
    }

    /// A document as it was given, a JSON object, of any of its rows; of one that was given as a bare vector, its `_id`.
    ///
    /// Errors: `Damaged` if what is stored is not one.
    pub fn stored(&self, segment: usize, doc: u32) -> Result<Map<String, Value>, SearchError> {
        let doc = self.segments[segment].first_row(doc);
        let address = DocAddress::new(segment as u32, doc);
        let document: TantivyDocument = self.searcher.doc(address)?;
        let source = document.get_first(self.fields.source).and_then(|value| value.as_str());
        let Some(source) = source else {
            let id = self.segments[segment].id(doc).to_owned();
            return Ok(Map::from_iter([("_id".to_owned(), Value::String(id))]));
        };
        serde_json::from_str(source).map_err(|error| SearchError::Damaged {
            file: self.path.join(format!("{}.store", self.segments[segment].name())),
            reason: error.to_string(),
        })
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
