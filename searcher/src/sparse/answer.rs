//! What is asked of one segment, and what it answers.
//!
//! [`Limits`] is the sparse engine's; [`SegmentAnswer`] is also what a dense field answers. Answers
//! of several segments become one in `ranking/legs.rs`.

use crate::{
    filter::rows::RowSet,
    sparse::{plan::Choice, topk::RowHit},
    stop::Stop,
};

/// What to return from one segment, and what may be given up for it.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// Number of hits wanted.
    pub k: usize,
    /// A score that `k` documents of other segments already reach, or 0.
    pub floor: f32,
    /// Rows that may be returned; `None` for all.
    pub admitted: Option<&'a RowSet>,
    /// In (0, 1]. Below 1, light terms are left out and bounds are scaled, so that hits may be
    /// missed; those returned have their true scores.
    pub effort: f32,
    /// When to stop looking at further windows.
    pub stop: Stop<'a>,
    /// Whether to take the time of every phase.
    pub is_timed: bool,
}

impl<'a> Limits<'a> {
    /// The exact `k` best of all admitted rows, however long it takes.
    pub fn exact(k: usize, admitted: Option<&'a RowSet>) -> Self {
        Self { k, floor: 0.0, admitted, effort: 1.0, stop: Stop::default(), is_timed: false }
    }
}

/// Hits of one segment and what was proven about the rest.
#[derive(Debug)]
pub struct SegmentAnswer {
    /// At most `k` hits, best first.
    pub hits: Vec<RowHit>,
    /// No unscored row scores above this; `None` only if every admitted match was scored.
    pub highest_bound_not_scored: Option<f64>,
    /// Whether no row outside `hits` can belong to them.
    pub is_exact: bool,
    /// Whether all windows were looked at before the deadline.
    pub is_complete: bool,
    /// How the segment was searched, and why.
    pub choice: Choice,
}
