//! Which ids a run may have written before, so that a new one costs no search for an old document.

use std::{
    collections::{HashMap, HashSet, hash_map::RandomState},
    hash::BuildHasher,
};

use gleaner_catalog::Fields;
use tantivy::{
    DocAddress, DocSet, ReloadPolicy, Searcher, TERMINATED, TantivyDocument, Term,
    schema::{IndexRecordOption, Value as _},
};

use crate::{
    document::Document,
    error::{IndexError, storage},
};

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
    hasher: RandomState,
    /// Whether a document is there by what was written since, by the hash of its id.
    written: HashMap<u64, bool>,
}

impl EarlierIds {
    /// The ids of the last commit.
    ///
    /// # Errors
    /// `Storage`.
    pub(super) fn of(index: &tantivy::Index) -> Result<Self, IndexError> {
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into();
        let searcher = reader.map_err(storage)?.searcher();
        Ok(Self { searcher, hasher: RandomState::new(), written: HashMap::new() })
    }

    /// Whether a document with this id was there; from now on it is, or is not.
    ///
    /// # Errors
    /// `Storage`.
    pub(super) fn replace(
        &mut self,
        fields: Fields,
        id: &str,
        is_there: bool,
    ) -> Result<bool, IndexError> {
        match self.written.insert(self.hasher.hash_one(id), is_there) {
            Some(was_there) => Ok(was_there),
            None => self.is_committed(fields, id).map_err(storage),
        }
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

/// The documents of an index as it was found, to pass those that are given again just as they are.
pub(crate) struct EarlierDocuments {
    searcher: Searcher,
    fields: Fields,
    /// What is committed says nothing of these.
    touched: SeenIds,
}

impl EarlierDocuments {
    /// The documents of the last commit.
    ///
    /// # Errors
    /// `Storage`.
    pub(super) fn of(index: &tantivy::Index, fields: Fields) -> Result<Self, IndexError> {
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into();
        let searcher = reader.map_err(storage)?.searcher();
        Ok(Self { searcher, fields, touched: SeenIds::default() })
    }

    /// Whether just this document is there, text and keys the same. The next one with its id is another.
    ///
    /// # Errors
    /// `Storage`.
    pub(crate) fn has(&mut self, document: &Document) -> Result<bool, IndexError> {
        if self.touched.insert(&document.id) || document.is_deletion {
            return Ok(false);
        }
        Ok(self.source_of(&document.id).map_err(storage)?.is_some_and(|it| it == document.source))
    }

    /// What is stored of the living document with an id. Of its rows, the first has it.
    fn source_of(&self, id: &str) -> tantivy::Result<Option<String>> {
        let term = Term::from_field_text(self.fields.id, id);
        for (segment, reader) in self.searcher.segment_readers().iter().enumerate() {
            let ids = reader.inverted_index(self.fields.id)?;
            let Some(mut rows) = ids.read_postings(&term, IndexRecordOption::Basic)? else {
                continue;
            };
            while rows.doc() != TERMINATED {
                if !reader.is_deleted(rows.doc()) {
                    let address = DocAddress::new(segment as u32, rows.doc());
                    let stored: TantivyDocument = self.searcher.doc(address)?;
                    let source = stored.get_first(self.fields.source);
                    return Ok(source.and_then(|it| it.as_str()).map(str::to_owned));
                }
                rows.advance();
            }
        }
        Ok(None)
    }
}
