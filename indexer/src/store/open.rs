//! An index folder opened for writing: found or created, locked, and brought to the settings asked for.
//!
//! How a folder comes into being is left to `create`, writing to `write`, merging to `merge`.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use gleaner_catalog::{
    CatalogError, Fields, IndexSettings, Manifest, ModelBinding, OpenIndex, new_id,
    register_analyzers, regular_file,
};
use tantivy::IndexWriter;

use super::{
    create::{Created, create, is_unfinished_index, place, remove},
    directory::SealingDirectory,
    merge::RunningMerge,
    plugin::{DenseSpecs, ImpactPlugin},
    seen_ids::{EarlierIds, SeenIds},
    writer::open_writer,
};
use crate::error::{IndexError, storage};

/// An index folder open for writing. One process at a time.
pub struct IndexStore {
    path: PathBuf,
    pub(super) fields: Fields,
    pub(super) directory: SealingDirectory,
    pub(super) index: tantivy::Index,
    pub(super) writer: IndexWriter,
    pub(super) manifest: Manifest,
    specs: DenseSpecs,
    pub(super) uncommitted: u64,
    pub(super) seen: Option<SeenIds>,
    /// Only while a run counts what it replaces.
    pub(super) earlier: Option<EarlierIds>,
    made: Option<Created>,
    /// Nothing was ever committed to it.
    is_unused: bool,
    /// Since it was opened.
    pub(super) rows_written: u64,
    pub(super) merging: Vec<RunningMerge>,
    /// A commit says more than the last one even without a document: where models are now, or, after an
    /// earlier version, the names of files.
    pub(crate) has_news: bool,
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
                Ok(Self { made, ..store })
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
        let list = path.join("meta.json");
        let unreadable = |file, source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => CatalogError::IndexNotFound { path: path.to_path_buf() },
            _ => CatalogError::Io { file, source },
        };
        regular_file(&list).map_err(|error| unreadable(list.clone(), error))?;
        let directory = SealingDirectory::open(path);
        let directory = directory.map_err(|error| unreadable(path.to_path_buf(), error))?;
        let mut index = tantivy::Index::open(directory.clone()).map_err(storage)?;
        let fields = Fields::find(&index)?;
        let specs = DenseSpecs::default();
        index.register_plugin(Arc::new(ImpactPlugin::new(specs.clone())));
        register_analyzers(&index);
        let writer = open_writer(&index, &directory, path)?;
        // Read under the lock: another process may have committed until now.
        let commit = match opened.refresh() {
            // Another index is in its place by now.
            Err(CatalogError::Replaced { .. }) => OpenIndex::open(path)?.commit(),
            refreshed => refreshed?,
        };
        let mut manifest = commit.manifest().clone();
        directory.know(std::mem::take(&mut manifest.files));
        // That of an earlier version has none.
        manifest.id.get_or_insert_with(new_id);
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
        let has_news = manifest.model != model || !manifest.is_sealed();
        let manifest = Manifest { model, ..manifest };
        let path = path.to_path_buf();
        Ok(Self {
            path,
            fields,
            directory,
            index,
            writer,
            manifest,
            specs,
            uncommitted: 0,
            seen,
            earlier: None,
            made: None,
            is_unused,
            rows_written: 0,
            merging: Vec::new(),
            has_news,
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
        if create(&path, &manifest, asked)?.is_none() {
            return Err(IndexError::Locked { path });
        }
        Self::lock(&OpenIndex::open(&path)?, manifest.model)
    }

    /// Brings the manifest to the settings; with that all is known that segments are written by.
    fn with_settings(mut self, settings: &IndexSettings) -> Result<Self, IndexError> {
        let before = self.manifest.clone();
        settings.settle(&mut self.manifest, self.is_unused)?;
        self.has_news |= self.manifest != before;
        self.specs.set(self.manifest.dense_specs());
        Ok(self)
    }

    /// Removes the index if this store made it and no document was committed to it: what a failed
    /// first run leaves would only stand in the way of the next. Says whether it is gone.
    ///
    /// # Errors
    /// `Discard`, `Storage`.
    pub fn discard_if_unused(self) -> Result<bool, IndexError> {
        let Some(made) = self.made else { return Ok(false) };
        if !self.index.searchable_segment_ids().map_err(storage)?.is_empty()
            || !is_unfinished_index(&self.path)
        {
            return Ok(false);
        }
        remove(&self.path, self.writer)?;
        if made == Created::InEmptyFolder {
            let failed = |source| IndexError::Discard { path: self.path.clone(), source };
            place(&self.path).and_then(std::fs::create_dir).map_err(failed)?;
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
}
