//! The writer of one index folder: open, upsert, commit, merge.
//!
//! How a folder comes into being is `create`'s, what is fixed with that `settings`'. Merges are
//! explicit and waited for, because a merge that fails in the background would only be logged.

use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::BuildHasher,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use gleaner_catalog::{
    CatalogError, DenseField, Fields, IndexSettings, InputProgress, Manifest, ModelBinding,
    OpenIndex, register_analyzers,
};
use gleaner_format::SparseVector;
use tantivy::{
    IndexWriter, TantivyDocument, TantivyError, Term,
    directory::error::LockError,
    index::SegmentId,
    indexer::{NoMergePolicy, UserOperation},
};

use crate::{
    carry::{dense_to_bytes, vector_to_bytes},
    create::{Made, create, is_unfinished_index, remove},
    document::Document,
    encode::EncodedRow,
    error::{IndexError, storage},
    plugin::{DenseSpecs, ImpactPlugin},
};

/// Memory of the writer before it starts a new segment by itself.
const WRITER_BUDGET_BYTES: usize = 512 << 20;
/// Small segments that are merged into one as soon as there are so many of them.
const SMALL_SEGMENTS_LIMIT: usize = 8;
/// Documents below which a segment counts as small.
const SMALL_SEGMENT_DOCS: u64 = 50_000;
/// Merging never makes a segment of more documents than this: a merge holds about 8 bytes a posting
/// in memory (rows, and columns twice), 0.7 GB at this size with 175 postings a document.
const MERGED_DOCS_LIMIT: u64 = 1 << 19;
/// Nor one of more bytes of dense vectors, which a merge holds as well.
const MERGED_DENSE_BYTES: u64 = 2 << 30;
/// A run that indexed less than this share of an index leaves its large segments as they are.
const SETTLE_ONE_IN: u64 = 8;

/// An index folder open for writing. One process at a time.
pub struct IndexStore {
    path: PathBuf,
    fields: Fields,
    index: tantivy::Index,
    writer: IndexWriter,
    manifest: Manifest,
    specs: DenseSpecs,
    uncommitted: u64,
    seen: Option<SeenIds>,
    made: Option<Made>,
    /// Nothing was ever committed to it.
    is_unused: bool,
    /// Since it was opened.
    rows_written: u64,
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
    /// # Errors
    /// `ModelMismatch` when the index holds anything and was built with another model; `Catalog` when
    /// what is there is damaged; `Locked`, `Create`, `NotEmpty`, `Storage`.
    pub fn open_or_create(path: &Path, model: Option<ModelBinding>) -> Result<Self, IndexError> {
        Self::open_or_create_with(path, model, &IndexSettings::default())
    }

    /// Opens the index at `path`, or creates it, with these settings.
    ///
    /// # Errors
    /// As [`IndexStore::open_or_create`]. `AnalyzerMismatch`, and `Catalog` with another mismatch, when
    /// the index holds anything and has other settings; `Catalog` for settings that no index can have.
    pub fn open_or_create_with(
        path: &Path,
        model: Option<ModelBinding>,
        settings: &IndexSettings,
    ) -> Result<Self, IndexError> {
        settings.check()?;
        match OpenIndex::open(path) {
            Err(CatalogError::IndexNotFound { .. }) => {
                let manifest = settings.manifest(model.clone());
                let made = create(path, &manifest, settings.analyzer.unwrap_or_default())?;
                let store = Self::open_checked(&OpenIndex::open(path)?, model, settings)?;
                Ok(Self { made: Some(made), ..store })
            }
            opened => Self::open_checked(&opened?, model, settings),
        }
    }

    /// Opens an existing index after checking all its files. One that was never written to takes
    /// any model.
    ///
    /// # Errors
    /// As [`IndexStore::open_or_create`]; `Catalog` when there is no index.
    pub fn open(path: &Path, model: Option<ModelBinding>) -> Result<Self, IndexError> {
        Self::open_checked(&OpenIndex::open(path)?, model, &IndexSettings::default())
    }

    /// Opens an index for writing whose files were checked already: only what a commit since then added
    /// is read.
    ///
    /// # Errors
    /// As [`IndexStore::open_or_create_with`]; `Catalog` when the index is gone by now.
    pub fn open_checked(
        opened: &OpenIndex,
        model: Option<ModelBinding>,
        settings: &IndexSettings,
    ) -> Result<Self, IndexError> {
        settings.check()?;
        Self::lock(opened, model)?.with_analyzer(settings)?.with_settings(settings)
    }

    /// Takes the lock of an index, and then its latest commit.
    fn lock(opened: &OpenIndex, model: Option<ModelBinding>) -> Result<Self, IndexError> {
        let path = opened.path();
        if !path.join("meta.json").is_file() {
            return Err(CatalogError::IndexNotFound { path: path.to_path_buf() }.into());
        }
        let mut index = tantivy::Index::open_in_dir(path).map_err(storage)?;
        let fields = Fields::find(&index)?;
        let specs = DenseSpecs::default();
        index.register_plugin(Arc::new(ImpactPlugin::new(specs.clone())));
        register_analyzers(&index);
        let writer = open_writer(&index, path)?;
        // Read under the lock: another process may have committed until now.
        let commit = match fields.analyzer == opened.fields().analyzer {
            true => opened.refresh()?,
            // Another index is in its place by now.
            false => OpenIndex::open(path)?.commit(),
        };
        let manifest = commit.manifest().clone();
        let seen = commit.segments().is_empty().then(SeenIds::default);
        let fingerprint =
            |model: &Option<ModelBinding>| model.as_ref().map(|model| model.fingerprint.clone());
        let (stored, given) = (fingerprint(&manifest.model), fingerprint(&model));
        // An index that was never written to, which is what a killed run may leave, is nobody's yet.
        let is_unused = commit.is_unused();
        if stored != given && !is_unused {
            let name = |fingerprint: Option<String>| fingerprint.unwrap_or("no model".to_owned());
            return Err(IndexError::ModelMismatch { index: name(stored), model: name(given) });
        }
        // The same model may have moved; the next commit records where it is now.
        let manifest = Manifest { model, ..manifest };
        let path = path.to_path_buf();
        Ok(Self {
            path,
            fields,
            index,
            writer,
            manifest,
            specs,
            uncommitted: 0,
            seen,
            made: None,
            is_unused,
            rows_written: 0,
        })
    }

    /// The same index with the analyser asked for. That is in the schema, which cannot be changed, so
    /// an index that was never written to is made anew.
    fn with_analyzer(self, settings: &IndexSettings) -> Result<Self, IndexError> {
        let index = self.fields.analyzer;
        let Some(asked) = settings.analyzer.filter(|asked| *asked != index) else {
            return Ok(self);
        };
        if !self.is_unused || !is_unfinished_index(&self.path) {
            return Err(IndexError::AnalyzerMismatch { index, asked });
        }
        let Self { path, manifest, writer, .. } = self;
        remove(&path, writer)?;
        create(&path, &manifest, asked)?;
        Self::lock(&OpenIndex::open(&path)?, manifest.model)
    }

    /// Brings the manifest to the settings; with that all is known that segments are written by.
    fn with_settings(mut self, settings: &IndexSettings) -> Result<Self, IndexError> {
        settings.settle(&mut self.manifest, self.is_unused)?;
        self.specs.set(self.manifest.dense_specs());
        Ok(self)
    }

    /// Removes the index if this store made it and no document was committed to it: what a failed
    /// first run leaves would only stand in the way of the next. Says whether it is gone.
    ///
    /// Errors: `Discard`.
    pub fn discard_if_unused(self) -> Result<bool, IndexError> {
        let Some(made) = self.made else { return Ok(false) };
        if !self.index.searchable_segment_ids().map_err(storage)?.is_empty()
            || !is_unfinished_index(&self.path)
        {
            return Ok(false);
        }
        remove(&self.path, self.writer)?;
        if made == Made::InEmptyFolder {
            let failed = |source| IndexError::Discard { path: self.path.clone(), source };
            std::fs::create_dir(&self.path).map_err(failed)?;
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

    /// Replaces the document with this `_id`, or adds it, without dense vectors. Takes effect with
    /// the next commit.
    pub fn upsert(&mut self, document: &Document, vector: &SparseVector) -> Result<(), IndexError> {
        let row = self.first_row(document, vector, &[], None);
        self.write(&document.id, vec![row])
    }

    /// As [`IndexStore::upsert`], a document of one row, or in an index of passages of several. They
    /// are written as one: they stay together in one segment.
    ///
    /// Errors: also `Rows`; `DenseCount` and `Dense` for vectors of other fields than the index has.
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
        rows.iter().try_for_each(|row| self.check_dense(&row.dense))?;
        let mut written = Vec::with_capacity(rows.len());
        let passage = first.bytes.as_ref().filter(|_| self.manifest.long.is_passages());
        written.push(self.first_row(document, &first.vector, &first.dense, passage));
        for EncodedRow { vector, dense, bytes } in others {
            let mut row = TantivyDocument::new();
            row.add_text(self.fields.id, &document.id);
            row.add_text(self.fields.source, "");
            self.add_passage(&mut row, bytes.as_ref());
            self.add_vectors(&mut row, vector, dense);
            written.push(row);
        }
        self.write(&document.id, written)
    }

    /// Refuses what the storage layer would stop at.
    fn check_dense(&self, dense: &[Option<Vec<f32>>]) -> Result<(), IndexError> {
        let fields = &self.manifest.dense;
        if !dense.is_empty() && dense.len() != fields.len() {
            return Err(IndexError::DenseCount { expected: fields.len(), found: dense.len() });
        }
        for (field, vector) in fields.iter().zip(dense) {
            vector.as_ref().map_or(Ok(()), |vector| field.spec.check_prepared(vector))?;
        }
        Ok(())
    }

    /// The row that carries all that is known of a document.
    fn first_row(
        &self,
        document: &Document,
        vector: &SparseVector,
        dense: &[Option<Vec<f32>>],
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
        self.add_vectors(&mut stored, vector, dense);
        stored
    }

    fn add_vectors(
        &self,
        row: &mut TantivyDocument,
        vector: &SparseVector,
        dense: &[Option<Vec<f32>>],
    ) {
        row.add_custom(self.fields.impacts, &vector_to_bytes(vector));
        let dense = dense_to_bytes(dense);
        if !dense.is_empty() {
            row.add_custom(self.fields.dense, &dense);
        }
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
        self.writer.run(rows.into_iter().map(UserOperation::Add)).map_err(storage)?;
        Ok(())
    }

    /// Removes the document with this `_id`, if there is one. Takes effect with the next commit.
    pub fn delete(&mut self, id: &str) -> Result<(), IndexError> {
        self.uncommitted += 1;
        self.writer.delete_term(Term::from_field_text(self.fields.id, id));
        Ok(())
    }

    /// Makes everything since the last commit durable, together with how far the inputs got.
    ///
    /// After this returns, the documents survive a crash. Errors: `Storage`; the previous commit
    /// is then still whole.
    pub fn commit(&mut self, inputs: Vec<InputProgress>) -> Result<(), IndexError> {
        self.manifest.inputs = inputs;
        let payload = payload(&self.manifest)?;
        let mut prepared = self.writer.prepare_commit().map_err(storage)?;
        prepared.set_payload(&payload);
        prepared.commit().map_err(storage)?;
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
        let metas = self.index.searchable_segment_metas().map_err(storage)?;
        let living: u64 = metas.iter().map(|meta| u64::from(meta.num_docs())).sum();
        // Living rows: those of a document are several where passages are kept.
        let written = std::mem::take(&mut self.rows_written).max(indexed);
        if written * SETTLE_ONE_IN >= living {
            return self.merge().map(|_| ());
        }
        self.merge_small()?;
        self.writer.garbage_collect_files().wait().map_err(storage)?;
        Ok(())
    }

    /// Merges all segments into as few as the size limit allows and removes replaced files.
    ///
    /// Errors: `Storage`; the sources of a failed merge stay in place.
    pub fn merge(&mut self) -> Result<MergeReport, IndexError> {
        let before = self.index.searchable_segment_ids().map_err(storage)?.len();
        let mut batch: Vec<SegmentId> = Vec::new();
        let mut batch_docs = 0;
        let docs_limit = merged_docs_limit(&self.manifest.dense);
        let mut metas = self.index.searchable_segment_metas().map_err(storage)?;
        metas.sort_by_key(|meta| meta.num_docs());
        for meta in metas {
            if batch_docs + u64::from(meta.num_docs()) > docs_limit {
                self.merge_segments(&batch)?;
                (batch, batch_docs) = (Vec::new(), 0);
            }
            batch.push(meta.id());
            batch_docs += u64::from(meta.num_docs());
        }
        self.merge_segments(&batch)?;
        self.writer.garbage_collect_files().wait().map_err(storage)?;
        Ok(MergeReport {
            before,
            after: self.index.searchable_segment_ids().map_err(storage)?.len(),
        })
    }

    /// Keeps the number of segments bounded while indexing goes on.
    fn merge_small(&mut self) -> Result<(), IndexError> {
        let metas = self.index.searchable_segment_metas().map_err(storage)?;
        let limit = merged_docs_limit(&self.manifest.dense) / SMALL_SEGMENTS_LIMIT as u64;
        let small: Vec<SegmentId> = metas
            .iter()
            .filter(|meta| u64::from(meta.num_docs()) < limit.min(SMALL_SEGMENT_DOCS))
            .map(|meta| meta.id())
            .collect();
        if small.len() < SMALL_SEGMENTS_LIMIT {
            return Ok(());
        }
        self.merge_segments(&small)
    }

    fn merge_segments(&mut self, segments: &[SegmentId]) -> Result<(), IndexError> {
        let has_deletes = || -> Result<bool, IndexError> {
            let metas = self.index.searchable_segment_metas().map_err(storage)?;
            Ok(metas.iter().any(|meta| segments.contains(&meta.id()) && meta.has_deletes()))
        };
        if segments.len() < 2 && !has_deletes()? || segments.is_empty() {
            return Ok(());
        }
        self.writer.merge(segments).wait().map_err(storage)?;
        Ok(())
    }
}

/// Documents of the largest segment that merging makes.
fn merged_docs_limit(fields: &[DenseField]) -> u64 {
    let row_bytes: u64 = fields.iter().map(|field| field.spec.row_len_bytes() as u64).sum();
    MERGED_DOCS_LIMIT.min(MERGED_DENSE_BYTES / row_bytes.max(1))
}

/// The manifest as a commit carries it.
pub(crate) fn payload(manifest: &Manifest) -> Result<String, IndexError> {
    let internal = |error: serde_json::Error| TantivyError::InternalError(error.to_string());
    manifest.to_payload().map_err(internal).map_err(storage)
}

/// Takes the lock of an index.
///
/// Errors: `Locked`, `Storage`.
pub(crate) fn open_writer(index: &tantivy::Index, path: &Path) -> Result<IndexWriter, IndexError> {
    let writer = index.writer_with_num_threads(1, WRITER_BUDGET_BYTES);
    let writer: IndexWriter = writer.map_err(|error| match error {
        TantivyError::LockFailure(LockError::LockBusy, _) => {
            IndexError::Locked { path: path.to_path_buf() }
        }
        other => storage(other),
    })?;
    writer.set_merge_policy(Box::new(NoMergePolicy));
    Ok(writer)
}
