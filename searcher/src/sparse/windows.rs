//! One query on its way through the windows of a segment: candidates, then finalists.
//!
//! The traversal behind `block_max.rs`, which starts and collects it. A query in integers is
//! `scaled_query.rs`'s, how a window is searched is chosen in `window_plan.rs`. Rows found without
//! sums are `max_score.rs`'s, one row's score is `finalists.rs`'s.

use std::{
    cmp::Reverse,
    ops::Range,
    sync::atomic::{AtomicU16, Ordering},
};

use gleaner_format::{Column, GROUP_ROWS, ImpactView, SparseVector, WINDOW_ROWS};
use gleaner_kernels::{
    GROUP, GroupCodes, GroupList, Sweep, WINDOW, prefetch, scatter_gaps, scatter_locals,
};

use crate::{
    filter::rows::RowSet,
    sparse::{
        active_list::ActiveList,
        answer::{Limits, SegmentAnswer},
        max_score,
        plan::{SegmentPlan, WhyRows},
        profile::{Clock, Counters},
        scaled_query::{QUERY_TERMS_LIMIT, ScaledQuery},
        scratch::{Candidate, Lists, Scratch},
        topk::{RowHit, Ties, TopK},
        window_plan::{self, FEW_LISTS, WhySums, WindowPlan},
    },
};

const _: () = assert!(WINDOW == WINDOW_ROWS && GROUP == GROUP_ROWS);
const _: () = assert!(gleaner_kernels::HEAD_BYTES == gleaner_format::GROUP_HEAD_BYTES);
const _: () = assert!(gleaner_kernels::RANK_AT == gleaner_format::GROUP_RANK_AT);
const _: () = assert!(GROUP <= gleaner_format::COLUMNS_TAIL_BYTES, "no load leaves the section");

/// Candidates gathered, at least, before their own bounds are used to raise the threshold.
const CANDIDATES_BEFORE_TIGHTENING: usize = 32;

/// Finalists whose rows are fetched ahead.
const ROWS_AHEAD: usize = 6;

/// Rows that columns bound in the time it takes to score one from its row, for every posting of the
/// query's terms in the segment: few admitted rows are scored directly.
const POSTINGS_PER_ROW_SCORED: u64 = 1_500;

/// Candidates scored for each hit wanted when not all are.
const CANDIDATES_PER_HIT: usize = 3;

/// Lists whose strongest rows are tried for a threshold to start from.
const LISTS_TO_START_FROM: usize = 2;

/// Rows between two looks at the clock when rows are scored one after the other.
const ROWS_BETWEEN_LOOKS: usize = 1_024;

/// One query on its way through the windows of a segment.
pub(crate) struct Search<'a, 'q> {
    view: ImpactView<'a>,
    query: &'q SparseVector,
    limits: Limits<'q>,
    plan: SegmentPlan,
    /// Why the last window that was summed was not searched in one list.
    why_sums: WhySums,
    scaled: ScaledQuery,
    lists: Lists<'a>,
    /// The window that `lists.ahead` is of.
    ahead_window: usize,
    candidates: Vec<Candidate>,
    /// Rows whose sum is below this cannot enter the top k.
    least_sum: u16,
    /// The same, of all threads that search together.
    raised: Option<&'q AtomicU16>,
    /// The most by which a sum of any window so far overstates.
    excess: u32,
    /// The most by which a bound of any window so far was scaled down.
    scaled_down: u32,
    /// Number of candidates at which the threshold is raised by them.
    tighten_at: usize,
    highest_skipped: u32,
    is_complete: bool,
    counters: Counters,
    clock: Clock,
}

impl<'a, 'q> Search<'a, 'q> {
    pub(crate) fn new(
        view: ImpactView<'a>,
        query: &'q SparseVector,
        limits: Limits<'q>,
        scratch: &mut Scratch,
    ) -> Self {
        assert!(limits.k > 0 && query.len() <= QUERY_TERMS_LIMIT, "limits are the caller's");
        assert!(limits.effort > 0.0 && limits.effort <= 1.0, "effort is the caller's to check");
        let mut clock = Clock::new(limits.is_timed);
        let mut counters = Counters::default();
        let mut scaled = scratch.scaled_queries.pop().unwrap_or_default();
        let mut plan = scaled.prepare(view, query, limits.effort);
        let are_few_admitted =
            |set: &RowSet| set.count().saturating_mul(POSTINGS_PER_ROW_SCORED) <= scaled.postings();
        if plan.is_columns() && limits.admitted.is_some_and(are_few_admitted) {
            plan = SegmentPlan::Rows(WhyRows::FewAdmitted);
        }
        counters.segments_by_rows = u64::from(plan.is_rows());
        clock.lap(&mut counters.phases.plan_ns);
        Self {
            clock,
            view,
            query,
            limits,
            plan,
            why_sums: WhySums::NoWindow,
            lists: scratch.lists.pop().unwrap_or_default().emptied(),
            ahead_window: usize::MAX,
            candidates: scratch.candidates.pop().unwrap_or_default(),
            least_sum: scaled.least_sum(f64::from(limits.floor) - scaled.left_out()),
            scaled,
            raised: None,
            excess: 0,
            scaled_down: 0,
            tighten_at: 0,
            highest_skipped: 0,
            is_complete: true,
            counters,
        }
    }

    /// Makes it one of several that share the windows and one threshold. Rows that are scored
    /// without columns are the first's.
    pub(crate) fn share(&mut self, raised: &'q AtomicU16, is_first: bool) {
        self.raised = Some(raised);
        if self.plan.is_rows() && !is_first {
            self.plan = SegmentPlan::Nothing;
        }
    }

    /// Gathers the candidates of a window. Windows must come in order.
    pub(crate) fn window(&mut self, window: usize, scratch: &mut Scratch) {
        if !self.plan.is_columns() {
            return;
        }
        self.clock.restart();
        if self.is_late() {
            self.is_complete = false;
            self.highest_skipped = u16::MAX.into();
            return;
        }
        if self.ahead_window == window {
            std::mem::swap(&mut self.lists.active, &mut self.lists.ahead);
        } else {
            self.scaled.window(self.view, window, &mut self.lists.active);
        }
        self.scaled.window(self.view, window + 1, &mut self.lists.ahead);
        self.ahead_window = window + 1;
        if let Some(raised) = self.raised {
            self.least_sum = self.least_sum.max(raised.load(Ordering::Relaxed));
        }
        self.clock.lap(&mut self.counters.phases.plan_ns);
        let may_find = self.limits.effort == 1.0;
        if may_find && self.least_sum == 0 && self.lists.active.len() <= FEW_LISTS {
            self.start(window, scratch);
        }
        if !self.is_worth_searching(window) {
            return;
        }
        let plan = match may_find {
            true => window_plan::choose(scratch.kernels, &mut self.lists.active, self.least_sum),
            false => WindowPlan::Sums(WhySums::LessEffort),
        };
        match plan {
            WindowPlan::OneList => self.find(window, scratch),
            WindowPlan::Sums(why) => {
                self.why_sums = why;
                self.scatter(window, scratch);
                self.sweep(window, scratch);
            }
        }
    }

    /// Raises a threshold of 0 by the rows of the window that are strongest in one list.
    fn start(&mut self, window: usize, scratch: &mut Scratch) {
        let admitted = self.limits.admitted.map(|set| set.groups(self.groups(window)));
        let active = &mut self.lists.active;
        let excess = active.iter().map(ActiveList::excess).sum();
        active.sort_by_key(|list| Reverse(list.bound()));
        for position in 0..active.len().min(LISTS_TO_START_FROM) {
            active[..=position].rotate_right(1);
            let (k, bounded) = (self.limits.k, &mut scratch.bounded);
            if let Some(sum) = max_score::kth_sum(scratch.kernels, active, k, admitted, bounded) {
                self.least_sum = self.least_sum.max(self.scaled.least_sum_beside(sum, excess));
            }
        }
    }

    /// Gathers a window's candidates from its first list.
    fn find(&mut self, window: usize, scratch: &mut Scratch) {
        self.lists.ahead.iter().for_each(ActiveList::fetch);
        let (groups, active) = (self.groups(window), &self.lists.active);
        let admitted = self.limits.admitted.map(|set| set.groups(groups.clone()));
        let (least, bounded) = (u32::from(self.least_sum.max(1)), &mut scratch.bounded);
        let read = max_score::gather(scratch.kernels, active, least, admitted, bounded);
        self.clock.lap(&mut self.counters.phases.scatter_ns);
        self.counters.count_found(&active[0].list, groups.len(), read);
        self.excess = self.excess.max(active.iter().map(ActiveList::excess).sum());
        self.highest_skipped = self.highest_skipped.max(least - 1);
        let first_row = (groups.start * GROUP_ROWS) as u32;
        let candidate = |row: u32| Candidate::new(row >> 16, first_row + (row & 0xffff));
        self.candidates.extend(bounded.drain(..).map(candidate));
        if self.candidates.len() >= self.tighten_at {
            self.tighten();
        }
        self.clock.lap(&mut self.counters.phases.sweep_ns);
    }

    /// How most windows that were searched were.
    fn most_windows(&self) -> WindowPlan {
        let Counters { windows_total, windows_skipped, windows_by_list, .. } = self.counters;
        match 2 * windows_by_list > windows_total - windows_skipped {
            true => WindowPlan::OneList,
            false => WindowPlan::Sums(self.why_sums),
        }
    }

    fn is_late(&self) -> bool {
        self.limits.stop.is_now()
    }

    /// Whether a row of the window may be admitted and reach the threshold.
    fn is_worth_searching(&mut self, window: usize) -> bool {
        let groups = self.groups(window);
        self.counters.windows_total += 1;
        self.counters.groups_total += groups.len() as u64;
        self.counters.lists += self.lists.active.len() as u64;
        let bound: u32 = self.lists.active.iter().map(ActiveList::bound).sum();
        let is_admitted = self.limits.admitted.is_none_or(|set| set.any(groups.clone()));
        if is_admitted && bound > 0 && bound >= u32::from(self.least_sum) {
            return true;
        }
        self.counters.windows_skipped += 1;
        self.counters.groups_dropped += groups.len() as u64;
        if is_admitted {
            self.highest_skipped = self.highest_skipped.max(bound);
        }
        false
    }

    /// The groups of a window, numbered through the segment.
    fn groups(&self, window: usize) -> Range<usize> {
        let rows = self.view.window_rows(window);
        rows.start / GROUP_ROWS..rows.end.div_ceil(GROUP_ROWS)
    }

    /// Adds the short lists of a window row by row, and the maxima of the long ones.
    fn scatter(&mut self, window: usize, scratch: &mut Scratch) {
        let Scratch { kernels, sums, tails, .. } = scratch;
        tails.clear();
        tails.resize(self.groups(window).len(), 0);
        self.lists.long.clear();
        for (position, active) in self.lists.active.iter().enumerate() {
            if let Some(ahead) = self.lists.ahead.get(position) {
                ahead.fetch();
            }
            let multiplier = active.multiplier;
            let (codes, block_max) = match active.list.column {
                Column::Sparse { locals, codes } => {
                    scatter_locals(sums, locals, codes, multiplier);
                    continue;
                }
                Column::Gaps { gaps, codes } => {
                    scatter_gaps(sums, gaps, codes, multiplier);
                    continue;
                }
                Column::Bitmap { heads, block_max, codes } => {
                    (GroupCodes::Bitmap { heads, codes }, block_max)
                }
                Column::Dense { codes, block_max } => (GroupCodes::Dense { codes }, block_max),
            };
            kernels.add_maxima(tails, block_max, multiplier);
            self.lists.long.push(GroupList { codes, multiplier });
        }
        self.excess = self.excess.max(self.lists.active.iter().map(ActiveList::excess).sum());
        if self.limits.effort < 1.0 {
            self.scale_down(tails);
        }
        self.clock.lap(&mut self.counters.phases.scatter_ns);
    }

    /// Trusts that what is left adds less than it could.
    fn scale_down(&mut self, tails: &mut [u16]) {
        for tail in tails {
            let scaled = (f32::from(*tail) * self.limits.effort) as u16;
            self.scaled_down = self.scaled_down.max(u32::from(*tail - scaled));
            *tail = scaled;
        }
    }

    /// Drops the groups of a window that cannot reach the threshold, adds the long lists to the
    /// others and keeps the rows that may.
    fn sweep(&mut self, window: usize, scratch: &mut Scratch) {
        let groups = self.groups(window);
        let first_row = (groups.start * GROUP_ROWS) as u32;
        let admitted = self.limits.admitted.map(|set| set.groups(groups.clone()));
        let Scratch { kernels, sums, tails, survivors, .. } = scratch;
        let (mut next, mut summed) = (0, 0);
        while next < groups.len() {
            let least = self.least_sum.max(1);
            let sweep = Sweep { lists: &self.lists.long, tails, admitted, least };
            let swept = kernels.sweep(sums, next..groups.len(), &sweep, survivors);
            next = swept.next_group;
            summed += swept.groups_summed;
            self.highest_skipped = self.highest_skipped.max(u32::from(swept.highest_dropped));
            self.candidates.extend(
                survivors.drain(..).map(|survivor| {
                    Candidate::new(survivor >> 16, first_row + (survivor & 0xffff))
                }),
            );
            if self.candidates.len() >= self.tighten_at {
                self.tighten();
            }
        }
        self.clock.lap(&mut self.counters.phases.sweep_ns);
        self.counters.count_window(self.lists.active.iter().map(|a| &a.list), groups.len(), summed);
    }

    /// Raises the threshold by the candidates themselves: at least k of them score no less than
    /// the k-th largest sum less its possible excess, so rows bounded below that are out. With less
    /// effort, only some candidates for every hit are kept.
    fn tighten(&mut self) {
        let is_exact = self.limits.effort == 1.0;
        let wanted = match is_exact {
            true => self.limits.k,
            false => {
                self.limits.k.saturating_mul(CANDIDATES_PER_HIT).saturating_add(GROUP_ROWS / 4)
            }
        };
        if self.candidates.len() > wanted {
            let by_sum = |candidate: &Candidate| Reverse(candidate.0);
            let (_, kth, _) = self.candidates.select_nth_unstable_by_key(wanted - 1, by_sum);
            let least = match is_exact {
                true => self.scaled.least_sum_beside(kth.sum(), self.excess),
                false => kth.sum() as u16,
            };
            self.least_sum = self.least_sum.max(least);
            if let Some(raised) = self.raised {
                raised.fetch_max(least, Ordering::Relaxed);
            }
        }
        let (least, skipped) = (u32::from(self.least_sum), &mut self.highest_skipped);
        self.candidates.retain(|candidate| {
            let keep = candidate.sum() >= least;
            if !keep {
                *skipped = (*skipped).max(candidate.sum());
            }
            keep
        });
        // At least as many more as there are: thousands of ties must not be looked at again and
        // again.
        let more = CANDIDATES_BEFORE_TIGHTENING.max(wanted / 2).max(self.candidates.len());
        self.tighten_at = wanted.max(self.candidates.len()).saturating_add(more);
    }

    /// Scores what has to be scored.
    pub(crate) fn finish(
        mut self,
        ties: &impl Ties,
        scratch: &mut Scratch,
        counters: &mut Counters,
    ) -> SegmentAnswer {
        self.clock.restart();
        let mut top = TopK::new(self.limits.k, self.limits.floor);
        // A small segment often has nothing that could enter.
        if self.plan.is_rows() || !self.candidates.is_empty() {
            scratch.scorer.prepare(self.query);
            match self.plan {
                SegmentPlan::Rows(_) => self.score_admitted(&mut top, ties, scratch),
                SegmentPlan::Columns | SegmentPlan::Nothing => {
                    self.score_candidates(&mut top, ties, scratch);
                }
            }
            scratch.scorer.clear(self.query);
        }
        self.clock.lap(&mut self.counters.phases.finalists_ns);
        counters.add(&self.counters);
        let choice = self.plan.choice(self.most_windows());
        self.candidates.clear();
        scratch.candidates.push(self.candidates);
        let skipped = (self.highest_skipped > 0).then_some(self.highest_skipped + self.scaled_down);
        let left_out = self.scaled.left_out();
        let bound =
            skipped.map(|sum| self.scaled.rounded_bound(self.scaled.score_bound(sum) + left_out));
        // What only terms left out could have found was never seen.
        let unseen =
            (left_out > 0.0 && self.plan.is_columns()).then(|| self.scaled.rounded_bound(left_out));
        scratch.scaled_queries.push(self.scaled);
        scratch.lists.push(self.lists.emptied());
        SegmentAnswer {
            hits: top.into_sorted(),
            highest_bound_not_scored: bound.into_iter().chain(unseen).reduce(f64::max),
            is_exact: self.is_complete && (self.limits.effort == 1.0 || !self.plan.is_columns()),
            is_complete: self.is_complete,
            choice,
        }
    }

    /// Scores every admitted row: for queries that columns do not suit, and for few rows.
    fn score_admitted(&mut self, top: &mut TopK, ties: &impl Ties, scratch: &mut Scratch) {
        let rows: &mut dyn Iterator<Item = usize> = match self.limits.admitted {
            Some(admitted) => &mut admitted.rows(),
            None => &mut (0..self.view.rows()),
        };
        for (position, row) in rows.enumerate() {
            if position.is_multiple_of(ROWS_BETWEEN_LOOKS) && self.is_late() {
                self.is_complete = false;
                self.highest_skipped = u16::MAX.into();
                break;
            }
            let score = scratch.scorer.score(self.query, self.view.row(row));
            self.counters.finalists += 1;
            top.offer(RowHit { score, tie: ties.tie(row as u32), row: row as u32 });
        }
    }

    /// Scores candidates from their rows, the highest bound first, until bounds fall below the
    /// threshold.
    fn score_candidates(&mut self, top: &mut TopK, ties: &impl Ties, scratch: &mut Scratch) {
        self.tighten();
        self.candidates.sort_unstable_by_key(|candidate| Reverse(candidate.0));
        let view = self.view;
        let starts = |c: &Candidate| prefetch(view.row_start_bytes(c.row() as usize));
        let row = |c: &Candidate| {
            prefetch(view.row_bytes(c.row() as usize));
            ties.fetch(c.row());
        };
        self.candidates.iter().take(2 * ROWS_AHEAD).for_each(starts);
        self.candidates.iter().take(ROWS_AHEAD).for_each(row);
        for (position, candidate) in self.candidates.iter().enumerate() {
            let is_late =
                position.is_multiple_of(ROWS_BETWEEN_LOOKS) && position > 0 && self.is_late();
            self.is_complete &= !is_late;
            if is_late || candidate.sum() < u32::from(self.least_sum) {
                self.highest_skipped = self.highest_skipped.max(candidate.sum());
                break;
            }
            self.candidates.get(position + 2 * ROWS_AHEAD).map(starts);
            self.candidates.get(position + ROWS_AHEAD).map(row);
            let row = candidate.row();
            let score = scratch.scorer.score(self.query, view.row(row as usize));
            self.counters.finalists += 1;
            top.offer(RowHit { score, tie: ties.tie(row), row });
            let threshold = f64::from(top.threshold()) - self.scaled.left_out();
            self.least_sum = self.least_sum.max(self.scaled.least_sum(threshold));
        }
    }
}
