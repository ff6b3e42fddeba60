//! The k best rows under the total order, and the threshold they imply.
//!
//! Order: score descending, then `tie` ascending (the ordinal of `_id` within its segment, or the
//! row number where there are no ids). A total order makes the result independent of the order in
//! which rows are offered.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

/// A scored row of one segment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowHit {
    /// f32 of the exact sum, finite; above 0 but for dense vectors.
    pub score: f32,
    /// What orders equal scores, ascending.
    pub tie: u64,
    /// Row in the impact file.
    pub row: u32,
}

impl Eq for RowHit {}

/// What orders equal scores, ascending. Any `Fn(u32) -> u64` over rows will do.
pub trait Ties {
    /// The place of a row among those of equal score.
    fn tie(&self, row: u32) -> u64;

    /// Asks for what [`Ties::tie`] is going to read of a row. Changes nothing but time.
    fn fetch(&self, _row: u32) {}
}

impl<F: Fn(u32) -> u64> Ties for F {
    fn tie(&self, row: u32) -> u64 {
        self(row)
    }
}

impl Ord for RowHit {
    /// Better is greater.
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then_with(|| other.tie.cmp(&self.tie))
    }
}

impl PartialOrd for RowHit {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Collects at most `k` hits with scores of at least `floor`.
#[derive(Debug)]
pub struct TopK {
    k: usize,
    floor: f32,
    /// Whether scores of 0 and below may be returned.
    is_signed: bool,
    worst_first: BinaryHeap<Reverse<RowHit>>,
}

impl TopK {
    /// An empty collection. `floor` is a score known to be reached by `k` documents already seen
    /// elsewhere (0 for none): hits equal to it are kept, because their ids may win the tie.
    pub fn new(k: usize, floor: f32) -> Self {
        Self { k, floor, is_signed: false, worst_first: BinaryHeap::new() }
    }

    /// As [`TopK::new`], of scores that may be 0 or negative. `floor` as there, if there is one.
    pub fn signed(k: usize, floor: Option<f32>) -> Self {
        let floor = floor.unwrap_or(f32::NEG_INFINITY);
        Self { k, floor, is_signed: true, worst_first: BinaryHeap::new() }
    }

    /// The score a row must reach to be of interest; rows that equal it are.
    pub fn threshold(&self) -> f32 {
        match self.worst_first.peek() {
            Some(Reverse(worst)) if self.worst_first.len() == self.k => self.floor.max(worst.score),
            _ => self.floor,
        }
    }

    /// Whether a row with this upper bound could still enter.
    pub fn would_enter(&self, upper_bound: f32) -> bool {
        self.k > 0 && upper_bound >= self.threshold()
    }

    /// Offers a hit; scores of 0 and below are returned only if they were asked for.
    pub fn offer(&mut self, hit: RowHit) {
        if !self.is_signed && hit.score <= 0.0 || !self.would_enter(hit.score) {
            return;
        }
        self.worst_first.push(Reverse(hit));
        if self.worst_first.len() > self.k {
            self.worst_first.pop();
        }
    }

    /// The hits, best first.
    pub fn into_sorted(self) -> Vec<RowHit> {
        // `Reverse` makes ascending order best-first.
        self.worst_first.into_sorted_vec().into_iter().map(|Reverse(hit)| hit).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn equals_sorting_everything(
            scores in prop::collection::vec(0u8..6, 0..60), k in 0usize..20, floor in 0u8..4
        ) {
            let hits: Vec<RowHit> = scores.iter().enumerate()
                .map(|(row, &score)| RowHit {
                    score: f32::from(score), tie: (row as u64 * 7) % 61, row: row as u32
                })
                .collect();
            let mut top = TopK::new(k, f32::from(floor));
            hits.iter().for_each(|&hit| top.offer(hit));
            let mut all: Vec<RowHit> = hits.into_iter()
                .filter(|hit| hit.score > 0.0 && hit.score >= f32::from(floor))
                .collect();
            all.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.tie.cmp(&b.tie)));
            all.truncate(k);
            prop_assert_eq!(top.into_sorted(), all);
        }

        #[test]
        fn signed_scores_are_sorted_alike(scores in prop::collection::vec(-3i8..3, 0..60), k in 0usize..20) {
            let hit = |(row, &score): (usize, &i8)| {
                RowHit { score: f32::from(score), tie: (row as u64 * 7) % 61, row: row as u32 }
            };
            let mut all: Vec<RowHit> = scores.iter().enumerate().map(hit).collect();
            let mut top = TopK::signed(k, None);
            all.iter().for_each(|&hit| top.offer(hit));
            all.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.tie.cmp(&b.tie)));
            all.truncate(k);
            prop_assert_eq!(top.into_sorted(), all);
        }
    }
}
