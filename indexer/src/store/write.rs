//! Documents into an index: upserts, deletes, commits.
//!
//! A document of several rows is written in one run of operations, so its rows lie together in one
//! segment. What becomes of vectors in a segment's files is left to `plugin`.

use std::{collections::BTreeMap, ops::Range};

use gleaner_catalog::{InputProgress, MANIFEST_VERSION, TimeKey, new_id};
use gleaner_format::SparseVector;
use serde_json::Value;
use tantivy::{TantivyDocument, Term, indexer::UserOperation, schema::OwnedValue};

use super::{
    field_bytes::{dense_to_bytes, vector_to_bytes},
    open::IndexStore,
    seen_ids::{EarlierDocuments, EarlierIds},
    writer::payload,
};
use crate::{document::Document, encoder::EncodedRow, error::IndexError};

/// What an upsert did. Of an index that was not empty, a document counts as one that replaces
/// another unless a run looks it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// No document had the `_id`.
    Added,
    /// Another document had it.
    Replaced,
}

impl IndexStore {
    /// Replaces the document with this `_id`, or adds it, without dense vectors. Takes effect with
    /// the next commit.
    ///
    /// # Errors
    /// `Storage`.
    pub fn upsert(&mut self, document: &Document, vector: &SparseVector) -> Result<(), IndexError> {
        let row = self.first_row(document, vector, &[], None);
        self.write(&document.id, vec![row]).map(|_| ())
    }

    /// As [`IndexStore::upsert`], a document of one row, or in an index of passages of several. They
    /// are written as one: they stay together in one segment.
    ///
    /// # Errors
    /// `Storage`; `Rows`; `DenseCount` and `Dense` for vectors of other fields than the index has.
    pub fn upsert_rows(
        &mut self,
        document: &Document,
        rows: &[EncodedRow],
    ) -> Result<Written, IndexError> {
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
        let texts = [
            (fields.source, &document.source),
            (fields.text, &document.text),
            (fields.words, &document.text),
        ];
        for (field, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            stored.add_text(field, text);
        }
        if !document.source.is_empty() {
            self.add_passage(&mut stored, passage);
        }
        if !document.fields.is_empty() {
            let keys = document.fields.iter();
            let keys = keys.map(|(key, value)| (key.clone(), value_of(value))).collect();
            stored.add_object(fields.fields, keys);
            let times = document.fields.iter();
            let times: BTreeMap<_, _> =
                times.filter_map(|(key, value)| Some((key.clone(), times_of(value)?))).collect();
            if !times.is_empty() {
                stored.add_object(fields.times, times);
            }
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

    /// Deletes the document with this `_id`, with all its rows. Takes effect with the next commit. An
    /// `_id` that no document has deletes nothing. Says whether there was one, as far as a run counts.
    ///
    /// # Errors
    /// `Storage`.
    pub fn delete(&mut self, id: &str) -> Result<bool, IndexError> {
        if self.uncommitted == 0 {
            self.use_number_up()?;
        }
        self.uncommitted += 1;
        let (may_have_rows, was_there) = self.note(id, false)?;
        if may_have_rows {
            self.delete_rows(id);
        }
        Ok(was_there)
    }

    /// Remembers that a document is there from now on, or is not. Says whether the index may have rows of it
    /// by now, and whether it was there, as far as that is known.
    fn note(&mut self, id: &str, is_there: bool) -> Result<(bool, bool), IndexError> {
        Ok(match (&mut self.seen, &mut self.earlier) {
            (Some(seen), _) => match seen.note(id, is_there) {
                Some(was_there) => (true, was_there),
                None => (false, false),
            },
            (None, Some(earlier)) => (true, earlier.replace(self.fields, id, is_there)?),
            (None, None) => (true, true),
        })
    }

    /// What is committed by now, to pass documents that are given again; nothing of an index that was
    /// empty. The files of the last commit stay open for that.
    ///
    /// # Errors
    /// `Storage`.
    pub(crate) fn earlier_documents(&self) -> Result<Option<EarlierDocuments>, IndexError> {
        match self.seen {
            Some(_) => Ok(None),
            None => EarlierDocuments::of(&self.index, self.fields).map(Some),
        }
    }

    /// From now on [`IndexStore::upsert_rows`] says exactly whether a document of an index that was
    /// not empty replaces another one. The files of the last commit stay open for that.
    ///
    /// # Errors
    /// `Storage`.
    pub(crate) fn count_replaced(&mut self) -> Result<(), IndexError> {
        if self.seen.is_none() {
            self.earlier = Some(EarlierIds::of(&self.index)?);
        }
        Ok(())
    }

    /// Ends what [`IndexStore::count_replaced`] began.
    pub(crate) fn count_no_longer(&mut self) {
        self.earlier = None;
    }

    /// Replaces what has this `_id` by these rows.
    fn write(&mut self, id: &str, rows: Vec<TantivyDocument>) -> Result<Written, IndexError> {
        self.rows_written += rows.len() as u64;
        self.uncommitted += 1;
        let (may_have_rows, was_there) = self.note(id, true)?;
        if may_have_rows {
            self.delete_rows(id);
        }
        // Operations of one run go to the same segment.
        let run = self.writer.run(rows.into_iter().map(UserOperation::Add));
        run.map_err(|error| self.directory.explain(error))?;
        Ok(if was_there { Written::Replaced } else { Written::Added })
    }

    /// Removes the rows that have this `_id` by now.
    fn delete_rows(&mut self, id: &str) {
        self.writer.delete_term(Term::from_field_text(self.fields.id, id));
    }

    /// The first operation of a writer has the number of the last commit: a merge would take a delete of that
    /// number for committed, and a commit without operations would be another one of it. An empty run uses
    /// the number up.
    fn use_number_up(&self) -> Result<(), IndexError> {
        let run = self.writer.run(std::iter::empty());
        run.map(|_| ()).map_err(|error| self.directory.explain(error))
    }

    /// Makes everything since the last commit durable, together with how far the inputs got.
    ///
    /// After this returns, the documents survive a crash. What to merge is left to the caller.
    ///
    /// # Errors
    /// `Write`, `Storage`; the previous commit is then still whole.
    pub fn commit(&mut self, inputs: Vec<InputProgress>) -> Result<(), IndexError> {
        if self.uncommitted == 0 {
            self.use_number_up()?;
        }
        self.manifest.inputs = inputs;
        self.manifest.version = MANIFEST_VERSION;
        self.manifest.commit = Some(new_id());
        let payload = payload(&self.manifest)?;
        let explain = |error| self.directory.explain(error);
        let mut prepared = self.writer.prepare_commit().map_err(explain)?;
        prepared.set_payload(&payload);
        prepared.commit().map_err(explain)?;
        (self.uncommitted, self.has_news) = (0, false);
        Ok(())
    }

    /// Documents upserted or deleted since the last commit.
    pub fn uncommitted(&self) -> u64 {
        self.uncommitted
    }
}

/// A value as the storage layer takes it. Texts stay texts: what is a time, `times_of` says.
fn value_of(value: &Value) -> OwnedValue {
    match value {
        Value::String(text) => OwnedValue::Str(text.clone()),
        Value::Array(values) => OwnedValue::Array(values.iter().map(value_of).collect()),
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| (key.clone(), value_of(value)));
            OwnedValue::Object(members.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => OwnedValue::from(value.clone()),
    }
}

/// The times of a value, as keys that sort; nothing where there is none.
fn times_of(value: &Value) -> Option<OwnedValue> {
    match value {
        Value::String(text) => Some(OwnedValue::Str(TimeKey::parse(text)?.first)),
        Value::Array(values) => {
            let times: Vec<OwnedValue> = values.iter().filter_map(times_of).collect();
            (!times.is_empty()).then_some(OwnedValue::Array(times))
        }
        Value::Object(members) => {
            let times = members.iter();
            let times: Vec<(String, OwnedValue)> =
                times.filter_map(|(key, value)| Some((key.clone(), times_of(value)?))).collect();
            (!times.is_empty()).then_some(OwnedValue::Object(times))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
