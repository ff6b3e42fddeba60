//! Which documents there are while a run writes: by what it wrote, and by the commit that it found.
//!
//! So a new document costs no search for an old one, one that is given again is not encoded again, and what
//! was added and replaced can be counted.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
};

use gleaner_catalog::{Fields, living_row};
use tantivy::{ReloadPolicy, Searcher, TantivyDocument, schema::Value as _};

use crate::{
    document::Document,
    error::{IndexError, storage},
};

/// Whether documents are there by what was written, by the hashes of their ids. Memory: about 17 bytes for
/// every id.
#[derive(Default)]
pub(super) struct SeenIds {
    hasher: RandomState,
    is_there: HashMap<u64, bool>,
}

impl SeenIds {
    /// Remembers that a document is there from now on, or is not. Says what was known of it before.
    pub(super) fn note(&mut self, id: &str, is_there: bool) -> Option<bool> {
        self.is_there.insert(self.hasher.hash_one(id), is_there)
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
        Ok(Self { searcher: last_commit(index)?, written: SeenIds::default() })
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
        match self.written.note(id, is_there) {
            Some(was_there) => Ok(was_there),
            None => Ok(living_row(&self.searcher, fields.id, id).map_err(storage)?.is_some()),
        }
    }
}

/// The documents of an index as it was found, to pass those that are given again just as they are. It keeps
/// the files of that commit open, so it is for one run.
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
        Ok(Self { searcher: last_commit(index)?, fields, touched: SeenIds::default() })
    }

    /// Whether just this document is there, text and keys the same. The next one with its id is another.
    ///
    /// # Errors
    /// `Storage`.
    pub(crate) fn has(&mut self, document: &Document) -> Result<bool, IndexError> {
        if self.touched.note(&document.id, true).is_some() || document.is_deletion {
            return Ok(false);
        }
        Ok(self.source_of(&document.id).map_err(storage)?.is_some_and(|it| it == document.source))
    }

    /// What is stored of the living document with an id. Of its rows, the first has it.
    fn source_of(&self, id: &str) -> tantivy::Result<Option<String>> {
        let Some(address) = living_row(&self.searcher, self.fields.id, id)? else {
            return Ok(None);
        };
        let stored: TantivyDocument = self.searcher.doc(address)?;
        let source = stored.get_first(self.fields.source);
        Ok(source.and_then(|it| it.as_str()).map(str::to_owned))
    }
}

fn last_commit(index: &tantivy::Index) -> Result<Searcher, IndexError> {
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into();
    Ok(reader.map_err(storage)?.searcher())
}
