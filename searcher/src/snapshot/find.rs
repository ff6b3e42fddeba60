//! Documents by their `_id`, and all that a filter admits.
//!
//! Finding by relevance is `ranking/`'s; what a filter means, `filter/`'s.

use gleaner_catalog::living_row;
use gleaner_format::SparseVector;
use serde_json::{Map, Value};
use tantivy::DocAddress;

use super::commit::Snapshot;
use crate::{
    error::{SearchError, storage},
    filter::admission::Admission,
    stop::Stop,
};

/// A document as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDocument {
    /// Its keys and texts as they were given.
    pub source: Map<String, Value>,
    /// Its rows: one, or one a passage.
    pub rows: Vec<StoredRow>,
}

/// The vectors of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRow {
    /// The sparse vector, as stored: each weight within 2^-17 of the given one.
    pub vector: SparseVector,
    /// By dense field that has a vector, its name and its vector as stored.
    pub dense: Vec<(String, Vec<f32>)>,
}

impl Snapshot {
    /// Whether a living document has this `_id`.
    ///
    /// Errors: the storage layer's.
    pub fn has_document(&self, id: &str) -> Result<bool, SearchError> {
        Ok(self.find_row(id)?.is_some())
    }

    /// The segment and a living row of the document with this `_id`.
    pub(crate) fn find_row(&self, id: &str) -> Result<Option<(usize, usize)>, SearchError> {
        let found = living_row(self.searcher(), self.fields().id, id).map_err(storage)?;
        let Some(DocAddress { segment_ord, doc_id }) = found else { return Ok(None) };
        let view = self.segments()[segment_ord as usize].impacts();
        let row = match view.is_in_document_order() {
            true => Some(doc_id as usize),
            false => (0..view.rows()).find(|&row| view.doc(row) == doc_id),
        };
        Ok(row.map(|row| (segment_ord as usize, row)))
    }

    /// The living document with this `_id`.
    ///
    /// # Errors
    /// `Damaged` and the storage layer's.
    pub fn document(&self, id: &str) -> Result<Option<StoredDocument>, SearchError> {
        let Some((segment, row)) = self.find_row(id)? else { return Ok(None) };
        let opened = &self.segments()[segment];
        let view = opened.impacts();
        let source = self.stored(segment, view.doc(row))?;
        let stored_row = |row: usize| {
            // Stored weights are exact in f32.
            let weights = view.row(row).iter().map(|(term, weight)| (term, weight as f32));
            let vector = SparseVector::from_pairs(weights).expect("stored weights were checked");
            let dense = (0..self.manifest().dense.len()).filter_map(|position| {
                let (field, mut vector) = (opened.dense_field(position), Vec::new());
                field.read(field.ordinal(row)?, &mut vector);
                Some((field.spec().name.clone(), vector))
            });
            StoredRow { vector, dense: dense.collect() }
        };
        let rows = opened.rows_of_document(row).map(stored_row).collect();
        Ok(Some(StoredDocument { source, rows }))
    }

    /// The line that the living document with this `_id` was given by, without vectors; empty where
    /// nothing but the `_id` is stored.
    ///
    /// # Errors
    /// `Damaged` and the storage layer's.
    pub fn stored_line(&self, id: &str) -> Result<Option<String>, SearchError> {
        let Some((segment, row)) = self.find_row(id)? else { return Ok(None) };
        let doc = self.segments()[segment].impacts().doc(row);
        Ok(Some(self.source_of(segment, doc)?.unwrap_or_default()))
    }

    /// The `_id`s of all living documents that a filter admits, in no order, and what there is to say of
    /// the filter.
    ///
    /// # Errors
    /// `Filter`; the storage layer's.
    pub fn matching(
        &self,
        filter: &str,
        stop: Stop<'_>,
    ) -> Result<(Vec<String>, Vec<String>), SearchError> {
        let admission = Admission::new(self, Some(filter), stop)?;
        let mut ids = Vec::new();
        for (ordinal, segment) in self.segments().iter().enumerate() {
            let view = segment.impacts();
            let Some(admitted) = admission.of(ordinal) else { continue };
            // Of the rows of a document, which lie together, the first names it.
            let mut docs: Vec<u32> =
                admitted.rows().map(|row| segment.first_row(view.doc(row))).collect();
            docs.sort_unstable();
            docs.dedup();
            ids.extend(docs.into_iter().map(|doc| segment.id(doc).to_owned()));
        }
        Ok((ids, admission.notes().to_vec()))
    }
}
