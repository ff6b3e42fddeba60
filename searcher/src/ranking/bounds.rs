//! The scores that a query can have in an index, whatever document it meets.
//!
//! Some normalisers divide by them. They come from what living documents have at most
//! (`snapshot/maxima.rs`), from the words of a query, or from a metric. What is made of them is
//! `fuse.rs`'s.

use gleaner_format::{Metric, SparseVector};

use crate::{
    ranking::{
        fuse::ScoreRange,
        leg_query::LegQuery,
        rank::{Method, Normaliser},
    },
    snapshot::{commit::Snapshot, segment::Segment},
};

/// Which scores a method of fusion asks for, beside those of the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NeededRange {
    /// None.
    Nothing,
    /// The least that a query can score in a leg.
    Least,
    /// The least and the most.
    LeastAndMost,
}

impl NeededRange {
    pub(crate) fn of(method: Method) -> Self {
        match method {
            Method::Rrf { .. } | Method::Convex(Normaliser::MinMax) => Self::Nothing,
            Method::Convex(Normaliser::TheoreticalMinMax) => Self::Least,
            Method::Convex(Normaliser::Bound) => Self::LeastAndMost,
        }
    }
}

impl Snapshot {
    /// The scores that a query can have in this index, unless none are needed. The most of them is
    /// found only where it is needed, because that may take a pass over all rows.
    pub(crate) fn score_range(
        &self,
        query: &LegQuery<'_>,
        needed: NeededRange,
    ) -> Option<ScoreRange> {
        let needs_most = match needed {
            NeededRange::Nothing => return None,
            NeededRange::Least => false,
            NeededRange::LeastAndMost => true,
        };
        let segments = self.segments().iter().map(|segment| &**segment);
        Some(match query {
            LegQuery::Sparse(_) | LegQuery::Bm25(_) if !needs_most => {
                ScoreRange { least: 0.0, most: f64::INFINITY }
            }
            LegQuery::Sparse(query) => {
                ScoreRange { least: 0.0, most: sparse_bound(query, segments) }
            }
            LegQuery::Bm25(query) => ScoreRange { least: 0.0, most: query.bound() },
            LegQuery::Dense { spec, position, query } => {
                let most = match spec.metric {
                    Metric::Cosine => 1.0,
                    Metric::Dot => {
                        let longest = segments.map(|segment| segment.longest_vector(*position));
                        query.norm() * longest.fold(0.0, f64::max)
                    }
                };
                ScoreRange { least: -most, most }
            }
        })
    }
}

/// The most that any living document of all segments could score.
fn sparse_bound<'a>(
    query: &SparseVector,
    segments: impl Iterator<Item = &'a Segment> + Clone,
) -> f64 {
    let largest = |term| {
        segments.clone().map(|segment| f64::from(segment.largest_weight(term))).fold(0.0, f64::max)
    };
    query.iter().map(|(term, weight)| f64::from(weight) * largest(term)).sum()
}
