//! The writer of one index folder: create, upsert, commit, merge.
//!
//! A folder appears whole: a new index is made beside its final place, with a first commit that
//! carries the manifest, and then renamed. Merges are explicit and waited for, because a merge
//! that fails in the background would only be logged.

use std::{
    collections::{HashSet, hash_map::RandomState},
    fs,
    hash::BuildHasher,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use gleaner_format::SparseVector;
use gleaner_searcher::{
    Fields, Index, InputProgress, LongTexts, Manifest, ModelBinding, SearchError,
    register_analyzers,
};
use tantivy::{
    IndexWriter, TantivyDocument, TantivyError, Term,
    directory::error::LockError,
    index::SegmentId,
    indexer::{NoMergePolicy, UserOperation},
};

use crate::{
    document::Document,
    error::IndexError,
    ingest::EncodedRow,
    plugin::{ImpactPlugin, vector_to_bytes},
};

/// Memory of the writer before it starts a new segment by itself.
const WRITER_BUDGET_BYTES: usize = 512 << 20;
/// Small segments that are merged into one as soon as there are so many of them.
const SMALL_SEGMENTS_LIMIT: usize = 8;
/// Documents below which a segment counts as small.
const SMALL_SEGMENT_DOCS: u32 = 50_000;
/// Merging never makes a segment of more documents than this: a merge holds about 8 bytes a posting
/// in memory (rows, and columns twice), 0.7 GB at this size with 175 postings a document.
const MERGED_DOCS_LIMIT: u64 = 1 << 19;
/// A run that indexed less than this share of an index leaves its large segments as they are.
const SETTLE_ONE_IN: u64 = 8;

/// An index folder open for writing. One process at a time.
pub struct IndexStore {
    path: PathBuf,
    fields: Fields,
    index: tantivy::Index,
    writer: IndexWriter,
    manifest: Manifest,
    uncommitted: u64,
    seen: Option<SeenIds>,
    made: Option<Made>,
    /// Nothing was ever committed to it.
    is_unused: bool,
    /// Since it was opened.
    rows_written: u64,
}

/// What [`create`] found where it put a new index.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Made {
    Folder,
    /// There was an empty folder before.
    InEmptyFolder,
}

/// Hashes of all ids of an index that was empty when it was opened: what is not here is new and
/// replaces nothing, and a needless delete costs the end of a segment a search for its id. Memory:
/// about 16 bytes for every document of the run.
#[derive(Default)]
struct SeenIds {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl SeenIds {
    /// Whether the id may have been seen before.
    fn insert(&mut self, id: &str) -> bool {
        !self.hashes.insert(self.hasher.hash_one(id))
    }
}

/// What a merge did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergeReport {
    /// Segments before.
    pub before: usize,
    /// Segments after.
    pub after: usize,
}

impl IndexStore {
    /// Opens the index at `path`, or creates it.
    ///
    /// Errors: `ModelMismatch` when the index holds anything and was built with another model;
    /// `Open` when what is there is damaged; `Locked`, `Create`, `NotEmpty`.
    pub fn open_or_create(path: &Path, model: Option<ModelBinding>) -> Result<Self, IndexError> {
        Self::open_or_create_with(path, model, None)
    }

    /// Opens the index at `path`, or creates it, for texts that become of `long`; without it for
    /// what the index has, and a new one cuts.
    ///
    /// Errors: also `LongMismatch` when the index holds anything and does otherwise with long texts.
    pub fn open_or_create_with(
        path: &Path,
        model: Option<ModelBinding>,
        long: Option<LongTexts>,
    ) -> Result<Self, IndexError> {
        let made = match Index::open(path) {
            Err(SearchError::IndexNotFound { .. }) => {
                Some(create(path, Manifest::new(model.clone(), long.unwrap_or_default()))?)
            }
            _ => None,
        };
        let mut store = Self::open(path, model)?;
        let index = store.manifest.long;
        match long {
            Some(asked) if asked != index && !store.is_unused => {
                return Err(IndexError::LongMismatch { index, asked });
            }
            Some(asked) => store.manifest.long = asked,
            None => {}
        }
        Ok(Self { made, ..store })
    }

    /// Opens an existing index after checking all its files. One that was never written to takes
    /// any model.
    ///
    /// Errors: as [`IndexStore::open_or_create`].
    pub fn open(path: &Path, model: Option<ModelBinding>) -> Result<Self, IndexError> {
        let reader = Index::open(path)?;
        let mut index = tantivy::Index::open_in_dir(path)?;
        index.register_plugin(Arc::new(ImpactPlugin));
        register_analyzers(&index);
        let writer = open_writer(&index, path)?;
        // Read under the lock: another process may have committed until now.
        let snapshot = reader.refresh()?;
        let manifest = snapshot.manifest().clone();
        let seen = snapshot.segments().is_empty().then(SeenIds::default);
        let fingerprint =
            |model: &Option<ModelBinding>| model.as_ref().map(|model| model.fingerprint.clone());
        let (stored, given) = (fingerprint(&manifest.model), fingerprint(&model));
        // An index that was never written to, which is what a killed run may leave, is nobody's yet.
        let is_unused = snapshot.segments().is_empty() && manifest.inputs.is_empty();
        if stored != given && !is_unused {
            let name = |fingerprint: Option<String>| fingerprint.unwrap_or("no model".to_owned());
            return Err(IndexError::ModelMismatch { index: name(stored), model: name(given) });
        }
        // The same model may have moved; the next commit records where it is now.
        let manifest = Manifest { model, ..manifest };
        let fields = Fields::find(&index)?;
        let path = path.to_path_buf();
        Ok(Self {
            path,
            fields,
            index,
            writer,
            manifest,
            uncommitted: 0,
            seen,
            made: None,
            is_unused,
            rows_written: 0,
        })
    }

    /// Removes the index if this store made it and no document was committed to it: what a failed
    /// first run leaves would only stand in the way of the next. Says whether it is gone.
    ///
    /// Errors: `Discard`.
    pub fn discard_if_unused(self) -> Result<bool, IndexError> {
        let Some(made) = self.made else { return Ok(false) };
        if !self.index.searchable_segment_ids()?.is_empty() || !is_unfinished_index(&self.path) {
            return Ok(false);
        }
        let failed = |source| IndexError::Discard { path: self.path.clone(), source };
        // Renamed first, while the lock is held, so that nobody opens half an index.
        let (place, prefix) = place_and_prefix(&self.path)?;
        let staging = place.with_file_name(format!("{prefix}{}", std::process::id()));
        fs::rename(&place, &staging).map_err(failed)?;
        drop(self.writer);
        fs::remove_dir_all(&staging).map_err(failed)?;
        if made == Made::InEmptyFolder {
            fs::create_dir(&place).map_err(failed)?;
        }
        Ok(true)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The manifest of the last commit.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Replaces the document with this `_id`, or adds it. Takes effect with the next commit.
    pub fn upsert(&mut self, document: &Document, vector: &SparseVector) -> Result<(), IndexError> {
        let row = self.first_row(document, vector, None);
        self.write(&document.id, vec![row])
    }

    /// As [`IndexStore::upsert`], a document of one row, or in an index of passages of several. They
    /// are written as one: they stay together in one segment.
    ///
    /// Errors: also `Rows`.
    pub fn upsert_rows(
        &mut self,
        document: &Document,
        rows: &[EncodedRow],
    ) -> Result<(), IndexError> {
        let [first, others @ ..] = rows else {
            return Err(IndexError::Rows { id: document.id.clone(), found: 0 });
        };
        if !others.is_empty() && !self.manifest.long.is_passages() {
            return Err(IndexError::Rows { id: document.id.clone(), found: rows.len() });
        }
        let mut written = Vec::with_capacity(rows.len());
        let passage = first.bytes.as_ref().filter(|_| self.manifest.long.is_passages());
        written.push(self.first_row(document, &first.vector, passage));
        for EncodedRow { vector, bytes } in others {
            let mut row = TantivyDocument::new();
            row.add_text(self.fields.id, &document.id);
            row.add_text(self.fields.source, "");
            self.add_passage(&mut row, bytes.as_ref());
            row.add_custom(self.fields.impacts, &vector_to_bytes(vector));
            written.push(row);
        }
        self.write(&document.id, written)
    }

    /// The row that carries all that is known of a document.
    fn first_row(
        &self,
        document: &Document,
        vector: &SparseVector,
        passage: Option<&Range<usize>>,
    ) -> TantivyDocument {
        let fields = self.fields;
        let mut stored = TantivyDocument::new();
        stored.add_text(fields.id, &document.id);
        for (field, text) in [(fields.source, &document.source), (fields.text, &document.text)] {
            if !text.is_empty() {
                stored.add_text(field, text);
            }
        }
        if !document.source.is_empty() {
            self.add_passage(&mut stored, passage);
        }
        if !document.fields.is_empty() {
            let keys = document.fields.iter();
            let keys = keys.map(|(key, value)| (key.clone(), value.clone().into())).collect();
            stored.add_object(fields.fields, keys);
        }
        stored.add_custom(fields.impacts, &vector_to_bytes(vector));
        stored
    }

    /// Where in its text a row is stands behind the stored document, or where that would be.
    fn add_passage(&self, row: &mut TantivyDocument, bytes: Option<&Range<usize>>) {
        if let Some(bytes) = bytes {
            row.add_text(self.fields.source, format!("{}-{}", bytes.start, bytes.end));
        }
    }

    /// Replaces what has this `_id` by these rows.
    fn write(&mut self, id: &str, rows: Vec<TantivyDocument>) -> Result<(), IndexError> {
        self.rows_written += rows.len() as u64;
        self.uncommitted += 1;
        if self.seen.as_mut().is_none_or(|seen| seen.insert(id)) {
            self.writer.delete_term(Term::from_field_text(self.fields.id, id));
        }
        // Operations of one run go to the same segment.
        self.writer.run(rows.into_iter().map(UserOperation::Add))?;
        Ok(())
    }

    /// Makes everything since the last commit durable, together with how far the inputs got.
    ///
    /// After this returns, the documents survive a crash. Errors: `Storage`; the previous commit
    /// is then still whole.
    pub fn commit(&mut self, inputs: Vec<InputProgress>) -> Result<(), IndexError> {
        self.manifest.inputs = inputs;
        let payload = payload(&self.manifest)?;
        let mut prepared = self.writer.prepare_commit()?;
        prepared.set_payload(&payload);
        prepared.commit()?;
        self.uncommitted = 0;
        self.merge_small()
    }

    /// Documents upserted since the last commit.
    pub fn uncommitted(&self) -> u64 {
        self.uncommitted
    }

    /// Merges at the end of a run: everything after a run that wrote a good part of the index,
    /// only small segments after a few documents, so that an upsert does not rewrite it all.
    ///
    /// Errors: as [`IndexStore::merge`].
    pub fn settle(&mut self, indexed: u64) -> Result<(), IndexError> {
        let metas = self.index.searchable_segment_metas()?;
        let living: u64 = metas.iter().map(|meta| u64::from(meta.num_docs())).sum();
        // Living rows: those of a document are several where passages are kept.
        let written = std::mem::take(&mut self.rows_written).max(indexed);
        if written * SETTLE_ONE_IN >= living {
            return self.merge().map(|_| ());
        }
        self.merge_small()?;
        self.writer.garbage_collect_files().wait()?;
        Ok(())
    }

    /// Merges all segments into as few as the size limit allows and removes replaced files.
    ///
    /// Errors: `Storage`; the sources of a failed merge stay in place.
    pub fn merge(&mut self) -> Result<MergeReport, IndexError> {
        let before = self.index.searchable_segment_ids()?.len();
        let mut batch: Vec<SegmentId> = Vec::new();
        let mut batch_docs = 0;
        let mut metas = self.index.searchable_segment_metas()?;
        metas.sort_by_key(|meta| meta.num_docs());
        for meta in metas {
            if batch_docs + u64::from(meta.num_docs()) > MERGED_DOCS_LIMIT {
                self.merge_segments(&batch)?;
                (batch, batch_docs) = (Vec::new(), 0);
            }
            batch.push(meta.id());
            batch_docs += u64::from(meta.num_docs());
        }
        self.merge_segments(&batch)?;
        self.writer.garbage_collect_files().wait()?;
        Ok(MergeReport { before, after: self.index.searchable_segment_ids()?.len() })
    }

    /// Keeps the number of segments bounded while indexing goes on.
    fn merge_small(&mut self) -> Result<(), IndexError> {
        let metas = self.index.searchable_segment_metas()?;
        let small: Vec<SegmentId> = metas
            .iter()
            .filter(|meta| meta.num_docs() < SMALL_SEGMENT_DOCS)
            .map(|meta| meta.id())
            .collect();
        if small.len() < SMALL_SEGMENTS_LIMIT {
            return Ok(());
        }
        self.merge_segments(&small)
    }

    fn merge_segments(&mut self, segments: &[SegmentId]) -> Result<(), IndexError> {
        let has_deletes = || -> Result<bool, IndexError> {
            let metas = self.index.searchable_segment_metas()?;
            Ok(metas.iter().any(|meta| segments.contains(&meta.id()) && meta.has_deletes()))
        };
        if segments.len() < 2 && !has_deletes()? || segments.is_empty() {
            return Ok(());
        }
        self.writer.merge(segments).wait()?;
        Ok(())
    }
}

fn payload(manifest: &Manifest) -> Result<String, IndexError> {
    let internal = |error: serde_json::Error| TantivyError::InternalError(error.to_string());
    Ok(manifest.to_payload().map_err(internal)?)
}

fn open_writer(index: &tantivy::Index, path: &Path) -> Result<IndexWriter, IndexError> {
    let writer = index.writer_with_num_threads(1, WRITER_BUDGET_BYTES);
    let writer: IndexWriter = writer.map_err(|error| match error {
        TantivyError::LockFailure(LockError::LockBusy, _) => {
            IndexError::Locked { path: path.to_path_buf() }
        }
        other => other.into(),
    })?;
    writer.set_merge_policy(Box::new(NoMergePolicy));
    Ok(writer)
}

/// The absolute path of an index folder, and how names of unfinished ones beside it begin.
fn place_and_prefix(path: &Path) -> Result<(PathBuf, String), IndexError> {
    let failed = |source| IndexError::Create { path: path.to_path_buf(), source };
    let place = std::path::absolute(path).map_err(failed)?;
    match (place.parent(), place.file_name()) {
        (Some(_), Some(name)) => {
            let prefix = format!(".{}.creating-", name.to_string_lossy());
            Ok((place, prefix))
        }
        _ => Err(IndexError::NotEmpty { path: path.to_path_buf() }),
    }
}

/// Makes an empty index beside `path` and renames it there.
fn create(path: &Path, manifest: Manifest) -> Result<Made, IndexError> {
    let failed = |source| IndexError::Create { path: path.to_path_buf(), source };
    let is_empty_folder =
        |path: &Path| fs::read_dir(path).is_ok_and(|mut dir| dir.next().is_none());
    if path.exists() && !is_empty_folder(path) {
        return Err(IndexError::NotEmpty { path: path.to_path_buf() });
    }
    let made = if path.exists() { Made::InEmptyFolder } else { Made::Folder };
    let (place, prefix) = place_and_prefix(path)?;
    let parent = place.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(failed)?;
    remove_abandoned(parent, &prefix).map_err(failed)?;
    let staging = parent.join(format!("{prefix}{}", std::process::id()));
    fs::create_dir(&staging).map_err(failed)?;
    let created = create_in(&staging, &manifest).and_then(|()| {
        fs::rename(&staging, &place).map_err(failed)?;
        fs::File::open(parent).and_then(|folder| folder.sync_all()).map_err(failed)
    });
    if created.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_dir_all(&staging);
    }
    created.map(|()| made)
}

/// Removes what processes that died left of their attempts to create the same index.
fn remove_abandoned(parent: &Path, prefix: &str) -> std::io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(Ok(process)) = name.strip_prefix(prefix).map(str::parse::<u32>) else { continue };
        // A leftover of this very number is of an earlier process (in a container it always is).
        // Where the system does not list its processes, others cannot be told from the dead.
        let is_dead = Path::new("/proc/self").exists()
            && !Path::new("/proc").join(process.to_string()).exists();
        if (process == std::process::id() || is_dead) && is_unfinished_index(&entry.path()) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Whether a folder holds nothing but what the creation of an index writes.
fn is_unfinished_index(folder: &Path) -> bool {
    let is_ours = |entry: fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let stem = name.split('.').next().unwrap_or_default();
        let is_segment = stem.len() == 32 && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_known = ["meta.json", ".managed.json"].contains(&&name[..]);
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        let is_passing = name.starts_with(".tantivy-") || name.starts_with(".tmp");
        is_file && (is_segment || is_known || is_passing)
    };
    let entries = fs::read_dir(folder);
    entries.is_ok_and(|entries| entries.into_iter().all(|entry| entry.is_ok_and(is_ours)))
}

fn create_in(folder: &Path, manifest: &Manifest) -> Result<(), IndexError> {
    let index = tantivy::Index::builder()
        .schema(Fields::schema())
        .register_plugin(Arc::new(ImpactPlugin))
        .create_in_dir(folder)?;
    register_analyzers(&index);
    let mut writer = open_writer(&index, folder)?;
    let mut prepared = writer.prepare_commit()?;
    prepared.set_payload(&payload(manifest)?);
    prepared.commit()?;
    Ok(())
}
