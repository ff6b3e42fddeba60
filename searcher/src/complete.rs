//! Exact completion: the true score of a document in a leg that did not retrieve it.
//!
//! Sparse scores come from the forward rows, dense ones from the stored vectors, those of BM25 from the
//! postings, so that every fused hit has every leg's score, to the bit the one that the leg itself would
//! give. Which documents are completed is `search.rs`'s.

use gleaner_format::SparseVector;

use crate::{
    dense::Nearest,
    error::SearchError,
    finalists::RowScorer,
    index::Snapshot,
    legs::{Found, LegQuery, Ranking},
};

/// A document's score in one leg.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TrueScore {
    /// `None` of a document without a vector in a dense field.
    pub(crate) score: Option<f32>,
    /// The row it is of: where a document has several, the best, the earliest of equal ones.
    pub(crate) row: usize,
}

impl Snapshot {
    /// The scores of documents in a leg, in their order.
    ///
    /// Shapes: `ranking` is the leg's own, from which what it computed already is taken.
    /// Errors: the storage layer's.
    pub(crate) fn complete(
        &self,
        leg: &LegQuery,
        ranking: &Ranking,
        documents: &[Found],
    ) -> Result<Vec<TrueScore>, SearchError> {
        match leg {
            LegQuery::Sparse(query) => Ok(self.with_scratch(1, |scratches| {
                let scorer = &mut scratches[0].scorer;
                scorer.prepare(query);
                let completed = self.complete_sparse(query, scorer, documents);
                scorer.clear(query);
                completed
            })),
            LegQuery::Bm25(query) => {
                let score = |found: &Found| {
                    let segment = &self.segments()[found.segment];
                    let doc = segment.first_row(self.doc_of(found));
                    let score = match &ranking.scores[found.segment] {
                        Some(scores) => scores[doc as usize],
                        None => query.score(self, found.segment, doc)?,
                    };
                    Ok(TrueScore { score: Some(score), row: found.hit.row as usize })
                };
                documents.iter().map(score).collect()
            }
            LegQuery::Dense { position, query, .. } => {
                let score = |found: &Found| {
                    let segment = &self.segments()[found.segment];
                    let scan = segment.scan(*position);
                    let rows = segment.rows_of_document(found.hit.row as usize);
                    best(found, rows.map(|row| (row, scan.score(query, row))))
                };
                Ok(documents.iter().map(score).collect())
            }
        }
    }

    fn complete_sparse(
        &self,
        query: &SparseVector,
        scorer: &mut RowScorer,
        documents: &[Found],
    ) -> Vec<TrueScore> {
        let mut score = |found: &Found| {
            let segment = &self.segments()[found.segment];
            let view = segment.impacts();
            let rows = segment.rows_of_document(found.hit.row as usize);
            best(found, rows.map(|row| (row, Some(scorer.score(query, view.row(row))))))
        };
        documents.iter().map(&mut score).collect()
    }
}

/// The best of a document's rows.
fn best(found: &Found, rows: impl Iterator<Item = (usize, Option<f32>)>) -> TrueScore {
    let mut best = TrueScore { score: None, row: found.hit.row as usize };
    for (row, score) in rows {
        if let Some(score) = score
            && best.score.is_none_or(|known| score > known)
        {
            best = TrueScore { score: Some(score), row };
        }
    }
    best
}
