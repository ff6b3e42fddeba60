//! Exact top-k by bounded accumulation: windows, block maxima, finalists.
//!
//! Term-at-a-time accumulation over windows of 32,768 rows, after SINDI's windows (VSAG, Milvus)
//! and Qdrant's, with block maxima per window, list and group of 64 rows as in Block-Max Pruning
//! (Mallia, Suel, Tonellotto, SIGIR 2024). Different here: columns hold upper bounds, not scores.
//! A row whose bound survives becomes a finalist, and finalists are scored from their stored
//! 16-bit rows in descending order of bound, until no bound reaches the threshold. The answer has
//! the oracle's rows and score bits (`exhaustive.rs`), whatever was skipped on the way.

use gleaner_format::{Column, GROUP_ROWS, ImpactView, SparseVector, WINDOW_ROWS};
use gleaner_kernels::{ACCUMULATORS, add_codes, dot_u16, max, scatter_add};

use crate::{
    exhaustive,
    plan::{ActiveList, Plan, QUERY_TERMS_LIMIT},
    profile::Counters,
    rows::RowSet,
    topk::{RowHit, TopK},
};

const _: () = assert!(ACCUMULATORS == WINDOW_ROWS);

/// Candidates gathered before their own bounds are used to raise the threshold.
const CANDIDATES_BEFORE_TIGHTENING: usize = 4_096;

/// Reusable memory of one search: no allocation grows with the segment.
pub struct Scratch {
    sums: Box<[u32; ACCUMULATORS]>,
    /// Query weight of every 16-bit term id; all zero between searches.
    table: Vec<f32>,
    candidates: Vec<Candidate>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            sums: Box::new([0; ACCUMULATORS]),
            table: vec![0.0; usize::from(u16::MAX) + 1],
            candidates: Vec::new(),
        }
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
}

/// Hits of one segment and what was proven about the rest.
#[derive(Debug)]
pub struct SegmentAnswer {
    /// At most `k` hits, best first.
    pub hits: Vec<RowHit>,
    /// No unscored row scores above this; `None` if every admitted match was scored.
    pub highest_bound_not_scored: Option<f64>,
}

#[derive(Clone, Copy)]
struct Candidate {
    sum: u32,
    row: u32,
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
    for (term, weight) in query.iter() {
        if let Some(entry) = scratch.table.get_mut(term as usize) {
            *entry = weight;
        }
    }
    let mut search = Search {
        view,
        query,
        limits,
        plan: Plan::new(view, query),
        top: TopK::new(limits.k, limits.floor),
        least_sum: 0,
        highest_skipped: 0,
        counters,
    };
    search.least_sum = search.plan.least_sum(f64::from(limits.floor));
    for window in 0..view.windows() {
        search.window(window, &tie, scratch);
    }
    for term in query.terms() {
        if let Some(entry) = scratch.table.get_mut(*term as usize) {
            *entry = 0.0;
        }
    }
    let skipped = (search.highest_skipped > 0).then_some(search.highest_skipped);
    let highest_bound_not_scored = skipped.map(|sum| search.plan.score_bound(sum));
    SegmentAnswer { hits: search.top.into_sorted(), highest_bound_not_scored }
}

struct Search<'a, 'c> {
    view: ImpactView<'a>,
    query: &'a SparseVector,
    limits: Limits<'a>,
    plan: Plan<'a>,
    top: TopK,
    /// Rows whose sum is below this cannot enter the top k.
    least_sum: u32,
    highest_skipped: u64,
    counters: &'c mut Counters,
}

impl Search<'_, '_> {
    fn window(&mut self, window: usize, tie: &impl Fn(u32) -> u64, scratch: &mut Scratch) {
        let rows = self.view.window_rows(window);
        let first_group = rows.start / GROUP_ROWS;
        let groups = rows.len().div_ceil(GROUP_ROWS);
        let lists = self.plan.window(window);
        let bound: u64 = lists.iter().map(|list| u64::from(list.bound)).sum();
        let admitted = self.limits.admitted;
        self.counters.windows_total += 1;
        self.counters.blocks_total += groups as u64;
        self.counters.lists += lists.len() as u64;
        if lists.is_empty() || admitted.is_some_and(|a| !a.any(first_group..first_group + groups)) {
            self.counters.windows_skipped += 1;
            self.counters.blocks_skipped += groups as u64;
            return;
        }
        if bound < u64::from(self.least_sum) {
            self.counters.windows_skipped += 1;
            self.counters.blocks_skipped += groups as u64;
            self.highest_skipped = self.highest_skipped.max(bound);
            return;
        }
        self.accumulate(window, &lists, scratch);
        let excess = lists.iter().fold(0u32, |sum, list| sum.saturating_add(list.excess));
        self.score_finalists(excess, tie, scratch);
    }

    /// Sums a window: sparse lists whole, dense lists only in groups whose bound survives.
    fn accumulate(&mut self, window: usize, lists: &[ActiveList<'_>], scratch: &mut Scratch) {
        let rows = self.view.window_rows(window);
        let excess = lists.iter().fold(0u32, |sum, list| sum.saturating_add(list.excess));
        scratch.sums[..rows.len().next_multiple_of(GROUP_ROWS)].fill(0);
        let mut dense = Vec::new();
        for active in lists {
            match active.list.column {
                Column::Sparse { locals, codes } => {
                    scatter_add(&mut scratch.sums, locals, codes, active.multiplier);
                    self.counters.postings += codes.len() as u64;
                }
                Column::Dense { codes, group_max } => {
                    dense.push((active.multiplier, codes, group_max));
                }
            }
        }
        for group in 0..rows.len().div_ceil(GROUP_ROWS) {
            let at = group * GROUP_ROWS;
            let admitted = self
                .limits
                .admitted
                .map_or(u64::MAX, |set| set.group(rows.start / GROUP_ROWS + group));
            let sums = &mut scratch.sums[at..at + GROUP_ROWS];
            let tail: u32 = dense.iter().map(|list| list.0 * u32::from(list.2[group])).sum();
            let bound = max(sums) + tail;
            if admitted == 0 || bound < self.least_sum.max(1) {
                self.counters.blocks_skipped += 1;
                if admitted != 0 {
                    self.highest_skipped = self.highest_skipped.max(u64::from(bound));
                }
                continue;
            }
            self.counters.blocks_scored += 1;
            for (multiplier, codes, _) in &dense {
                add_codes(sums, &codes[at..at + GROUP_ROWS], *multiplier);
                self.counters.postings += GROUP_ROWS as u64;
            }
            let first_row = (rows.start + at) as u32;
            self.gather(sums, admitted, first_row, &mut scratch.candidates);
            if scratch.candidates.len()
                >= CANDIDATES_BEFORE_TIGHTENING.max(self.limits.k.saturating_mul(4))
            {
                self.tighten(excess, &mut scratch.candidates);
            }
        }
    }

    /// Keeps the rows of a group whose sum survives.
    fn gather(&mut self, sums: &[u32], admitted: u64, first_row: u32, out: &mut Vec<Candidate>) {
        let least = self.least_sum.max(1);
        for (row, &sum) in sums.iter().enumerate() {
            if admitted >> row & 1 == 0 || sum == 0 {
                continue;
            }
            if sum >= least {
                out.push(Candidate { sum, row: first_row + row as u32 });
            } else {
                self.highest_skipped = self.highest_skipped.max(u64::from(sum));
            }
        }
    }

    /// Raises the threshold by the candidates themselves: at least k of them score no less than
    /// the k-th largest sum less its possible excess, so rows bounded below that are out.
    fn tighten(&mut self, excess: u32, candidates: &mut Vec<Candidate>) {
        let k = self.limits.k;
        if candidates.len() > k {
            let (_, kth, _) =
                candidates.select_nth_unstable_by_key(k - 1, |c| std::cmp::Reverse(c.sum));
            let least = self.plan.least_sum_beside(kth.sum, excess);
            self.least_sum = self.least_sum.max(least);
        }
        let least = self.least_sum;
        let skipped = &mut self.highest_skipped;
        candidates.retain(|candidate| {
            let keep = candidate.sum >= least;
            if !keep {
                *skipped = (*skipped).max(u64::from(candidate.sum));
            }
            keep
        });
    }

    /// Scores candidates from their rows, the highest bound first, until bounds fall below the
    /// threshold.
    fn score_finalists(&mut self, excess: u32, tie: &impl Fn(u32) -> u64, scratch: &mut Scratch) {
        self.tighten(excess, &mut scratch.candidates);
        scratch.candidates.sort_unstable_by_key(|candidate| std::cmp::Reverse(candidate.sum));
        for candidate in &scratch.candidates {
            if candidate.sum < self.least_sum {
                self.highest_skipped = self.highest_skipped.max(u64::from(candidate.sum));
                break;
            }
            let score = self.score(candidate.row, &scratch.table);
            self.counters.finalists += 1;
            self.top.offer(RowHit { score, tie: tie(candidate.row), row: candidate.row });
            let least = self.plan.least_sum(f64::from(self.top.threshold()));
            self.least_sum = self.least_sum.max(least);
        }
        scratch.candidates.clear();
    }

    /// The oracle's score of one row, by table where term ids fit one.
    fn score(&self, row: u32, table: &[f32]) -> f32 {
        let row = self.view.row(row as usize);
        match row.terms_u16() {
            // A power-of-two step commutes with every rounding of the sum.
            Some(terms) => (dot_u16(table, terms, row.code_bytes()) * row.step()) as f32,
            None => exhaustive::score(self.query, row),
        }
    }
}
