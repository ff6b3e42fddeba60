//! Query to integers: multipliers whose sums bound scores, and the unit they are counted in.
//!
//! A list's codes bound its weights (`code × step ≥ weight`), so with
//! `multiplier ≥ 256 × query weight × step ÷ unit` the sum of `code × multiplier ÷ 256`, rounded up,
//! times `unit` bounds the score. The unit follows the query's bound mass, the sum of what each term
//! adds at most, such that no sum can leave 16 bits. How a segment and each of its windows are
//! searched is chosen here, too, with the reason.

use gleaner_format::{Column, ImpactView, ListView, SparseVector};
use gleaner_kernels::{Kernels, prefetch};

/// Query terms beyond this number are refused.
pub const QUERY_TERMS_LIMIT: usize = 1 << 16;

/// Query terms beyond this number are not worth columns: the roundings of so many parts would
/// crowd out the sums themselves.
const COLUMN_TERMS_LIMIT: usize = 4_096;

/// Units by which one list's part of a sum may exceed its share, roundings at the end included:
/// one for the part itself, one for its multiplier, one for a part rounded down, one for a maximum.
const ROUNDING_UNITS: usize = 4;

/// The largest sum, before roundings. Leaves the multiplier of a query of one term inside 16 bits.
const SUM_TARGET: usize = 65_000;

/// What a rounded f32 score may exceed its f64 sum by, with room for the arithmetic on bounds.
const ROUNDING: f64 = 1.0 - 1.0 / (1u32 << 22) as f64;

/// Windows with at most this many of the query's lists may be answered from one of them, and start
/// from a threshold of their own: with more, no list decides alone, and a start gains too little.
pub(crate) const FEW_LISTS: usize = 2;

// Costs of a window in tenths of nanoseconds: estimates for Zen 5 with AVX-512, not tuned. Only the
// sweep's follows from a measurement (10 µs for seven windows with one term), and the scatter's.
/// Of a sweep without any list.
const SWEEP_COST: usize = 15_000;
/// Of a group of a long list, added or dropped.
const GROUP_COST: usize = 12;
/// Of a posting scattered.
const SCATTER_COST: usize = 6;
/// Of a row found in one list.
const FIND_COST: usize = 50;
/// Of looking a row up in another list.
const LOOK_UP_COST: usize = 60;
/// Rows that reach a code in a group whose maximum does, about.
const ROWS_PER_MAXIMUM: usize = 3;

/// One query term that occurs in the segment.
#[derive(Debug, Clone, Copy)]
struct PlannedTerm {
    weight: f64,
    next_list: usize,
    end_list: usize,
    /// The most it adds to any score.
    most: f64,
}

/// A query against one segment. Reusable: no allocation grows with the segment.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    terms: Vec<PlannedTerm>,
    unit: f64,
    /// Postings of all terms.
    postings: u64,
    /// The most that terms left out for less effort add to any score.
    left_out: f64,
}

/// How a segment is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// No query term occurs.
    Nothing,
    /// Sums over columns, then finalists.
    Columns,
    /// Every admitted row is scored.
    Rows(Unsuited),
}

/// Why columns do not suit a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsuited {
    ManyTerms,
    TinyWeights,
    FewAdmitted,
}

/// How the rows of a window are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// All lists are summed.
    Sums(Undecided),
    /// Rows of the first list, the others looked up.
    OneList,
}

/// Why a window is not searched by one list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undecided {
    NoWindow,
    LessEffort,
    ManyLists,
    NoThreshold,
    OthersReach,
    ManyRows,
}

/// How a segment was searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// `block_max`: bounds of all rows from columns, then finalists; `max_score`: the same, but in most
    /// windows searched only rows of one list were looked at; `rows`: every admitted row was scored;
    /// `none`: there was nothing to look at.
    pub plan: &'static str,
    /// The reason, for people.
    pub why: &'static str,
}

impl Method {
    pub(crate) fn is_rows(self) -> bool {
        matches!(self, Self::Rows(_))
    }

    /// `way` is that of most windows, where there are columns.
    pub(crate) fn choice(self, way: Way) -> Choice {
        match (self, way) {
            (Self::Nothing, _) => Choice { plan: "none", why: "no term of the query occurs" },
            (Self::Rows(unsuited), _) => Choice { plan: "rows", why: unsuited.why() },
            (Self::Columns, Way::Sums(undecided)) => {
                Choice { plan: "block_max", why: undecided.why() }
            }
            (Self::Columns, Way::OneList) => Choice {
                plan: "max_score",
                why: "only rows of one list can reach the threshold, and few do",
            },
        }
    }
}

impl Undecided {
    fn why(self) -> &'static str {
        match self {
            Self::NoWindow => "no window was searched: maxima, filter or deadline ruled them out",
            Self::LessEffort => "columns bound all rows; less effort scales these bounds",
            Self::ManyLists => {
                "columns bound all rows for less than it costs to score them or to look them up"
            }
            Self::NoThreshold => "columns bound all rows; too few match for a threshold to skip by",
            Self::OthersReach => "columns bound all rows; no one list decides who may be a hit",
            Self::ManyRows => {
                "columns bound all rows; one list decides, but too many of its rows may be hits"
            }
        }
    }
}

impl Unsuited {
    fn why(self) -> &'static str {
        match self {
            Self::ManyTerms => "the roundings of so many terms would crowd out their bounds",
            Self::TinyWeights => "weights are too near the smallest float for 8-bit codes",
            Self::FewAdmitted => {
                "so few rows are admitted that scoring them costs less than the query's postings"
            }
        }
    }
}

/// One list that takes part in a window.
pub(crate) struct ActiveList<'a> {
    pub(crate) list: ListView<'a>,
    /// 256 times what one code step adds to a row's sum.
    pub(crate) multiplier: u16,
}

impl ActiveList<'_> {
    /// The most this list adds to any row's sum.
    pub(crate) fn bound(&self) -> u32 {
        self.part(self.list.max_code.into())
    }

    /// What a code adds to a row's sum.
    pub(crate) fn part(&self, code: u32) -> u32 {
        (code * u32::from(self.multiplier)).div_ceil(256)
    }

    /// The least code that adds at least `part` (1 or more); `None` if no code does.
    pub(crate) fn least_code(&self, part: u32) -> Option<u8> {
        u8::try_from((part - 1) * 256 / u32::from(self.multiplier) + 1).ok()
    }

    /// Asks for what will be read for certain: all of a short list, the maxima of a long one.
    pub(crate) fn fetch(&self) {
        match self.list.column {
            Column::Sparse { locals, codes } => {
                prefetch(locals);
                prefetch(codes);
            }
            Column::Gaps { gaps, codes } => {
                prefetch(gaps);
                prefetch(codes);
            }
            Column::Bitmap { block_max, .. } | Column::Dense { block_max, .. } => {
                prefetch(block_max);
            }
        }
    }

    /// What tells how many rows reach a code: all codes of a short list, the maxima of a long one.
    pub(crate) fn codes_or_maxima(&self) -> &[u8] {
        match self.list.column {
            Column::Sparse { codes, .. } | Column::Gaps { codes, .. } => codes,
            Column::Bitmap { block_max, .. } | Column::Dense { block_max, .. } => block_max,
        }
    }

    /// The most by which it overstates any row's sum: one code step, and roundings.
    pub(crate) fn excess(&self) -> u32 {
        u32::from(self.multiplier) / 256 + ROUNDING_UNITS as u32
    }
}

/// Chooses how the rows of a window are found. Where there are few lists, the one with the largest
/// bound is moved to the front.
pub(crate) fn choose(kernels: Kernels, active: &mut [ActiveList<'_>], least: u16) -> Way {
    if active.len() > FEW_LISTS {
        return Way::Sums(Undecided::ManyLists);
    }
    if least == 0 {
        return Way::Sums(Undecided::NoThreshold);
    }
    active.sort_by_key(|list| std::cmp::Reverse(list.bound()));
    let Some((first, others)) = active.split_first() else {
        return Way::Sums(Undecided::NoWindow);
    };
    let rest: u32 = others.iter().map(ActiveList::bound).sum();
    if rest >= u32::from(least) {
        return Way::Sums(Undecided::OthersReach);
    }
    // No code suffices: then no row does, and finding that costs nothing.
    let Some(code) = first.least_code(u32::from(least) - rest) else { return Way::OneList };
    let reaching = kernels.count_reaching(first.codes_or_maxima(), code);
    let rows = match first.list.column.block_max() {
        Some(_) => reaching * ROWS_PER_MAXIMUM,
        None => reaching,
    };
    match rows * (FIND_COST + others.len() * LOOK_UP_COST) < summing_cost(active) {
        true => Way::OneList,
        false => Way::Sums(Undecided::ManyRows),
    }
}

/// What summing lists over a window costs.
fn summing_cost(active: &[ActiveList<'_>]) -> usize {
    let cost = |list: &ActiveList<'_>| match list.list.column.block_max() {
        Some(maxima) => maxima.len() * GROUP_COST,
        None => list.list.postings * SCATTER_COST,
    };
    SWEEP_COST + active.iter().map(cost).sum::<usize>()
}

impl Plan {
    /// Looks up the query's terms and fixes the unit by the segment's maxima.
    ///
    /// With `effort` below 1, the terms that add least are left out, as long as the others keep that
    /// share of the bound mass.
    pub(crate) fn prepare(
        &mut self,
        view: ImpactView<'_>,
        query: &SparseVector,
        effort: f32,
    ) -> Method {
        let largest_step = self.look_up(view, query);
        let mass: f64 = self.terms.iter().map(|term| term.most).sum();
        self.left_out = 0.0;
        // Any unit bounds what is never summed, as long as the largest sum covers the mass.
        self.unit = mass / f64::from(u16::MAX);
        if effort < 1.0 {
            self.leave_out(mass * (1.0 - f64::from(effort)));
        }
        if self.terms.is_empty() {
            return Method::Nothing;
        }
        if self.terms.len() > COLUMN_TERMS_LIMIT {
            return Method::Rows(Unsuited::ManyTerms);
        }
        let target = SUM_TARGET - ROUNDING_UNITS * self.terms.len();
        self.unit = (mass - self.left_out) / target as f64;
        // Weights near the smallest f32 need fewer than 255 steps, so one step may be too much.
        let is_representable = largest_step / self.unit * 256.0 <= f64::from(u16::MAX);
        match is_representable {
            true => Method::Columns,
            false => Method::Rows(Unsuited::TinyWeights),
        }
    }

    /// Finds the terms' lists; returns the largest weight of one code step.
    ///
    /// Each pass asks for what the next one reads.
    fn look_up(&mut self, view: ImpactView<'_>, query: &SparseVector) -> f64 {
        self.terms.clear();
        self.postings = 0;
        for (term, weight) in query.iter() {
            let Some(ordinal) = view.find_term(term) else { continue };
            prefetch(view.list_numbers_bytes(ordinal));
            let weight = f64::from(weight);
            let (next_list, end_list) = (ordinal, ordinal);
            self.terms.push(PlannedTerm { weight, next_list, end_list, most: 0.0 });
        }
        for term in &mut self.terms {
            let lists = view.list_numbers(term.next_list);
            prefetch(view.list_entry_bytes(lists.clone()));
            (term.next_list, term.end_list) = (lists.start, lists.end);
        }
        let mut largest_step = 0f64;
        for term in &mut self.terms {
            for scale in (term.next_list..term.end_list).map(|list| view.list_scale(list)) {
                term.most = term.most.max(term.weight * scale.max_weight);
                largest_step = largest_step.max(term.weight * scale.step);
                self.postings += scale.postings as u64;
            }
        }
        largest_step
    }

    /// Leaves out the terms that add least, together at most `limit`, but never all.
    fn leave_out(&mut self, limit: f64) {
        self.terms.sort_by(|a, b| b.most.total_cmp(&a.most));
        while let Some(last) = self.terms.last()
            && self.terms.len() > 1
            && self.left_out + last.most <= limit
        {
            self.left_out += last.most;
            self.terms.pop();
        }
    }

    /// Postings of all terms of the query in this segment.
    pub(crate) fn postings(&self) -> u64 {
        self.postings
    }

    /// The most that what the sums leave out adds to any score.
    pub(crate) fn left_out(&self) -> f64 {
        self.left_out
    }

    /// Puts the lists of a window into `active`. Windows must be asked for in order.
    pub(crate) fn window<'a>(
        &mut self,
        view: ImpactView<'a>,
        window: usize,
        active: &mut Vec<ActiveList<'a>>,
    ) {
        active.clear();
        for term in &mut self.terms {
            while term.next_list < term.end_list {
                let list = view.list(term.next_list);
                if list.window > window {
                    break;
                }
                term.next_list += 1;
                if list.window == window {
                    let exact = term.weight * f64::from(list.step) / self.unit * 256.0;
                    // The rounding of this arithmetic is covered by `ROUNDING`.
                    active.push(ActiveList { list, multiplier: rounded_up(exact) });
                    break;
                }
            }
        }
    }

    /// The score that a row's sum bounds.
    pub(crate) fn score_bound(&self, sum: u32) -> f64 {
        f64::from(sum) * self.unit
    }

    /// A bound that holds for scores rounded to f32, too.
    pub(crate) fn rounded_bound(&self, bound: f64) -> f64 {
        bound / ROUNDING
    }

    /// The least sum of a row that can still reach `score`: rows below it cannot, not even after
    /// their score is rounded to f32.
    pub(crate) fn least_sum(&self, score: f64) -> u16 {
        if score < f64::from(f32::MIN_POSITIVE) || self.unit == 0.0 {
            return 0;
        }
        (score / self.unit * ROUNDING).floor().min(f64::from(u16::MAX)) as u16
    }

    /// As [`Plan::least_sum`], for the score of a row whose own sum is `sum` and is overstated by
    /// at most `excess`.
    pub(crate) fn least_sum_beside(&self, sum: u32, excess: u32) -> u16 {
        self.least_sum(self.score_bound(sum.saturating_sub(excess)))
    }
}

/// `exact` rounded up, and at least 1. Portable builds have no instruction for `f64::ceil`.
fn rounded_up(exact: f64) -> u16 {
    let down = exact as u16;
    down.saturating_add(u16::from(f64::from(down) < exact)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A part exceeds its share by less than `code ÷ 256` for its multiplier and by less than one
    /// for itself; the largest multiplier is that of a query of one term.
    #[test]
    fn sums_and_multipliers_fit_sixteen_bits() {
        const { assert!(SUM_TARGET + ROUNDING_UNITS < u16::MAX as usize) };
        const { assert!(COLUMN_TERMS_LIMIT * ROUNDING_UNITS < SUM_TARGET / 2) };
        const { assert!((SUM_TARGET * 256).div_ceil(255) <= u16::MAX as usize) };
    }
}
