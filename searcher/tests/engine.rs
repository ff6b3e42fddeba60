//! The engine equals the oracle: same rows, same score bits, on every kind of data.
#![allow(clippy::unwrap_used, missing_docs)]

use gleaner_format::{ImpactBuilder, ImpactFile, SparseVector, WINDOW_ROWS};
use gleaner_searcher::{
    Counters, RowHit, RowSet,
    block_max::{self, Limits, Scratch},
    exhaustive,
};
use proptest::prelude::*;

fn file(vectors: &[SparseVector], order: Option<Vec<u32>>) -> ImpactFile<Vec<u8>> {
    let mut builder = ImpactBuilder::new();
    vectors.iter().for_each(|vector| builder.push(vector).unwrap());
    if let Some(order) = order {
        builder.reorder(order);
    }
    let mut bytes = Vec::new();
    builder.write(&mut bytes).unwrap();
    ImpactFile::open(bytes).unwrap()
}

/// A tie order that is neither row order nor its reverse, and total.
fn tie(row: u32) -> u64 {
    u64::from(row.wrapping_mul(2_654_435_761))
}

fn check(vectors: &[SparseVector], query: &SparseVector, admitted: Option<&RowSet>, k: usize) {
    let file = file(vectors, None);
    let (view, mut counters) = (file.view(), Counters::default());
    let expected = exhaustive::search(view, query, admitted, k, tie);
    let mut scratch = Scratch::default();
    let limits = Limits::exact(k, admitted);
    let answer = block_max::search(view, query, limits, tie, &mut scratch, &mut counters);
    same(&answer.hits, &expected);
    assert_eq!(counters.groups_total, counters.groups_summed + counters.groups_dropped);
    // The certificate is true: nothing unscored beats the threshold, and of the best rows at least
    // one was not scored if there are more of them than finalists, so the bound covers it.
    let every = exhaustive::search(view, query, admitted, usize::MAX, tie);
    match answer.highest_bound_not_scored {
        Some(bound) => {
            assert_eq!(answer.hits.len(), k, "something was skipped before the answer was full");
            assert!(bound <= f64::from(expected[k - 1].score));
        }
        None => assert!(counters.finalists >= every.len() as u64),
    }
    if let Some(unscored) = every.get(counters.finalists as usize) {
        assert!(answer.highest_bound_not_scored.unwrap() >= f64::from(unscored.score) * 0.999_999);
    }
    // Scratch is clean: the same search again gives the same answer.
    let again = block_max::search(view, query, limits, tie, &mut scratch, &mut counters);
    same(&again.hits, &expected);
}

fn same(found: &[RowHit], expected: &[RowHit]) {
    let bits = |hits: &[RowHit]| -> Vec<(u32, u32)> {
        hits.iter().map(|hit| (hit.row, hit.score.to_bits())).collect()
    };
    assert_eq!(bits(found), bits(expected));
}

/// Zipf-distributed terms with weights like SPLADE's: a few dense terms, a long sparse tail.
fn splade_shaped(rows: usize, seed: u64) -> Vec<SparseVector> {
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
            let terms: std::collections::BTreeMap<u32, f32> = (0..len)
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

fn weights() -> impl Strategy<Value = f32> {
    prop_oneof![
        3 => 1e-6f32..4.0,
        2 => (1u16..4).prop_map(f32::from),
        1 => Just(65_535.0f32),
        1 => Just(1.0f32),
        1 => 1e-40f32..1e-37,
        1 => 1e9f32..1e12,
    ]
}

fn vector(terms: u32, max_len: usize) -> impl Strategy<Value = SparseVector> {
    prop::collection::btree_map(0..terms, weights(), 0..max_len)
        .prop_map(|pairs| SparseVector::from_pairs(pairs).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn equals_the_oracle_on_random_data(
        vectors in prop::collection::vec(vector(30, 12), 0..150),
        query in vector(35, 10),
        k in prop_oneof![1usize..5, 5usize..200, Just(usize::MAX)],
    ) {
        check(&vectors, &query, None, k);
    }

    #[test]
    fn equals_the_oracle_under_filters(
        vectors in prop::collection::vec(vector(20, 10), 1..200),
        query in vector(20, 8),
        keep in prop_oneof![Just(0u32), Just(1), 2u32..40],
        k in 1usize..30,
    ) {
        let file = file(&vectors, None);
        let admitted = RowSet::from_docs(file.view(), |doc| keep > 0 && doc % keep == 0);
        check(&vectors, &query, Some(&admitted), k);
    }

    #[test]
    fn equals_the_oracle_with_thousands_of_ties(
        rows in 1usize..6000, distinct in 1u32..4, query_len in 1u32..5, k in 1usize..40
    ) {
        let vectors: Vec<SparseVector> = (0..rows as u32)
            .map(|row| SparseVector::from_pairs((0..=row % distinct).map(|term| (term, 1.0))).unwrap())
            .collect();
        let query = SparseVector::from_pairs((0..query_len).map(|term| (term, 1.0))).unwrap();
        check(&vectors, &query, None, k);
    }

    #[test]
    fn a_floor_loses_nothing_at_or_above_it(
        vectors in prop::collection::vec(vector(10, 8), 1..100),
        query in vector(10, 8), k in 1usize..20, pick in any::<prop::sample::Index>(),
    ) {
        let file = file(&vectors, None);
        let every = exhaustive::search(file.view(), &query, None, usize::MAX, tie);
        prop_assume!(!every.is_empty());
        let floor = every[pick.index(every.len())].score;
        let limits = Limits { floor, ..Limits::exact(k, None) };
        let (mut scratch, mut counters) = (Scratch::default(), Counters::default());
        let answer =
            block_max::search(file.view(), &query, limits, tie, &mut scratch, &mut counters);
        let expected: Vec<RowHit> =
            every.into_iter().filter(|hit| hit.score >= floor).take(k).collect();
        same(&answer.hits, &expected);
    }

    #[test]
    fn row_order_changes_nothing(
        vectors in prop::collection::vec(vector(15, 8), 1..120), query in vector(15, 8),
        k in 1usize..20, seed in any::<u64>(),
    ) {
        let mut order: Vec<u32> = (0..vectors.len() as u32).collect();
        order.sort_by_key(|&doc| (u64::from(doc) + 1).wrapping_mul(seed | 1));
        let (plain, moved) = (file(&vectors, None), file(&vectors, Some(order)));
        let docs = |file: &ImpactFile<Vec<u8>>| -> Vec<(u32, u32)> {
            let view = file.view();
            let limits = Limits::exact(k, None);
            let (mut scratch, mut counters) = (Scratch::default(), Counters::default());
            let by_doc = |row: u32| tie(view.doc(row as usize));
            let answer =
                block_max::search(view, &query, limits, by_doc, &mut scratch, &mut counters);
            answer.hits.iter().map(|hit| (view.doc(hit.row as usize), hit.score.to_bits())).collect()
        };
        prop_assert_eq!(docs(&plain), docs(&moved));
    }
}

#[test]
fn equals_the_oracle_on_splade_shaped_data() {
    for seed in 1..6 {
        let vectors = splade_shaped(3000, seed);
        for query in splade_shaped(12, seed * 77) {
            for k in [1, 10, 100, 5000] {
                check(&vectors, &query, None, k);
            }
        }
    }
}

#[test]
fn equals_the_oracle_over_several_windows_and_skips_blocks() {
    let vectors = splade_shaped(2 * WINDOW_ROWS + 777, 42);
    let file = file(&vectors, None);
    let (mut scratch, mut counters) = (Scratch::default(), Counters::default());
    let admitted = RowSet::from_docs(file.view(), |doc| doc % 3 != 0);
    for query in splade_shaped(10, 4242) {
        for (k, admitted) in [(10, None), (1000, None), (10, Some(&admitted))] {
            let expected = exhaustive::search(file.view(), &query, admitted, k, tie);
            let limits = Limits::exact(k, admitted);
            let answer =
                block_max::search(file.view(), &query, limits, tie, &mut scratch, &mut counters);
            same(&answer.hits, &expected);
        }
    }
    assert!(counters.groups_dropped > 0, "no block was ever skipped: {counters:?}");
    assert!(counters.finalists < counters.groups_summed * 64 / 10, "{counters:?}");
}

/// A rare strong term makes every window without it skippable once the answer is full.
#[test]
fn windows_without_a_chance_are_skipped() {
    let vectors: Vec<SparseVector> = (0..3 * WINDOW_ROWS as u32)
        .map(|row| {
            let strong = if row < 100 { 9.0 } else { 0.01 };
            SparseVector::from_pairs([(1, strong), (row % 50 + 2, 0.5)]).unwrap()
        })
        .collect();
    let file = file(&vectors, None);
    let query = SparseVector::from_pairs([(1, 1.0)]).unwrap();
    let (mut scratch, mut counters) = (Scratch::default(), Counters::default());
    let limits = Limits::exact(10, None);
    block_max::search(file.view(), &query, limits, tie, &mut scratch, &mut counters);
    assert_eq!(counters.windows_skipped, 2);
}

#[test]
fn wide_term_ids_are_scored_alike() {
    let vectors: Vec<SparseVector> = (0..500u32)
        .map(|row| {
            SparseVector::from_pairs([(row % 7, 1.5), (1_000_000 + row % 13, 0.3 + row as f32)])
                .unwrap()
        })
        .collect();
    let query =
        SparseVector::from_pairs([(3, 1.0), (1_000_004, 0.7), (4_000_000_000, 1.0)]).unwrap();
    check(&vectors, &query, None, 20);
}
