//! What one search asks for, and the limits of it.
//!
//! [`SearchRequest`] holds what a caller gives, without an index. It is resolved against a commit
//! in `resolved.rs` and answered in `search.rs`.

use std::{sync::atomic::AtomicBool, time::Instant};

use gleaner_format::SparseVector;

use crate::{
    error::SearchError,
    query::boost::{Boost, is_factor},
    ranking::{feedback::request::Feedback, rank::Rank},
    stop::Stop,
};

/// Most hits of one request, `k` and `offset` together.
pub const DEPTH_LIMIT: usize = 1_000_000;

/// Most threads of one query.
pub const THREADS_LIMIT: usize = 64;

/// A query vector for one dense field.
#[derive(Debug, Clone, Copy)]
pub struct DenseQuery<'a> {
    /// The field's name.
    pub field: &'a str,
    /// `[dims]`, as a model gives it: it need not have length 1.
    pub vector: &'a [f32],
}

/// One search.
pub struct SearchRequest<'a> {
    /// What orders the hits.
    pub rank: &'a Rank,
    /// The encoded query, needed by [`Leg::Sparse`](crate::Leg::Sparse).
    pub vector: Option<&'a SparseVector>,
    /// The query's text, needed by [`Leg::Bm25`](crate::Leg::Bm25).
    pub text: Option<&'a str>,
    /// Query vectors, needed by [`Leg::Dense`](crate::Leg::Dense) for its field.
    pub dense: &'a [DenseQuery<'a>],
    /// The `_id` of a document that is itself the query: its vectors and its text are used in place
    /// of the three above, and it is left out of the answer.
    pub like: Option<&'a str>,
    /// Factors for terms of the sparse query.
    pub boosts: &'a [Boost],
    /// Legs whose queries are made anew from the first answers; none twice.
    pub feedback: &'a [Feedback],
    /// Hits to return.
    pub k: usize,
    /// Hits to pass over first.
    pub offset: usize,
    /// No hit scores below this.
    pub min_score: Option<f32>,
    /// Whether the list ends before its knee, where scores have fallen: of the whole fused list, or
    /// of as many hits of one leg as would take part in fusion.
    pub until_knee: bool,
    /// Only documents that match this.
    pub filter: Option<&'a str>,
    /// Keys of the stored document to return with each hit.
    pub fields: &'a [String],
    /// In (0, 1]. Below 1, [`Leg::Sparse`](crate::Leg::Sparse) may miss hits; what it returns has true scores.
    pub effort: f32,
    /// When to return the best found so far.
    pub deadline: Option<Instant>,
    /// When this is set, nobody waits for the answer any more: the search ends as at a deadline.
    pub given_up: Option<&'a AtomicBool>,
    /// Threads that share the rows of a large segment, at least 1. More of them answer one query of
    /// many rows sooner; many queries are answered soonest by one thread each.
    pub threads: usize,
    /// Whether to say where scores come from.
    pub explain: bool,
    /// Whether to say what the search did.
    pub profile: bool,
}

impl<'a> SearchRequest<'a> {
    /// The exact `k` best of all documents, with nothing else said; inputs are to be added.
    pub fn exact(rank: &'a Rank, k: usize) -> Self {
        Self {
            rank,
            vector: None,
            text: None,
            dense: &[],
            like: None,
            boosts: &[],
            feedback: &[],
            k,
            offset: 0,
            min_score: None,
            until_knee: false,
            filter: None,
            fields: &[],
            effort: 1.0,
            deadline: None,
            given_up: None,
            threads: 1,
            explain: false,
            profile: false,
        }
    }

    /// When the search ends before everything was looked at.
    pub(crate) fn stop(&self) -> Stop<'a> {
        Stop { deadline: self.deadline, given_up: self.given_up }
    }

    /// The number of hits to find, once the request is checked.
    pub(crate) fn hits_to_find(&self) -> Result<usize, SearchError> {
        if self.k == 0 {
            return Err(SearchError::NoHits);
        }
        let hits = self.k.saturating_add(self.offset);
        if hits > DEPTH_LIMIT {
            return Err(SearchError::Depth { found: hits, limit: DEPTH_LIMIT });
        }
        let is_no_factor = |boost: &&Boost| !is_factor(boost.factor);
        if let Some(&Boost { term, factor }) = self.boosts.iter().find(is_no_factor) {
            return Err(SearchError::Boost { term, factor });
        }
        if let Some(min_score) = self.min_score.filter(|min_score| !min_score.is_finite()) {
            return Err(SearchError::MinScore { min_score });
        }
        // Not a number is not above 0 either.
        match self.effort > 0.0 && self.effort <= 1.0 {
            true => Ok(hits),
            false => Err(SearchError::Effort { effort: self.effort }),
        }
    }
}
