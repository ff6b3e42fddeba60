//! Exhaustive scoring in f64, by nothing that any engine shares.
//!
//! Score = Σ f64(query weight) · f64(document weight) over common terms in ascending term id.

use std::collections::{BTreeSet, HashMap};

use gleaner_format::SparseVector;

/// Postings of a set, in rows' order.
pub struct Oracle {
    rows: usize,
    postings: HashMap<u32, Vec<(u32, f32)>>,
}

impl Oracle {
    /// Takes all rows but the hidden ones.
    pub fn new(docs: &[SparseVector], hidden: &BTreeSet<u32>) -> Self {
        let mut postings: HashMap<u32, Vec<(u32, f32)>> = HashMap::new();
        for (row, vector) in (0u32..).zip(docs).filter(|(row, _)| !hidden.contains(row)) {
            for (term, weight) in vector.iter() {
                postings.entry(term).or_default().push((row, weight));
            }
        }
        Self { rows: docs.len(), postings }
    }

    /// The score of every row; 0 for rows without a common term.
    pub fn scores(&self, query: &SparseVector) -> Vec<f64> {
        let mut scores = vec![0.0; self.rows];
        for (term, query_weight) in query.iter() {
            for &(row, weight) in self.postings.get(&term).into_iter().flatten() {
                scores[row as usize] += f64::from(query_weight) * f64::from(weight);
            }
        }
        scores
    }
}

/// The largest difference between a given and a stored weight, as a share of the document's
/// largest weight; a term that only one side has counts with its weight.
pub fn largest_error(
    given: &[SparseVector],
    stored: &[SparseVector],
    hidden: &BTreeSet<u32>,
) -> f64 {
    let rows = (0u32..).zip(given.iter().zip(stored)).filter(|(row, _)| !hidden.contains(row));
    rows.map(|(_, (given, stored))| {
        let largest = given.weights().iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        error(given, stored) / f64::from(largest)
    })
    .fold(0.0, f64::max)
}

fn error(given: &SparseVector, stored: &SparseVector) -> f64 {
    let mut difference: HashMap<u32, f64> =
        given.iter().map(|(term, weight)| (term, f64::from(weight))).collect();
    for (term, weight) in stored.iter() {
        *difference.entry(term).or_default() -= f64::from(weight);
    }
    difference.values().map(|value| value.abs()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn scores_are_dot_products_and_hidden_rows_have_none() {
        let docs: Vec<SparseVector> = [vec![(1, 2.0), (5, 1.0)], vec![(5, 3.0)], vec![]]
            .into_iter()
            .map(|pairs| SparseVector::from_pairs(pairs).unwrap())
            .collect();
        let query = SparseVector::from_pairs([(1, 10.0), (5, 0.5)]).unwrap();
        assert_eq!(Oracle::new(&docs, &BTreeSet::new()).scores(&query), [20.5, 1.5, 0.0]);
        assert_eq!(Oracle::new(&docs, &BTreeSet::from([0])).scores(&query), [0.0, 1.5, 0.0]);
    }
}
