//! One answer against the truth.
//!
//! A tie never counts against an engine, unless it promises an order of ties: what equals the
//! k-th score, within the rounding of f32 sums, may stand for it.

use std::{cmp::Ordering, collections::HashSet, ops::AddAssign};

use serde::Serialize;

use crate::contract::TieOrder;

/// What was wrong, summed over answers.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
pub struct Faults {
    /// Documents of the true top k that are not in the answer.
    pub lost: u64,
    /// Of the lost, those in whose place there is nothing.
    pub missing: u64,
    /// Neighbours in the wrong order, or places that differ from a promised total order.
    pub misordered: u64,
    /// Scores that are not the document's.
    pub wrong_scores: u64,
    /// Ids that do not exist, do not match, or must not be found.
    pub bad_ids: u64,
    /// Ids returned more than once.
    pub duplicates: u64,
    /// The largest share of its score by which a lost document beat the last one returned.
    pub worst_gap: f64,
}

impl AddAssign for Faults {
    fn add_assign(&mut self, other: Self) {
        self.lost += other.lost;
        self.missing += other.missing;
        self.misordered += other.misordered;
        self.wrong_scores += other.wrong_scores;
        self.bad_ids += other.bad_ids;
        self.duplicates += other.duplicates;
        self.worst_gap = self.worst_gap.max(other.worst_gap);
    }
}

/// An order of equal scores that an engine promises.
pub struct Ties {
    /// Per row its place among all rows.
    places: Vec<u32>,
}

impl Ties {
    /// Places of so many rows.
    pub fn new(order: TieOrder, rows: usize) -> Self {
        let mut sorted: Vec<u32> = (0..rows as u32).collect();
        match order {
            TieOrder::Row => {}
            TieOrder::Id => sorted.sort_by_cached_key(u32::to_string),
        }
        let mut places = vec![0; rows];
        for (place, row) in (0..).zip(sorted) {
            places[row as usize] = place;
        }
        Self { places }
    }
}

/// What to hold an answer to besides its documents.
#[derive(Clone, Copy)]
pub struct Rule<'a> {
    /// Whether scores are in the unit of the truth.
    pub compare_scores: bool,
    /// A total order, held to the bit: score as f32 descending, then this.
    pub ties: Option<&'a Ties>,
}

/// What f32 sums of this many products may differ by, in any order of addition.
fn tolerance(score: f64, terms: usize) -> f64 {
    score * (terms + 2) as f64 * f64::from(f32::EPSILON) + f64::from(f32::MIN_POSITIVE)
}

/// Compares an answer with the true scores of all rows (0: no match).
pub fn judge(
    scores: &[f64],
    hits: &[(u32, f32)],
    k: usize,
    terms: usize,
    rule: Rule<'_>,
) -> Faults {
    let mut faults = Faults::default();
    let valid = valid_hits(scores, hits, &mut faults);
    let mut matching: Vec<f64> = scores.iter().copied().filter(|&score| score > 0.0).collect();
    let wanted = k.min(matching.len());
    if wanted > 0 {
        let descending = |a: &f64, b: &f64| b.total_cmp(a);
        let last = *matching.select_nth_unstable_by(wanted - 1, descending).1;
        count_lost(scores, &valid, wanted, last, tolerance(last, terms), &mut faults);
    }
    let score = |hit: &(u32, f32)| scores[hit.0 as usize];
    faults.misordered = match rule.ties {
        Some(ties) => differs_from_total_order(scores, &valid, wanted, ties),
        None => {
            let is_wrong = |pair: &&[(u32, f32)]| {
                score(&pair[1]) > score(&pair[0]) + tolerance(score(&pair[1]), terms)
            };
            valid.windows(2).filter(is_wrong).count() as u64
        }
    };
    if rule.compare_scores {
        // Written so that a NaN is wrong.
        let is_right = |hit: &&(u32, f32)| {
            (f64::from(hit.1) - score(hit)).abs() <= tolerance(score(hit), terms)
        };
        faults.wrong_scores = (valid.len() - valid.iter().filter(is_right).count()) as u64;
    }
    faults
}

/// The hits that are documents that match, each once.
fn valid_hits(scores: &[f64], hits: &[(u32, f32)], faults: &mut Faults) -> Vec<(u32, f32)> {
    let mut seen = HashSet::new();
    let mut valid = Vec::with_capacity(hits.len());
    for &hit in hits {
        if !seen.insert(hit.0) {
            faults.duplicates += 1;
        } else if scores.get(hit.0 as usize).is_some_and(|&score| score > 0.0) {
            valid.push(hit);
        } else {
            faults.bad_ids += 1;
        }
    }
    valid
}

fn count_lost(
    scores: &[f64],
    valid: &[(u32, f32)],
    wanted: usize,
    last: f64,
    tolerance: f64,
    faults: &mut Faults,
) {
    let found: HashSet<u32> = valid.iter().map(|hit| hit.0).collect();
    let good = valid.iter().filter(|hit| scores[hit.0 as usize] >= last - tolerance).count();
    let absent = |least: f64| {
        let rows = scores.iter().enumerate();
        rows.filter(move |(_, score)| **score > least)
            .filter(|(row, _)| !found.contains(&(*row as u32)))
            .map(|(_, score)| *score)
    };
    let certain = absent(last + tolerance).count();
    faults.lost = wanted.saturating_sub(good).max(certain) as u64;
    faults.missing = wanted.saturating_sub(valid.len()) as u64;
    if faults.lost > 0 {
        let best = absent(0.0).fold(0.0, f64::max);
        let worst = match faults.missing {
            0 => valid.iter().map(|hit| scores[hit.0 as usize]).fold(f64::INFINITY, f64::min),
            _ => 0.0,
        };
        faults.worst_gap = (best - worst) / best;
    }
}

/// Places at which the answer is not the one that the total order defines, score bits included.
fn differs_from_total_order(
    scores: &[f64],
    valid: &[(u32, f32)],
    wanted: usize,
    ties: &Ties,
) -> u64 {
    let mut order: Vec<(f32, u32, u32)> = (0u32..)
        .zip(scores)
        .filter(|(_, score)| **score > 0.0)
        .map(|(row, &score)| (score as f32, ties.places[row as usize], row))
        .collect();
    let before = |a: &(f32, u32, u32), b: &(f32, u32, u32)| match b.0.total_cmp(&a.0) {
        Ordering::Equal => a.1.cmp(&b.1),
        unequal => unequal,
    };
    if wanted > 0 && wanted < order.len() {
        order.select_nth_unstable_by(wanted - 1, before);
        order.truncate(wanted);
    }
    order.sort_unstable_by(before);
    let expected = order.iter().map(|entry| Some((entry.2, entry.0.to_bits())));
    let found = valid.iter().map(|hit| Some((hit.0, hit.1.to_bits())));
    let found = found.chain(std::iter::repeat(None));
    expected.zip(found).filter(|(expected, found)| expected != found).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule<'static> = Rule { compare_scores: true, ties: None };

    fn faults(scores: &[f64], hits: &[(u32, f32)], k: usize) -> Faults {
        judge(scores, hits, k, 1, RULE)
    }

    #[test]
    fn ties_stand_for_each_other() {
        let scores = [3.0, 1.0, 1.0, 1.0, 0.0];
        for pair in [[0, 1], [0, 2], [0, 3]] {
            let hits = [(pair[0], 3.0), (pair[1], 1.0)];
            assert_eq!(faults(&scores, &hits, 2), Faults::default());
        }
    }

    #[test]
    fn every_kind_of_fault_is_counted() {
        let scores = [3.0, 2.0, 1.0, 1.0, 0.0];
        let lost = faults(&scores, &[(0, 3.0), (2, 1.0)], 2);
        assert_eq!((lost.lost, lost.missing, lost.worst_gap), (1, 0, 0.5));
        // Two documents tied for the last place do not make up for the best one.
        assert_eq!(faults(&scores, &[(1, 2.0), (2, 1.0), (3, 1.0)], 3).lost, 1);
        let short = faults(&scores, &[(0, 3.0)], 2);
        assert_eq!((short.lost, short.missing, short.worst_gap), (1, 1, 1.0));
        assert_eq!(faults(&scores, &[(1, 2.0), (0, 3.0)], 2).misordered, 1);
        assert_eq!(faults(&scores, &[(0, 3.0), (1, 2.001)], 2).wrong_scores, 1);
        assert_eq!(faults(&scores, &[(0, f32::NAN), (1, 2.0)], 2).wrong_scores, 1);
        assert_eq!(faults(&scores, &[(0, 3.0), (0, 3.0), (1, 2.0)], 3).duplicates, 1);
        let invented = faults(&scores, &[(0, 3.0), (4, 0.0), (77, 9.0)], 5);
        assert_eq!((invented.bad_ids, invented.missing), (2, 3));
        assert_eq!(faults(&[0.0, 0.0], &[], 10), Faults::default());
    }

    #[test]
    fn a_promised_order_of_ties_is_held() {
        let scores = [1.0; 12];
        let by_row = Ties::new(TieOrder::Row, 12);
        let by_id = Ties::new(TieOrder::Id, 12);
        let answer = |rows: [u32; 3]| rows.map(|row| (row, 1.0));
        let misordered = |ties, rows| {
            judge(&scores, &answer(rows), 3, 1, Rule { compare_scores: true, ties: Some(ties) })
                .misordered
        };
        assert_eq!(misordered(&by_row, [0, 1, 2]), 0);
        assert_eq!(misordered(&by_row, [0, 2, 1]), 2);
        assert_eq!(misordered(&by_id, [0, 1, 10]), 0, "\"10\" stands before \"2\"");
        assert_eq!(misordered(&by_id, [0, 1, 2]), 1);
    }
}
