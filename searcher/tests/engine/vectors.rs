//! Documents and queries of every kind the engine is compared with the oracle on.

use std::collections::BTreeMap;

use gleaner_format::{SparseVector, WINDOW_ROWS};
use proptest::prelude::*;

/// Zipf-distributed terms with weights like SPLADE's: a few dense terms, a long sparse tail.
pub(super) fn splade_shaped(rows: usize, seed: u64) -> Vec<SparseVector> {
    let mut state = seed | 1;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..rows)
        .map(|_| {
            let len = (random() * 40.0) as usize;
            let terms: BTreeMap<u32, f32> = (0..len)
                .map(|_| {
                    (
                        (3000.0f64.powf(random()) - 1.0) as u32,
                        (0.01 + 2.8 * random() * random()) as f32,
                    )
                })
                .collect();
            SparseVector::from_pairs(terms).unwrap()
        })
        .collect()
}

pub(super) fn weights() -> impl Strategy<Value = f32> {
    prop_oneof![
        3 => 1e-6f32..4.0,
        2 => (1u16..4).prop_map(f32::from),
        1 => Just(65_535.0f32),
        1 => Just(1.0f32),
        1 => 1e-40f32..1e-37,
        1 => 1e9f32..1e12,
    ]
}

pub(super) fn vector(terms: u32, max_len: usize) -> impl Strategy<Value = SparseVector> {
    prop::collection::btree_map(0..terms, weights(), 0..max_len)
        .prop_map(|pairs| SparseVector::from_pairs(pairs).unwrap())
}

/// A generator of numbers in 0..1 that the seed fixes.
pub(super) fn random_shares(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Rows in which `terms` terms occur at all densities, with weights drawn by `weight`.
pub(super) fn of_all_densities(
    rows: usize,
    terms: u32,
    seed: u64,
    weight: impl Fn(f64) -> f32,
) -> Vec<SparseVector> {
    let mut random = random_shares(seed);
    let row = |_| {
        let mut pairs = BTreeMap::new();
        for _ in 0..60 {
            let term = (f64::from(terms + 1).powf(random()) - 1.0) as u32;
            pairs.insert(term * 5, weight(random()));
        }
        SparseVector::from_pairs(pairs).unwrap()
    };
    (0..rows).map(row).collect()
}

/// A query of `len` terms from the start of the vocabulary.
pub(super) fn query_of(len: u32, seed: u64, weight: impl Fn(f64) -> f32) -> SparseVector {
    let mut random = random_shares(seed);
    SparseVector::from_pairs((0..len).map(|term| (term * 5, weight(random())))).unwrap()
}

/// From 1e-6 to 1e6, every decade alike.
pub(super) fn any_size(share: f64) -> f32 {
    10f64.powf(12.0 * share - 6.0) as f32
}

/// Two windows and the start of a third, lists of all forms, thousands of equal scores in each
/// window, empty rows, and the best row at the very end.
pub(super) fn three_windows() -> Vec<SparseVector> {
    let rows = 2 * WINDOW_ROWS as u32 + 1000;
    let mut vectors: Vec<SparseVector> = (0..rows)
        .map(|row| {
            let has = [
                (0, row % 4 != 0, 1.0),
                (1, row % 2 == 0, 0.75),
                (2, row % 5 == 0, 2.0),
                (3, row % 11 == 3, 1.5 + (row % 3) as f32),
                (4, row % 40 == 7, 2.5),
                (5, row % 600 == 5, 3.0),
                (6, row % 5000 == 9, 4.0),
            ];
            let terms = has.into_iter().filter(|has| has.1 && row % 97 != 0);
            SparseVector::from_pairs(terms.map(|(term, _, weight)| (term, weight))).unwrap()
        })
        .collect();
    *vectors.last_mut().unwrap() = SparseVector::from_pairs((0..7).map(|t| (t, 5.0))).unwrap();
    vectors
}

/// Terms of learned vectors: topics of terms that occur together, and a tail.
pub(super) fn learned_vectors(rows: usize, len: usize, seed: u64) -> Vec<SparseVector> {
    let mut random = random_shares(seed);
    let row = |_| {
        let topic = (random() * 200.0) as u32;
        let mut pairs = BTreeMap::new();
        for position in 0..len {
            let is_of_topic = random() < 0.4;
            let share = random();
            let term = match is_of_topic {
                true => 3000 + topic * 100 + (100.0 * share * share) as u32,
                false => (3000f64.powf(share) - 1.0) as u32 * 9,
            };
            let fading = (-(position as f64) / (len as f64 / 3.0)).exp();
            pairs.insert(term, (0.02 + 2.5 * fading * random()) as f32);
        }
        SparseVector::from_pairs(pairs).unwrap()
    };
    (0..rows).map(row).collect()
}
