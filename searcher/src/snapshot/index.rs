//! An index folder opened for searching, and the latest commit of it.
//!
//! A request reads one [`Snapshot`] from start to end; [`Index::refresh`] brings the next. Opening
//! and checking files is left to `gleaner_catalog`.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use gleaner_catalog::OpenIndex;

use crate::{
    error::SearchError,
    snapshot::commit::{Snapshot, unpoisoned},
};

/// An index folder opened for searching.
pub struct Index {
    opened: OpenIndex,
    current: Mutex<Arc<Snapshot>>,
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
        if current.is_of(&commit) {
            return Ok(current);
        }
        let next = Arc::new(Snapshot::of(&self.opened, commit, Some(&current))?);
        *unpoisoned(&self.current) = next.clone();
        Ok(next)
    }
}
