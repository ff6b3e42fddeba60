//! What there is to search, and the answers' bits.
//!
//! Every measurement of `sparse` gets the same workload. How it is searched is left to them.

use gleaner_format::{ImpactView, SparseVector};
use gleaner_searcher::RowHit;

/// What there is to search, and how often.
#[derive(Clone, Copy)]
pub struct Workload<'a> {
    /// The documents.
    pub view: ImpactView<'a>,
    /// The queries.
    pub queries: &'a [SparseVector],
    /// Number of hits.
    pub k: usize,
    /// Timed passes over all queries.
    pub passes: usize,
}

/// Rows and score bits of all answers, to compare ways of searching.
pub fn bits(hits: &[Vec<RowHit>]) -> Vec<(u32, u32)> {
    hits.iter().flatten().map(|hit| (hit.row, hit.score.to_bits())).collect()
}
