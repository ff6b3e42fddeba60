//! More like this: a document of the index as a query.
//!
//! Its own sparse vector, dense vectors and text stand where those of a query would; where it has
//! several rows, every term with its highest weight and the mean of the dense vectors; of long
//! ones, the heaviest terms and the strongest words. Leaving the document out of its own answer is
//! left to `search.rs`.

use std::collections::BTreeMap;

use gleaner_format::SparseVector;
use serde_json::{Map, Value};

use crate::{error::SearchError, snapshot::commit::Snapshot};

/// Terms of a document that is the query, at most: the heaviest.
const TERMS_LIMIT: usize = 4_096;

/// What a document gives to a query.
pub(crate) struct ExampleDocument {
    pub(crate) id: String,
    pub(crate) segment: usize,
    /// Its rows, and perhaps dead ones behind them.
    pub(crate) rows: std::ops::Range<usize>,
    pub(crate) vector: SparseVector,
    /// By dense field, where it has a vector.
    pub(crate) dense: Vec<Option<Vec<f32>>>,
    pub(crate) text: String,
}

impl ExampleDocument {
    /// Finds a living document and reads what it has.
    ///
    /// Errors: `NoDocument`; `Damaged` and the storage layer's.
    pub(crate) fn find(snapshot: &Snapshot, id: &str) -> Result<Self, SearchError> {
        let missing = || SearchError::NoDocument { id: id.to_owned() };
        let (segment, row) = snapshot.find_row(id)?.ok_or_else(missing)?;
        let opened = &snapshot.segments()[segment];
        let (view, rows) = (opened.impacts(), opened.rows_of_document(row));
        let mut weights: BTreeMap<u32, f32> = BTreeMap::new();
        for (term, weight) in rows.flat_map(|row| view.row(row).iter()) {
            let highest = weights.entry(term).or_insert(0.0);
            // Stored weights are exact in f32.
            *highest = highest.max(weight as f32);
        }
        let mut weights: Vec<(u32, f32)> = weights.into_iter().collect();
        weights.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        weights.truncate(TERMS_LIMIT);
        let vector = SparseVector::from_pairs(weights).expect("stored weights were checked");
        let dense = (0..snapshot.manifest().dense.len())
            .map(|position| snapshot.mean_vector(segment, position, row))
            .collect();
        let source = snapshot.stored(segment, view.doc(row))?;
        let (text, rows) = (text_of(&source), opened.span_of_document(row));
        Ok(Self { id: id.to_owned(), segment, rows, vector, dense, text })
    }
}

/// Title and text as one; where there is no `text`, `content` is another name of it.
fn text_of(source: &Map<String, Value>) -> String {
    let text = |key: &str| source.get(key)?.as_str();
    let parts = [text("title"), text("text").or_else(|| text("content"))];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// What a document of the index has, leg by leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentLegs {
    /// A sparse vector that is not empty.
    pub sparse: bool,
    /// A text.
    pub text: bool,
    /// By dense field, in the order of the manifest, a vector.
    pub dense: Vec<bool>,
}

impl Snapshot {
    /// What a living document has that a query can be made of.
    ///
    /// # Errors
    /// `NoDocument`; `Damaged` and the storage layer's.
    pub fn legs_of_document(&self, id: &str) -> Result<DocumentLegs, SearchError> {
        let document = ExampleDocument::find(self, id)?;
        Ok(DocumentLegs {
            sparse: !document.vector.is_empty(),
            text: !document.text.is_empty() && self.has_text(),
            dense: document.dense.iter().map(Option::is_some).collect(),
        })
    }

    /// The mean of the dense vectors of a document's rows; `None` if it has none.
    fn mean_vector(&self, segment: usize, position: usize, row: usize) -> Option<Vec<f32>> {
        let segment = &self.segments()[segment];
        let field = segment.dense_field(position);
        let (mut sums, mut count, mut vector) = (vec![0f64; field.spec().dims], 0usize, Vec::new());
        for ordinal in segment.rows_of_document(row).filter_map(|row| field.ordinal(row)) {
            field.read(ordinal, &mut vector);
            sums.iter_mut().zip(&vector).for_each(|(sum, &value)| *sum += f64::from(value));
            count += 1;
        }
        let mean = |sum: f64| (sum / count as f64) as f32;
        (count > 0).then(|| sums.into_iter().map(mean).collect())
    }
}
