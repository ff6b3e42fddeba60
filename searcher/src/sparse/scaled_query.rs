//! Query to integers: multipliers whose sums bound scores, and the unit they are counted in.
//!
//! A list's codes bound its weights (`code × step ≥ weight`), so with `multiplier ≥ 256 × query
//! weight × step ÷ unit` the sum of `code × multiplier ÷ 256`, rounded up, times `unit` bounds the
//! score. The unit follows the query's bound mass, the sum of what each term adds at most, such
//! that no sum can leave 16 bits. Whether columns suit the query follows from the unit, so that is
//! said here, too. How each window is searched is `window_plan.rs`'s.

use gleaner_format::{ImpactView, SparseVector};
use gleaner_kernels::prefetch;

use crate::sparse::{
    active_list::{ActiveList, ROUNDING_UNITS},
    plan::{SegmentPlan, WhyRows},
};

/// Query terms beyond this number are refused.
pub const QUERY_TERMS_LIMIT: usize = 1 << 16;

/// Query terms beyond this number are not worth columns: the roundings of so many parts would
/// crowd out the sums themselves.
const COLUMN_TERMS_LIMIT: usize = 4_096;

/// The largest sum, before roundings. Leaves the multiplier of a query of one term inside 16 bits.
const SUM_TARGET: usize = 65_000;

/// What a rounded f32 score may exceed its f64 sum by, with room for the arithmetic on bounds.
const ROUNDING: f64 = 1.0 - 1.0 / (1u32 << 22) as f64;

/// One query term that occurs in the segment.
#[derive(Debug, Clone, Copy)]
struct ScaledTerm {
    weight: f64,
    next_list: usize,
    end_list: usize,
    /// The most it adds to any score.
    most: f64,
}

/// A query in the integers of one segment. Reusable: no allocation grows with the segment.
#[derive(Debug, Default)]
pub(crate) struct ScaledQuery {
    terms: Vec<ScaledTerm>,
    unit: f64,
    /// Postings of all terms.
    postings: u64,
    /// The most that terms left out for less effort add to any score.
    left_out: f64,
}

impl ScaledQuery {
    /// Looks up the query's terms and fixes the unit by the segment's maxima.
    ///
    /// With `effort` below 1, the terms that add least are left out, as long as the others keep
    /// that share of the bound mass.
    pub(crate) fn prepare(
        &mut self,
        view: ImpactView<'_>,
        query: &SparseVector,
        effort: f32,
    ) -> SegmentPlan {
        let largest_step = self.look_up(view, query);
        let mass: f64 = self.terms.iter().map(|term| term.most).sum();
        self.left_out = 0.0;
        // Any unit bounds what is never summed, as long as the largest sum covers the mass.
        self.unit = mass / f64::from(u16::MAX);
        if effort < 1.0 {
            self.leave_out(mass * (1.0 - f64::from(effort)));
        }
        if self.terms.is_empty() {
            return SegmentPlan::Nothing;
        }
        if self.terms.len() > COLUMN_TERMS_LIMIT {
            return SegmentPlan::Rows(WhyRows::ManyTerms);
        }
        let target = SUM_TARGET - ROUNDING_UNITS * self.terms.len();
        self.unit = (mass - self.left_out) / target as f64;
        // Weights near the smallest f32 need fewer than 255 steps, so one step may be too much.
        let is_representable = largest_step / self.unit * 256.0 <= f64::from(u16::MAX);
        match is_representable {
            true => SegmentPlan::Columns,
            false => SegmentPlan::Rows(WhyRows::TinyWeights),
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
            self.terms.push(ScaledTerm { weight, next_list, end_list, most: 0.0 });
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

    /// As [`ScaledQuery::least_sum`], for the score of a row whose own sum is `sum` and is
    /// overstated by at most `excess`.
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
