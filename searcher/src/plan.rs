//! Query to integers: multipliers whose sums bound scores, and the units they are counted in.
//!
//! A list's codes bound its weights (`code × step ≥ weight`), so
//! `Σ multiplier × code × unit ≥ score` as soon as every `multiplier × unit ≥ query weight × step`.
//! Sums stay below 2^31 by the choice of the unit, so nothing wraps.

use gleaner_format::{ImpactView, ListView, SparseVector};

/// Query terms beyond this number are refused: the roundings of that many multipliers still fit
/// the headroom that sums keep below 2^31.
pub const QUERY_TERMS_LIMIT: usize = 1 << 16;

/// The largest sum of a row, before multipliers are rounded up.
const SUM_TARGET: f64 = (1u32 << 30) as f64;

/// What a rounded f32 score may exceed its f64 sum by, with room for the arithmetic on bounds.
const ROUNDING: f64 = 1.0 - 1.0 / (1u32 << 22) as f64;

/// One query term that occurs in the segment.
struct PlannedTerm<'a> {
    weight: f64,
    lists: Vec<ListView<'a>>,
    next: usize,
}

/// A query against one segment.
pub(crate) struct Plan<'a> {
    terms: Vec<PlannedTerm<'a>>,
    unit: f64,
}

/// One list that takes part in a window.
pub(crate) struct ActiveList<'a> {
    pub(crate) list: ListView<'a>,
    /// What one code step adds to a row's sum.
    pub(crate) multiplier: u32,
    /// The most this list adds to any row's sum.
    pub(crate) bound: u32,
    /// The most by which it overstates any row's sum.
    pub(crate) excess: u32,
}

impl<'a> Plan<'a> {
    /// Looks up the query's terms and fixes the unit by the segment's maxima.
    pub(crate) fn new(view: ImpactView<'a>, query: &SparseVector) -> Self {
        let terms: Vec<PlannedTerm<'a>> = query
            .iter()
            .filter_map(|(term, weight)| {
                let lists = view.lists(view.find_term(term)?).collect();
                Some(PlannedTerm { weight: f64::from(weight), lists, next: 0 })
            })
            .collect();
        let mass: f64 = terms.iter().map(PlannedTerm::max_contribution).sum();
        Self { terms, unit: mass / SUM_TARGET }
    }

    /// The lists of a window, the highest bound first. Windows must be asked for in order.
    pub(crate) fn window(&mut self, window: usize) -> Vec<ActiveList<'a>> {
        let unit = self.unit;
        let mut active: Vec<ActiveList<'a>> = self
            .terms
            .iter_mut()
            .filter_map(|term| {
                let list = *term.lists.get(term.next).filter(|list| list.window == window)?;
                term.next += 1;
                Some(ActiveList::new(list, term.weight, unit))
            })
            .collect();
        active.sort_by_key(|list| std::cmp::Reverse(list.bound));
        active
    }

    /// The score that a row's sum bounds.
    pub(crate) fn score_bound(&self, sum: u64) -> f64 {
        sum as f64 * self.unit
    }

    /// The least sum of a row that can still reach `score`: rows below it cannot, not even after
    /// their score is rounded to f32.
    pub(crate) fn least_sum(&self, score: f64) -> u32 {
        if score < f64::from(f32::MIN_POSITIVE) || self.unit == 0.0 {
            return 0;
        }
        (score / self.unit * ROUNDING).floor().min(f64::from(u32::MAX)) as u32
    }

    /// As [`Plan::least_sum`], for the score of a row whose own sum is `sum` and is overstated by
    /// at most `excess`.
    pub(crate) fn least_sum_beside(&self, sum: u32, excess: u32) -> u32 {
        self.least_sum(self.score_bound(u64::from(sum.saturating_sub(excess))))
    }
}

impl PlannedTerm<'_> {
    fn max_contribution(&self) -> f64 {
        let weights = self.lists.iter().map(|list| f64::from(list.step) * f64::from(list.max_code));
        self.weight * weights.fold(0.0, f64::max)
    }
}

impl<'a> ActiveList<'a> {
    fn new(list: ListView<'a>, weight: f64, unit: f64) -> Self {
        let exact = weight * f64::from(list.step) / unit;
        // One more than the ceiling covers the rounding of the division and of the product.
        let multiplier = exact.ceil() as u32 + 1;
        let code = u32::from(list.max_code);
        let slack = (weight * f64::from(list.slack) / unit).ceil() as u32 + 1;
        // Rounding the multiplier up by less than two adds less than two per code.
        Self { list, multiplier, bound: multiplier * code, excess: slack + 2 * code }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2^16 terms, each rounded up by less than two per code step, fit the headroom.
    #[test]
    fn sums_cannot_wrap() {
        let rounding = QUERY_TERMS_LIMIT as u64 * 2 * 255;
        assert!(SUM_TARGET as u64 + rounding < 1 << 31);
    }
}
