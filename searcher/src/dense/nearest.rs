//! What the dense leg asks of a segment: the k best vectors of a field under any filter.
//!
//! [`Nearest`] is the question. `scan.rs` answers it by comparing every admitted vector. An
//! approximate index would be another answer, and would say in its [`SegmentAnswer`] what it gave
//! up. Which segments are asked, and what becomes of their hits, is left to `ranking/legs.rs`.

use crate::{
    dense::screen::QueryCodes,
    filter::rows::RowSet,
    sparse::{answer::SegmentAnswer, profile::Counters, topk::Ties},
    stop::Stop,
};

/// A query vector made ready for a field.
pub(crate) struct PreparedVector {
    /// `[dims]`, prepared as the field's metric asks.
    pub(crate) vector: Vec<f32>,
    /// As 8-bit codes, for fields that are screened.
    pub(crate) codes: QueryCodes,
}

impl PreparedVector {
    pub(crate) fn new(vector: Vec<f32>) -> Self {
        Self { codes: QueryCodes::new(&vector), vector }
    }

    /// The length of the vector.
    pub(crate) fn norm(&self) -> f64 {
        norm(&self.vector)
    }
}

/// The length of a vector.
pub(crate) fn norm(vector: &[f32]) -> f64 {
    vector.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}

/// What to return of one segment.
#[derive(Clone, Copy)]
pub(crate) struct DenseLimits<'a> {
    /// Number of hits wanted, at least 1.
    pub(crate) k: usize,
    /// A score that `k` rows of other segments already reach, if they do.
    pub(crate) floor: Option<f32>,
    /// Rows that may be returned; `None` for all.
    pub(crate) admitted: Option<&'a RowSet>,
    /// When to stop looking.
    pub(crate) stop: Stop<'a>,
    /// Threads that share the rows, at least 1.
    pub(crate) threads: usize,
}

impl DenseLimits<'_> {
    /// Whether the deadline has passed.
    pub(crate) fn are_over(&self) -> bool {
        self.stop.is_now()
    }
}

/// A segment's dense field, asked for its best rows.
pub(crate) trait Nearest {
    /// The `k` best admitted rows that have a vector, best first, ties in the order of `ties`;
    /// scores may be negative.
    fn nearest(
        &self,
        query: &PreparedVector,
        limits: DenseLimits<'_>,
        ties: &(impl Ties + Sync),
        counters: &mut Counters,
    ) -> SegmentAnswer;

    /// The true score of one row; `None` if it has no vector.
    fn score(&self, query: &PreparedVector, row: usize) -> Option<f32>;
}
