//! Which ids a run may have written before, so that a new one costs no search for an old document.

use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::BuildHasher,
};

use gleaner_catalog::Fields;
use tantivy::{DocSet, ReloadPolicy, Searcher, TERMINATED, Term, schema::IndexRecordOption};

use crate::error::{IndexError, storage};

/// Hashes of all ids of an index that was empty when it was opened: what is not here is new and
/// replaces nothing, and a needless delete costs the end of a segment a search for its id. Memory:
/// about 16 bytes for every document of the run.
#[derive(Default)]
pub(super) struct SeenIds {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl SeenIds {
    /// Remembers an id, and says whether it may have been seen before.
    pub(super) fn insert(&mut self, id: &str) -> bool {
        !self.hashes.insert(self.hasher.hash_one(id))
    }

    /// Whether the id may have been seen.
    pub(super) fn contains(&self, id: &str) -> bool {
        self.hashes.contains(&self.hasher.hash_one(id))
    }
}

/// The ids of an index as it was found, and of what was written since, to say of every document
/// whether it replaces one. It keeps the files of that commit open, so it is for one run.
pub(super) struct EarlierIds {
    searcher: Searcher,
    written: SeenIds,
}

impl EarlierIds {
    /// The ids of the last commit.
    ///
    /// # Errors
    /// `Storage`.
    pub(super) fn of(index: &tantivy::Index) -> Result<Self, IndexError> {
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into();
        let searcher = reader.map_err(storage)?.searcher();
        Ok(Self { searcher, written: SeenIds::default() })
    }

    /// Whether a document with this id replaces another one; the next one with it does.
    ///
    /// # Errors
    /// `Storage`.
    pub(super) fn insert(&mut self, fields: Fields, id: &str) -> Result<bool, IndexError> {
        Ok(self.written.insert(id) || self.is_committed(fields, id).map_err(storage)?)
    }

    fn is_committed(&self, fields: Fields, id: &str) -> tantivy::Result<bool> {
        let term = Term::from_field_text(fields.id, id);
        for segment in self.searcher.segment_readers() {
            let ids = segment.inverted_index(fields.id)?;
            let Some(mut rows) = ids.read_postings(&term, IndexRecordOption::Basic)? else {
                continue;
            };
            while rows.doc() != TERMINATED {
                if !segment.is_deleted(rows.doc()) {
                    return Ok(true);
                }
                rows.advance();
            }
        }
        Ok(false)
    }
}
