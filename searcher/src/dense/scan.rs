//! The dense leg inside one segment: every admitted vector of a field compared, exactly.
//!
//! A score is f32 of the sum that `gleaner_kernels` defines, the same bits on every machine.
//! Vectors kept as 8-bit codes are screened first. Integer products estimate every score, and the
//! norms of what rounding left over bound the error of that estimate. Only rows that the bound
//! cannot rule out are scored from what is stored. The bounds themselves are `screen.rs`'s.

use std::thread::ScopedJoinHandle;

use gleaner_format::{DenseFieldView, Floats, GROUP_ROWS, VectorData, VectorRows};
use gleaner_kernels::Kernels;

use crate::{
    dense::{
        nearest::{DenseLimits, Nearest, PreparedVector},
        screen::Screen,
    },
    sparse::{
        answer::SegmentAnswer,
        plan::{Choice, Plan},
        profile::Counters,
        topk::{RowHit, Ties, TopK},
    },
};

const _: () = assert!(gleaner_format::DENSE_DIMS_LIMIT <= gleaner_kernels::MAX_DIMS);

/// Groups of 64 rows between two looks at the clock.
const GROUPS_PER_LOOK: usize = 64;
/// Rows scored one by one between two looks.
const CANDIDATES_PER_LOOK: usize = 256;

/// Compares every vector.
pub(crate) struct Scan<'a> {
    pub(crate) field: DenseFieldView<'a>,
    pub(crate) kernels: Kernels,
}

impl Nearest for Scan<'_> {
    fn nearest(
        &self,
        query: &PreparedVector,
        limits: DenseLimits<'_>,
        ties: &(impl Ties + Sync),
        counters: &mut Counters,
    ) -> SegmentAnswer {
        let groups = self.field.rows().div_ceil(GROUP_ROWS);
        let share = groups.div_ceil(limits.threads).max(1);
        let parts = (0..groups).step_by(share).map(|first| first..(first + share).min(groups));
        let work = |groups| {
            let mut part = Part::new(self, query, limits);
            part.scan(groups, ties);
            part.finish(ties)
        };
        let parts: Vec<_> = parts.collect();
        let answers: Vec<PartAnswer> = match &parts[..] {
            [] => Vec::new(),
            [only] => vec![work(only.clone())],
            parts => std::thread::scope(|scope| {
                let work = &work;
                let start = |part: &std::ops::Range<usize>| {
                    let part = part.clone();
                    scope.spawn(move || work(part))
                };
                let workers: Vec<_> = parts.iter().map(start).collect();
                let join = |worker: ScopedJoinHandle<'_, _>| {
                    worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                };
                workers.into_iter().map(join).collect()
            }),
        };
        self.whole(answers, limits, counters)
    }

    fn score(&self, query: &PreparedVector, row: usize) -> Option<f32> {
        let mut score = [0.0];
        self.scores(&query.vector, self.field.ordinal(row)?, &mut score);
        Some(score[0])
    }
}

impl<'a> Scan<'a> {
    pub(crate) fn new(field: DenseFieldView<'a>) -> Self {
        Self { field, kernels: Kernels::detect() }
    }

    /// The answers of all threads as one.
    fn whole(
        &self,
        answers: Vec<PartAnswer>,
        limits: DenseLimits<'_>,
        counters: &mut Counters,
    ) -> SegmentAnswer {
        let mut top = TopK::signed(limits.k, limits.floor);
        let (mut highest, mut is_complete) = (None, true);
        for answer in answers {
            counters.vectors += answer.vectors;
            counters.vector_bytes += answer.vectors * self.field.spec().scanned_len_bytes() as u64;
            counters.finalists += answer.finalists;
            highest = answer.highest_bound_not_scored.into_iter().chain(highest).reduce(f64::max);
            is_complete &= answer.is_complete;
            if !answer.is_complete {
                // Nothing is known of the rows that were not looked at.
                highest = Some(f64::INFINITY);
            }
            answer.hits.into_iter().for_each(|hit| top.offer(hit));
        }
        let choice = match self.field.data() {
            VectorData::Int8 { .. } => {
                let why = "8-bit codes bound every score, few rows are scored from what is stored";
                Choice { plan: Plan::DenseScreen, why }
            }
            VectorData::F32(_) | VectorData::F16(_) => {
                Choice { plan: Plan::DenseScan, why: "every admitted vector is compared" }
            }
        };
        let hits = top.into_sorted();
        let is_exact = is_complete;
        SegmentAnswer { hits, highest_bound_not_scored: highest, is_exact, is_complete, choice }
    }

    /// The true scores of consecutive vectors, the first of them of number `first`.
    ///
    /// Shapes: at most a group of scores.
    fn scores(&self, query: &[f32], first: usize, scores: &mut [f32]) {
        let mut sums = [0f64; GROUP_ROWS];
        let sums = &mut sums[..scores.len()];
        let ordinals = first..first + sums.len();
        match self.field.data() {
            VectorData::F32(floats) | VectorData::Int8 { floats: Some(floats), .. } => {
                self.kernels.dots_f32(query, floats.of(ordinals), sums);
            }
            VectorData::F16(halves) => {
                self.kernels.dots_f16(query, halves.of(ordinals), sums);
            }
            VectorData::Int8 { codes, scales, floats: None, .. } => {
                self.kernels.dots_i8(query, codes.of(ordinals), sums);
                for (sum, vector) in sums.iter_mut().zip(first..) {
                    *sum *= f64::from(scales.get(vector));
                }
            }
        }
        scores.iter_mut().zip(sums).for_each(|(score, sum)| *score = *sum as f32);
    }
}

/// Rows of one group whose vectors lie one behind the other.
struct Run {
    group: usize,
    /// One bit per row of the group.
    rows: u64,
    /// Number of the first row's vector.
    first: usize,
}

impl Run {
    /// Cuts the wanted rows of a group where a vector between them is not wanted.
    fn all(group: usize, present: u64, wanted: u64, first: usize) -> impl Iterator<Item = Run> {
        let mut left = present & wanted;
        let unwanted = present & !wanted;
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let start = left.trailing_zeros();
            let above = u64::MAX << start;
            let end = (unwanted & above).trailing_zeros();
            let rows = left & above & u64::MAX.checked_shl(end).map_or(u64::MAX, |bits| !bits);
            left &= !rows;
            let before = (present & !above).count_ones() as usize;
            Some(Run { group, rows, first: first + before })
        })
    }

    fn len(&self) -> usize {
        self.rows.count_ones() as usize
    }

    /// The row of the run's `at`-th vector.
    fn row(&self, at: usize) -> usize {
        let mut rows = self.rows;
        (0..at).for_each(|_| rows &= rows - 1);
        self.group * GROUP_ROWS + rows.trailing_zeros() as usize
    }
}

/// One thread's share of a segment.
struct Part<'a> {
    scan: &'a Scan<'a>,
    query: &'a PreparedVector,
    limits: DenseLimits<'a>,
    top: TopK,
    screen: Screen,
    vectors: u64,
    is_complete: bool,
}

struct PartAnswer {
    hits: Vec<RowHit>,
    highest_bound_not_scored: Option<f64>,
    vectors: u64,
    finalists: u64,
    is_complete: bool,
}

impl<'a> Part<'a> {
    fn new(scan: &'a Scan<'a>, query: &'a PreparedVector, limits: DenseLimits<'a>) -> Self {
        let top = TopK::signed(limits.k, limits.floor);
        let screen = Screen::new(limits.k, limits.floor);
        Self { scan, query, limits, top, screen, vectors: 0, is_complete: true }
    }

    fn scan(&mut self, groups: std::ops::Range<usize>, ties: &impl Ties) {
        let field = self.scan.field;
        for (visit, group) in groups.enumerate() {
            if visit % GROUPS_PER_LOOK == 0 && self.limits.are_over() {
                self.is_complete = false;
                return;
            }
            let admitted = self.limits.admitted;
            let wanted = admitted.map_or(u64::MAX, |rows| rows.groups(group..group + 1)[0]);
            let (present, first) = (field.present_word(group), field.first_ordinal(group));
            for run in Run::all(group, present, wanted, first) {
                self.vectors += run.len() as u64;
                match field.data() {
                    VectorData::Int8 { codes, scales, norms, errors, .. } => {
                        self.screen_run(&run, codes, [scales, norms, errors]);
                    }
                    VectorData::F32(_) | VectorData::F16(_) => self.score_run(&run, ties),
                }
            }
        }
    }

    fn score_run(&mut self, run: &Run, ties: &impl Ties) {
        let mut scores = [0f32; GROUP_ROWS];
        let scores = &mut scores[..run.len()];
        self.scan.scores(&self.query.vector, run.first, scores);
        for (at, &score) in scores.iter().enumerate() {
            if self.top.would_enter(score) {
                let row = run.row(at) as u32;
                self.top.offer(RowHit { score, tie: ties.tie(row), row });
            }
        }
    }

    fn screen_run(&mut self, run: &Run, codes: VectorRows<'_>, of_rows: [Floats<'_>; 3]) {
        let query = &self.query.codes;
        let mut sums = [0i32; GROUP_ROWS];
        let sums = &mut sums[..run.len()];
        let codes = codes.of(run.first..run.first + run.len());
        self.scan.kernels.dots_codes(&query.codes, codes, sums);
        for (at, &sum) in sums.iter().enumerate() {
            let [scale, norm, error] = of_rows.map(|numbers| numbers.get(run.first + at));
            let (lower, upper) = query.bounds(sum, scale, norm, error);
            if self.screen.would_enter(upper) {
                self.screen.offer(run.row(at) as u32, lower, upper);
            }
        }
    }

    /// Scores what the screen could not rule out, the highest bound first.
    fn finish(mut self, ties: &impl Ties) -> PartAnswer {
        let (candidates, mut highest) = self.screen.into_candidates();
        let mut finalists = 0;
        for (visit, candidate) in candidates.into_iter().enumerate() {
            self.is_complete &= visit % CANDIDATES_PER_LOOK != 0 || !self.limits.are_over();
            if !self.is_complete || !self.top.would_enter(candidate.upper) {
                highest = Some(highest.map_or(candidate.upper, |bound| bound.max(candidate.upper)));
                break;
            }
            finalists += 1;
            let row = candidate.row;
            if let Some(score) = self.scan.score(self.query, row as usize) {
                self.top.offer(RowHit { score, tie: ties.tie(row), row });
            }
        }
        PartAnswer {
            hits: self.top.into_sorted(),
            highest_bound_not_scored: highest.map(f64::from),
            vectors: self.vectors,
            finalists,
            is_complete: self.is_complete,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
