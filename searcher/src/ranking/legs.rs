//! One leg over all segments: its best documents under one threshold.
//!
//! [`Snapshot::run_leg`] visits the segments, the largest first, and merges their answers. How
//! lists of several legs become one is `list.rs`'s and `fuse.rs`'s, what is shown of them
//! `query/present.rs`'s.

use std::time::Instant;

use gleaner_format::SparseVector;

use crate::{
    dense::{
        nearest::{DenseLimits, Nearest, PreparedVector},
        scan::Scan,
    },
    error::SearchError,
    filter::admission::Admission,
    lexical::bm25::{self, Bm25Query},
    query::request::{SearchRequest, THREADS_LIMIT},
    ranking::{hits::SegmentHit, leg_query::LegQuery},
    snapshot::{commit::Snapshot, passages::collapse, segment::Segment},
    sparse::{
        answer::{Limits, SegmentAnswer},
        block_max,
        plan::{Choice, Plan},
        profile::Counters,
        topk::{RowHit, TopK},
    },
};

/// The best documents of one leg, and what was proven about the rest.
pub(crate) struct LegAnswer {
    pub(crate) best: Vec<SegmentHit>,
    pub(crate) highest_bound_not_scored: Option<f64>,
    pub(crate) is_exact: bool,
    pub(crate) is_complete: bool,
    /// How the largest segment was searched.
    pub(crate) choice: Choice,
    /// Scores that BM25 computed of all documents of a segment, by segment.
    pub(crate) scores: Vec<Option<Vec<f32>>>,
    /// Microseconds that the leg took.
    pub(crate) took_us: u64,
}

impl LegAnswer {
    /// The answer of an index without segments.
    fn new(snapshot: &Snapshot) -> Self {
        Self {
            best: Vec::new(),
            highest_bound_not_scored: None,
            is_exact: true,
            is_complete: true,
            choice: Choice { plan: Plan::Nothing, why: "the index holds no document" },
            scores: vec![None; snapshot.segments().len()],
            took_us: 0,
        }
    }
}

/// How a leg is to be run.
pub(crate) struct LegRun<'a> {
    pub(crate) request: &'a SearchRequest<'a>,
    pub(crate) admission: &'a Admission<'a>,
    pub(crate) depth: usize,
    /// Whether BM25 keeps the scores of all documents, for hits that other legs find.
    pub(crate) keeps_scores: bool,
}

impl Snapshot {
    /// The `depth` best admitted documents of a leg.
    ///
    /// Errors: the storage layer's. A deadline that has passed is none: the answer says that it is
    /// not complete.
    pub(crate) fn run_leg(
        &self,
        leg: &LegQuery<'_>,
        run: &LegRun<'_>,
        counters: &mut Counters,
    ) -> Result<LegAnswer, SearchError> {
        let start = Instant::now();
        let mut answer = LegAnswer::new(self);
        match leg {
            LegQuery::Sparse(query) => self.run_sparse(query, run, counters, &mut answer),
            LegQuery::Bm25(query) => self.run_bm25(query, run, &mut answer)?,
            LegQuery::Dense { position, query, .. } => {
                self.run_dense((*position, query), run, counters, &mut answer);
            }
        }
        answer.took_us = start.elapsed().as_micros() as u64;
        Ok(answer)
    }

    fn run_sparse(
        &self,
        query: &SparseVector,
        run: &LegRun<'_>,
        counters: &mut Counters,
        answer: &mut LegAnswer,
    ) {
        let request = run.request;
        self.with_scratch(request.threads.clamp(1, THREADS_LIMIT), |scratches| {
            for &ordinal in self.visits() {
                let segment = &self.segments()[ordinal];
                let view = segment.impacts();
                let limits = Limits {
                    k: rows_of(segment, run.depth),
                    floor: floor(&answer.best, run.depth).unwrap_or(0.0),
                    admitted: run.admission.of(ordinal),
                    effort: request.effort,
                    stop: request.stop(),
                    is_timed: request.profile,
                };
                let ties = segment.ties();
                let threads = scratches.len().min(view.windows());
                let of_segment = match &mut scratches[..threads.max(1)] {
                    [scratch] => block_max::search(view, query, limits, ties, scratch, counters),
                    many => block_max::search_parallel(view, query, limits, ties, many, counters),
                };
                self.merge_answer(answer, ordinal, of_segment, run.depth);
            }
        });
    }

    fn run_bm25(
        &self,
        query: &Bm25Query,
        run: &LegRun<'_>,
        answer: &mut LegAnswer,
    ) -> Result<(), SearchError> {
        let why = "every document that has a word of the query is scored";
        answer.choice = Choice { plan: Plan::Bm25Exhaustive, why };
        for &ordinal in self.visits() {
            if run.request.stop().is_now() {
                (answer.is_exact, answer.is_complete) = (false, false);
                break;
            }
            let mut top = TopK::new(run.depth, floor(&answer.best, run.depth).unwrap_or(0.0));
            let scores = query.scores(self, ordinal)?;
            bm25::offer(&self.segments()[ordinal], &scores, run.admission.of(ordinal), &mut top);
            self.merge_hits(&mut answer.best, ordinal, &top.into_sorted(), run.depth);
            answer.scores[ordinal] = run.keeps_scores.then_some(scores);
        }
        Ok(())
    }

    fn run_dense(
        &self,
        (position, query): (usize, &PreparedVector),
        run: &LegRun<'_>,
        counters: &mut Counters,
        answer: &mut LegAnswer,
    ) {
        for &ordinal in self.visits() {
            let segment = &self.segments()[ordinal];
            let limits = DenseLimits {
                k: rows_of(segment, run.depth),
                floor: floor(&answer.best, run.depth),
                admitted: run.admission.of(ordinal),
                stop: run.request.stop(),
                threads: run.request.threads.clamp(1, THREADS_LIMIT),
            };
            let scan = Scan::new(segment.dense_field(position));
            let of_segment = scan.nearest(query, limits, &segment.ties(), counters);
            self.merge_answer(answer, ordinal, of_segment, run.depth);
        }
    }

    /// Merges the answer of one segment into the leg's.
    fn merge_answer(
        &self,
        leg: &mut LegAnswer,
        ordinal: usize,
        answer: SegmentAnswer,
        depth: usize,
    ) {
        if self.visits().first() == Some(&ordinal) {
            leg.choice = answer.choice;
        }
        let bounds = [leg.highest_bound_not_scored, answer.highest_bound_not_scored];
        leg.highest_bound_not_scored = bounds.into_iter().flatten().reduce(f64::max);
        leg.is_exact &= answer.is_exact;
        leg.is_complete &= answer.is_complete;
        match self.segments()[ordinal].passages() {
            None => self.merge_hits(&mut leg.best, ordinal, &answer.hits, depth),
            Some(_) => {
                let documents = collapse(&answer.hits, depth);
                self.merge_hits(&mut leg.best, ordinal, &documents, depth);
            }
        }
    }

    /// Merges one segment's hits, best first, into the best so far, ties by `_id`.
    fn merge_hits(
        &self,
        best: &mut Vec<SegmentHit>,
        segment: usize,
        hits: &[RowHit],
        depth: usize,
    ) {
        let is_first = best.is_empty();
        best.extend(hits.iter().map(|&hit| SegmentHit { segment, hit }));
        if is_first || hits.is_empty() {
            return;
        }
        // Two sorted runs, which this sort merges in one pass.
        best.sort_by(|a, b| self.order(a, b));
        best.truncate(depth);
    }
}

/// How many rows of a segment are to be found, so that the best of each of its `depth` best
/// documents is among them: fewer than `depth` documents are better, none with more than `most`
/// rows.
fn rows_of(segment: &Segment, depth: usize) -> usize {
    match segment.passages() {
        None => depth,
        // One more than there are: where every match is found, none is said to have been skipped.
        Some(passages) => depth.saturating_mul(passages.most()).min(segment.impacts().rows() + 1),
    }
}

/// The score that `depth` documents already reach, if so many do.
pub(crate) fn floor(best: &[SegmentHit], depth: usize) -> Option<f32> {
    best.last().filter(|_| best.len() == depth).map(|last| last.hit.score)
}
