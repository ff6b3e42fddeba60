//! Folder to snapshot: one commit, opened and checked, ready to be searched.
//!
//! A snapshot is immutable and cheap to share; a request reads one snapshot from start to end.
//! Segments are immutable too, so those already checked are carried over to the next snapshot.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    ops::Deref,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use gleaner_format::{ImpactFile, ImpactView, open_dense};
use serde_json::{Map, Value};
use tantivy::{
    DocAddress, IndexReader, Opstamp, ReloadPolicy, Searcher, SegmentMeta, SegmentReader,
    TantivyDocument, TantivyError,
    columnar::StrColumn,
    directory::{OwnedBytes, error::OpenReadError},
    index::{SegmentComponent, SegmentId},
    schema::Value as _,
};

use crate::{
    block_max::Scratch,
    error::SearchError,
    manifest::{MANIFEST_VERSION, Manifest},
    rows::RowSet,
    schema::{DENSE_EXTENSION, Fields, IMPACT_EXTENSION, register_analyzers},
};

/// How often opening retries when a commit lands between reading its list and its files.
const OPEN_ATTEMPTS: usize = 20;

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
    scratch: Mutex<Vec<Scratch>>,
}

/// One immutable segment: its impacts, its ids, its living rows.
pub struct Segment {
    id: SegmentId,
    delete_opstamp: Option<Opstamp>,
    impacts: ImpactFile<Mapped>,
    ids: StrColumn,
    alive: Option<RowSet>,
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
            return Err(SearchError::IndexNotFound { path: path.to_path_buf() });
        }
        let meta_damaged = |error: TantivyError| damage(error, path.join("meta.json"));
        let tantivy = tantivy::Index::open_in_dir(path).map_err(meta_damaged)?;
        register_analyzers(&tantivy);
        let fields = Fields::find(&tantivy)?;
        let mut checked = HashSet::new();
        check_files(&tantivy, path, &mut checked)?;
        let reader = tantivy
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()
            .map_err(meta_damaged)?;
        let snapshot = open_snapshot(path, &tantivy, &reader, fields, &[], &mut checked)?;
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
        let listed = metas.segments.iter().map(|meta| (meta.id(), meta.delete_opstamp()));
        let held = current.segments.iter().map(|segment| (segment.id, segment.delete_opstamp));
        // A merge keeps the commit's number and changes its segments.
        let same_segments = listed.collect::<BTreeSet<_>>() == held.collect::<BTreeSet<_>>();
        if metas.opstamp == current.opstamp && same_segments {
            return Ok(current);
        }
        let next = open_snapshot(
            &self.path,
            &self.tantivy,
            &self.reader,
            self.fields,
            &current.segments,
            &mut unpoisoned(&self.checked),
        )?;
        let next = Arc::new(next);
        *unpoisoned(&self.current) = next.clone();
        Ok(next)
    }
}

/// Reads the commit's list, checks files not checked before, and opens its segments.
fn open_snapshot(
    path: &Path,
    tantivy: &tantivy::Index,
    reader: &IndexReader,
    fields: Fields,
    known: &[Arc<Segment>],
    checked: &mut HashSet<PathBuf>,
) -> Result<Snapshot, SearchError> {
    let known: BTreeMap<_, _> =
        known.iter().map(|segment| ((segment.id, segment.delete_opstamp), segment)).collect();
    for _ in 0..OPEN_ATTEMPTS {
        let metas = check_files(tantivy, path, checked)?;
        reader.reload().map_err(|error| damage(error, path.join("meta.json")))?;
        let searcher = reader.searcher();
        let listed: BTreeMap<_, _> =
            metas.segments.iter().map(|meta| (meta.id(), meta.delete_opstamp())).collect();
        if *searcher.generation().segments() != listed {
            continue;
        }
        let manifest = read_manifest(path, metas.payload.as_deref())?;
        let segments = searcher.segment_readers().iter().map(|reader| {
            match known.get(&(reader.segment_id(), reader.delete_opstamp())) {
                Some(segment) => Ok(Arc::clone(segment)),
                None => Segment::open(path, reader).map(Arc::new),
            }
        });
        let segments = segments.collect::<Result<Vec<_>, SearchError>>()?;
        let scratch = Mutex::new(Vec::new());
        let (path, opstamp) = (path.to_path_buf(), metas.opstamp);
        return Ok(Snapshot { path, fields, manifest, opstamp, searcher, segments, scratch });
    }
    Err(SearchError::Damaged {
        file: path.join("meta.json"),
        reason: "commits replaced each other faster than they could be opened".to_owned(),
    })
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

/// Compares the checksums of all files of the commit that are not in `checked` yet.
fn check_files(
    tantivy: &tantivy::Index,
    path: &Path,
    checked: &mut HashSet<PathBuf>,
) -> Result<tantivy::IndexMeta, SearchError> {
    let metas = tantivy.load_metas().map_err(|error| damage(error, path.join("meta.json")))?;
    for meta in &metas.segments {
        for file in tantivy_files(meta) {
            if checked.contains(&file) {
                continue;
            }
            let sound = tantivy
                .directory()
                .validate_checksum(&file)
                .map_err(|error| damage(error.into(), path.join(&file)))?;
            if !sound {
                let reason = "its checksum does not match its bytes".to_owned();
                return Err(SearchError::Damaged { file: path.join(&file), reason });
            }
            checked.insert(file);
        }
    }
    Ok(metas)
}

fn read_manifest(path: &Path, payload: Option<&str>) -> Result<Manifest, SearchError> {
    let unreadable = |reason: String| SearchError::Manifest { path: path.to_path_buf(), reason };
    let payload = payload.ok_or_else(|| unreadable("the commit carries none".to_owned()))?;
    let manifest: Manifest =
        serde_json::from_str(payload).map_err(|error| unreadable(error.to_string()))?;
    if manifest.version != MANIFEST_VERSION {
        let found = manifest.version;
        return Err(unreadable(format!("version {found}; this build reads {MANIFEST_VERSION}")));
    }
    Ok(manifest)
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
        | TantivyError::IoError(_) => SearchError::Damaged { file, reason: error.to_string() },
        other => SearchError::Tantivy(other),
    }
}

impl Segment {
    fn open(path: &Path, reader: &SegmentReader) -> Result<Self, SearchError> {
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
        let dense_rows = open_dense(&bytes(DENSE_EXTENSION)?)
            .map_err(|source| damaged(name(DENSE_EXTENSION), source))?;
        let rows = impacts.view().rows();
        if rows != reader.max_doc() as usize || dense_rows != reader.max_doc() {
            let reason = format!("{rows} and {dense_rows} rows for {} documents", reader.max_doc());
            return Err(SearchError::Damaged { file: name(IMPACT_EXTENSION), reason });
        }
        let ids = reader.fast_fields().str("_id")?.ok_or_else(|| SearchError::Damaged {
            file: name("fast"),
            reason: "the _id column is missing".to_owned(),
        })?;
        let alive = reader
            .alive_bitset()
            .map(|alive| RowSet::from_docs(impacts.view(), |doc| alive.is_alive(doc)));
        Ok(Self { id, delete_opstamp: reader.delete_opstamp(), impacts, ids, alive })
    }

    /// The segment's name, the stem of its files.
    pub fn name(&self) -> String {
        self.id.uuid_string()
    }

    /// The impact file.
    pub fn impacts(&self) -> ImpactView<'_> {
        self.impacts.view()
    }

    /// Rows that are not deleted; `None` when all live.
    pub fn alive(&self) -> Option<&RowSet> {
        self.alive.as_ref()
    }

    /// The ordinal of a document's `_id` among the segment's ids in byte order.
    pub fn id_ordinal(&self, doc: u32) -> u64 {
        self.ids.ords().first(doc).unwrap_or(u64::MAX)
    }

    /// A document's `_id`.
    pub fn id(&self, doc: u32) -> Result<String, SearchError> {
        let mut id = String::new();
        let io = |source| SearchError::Io { file: PathBuf::from(self.name()), source };
        self.ids.ord_to_str(self.id_ordinal(doc), &mut id).map_err(io)?;
        Ok(id)
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

    /// tantivy's view of the same commit.
    pub fn searcher(&self) -> &Searcher {
        &self.searcher
    }

    /// Documents that are not deleted.
    pub fn live_docs(&self) -> u64 {
        self.searcher.num_docs()
    }

    /// A document as it was given, a JSON object.
    ///
    /// Errors: `Damaged` if what is stored is not one.
    pub fn stored(&self, segment: usize, doc: u32) -> Result<Map<String, Value>, SearchError> {
        let address = DocAddress::new(segment as u32, doc);
        let document: TantivyDocument = self.searcher.doc(address)?;
        let source = document.get_first(self.fields.source).and_then(|value| value.as_str());
        serde_json::from_str(source.unwrap_or_default()).map_err(|error| SearchError::Damaged {
            file: self.path.join(format!("{}.store", self.segments[segment].name())),
            reason: error.to_string(),
        })
    }

    /// Runs `search` with scratch memory from the snapshot's pool.
    pub(crate) fn with_scratch<T>(&self, search: impl FnOnce(&mut Scratch) -> T) -> T {
        let mut scratch = unpoisoned(&self.scratch).pop().unwrap_or_default();
        let result = search(&mut scratch);
        unpoisoned(&self.scratch).push(scratch);
        result
    }
}
