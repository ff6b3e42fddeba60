//! One immutable segment of an index, laid out for searching.
//!
//! Its files are opened and checked by `gleaner_catalog`. Here they get what a search asks of them
//! beside: ids in an order, living rows, which rows make a document, and what living documents have
//! at most.

use std::{ops::Range, path::Path, sync::Arc};

use gleaner_catalog::{CatalogError, Fields, Manifest, SegmentFiles};
use gleaner_format::{DenseFieldView, DenseView, ImpactView};
use tantivy::{Opstamp, SegmentReader, index::SegmentId};

use crate::{
    error::{SearchError, storage},
    filter::{cache::SegmentKey, rows::RowSet},
    lexical::lengths::living_tokens,
    snapshot::{ids::Ids, maxima::Maxima, passages::Passages},
    sparse::topk::Ties,
};

/// One immutable segment: its impacts, its ids, its living rows.
pub struct Segment {
    id: SegmentId,
    delete_opstamp: Option<Opstamp>,
    files: Arc<SegmentFiles>,
    ids: Ids,
    alive: Option<RowSet>,
    /// In an index of passages.
    passages: Option<Passages>,
    /// Words of living documents.
    living_tokens: u64,
    maxima: Maxima,
}

impl Segment {
    /// Lays out what a search needs of a segment whose files are checked.
    pub(crate) fn open(
        files: &Arc<SegmentFiles>,
        reader: &SegmentReader,
        (path, fields, manifest): (&Path, Fields, &Manifest),
    ) -> Result<Self, SearchError> {
        let column = reader.fast_fields().str("_id").map_err(storage)?;
        let ids = column
            .ok_or_else(|| "the _id column is missing".to_owned())
            .and_then(|column| Ids::read(&column, reader.max_doc()))
            .map_err(|reason| {
                let file = path.join(format!("{}.fast", files.name()));
                CatalogError::Damaged { file, reason }
            })?;
        let alive = reader
            .alive_bitset()
            .map(|alive| RowSet::from_docs(files.impacts(), |doc| alive.is_alive(doc)));
        let is_alive = |doc| reader.alive_bitset().is_none_or(|alive| alive.is_alive(doc));
        let passages = manifest
            .long
            .is_passages()
            .then(|| Passages::new(reader.max_doc(), ids.len(), |doc| ids.ordinal(doc), is_alive));
        Ok(Self {
            id: reader.segment_id(),
            delete_opstamp: reader.delete_opstamp(),
            files: Arc::clone(files),
            ids,
            alive,
            passages,
            living_tokens: living_tokens(reader, fields.text)?,
            maxima: Maxima::default(),
        })
    }

    /// How rows make documents, in an index of passages.
    pub(crate) fn passages(&self) -> Option<&Passages> {
        self.passages.as_ref()
    }

    /// The row that carries what is stored of a document, of any of its rows that live; both in the
    /// storage layer's numbers.
    pub fn first_row(&self, doc: u32) -> u32 {
        self.passages.as_ref().map_or(doc, |passages| passages.first(doc))
    }

    /// The segment's name, the stem of its files.
    pub fn name(&self) -> String {
        self.id.uuid_string()
    }

    /// The impact file.
    pub fn impacts(&self) -> ImpactView<'_> {
        self.files.impacts()
    }

    /// The dense vector file.
    pub fn dense(&self) -> DenseView<'_> {
        self.files.dense()
    }

    /// The dense fields, in the order of the index's.
    pub fn dense_fields(&self) -> impl ExactSizeIterator<Item = DenseFieldView<'_>> {
        self.dense().fields()
    }

    /// One of them. Panics: if there is no such field, which opening checked.
    pub(crate) fn dense_field(&self, position: usize) -> DenseFieldView<'_> {
        self.dense_fields().nth(position).expect("a segment has all dense fields of its index")
    }

    /// Words of living documents, by the lengths that are stored with these.
    pub(crate) fn living_tokens(&self) -> u64 {
        self.living_tokens
    }

    /// What the segment's rows are known by.
    pub(crate) fn key(&self) -> SegmentKey {
        (self.id, self.delete_opstamp)
    }

    /// Rows that are not deleted; `None` when all live.
    pub fn alive(&self) -> Option<&RowSet> {
        self.alive.as_ref()
    }

    /// The ordinal of a document's `_id` among the segment's ids in byte order.
    pub fn id_ordinal(&self, doc: u32) -> u64 {
        u64::from(self.ids.ordinal(doc))
    }

    /// Orders rows of equal score by the bytes of their `_id`s.
    pub(crate) fn ties(&self) -> IdOrder<'_> {
        IdOrder { view: self.impacts(), ids: &self.ids }
    }

    /// A document's `_id`.
    pub fn id(&self, doc: u32) -> &str {
        self.ids.id(self.ids.ordinal(doc))
    }

    /// The `_id` that [`Segment::id_ordinal`] numbers.
    pub(crate) fn id_at(&self, ordinal: u64) -> &str {
        self.ids.id(ordinal as u32)
    }

    /// The largest weight that a living document has of a term; 0 if none has it.
    pub(crate) fn largest_weight(&self, term: u32) -> f32 {
        self.maxima.largest_weight(term, self.impacts(), self.alive())
    }

    /// The length of the longest vector of a living document in a dense field; 0 if none has one.
    pub(crate) fn longest_vector(&self, position: usize) -> f64 {
        self.maxima.longest_vector(position, self.dense_fields(), self.alive())
    }

    /// All rows of a living row's document, and perhaps dead ones behind them: where rows are
    /// passages, those that lie together. (Rows are in document order there.)
    pub(crate) fn span_of_document(&self, row: usize) -> Range<usize> {
        match self.passages() {
            None => row..row + 1,
            Some(passages) => {
                let rows = passages.rows(row as u32);
                rows.start as usize..rows.end as usize
            }
        }
    }

    /// The living rows of a living row's document.
    pub(crate) fn rows_of_document(&self, row: usize) -> impl Iterator<Item = usize> + '_ {
        let is_alive = |row: &usize| self.alive().is_none_or(|alive| alive.contains(*row));
        self.span_of_document(row).filter(is_alive)
    }
}

/// The order of a segment's ids.
pub(crate) struct IdOrder<'a> {
    view: ImpactView<'a>,
    ids: &'a Ids,
}

impl Ties for IdOrder<'_> {
    fn tie(&self, row: u32) -> u64 {
        u64::from(self.ids.ordinal(self.view.doc(row as usize)))
    }

    fn fetch(&self, row: u32) {
        self.ids.fetch(self.view.doc(row as usize));
    }
}
