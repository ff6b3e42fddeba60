//! Exact top-k by bounded accumulation: windows, block maxima, finalists.
//!
//! Term-at-a-time accumulation over windows of 32,768 rows, after SINDI's windows (VSAG, Milvus)
//! and Qdrant's, with block maxima per window, list and group of 64 rows as in Block-Max Pruning
//! (Mallia, Suel, Tonellotto, SIGIR 2024). Different here: columns hold upper bounds, not scores.
//! Short lists are scattered; then a sweep over the groups drops those that cannot reach the
//! threshold and adds the long lists, in the form of rows, to the others. A row whose bound survives
//! becomes a candidate, and candidates are scored from their stored 16-bit rows in descending order
//! of bound, until no bound reaches the threshold. The answer has the oracle's rows and score bits
//! (`exhaustive.rs`), whatever was skipped on the way.

use gleaner_format::{
    Column, GROUP_ROWS, ImpactView, ListView, SparseVector, WINDOW_GROUPS, WINDOW_ROWS,
};
use gleaner_kernels::{
    GROUP, GroupCodes, GroupList, Kernels, Sums, Sweep, WINDOW, prefetch, scatter_gaps,
    scatter_locals,
};

use crate::{
    finalists::RowScorer,
    plan::{ActiveList, Method, Plan, QUERY_TERMS_LIMIT},
    profile::{Clock, Counters},
    rows::RowSet,
    topk::{RowHit, TopK},
};

const _: () = assert!(WINDOW == WINDOW_ROWS && GROUP == GROUP_ROWS);

/// Candidates gathered, at least, before their own bounds are used to raise the threshold.
const CANDIDATES_BEFORE_TIGHTENING: usize = 32;

/// Room for rows that survive one call of a kernel.
const SURVIVORS: usize = 4 * GROUP;

/// Finalists whose rows are fetched ahead.
const ROWS_AHEAD: usize = 6;

/// Reusable memory of one search: no allocation grows with the segment.
pub struct Scratch {
    kernels: Kernels,
    plan: Plan,
    /// All zero between windows.
    sums: Box<Sums>,
    tails: Vec<u16>,
    survivors: Vec<u32>,
    candidates: Vec<Candidate>,
    scorer: RowScorer,
}

impl Scratch {
    /// Scratch for the given instruction set.
    pub fn new(kernels: Kernels) -> Self {
        Self {
            kernels,
            plan: Plan::default(),
            sums: Sums::new(),
            tails: Vec::with_capacity(WINDOW_GROUPS),
            survivors: Vec::with_capacity(SURVIVORS),
            candidates: Vec::new(),
            scorer: RowScorer::default(),
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new(Kernels::detect())
    }
}

/// What to return from one segment.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// Number of hits wanted.
    pub k: usize,
    /// A score that `k` documents of other segments already reach, or 0.
    pub floor: f32,
    /// Rows that may be returned; `None` for all.
    pub admitted: Option<&'a RowSet>,
    /// Whether to take the time of every phase.
    pub is_timed: bool,
}

/// Hits of one segment and what was proven about the rest.
#[derive(Debug)]
pub struct SegmentAnswer {
    /// At most `k` hits, best first.
    pub hits: Vec<RowHit>,
    /// No unscored row scores above this; `None` if every admitted match was scored.
    pub highest_bound_not_scored: Option<f64>,
}

/// A row and the sum that bounds it.
#[derive(Clone, Copy)]
struct Candidate(u64);

impl Candidate {
    fn new(sum: u32, row: u32) -> Self {
        Self(u64::from(sum) << 32 | u64::from(row))
    }

    fn sum(self) -> u32 {
        (self.0 >> 32) as u32
    }

    fn row(self) -> u32 {
        self.0 as u32
    }
}

/// Returns the `k` best admitted rows, skipping what block maxima rule out.
///
/// Shapes: at most `k` hits, best first; ties by `tie(row)` ascending. Units: scores are the
/// oracle's. `counters` are added to. Panics: if `limits.k` is 0 or the query has more than
/// [`QUERY_TERMS_LIMIT`] terms, which callers check; never on the bytes of an opened file.
pub fn search(
    view: ImpactView<'_>,
    query: &SparseVector,
    limits: Limits<'_>,
    tie: impl Fn(u32) -> u64,
    scratch: &mut Scratch,
    counters: &mut Counters,
) -> SegmentAnswer {
    assert!(limits.k > 0 && query.len() <= QUERY_TERMS_LIMIT, "limits are the caller's to check");
    let clock = Clock::new(limits.is_timed);
    let method = scratch.plan.prepare(view, query);
    let mut search = Search {
        clock,
        view,
        limits,
        top: TopK::new(limits.k, limits.floor),
        least_sum: scratch.plan.least_sum(f64::from(limits.floor)),
        excess: 0,
        tighten_at: limits.k.saturating_add(CANDIDATES_BEFORE_TIGHTENING.max(limits.k / 2)),
        highest_skipped: 0,
        scratch,
        counters,
    };
    search.scratch.scorer.prepare(query);
    match method {
        Method::Nothing => {}
        Method::Rows => search.score_all(query, &tie),
        Method::Columns => search.windows(query, &tie),
    }
    search.scratch.scorer.clear(query);
    let skipped = (search.highest_skipped > 0).then_some(search.highest_skipped);
    let highest_bound_not_scored = skipped.map(|sum| search.scratch.plan.score_bound(sum));
    SegmentAnswer { hits: search.top.into_sorted(), highest_bound_not_scored }
}

/// Asks for what will be read of a list for certain: all of a short one, the maxima of a long one.
fn fetch(list: &ListView<'_>) {
    match list.column {
        Column::Sparse { locals, codes } => {
            prefetch(locals);
            prefetch(codes);
        }
        Column::Gaps { gaps, codes } => {
            prefetch(gaps);
            prefetch(codes);
        }
        Column::Bitmap { block_max, .. } | Column::Dense { block_max, .. } => prefetch(block_max),
    }
}

struct Search<'a, 's> {
    clock: Clock,
    view: ImpactView<'a>,
    limits: Limits<'a>,
    top: TopK,
    /// Rows whose sum is below this cannot enter the top k.
    least_sum: u16,
    /// The most by which a sum of any window so far overstates.
    excess: u32,
    /// Number of candidates at which the threshold is raised by them.
    tighten_at: usize,
    highest_skipped: u32,
    scratch: &'s mut Scratch,
    counters: &'s mut Counters,
}

impl<'a> Search<'a, '_> {
    /// The method for queries that columns do not suit.
    fn score_all(&mut self, query: &SparseVector, tie: &impl Fn(u32) -> u64) {
        for row in 0..self.view.rows() as u32 {
            if self.limits.admitted.is_none_or(|admitted| admitted.contains(row as usize)) {
                self.score(query, row, tie);
            }
        }
    }

    fn windows(&mut self, query: &SparseVector, tie: &impl Fn(u32) -> u64) {
        let mut active = Vec::with_capacity(query.len());
        let mut ahead = Vec::with_capacity(query.len());
        let mut long = Vec::with_capacity(query.len());
        self.scratch.plan.window(self.view, 0, &mut ahead);
        for window in 0..self.view.windows() {
            std::mem::swap(&mut active, &mut ahead);
            self.scratch.plan.window(self.view, window + 1, &mut ahead);
            self.clock.lap(&mut self.counters.phases.plan_ns);
            if self.is_worth_summing(window, &active) {
                self.sum_window(window, &active, &ahead, &mut long);
            }
        }
        self.score_finalists(query, tie);
    }

    /// Whether a row of the window may be admitted and reach the threshold.
    fn is_worth_summing(&mut self, window: usize, active: &[ActiveList<'_>]) -> bool {
        let rows = self.view.window_rows(window);
        let groups = rows.len().div_ceil(GROUP_ROWS);
        let first_group = rows.start / GROUP_ROWS;
        self.counters.windows_total += 1;
        self.counters.groups_total += groups as u64;
        self.counters.lists += active.len() as u64;
        let bound: u32 = active.iter().map(ActiveList::bound).sum();
        let admitted = self.limits.admitted;
        let is_admitted = admitted.is_none_or(|a| a.any(first_group..first_group + groups));
        if is_admitted && bound > 0 && bound >= u32::from(self.least_sum) {
            return true;
        }
        self.counters.windows_skipped += 1;
        self.counters.groups_dropped += groups as u64;
        if is_admitted {
            self.highest_skipped = self.highest_skipped.max(bound);
        }
        false
    }

    /// Scatters the short lists of a window, then sweeps its groups with the long ones.
    fn sum_window(
        &mut self,
        window: usize,
        active: &[ActiveList<'a>],
        ahead: &[ActiveList<'a>],
        long: &mut Vec<GroupList<'a>>,
    ) {
        let rows = self.view.window_rows(window);
        let groups = rows.len().div_ceil(GROUP_ROWS);
        let Scratch { kernels, sums, tails, .. } = &mut *self.scratch;
        tails.clear();
        tails.resize(groups, 0);
        long.clear();
        for (position, active) in active.iter().enumerate() {
            if let Some(ahead) = ahead.get(position) {
                fetch(&ahead.list);
            }
            match active.list.column {
                Column::Sparse { locals, codes } => {
                    scatter_locals(sums, locals, codes, active.multiplier);
                }
                Column::Gaps { gaps, codes } => scatter_gaps(sums, gaps, codes, active.multiplier),
                Column::Bitmap { heads, block_max, codes } => {
                    kernels.add_maxima(tails, block_max, active.multiplier);
                    let codes = GroupCodes::Bitmap { heads, codes };
                    long.push(GroupList { codes, multiplier: active.multiplier });
                }
                Column::Dense { codes, block_max } => {
                    kernels.add_maxima(tails, block_max, active.multiplier);
                    let codes = GroupCodes::Dense { codes };
                    long.push(GroupList { codes, multiplier: active.multiplier });
                }
            }
        }
        self.excess = self.excess.max(active.iter().map(ActiveList::excess).sum());
        self.clock.lap(&mut self.counters.phases.scatter_ns);
        let summed = self.sweep(rows.start, groups, long);
        self.clock.lap(&mut self.counters.phases.sweep_ns);
        self.counters.count_window(active.iter().map(|active| &active.list), groups, summed);
    }

    /// Sweeps all groups of a window; returns how many were summed.
    fn sweep(&mut self, first_row: usize, groups: usize, long: &[GroupList<'_>]) -> usize {
        let first_group = first_row / GROUP_ROWS;
        let admitted =
            self.limits.admitted.map(|set| set.groups(first_group..first_group + groups));
        let (mut next, mut summed) = (0, 0);
        while next < groups {
            let Scratch { kernels, sums, tails, survivors, candidates, .. } = &mut *self.scratch;
            let sweep = Sweep { lists: long, tails, admitted, least: self.least_sum.max(1) };
            let swept = kernels.sweep(sums, next..groups, &sweep, survivors);
            next = swept.next_group;
            summed += swept.groups_summed;
            self.highest_skipped = self.highest_skipped.max(u32::from(swept.highest_dropped));
            candidates.extend(survivors.drain(..).map(|survivor| {
                Candidate::new(survivor >> 16, first_row as u32 + (survivor & 0xffff))
            }));
            if candidates.len() >= self.tighten_at {
                self.tighten();
            }
        }
        summed
    }

    /// Raises the threshold by the candidates themselves: at least k of them score no less than
    /// the k-th largest sum less its possible excess, so rows bounded below that are out.
    fn tighten(&mut self) {
        let k = self.limits.k;
        let Scratch { plan, candidates, .. } = &mut *self.scratch;
        if candidates.len() > k {
            let (_, kth, _) =
                candidates.select_nth_unstable_by_key(k - 1, |c| std::cmp::Reverse(c.0));
            self.least_sum = self.least_sum.max(plan.least_sum_beside(kth.sum(), self.excess));
        }
        let (least, skipped) = (u32::from(self.least_sum), &mut self.highest_skipped);
        candidates.retain(|candidate| {
            let keep = candidate.sum() >= least;
            if !keep {
                *skipped = (*skipped).max(candidate.sum());
            }
            keep
        });
        let enough = CANDIDATES_BEFORE_TIGHTENING.max(k / 2);
        self.tighten_at = k.max(candidates.len()).saturating_add(enough);
    }

    /// Scores candidates from their rows, the highest bound first, until bounds fall below the
    /// threshold.
    fn score_finalists(&mut self, query: &SparseVector, tie: &impl Fn(u32) -> u64) {
        self.tighten();
        let mut candidates = std::mem::take(&mut self.scratch.candidates);
        candidates.sort_unstable_by_key(|candidate| std::cmp::Reverse(candidate.0));
        let view = self.view;
        let starts = |c: &Candidate| prefetch(view.row_start_bytes(c.row() as usize));
        let row = |c: &Candidate| prefetch(view.row(c.row() as usize).as_bytes());
        candidates.iter().take(2 * ROWS_AHEAD).for_each(starts);
        candidates.iter().take(ROWS_AHEAD).for_each(row);
        for (position, candidate) in candidates.iter().enumerate() {
            if candidate.sum() < u32::from(self.least_sum) {
                self.highest_skipped = self.highest_skipped.max(candidate.sum());
                break;
            }
            candidates.get(position + 2 * ROWS_AHEAD).map(starts);
            candidates.get(position + ROWS_AHEAD).map(row);
            self.score(query, candidate.row(), tie);
            let least = self.scratch.plan.least_sum(f64::from(self.top.threshold()));
            self.least_sum = self.least_sum.max(least);
        }
        candidates.clear();
        self.scratch.candidates = candidates;
        self.clock.lap(&mut self.counters.phases.finalists_ns);
    }

    fn score(&mut self, query: &SparseVector, row: u32, tie: &impl Fn(u32) -> u64) {
        let score = self.scratch.scorer.score(query, self.view.row(row as usize));
        self.counters.finalists += 1;
        self.top.offer(RowHit { score, tie: tie(row), row });
    }
}
