//! Folder to checked commit: an index opened for reading, every file of its latest commit read once.
//!
//! Whoever searches and whoever writes begin here, and may share one [`OpenIndex`]. Reading takes no lock
//! and writes nothing. A commit that lands between the list of files and their opening is met by trying
//! again on the newer one.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tantivy::{IndexMeta, IndexReader, ReloadPolicy, TantivyError};

use crate::{
    analyzer::register_analyzers,
    commit::Commit,
    directory::ReadOnlyDirectory,
    error::CatalogError,
    files::{CheckedFiles, Opened, damage, find_list, segment_ids, unreadable},
    identity::contradiction,
    manifest::Manifest,
    schema::Fields,
};

/// How often opening is tried when commits land between reading their list and their files.
const OPEN_ATTEMPTS: usize = 100;
/// Time between two attempts.
const OPEN_PAUSE: Duration = Duration::from_millis(10);

/// An index folder opened for reading, and its latest commit, of which every file was checked.
pub struct OpenIndex {
    path: PathBuf,
    directory: ReadOnlyDirectory,
    tantivy: tantivy::Index,
    reader: IndexReader,
    fields: Fields,
    commit: Mutex<Arc<Commit>>,
    checked: Mutex<CheckedFiles>,
}

impl OpenIndex {
    /// Opens a folder and checks every file of its latest commit.
    ///
    /// # Errors
    /// `IndexNotFound`, `ForeignIndex`, `EarlierVersion`, `Manifest`, `Damaged`, `DamagedImpacts`,
    /// `Missing`, `Busy`, `Io`, `Storage`.
    ///
    /// # Cost
    /// One read of all files for their checksums.
    pub fn open(path: &Path) -> Result<Self, CatalogError> {
        find_list(path)?;
        let meta_damaged = |error: TantivyError| damage(error, path.join("meta.json"));
        let directory = ReadOnlyDirectory::open(path).map_err(meta_damaged)?;
        let tantivy = tantivy::Index::open(directory.clone()).map_err(meta_damaged)?;
        register_analyzers(&tantivy);
        let fields = Fields::find(&tantivy)?;
        let mut checked = CheckedFiles::default();
        let opened = Opened { path, directory: &directory, tantivy: &tantivy };
        let reader = while_commits_land(&tantivy, path, |metas| {
            checked.check(&opened, metas, &Manifest::read(metas.payload.as_deref(), path)?)?;
            let reader = tantivy.reader_builder().reload_policy(ReloadPolicy::Manual);
            reader.try_into().map(Some).map_err(meta_damaged)
        })?;
        let commit = open_commit(&opened, &reader, None, &mut checked)?;
        let commit = Mutex::new(Arc::new(commit));
        let checked = Mutex::new(checked);
        Ok(Self { path: path.to_path_buf(), directory, tantivy, reader, fields, commit, checked })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The index's fields.
    pub fn fields(&self) -> Fields {
        self.fields
    }

    /// The latest commit opened.
    pub fn commit(&self) -> Arc<Commit> {
        unpoisoned(&self.commit).clone()
    }

    /// Files that were read whole to check them, since the index was opened.
    pub fn files_checked(&self) -> u64 {
        unpoisoned(&self.checked).checks()
    }

    /// Opens the latest commit if it is another one than [`OpenIndex::commit`], and checks the files
    /// that are new in it. If it is the same, only looks whether its files are still there.
    ///
    /// # Errors
    /// As [`OpenIndex::open`]; `Replaced` if the folder holds another index, or an earlier or a diverged
    /// commit of this one. The commit opened before stays.
    pub fn refresh(&self) -> Result<Arc<Commit>, CatalogError> {
        let current = self.commit();
        let opened =
            Opened { path: &self.path, directory: &self.directory, tantivy: &self.tantivy };
        self.check_place()?;
        if current.is_of(&self.load_metas()?) {
            match unpoisoned(&self.checked).check_presence(&opened) {
                Ok(()) => return Ok(current),
                // Unless another commit landed since, and removed what it does not need.
                Err(error) if current.is_of(&self.load_metas()?) => return Err(error),
                Err(_) => {}
            }
        }
        let mut checked = unpoisoned(&self.checked);
        let next = open_commit(&opened, &self.reader, Some(&current), &mut checked)?;
        let next = Arc::new(next);
        *unpoisoned(&self.commit) = next.clone();
        Ok(next)
    }

    fn load_metas(&self) -> Result<IndexMeta, CatalogError> {
        self.tantivy.load_metas().map_err(|error| damage(error, self.path.join("meta.json")))
    }

    /// Whether the path still leads to the folder that was opened.
    fn check_place(&self) -> Result<(), CatalogError> {
        let place = self.path.canonicalize();
        let place = place.map_err(|error| unreadable(error, self.path.clone()))?;
        if place == self.directory.root() {
            return Ok(());
        }
        let reason = format!("the path leads to {}", place.display());
        Err(CatalogError::Replaced { path: self.path.clone(), reason })
    }
}

/// Runs `attempt` on the latest commit, again if it fails or declines because another process
/// committed meanwhile (its files may be gone then). A failure on a steady commit is real.
fn while_commits_land<T>(
    tantivy: &tantivy::Index,
    path: &Path,
    mut attempt: impl FnMut(&IndexMeta) -> Result<Option<T>, CatalogError>,
) -> Result<T, CatalogError> {
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
    Err(CatalogError::Busy { path: path.to_path_buf() })
}

/// Checks files not checked before and opens the vector files of the latest commit; those of `previous`
/// are open already.
fn open_commit(
    opened: &Opened<'_>,
    reader: &IndexReader,
    previous: Option<&Commit>,
    checked: &mut CheckedFiles,
) -> Result<Commit, CatalogError> {
    let (path, tantivy) = (opened.path, opened.tantivy);
    while_commits_land(tantivy, path, |metas| {
        let manifest = Manifest::read(metas.payload.as_deref(), path)?;
        let of = |previous| contradiction(previous, &tantivy.schema(), metas, &manifest);
        if let Some(reason) = previous.and_then(of) {
            return Err(CatalogError::Replaced { path: path.to_path_buf(), reason });
        }
        checked.check(opened, metas, &manifest)?;
        reader.reload().map_err(|error| damage(error, path.join("meta.json")))?;
        let searcher = reader.searcher();
        if *searcher.generation().segments() != segment_ids(metas) {
            return Ok(None);
        }
        let commit = Commit::open(path, (metas, manifest), searcher, previous)?;
        checked.count(commit.opened_since(previous));
        Ok(Some(commit))
    })
}

/// Takes the lock even if a thread panicked with it: what it guards is replaced whole.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
