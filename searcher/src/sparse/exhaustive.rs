//! The oracle: every row scored by definition, nothing skipped.
//!
//! The definition of a score and of an answer. It is deliberately plain (a merge of two sorted
//! lists, no tables, no kernels), so that it can be read and believed; every fast path is tested
//! against it and must return the same rows and the same score bits.

use gleaner_format::{ImpactView, RowView, SparseVector};

use crate::{
    filter::rows::RowSet,
    sparse::topk::{RowHit, TopK},
};

/// The score of one row: f32 of `Σ f64(query weight) · f64(stored weight)` over the common terms
/// in ascending term id.
pub fn score(query: &SparseVector, row: RowView<'_>) -> f32 {
    // Not `sum`, whose sum of nothing is -0.
    let add = |sum, (_, query, stored)| sum + f64::from(query) * stored;
    contributions(query, row).fold(0f64, add) as f32
}

/// `(term id, query weight, stored weight)` of every common term, term ids ascending.
pub fn contributions(
    query: &SparseVector,
    row: RowView<'_>,
) -> impl Iterator<Item = (u32, f32, f64)> {
    let mut stored = row.iter().peekable();
    query.iter().filter_map(move |(term, weight)| {
        while stored.next_if(|posting| posting.0 < term).is_some() {}
        stored.next_if(|posting| posting.0 == term).map(|posting| (term, weight, posting.1))
    })
}

/// The `k` best rows among `admitted` (all rows if `None`), best first.
///
/// `tie` orders equal scores, ascending. Cost: every posting of every row.
pub fn search(
    view: ImpactView<'_>,
    query: &SparseVector,
    admitted: Option<&RowSet>,
    k: usize,
    tie: impl Fn(u32) -> u64,
) -> Vec<RowHit> {
    let mut top = TopK::new(k, 0.0);
    for row in 0..view.rows() {
        if admitted.is_none_or(|admitted| admitted.contains(row)) {
            let score = score(query, view.row(row));
            let row = row as u32;
            top.offer(RowHit { score, tie: tie(row), row });
        }
    }
    top.into_sorted()
}
