//! Completion: the true score, in a leg, of documents that the leg did not find.
//!
//! Sparse scores come from the forward rows, dense ones from the stored vectors, those of BM25 from
//! the postings, so that every fused hit has every leg's score, to the bit the one that the leg
//! itself would give. Which documents are scored is left to `list.rs` and `query/present.rs`.

use gleaner_format::SparseVector;

use crate::{
    dense::{nearest::Nearest, scan::Scan},
    error::SearchError,
    ranking::{hits::SegmentHit, leg_query::LegQuery, legs::LegAnswer},
    snapshot::commit::Snapshot,
    sparse::finalists::RowScorer,
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
    /// Shapes: `answer` is the leg's own, from which what it computed already is taken.
    /// Errors: the storage layer's.
    pub(crate) fn scores_in_leg(
        &self,
        leg: &LegQuery<'_>,
        answer: &LegAnswer,
        documents: &[SegmentHit],
    ) -> Result<Vec<TrueScore>, SearchError> {
        match leg {
            LegQuery::Sparse(query) => Ok(self.with_scratch(1, |scratches| {
                let scorer = &mut scratches[0].scorer;
                scorer.prepare(query);
                let scores = self.sparse_scores(query, scorer, documents);
                scorer.clear(query);
                scores
            })),
            LegQuery::Bm25(query) => {
                let score = |found: &SegmentHit| {
                    let segment = &self.segments()[found.segment];
                    let doc = segment.first_row(self.doc_of(found));
                    let score = match &answer.scores[found.segment] {
                        Some(scores) => scores[doc as usize],
                        None => query.score(self, found.segment, doc)?,
                    };
                    Ok(TrueScore { score: Some(score), row: found.hit.row as usize })
                };
                documents.iter().map(score).collect()
            }
            LegQuery::Dense { position, query, .. } => {
                let score = |found: &SegmentHit| {
                    let segment = &self.segments()[found.segment];
                    let scan = Scan::new(segment.dense_field(*position));
                    let rows = segment.rows_of_document(found.hit.row as usize);
                    best(found, rows.map(|row| (row, scan.score(query, row))))
                };
                Ok(documents.iter().map(score).collect())
            }
        }
    }

    fn sparse_scores(
        &self,
        query: &SparseVector,
        scorer: &mut RowScorer,
        documents: &[SegmentHit],
    ) -> Vec<TrueScore> {
        let mut score = |found: &SegmentHit| {
            let segment = &self.segments()[found.segment];
            let view = segment.impacts();
            let rows = segment.rows_of_document(found.hit.row as usize);
            best(found, rows.map(|row| (row, Some(scorer.score(query, view.row(row))))))
        };
        documents.iter().map(&mut score).collect()
    }
}

/// The best of a document's rows.
fn best(found: &SegmentHit, rows: impl Iterator<Item = (usize, Option<f32>)>) -> TrueScore {
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
