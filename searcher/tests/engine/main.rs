//! The engine equals the oracle: same rows, same score bits, on every kind of data and with every
//! instruction set of the machine.
#![allow(clippy::unwrap_used, missing_docs)]

mod vectors;

use gleaner_format::{Column, ImpactBuilder, ImpactFile, ImpactView, SparseVector, WINDOW_ROWS};
use gleaner_kernels::Kernels;
use gleaner_searcher::{
    Counters, RowHit, RowSet,
    block_max::{self, Limits, Scratch, SegmentAnswer},
    exhaustive,
};
use proptest::prelude::*;
use vectors::{
    any_size, learned_vectors, of_all_densities, query_of, splade_shaped, three_windows, vector,
};

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
    check_file(file(vectors, None).view(), query, admitted, k);
}

/// Compares every level with the oracle, and all levels with each other.
fn check_file(
    view: ImpactView<'_>,
    query: &SparseVector,
    admitted: Option<&RowSet>,
    k: usize,
) -> Counters {
    let every = exhaustive::search(view, query, admitted, usize::MAX, tie);
    let limits = Limits::exact(k, admitted);
    let mut of_first = None;
    for kernels in Kernels::available() {
        let (mut scratch, mut counters) = (Scratch::new(kernels), Counters::default());
        let answer = block_max::search(view, query, limits, tie, &mut scratch, &mut counters);
        check_answer(&answer, &every, k, &counters);
        // Scratch is clean: the same search again gives the same answer.
        let mut again = Counters::default();
        let same_again = block_max::search(view, query, limits, tie, &mut scratch, &mut again);
        same(&same_again.hits, &answer.hits);
        assert_eq!(again, counters);
        let finalists = of_first.get_or_insert(counters.finalists);
        assert!(counters.finalists.abs_diff(*finalists) <= 64, "{}", kernels.name());
    }
    let mut counters = Counters::default();
    block_max::search(view, query, limits, tie, &mut Scratch::default(), &mut counters);
    counters
}

/// Hits are the best of `every` match, and what the answer certifies of the others is true.
fn check_answer(answer: &SegmentAnswer, every: &[RowHit], k: usize, counters: &Counters) {
    same(&answer.hits, &every[..k.min(every.len())]);
    assert_eq!(counters.groups_total, counters.groups_summed + counters.groups_dropped);
    // Nothing unscored beats the threshold, and of the best rows at least one was not scored if
    // there are more of them than finalists, so the bound covers it.
    match answer.highest_bound_not_scored {
        Some(bound) => {
            assert_eq!(answer.hits.len(), k, "something was skipped before the answer was full");
            assert!(bound <= f64::from(every[k - 1].score));
        }
        None => assert!(counters.finalists >= every.len() as u64),
    }
    if let Some(unscored) = every.get(counters.finalists as usize) {
        assert!(answer.highest_bound_not_scored.unwrap() >= f64::from(unscored.score) * 0.999_999);
    }
}

fn same(found: &[RowHit], expected: &[RowHit]) {
    let bits = |hits: &[RowHit]| -> Vec<(u32, u32)> {
        hits.iter().map(|hit| (hit.row, hit.score.to_bits())).collect()
    };
    assert_eq!(bits(found), bits(expected));
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
        let expected: Vec<RowHit> =
            every.into_iter().filter(|hit| hit.score >= floor).take(k).collect();
        for kernels in Kernels::available() {
            let (mut scratch, mut counters) = (Scratch::new(kernels), Counters::default());
            let answer =
                block_max::search(file.view(), &query, limits, tie, &mut scratch, &mut counters);
            same(&answer.hits, &expected);
        }
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
    let admitted = RowSet::from_docs(file.view(), |doc| doc % 3 != 0);
    let mut counters = Counters::default();
    for query in splade_shaped(10, 4242) {
        for (k, admitted) in [(10, None), (1000, None), (10, Some(&admitted))] {
            counters.add(&check_file(file.view(), &query, admitted, k));
        }
    }
    assert!(counters.groups_dropped > 0, "no block was ever skipped: {counters:?}");
    assert!(counters.finalists < counters.groups_summed * 64 / 10, "{counters:?}");
}

/// One term, or two of which one decides, are answered from one list, in every form of a list.
#[test]
fn queries_of_one_list_equal_the_oracle() {
    let vectors = splade_shaped(WINDOW_ROWS + 5_000, 9);
    let file = file(&vectors, None);
    let admitted = RowSet::from_docs(file.view(), |doc| doc % 3 != 0);
    let mut by_list = Vec::new();
    for terms in [&[0u32][..], &[2], &[40], &[2500], &[0, 40], &[2, 700], &[40, 2500], &[0, 1]] {
        let weight = |(at, &term): (usize, &u32)| (term, [1.0, 0.1][at]);
        let query = SparseVector::from_pairs(terms.iter().enumerate().map(weight)).unwrap();
        let mut counters = Counters::default();
        for (k, admitted) in [(1, None), (10, None), (10, Some(&admitted))] {
            counters.add(&check_file(file.view(), &query, admitted, k));
        }
        assert!(counters.windows_by_list > 0 || terms.len() > 1, "{terms:?} {counters:?}");
        let (mut counters, mut scratch) = (Counters::default(), Scratch::default());
        let (view, limits) = (file.view(), Limits::exact(10, None));
        let answer = block_max::search(view, &query, limits, tie, &mut scratch, &mut counters);
        let searched = counters.windows_total - counters.windows_skipped;
        let plan = if 2 * counters.windows_by_list > searched { "max_score" } else { "block_max" };
        assert_eq!(answer.choice.plan.name(), plan, "{terms:?} {counters:?}");
        by_list.push((terms.len(), plan));
    }
    for plan in [(1, "max_score"), (2, "max_score"), (2, "block_max")] {
        assert!(by_list.contains(&plan), "{by_list:?}");
    }
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

/// Whether sums were made of columns, not every row scored.
fn used_columns(counters: &Counters) -> bool {
    counters.windows_total > 0
}

#[test]
fn queries_of_every_length_equal_the_oracle() {
    let even = |share: f64| (0.5 + share) as f32;
    for (seed, weight) in [(1, even as fn(f64) -> f32), (2, any_size)] {
        let file = file(&of_all_densities(2500, 6000, seed, weight), None);
        for (len, by_columns) in
            [(1, true), (5, true), (60, true), (260, true), (1000, true), (5000, false)]
        {
            for query_weight in
                [even as fn(f64) -> f32, any_size, |share| (share * 1e12) as f32 + 1.0]
            {
                let query = query_of(len, seed + u64::from(len), query_weight);
                for k in [1, 10, 3000] {
                    let counters = check_file(file.view(), &query, None, k);
                    assert!(used_columns(&counters) == by_columns, "{len} terms");
                }
            }
        }
    }
}

/// The largest weights everywhere in one row: its sum is the bound mass, next to the last of 16 bits.
#[test]
fn sums_at_the_limit_do_not_wrap() {
    for terms in [1u32, 2, 60, 260, 1000, 4000] {
        let full =
            |weight: f32| SparseVector::from_pairs((0..terms).map(|term| (term, weight))).unwrap();
        let mut vectors: Vec<SparseVector> = (0..200)
            .map(|row| SparseVector::from_pairs([(row % terms, 0.5 + row as f32)]).unwrap())
            .collect();
        vectors.extend([full(700.0), full(699.0), full(700.0)]);
        for weight in [1.0, 0.3, 1e-30, (1u64 << 40) as f32] {
            for k in [1, 2, 3, 50] {
                check(&vectors, &full(weight), None, k);
            }
        }
        let uneven = query_of(terms, 5, any_size);
        let query = SparseVector::from_pairs(uneven.iter().map(|(term, w)| (term / 5, w))).unwrap();
        check(&vectors, &query, None, 3);
    }
}

#[test]
fn extreme_scales_equal_the_oracle() {
    let scales: [fn(f64) -> f32; 4] = [
        |share| f32::from_bits(1 + (share * 40.0) as u32),
        |share| (share * 1e-38) as f32 + f32::from_bits(1),
        |share| (share * 1e12) as f32 + 1.0,
        any_size,
    ];
    for (seed, weight) in scales.into_iter().enumerate() {
        let file = file(&of_all_densities(700, 300, seed as u64 + 9, weight), None);
        for query_weight in scales {
            for len in [1, 5, 60] {
                let query = query_of(len, 3, query_weight);
                for k in [1, 10, 1000] {
                    check_file(file.view(), &query, None, k);
                }
            }
        }
    }
}

#[test]
fn windows_with_all_forms_and_ties_equal_the_oracle() {
    let vectors = three_windows();
    let last = vectors.len() as u32 - 1;
    let file = file(&vectors, None);
    let view = file.view();
    let mut forms = [0; 4];
    for list in (0..view.list_count()).map(|list| view.list(list)) {
        forms[match list.column {
            Column::Sparse { .. } => 0,
            Column::Gaps { .. } => 1,
            Column::Bitmap { .. } => 2,
            Column::Dense { .. } => 3,
        }] += 1;
    }
    assert!(forms.into_iter().all(|lists| lists > 0), "{forms:?}");
    let admitted = RowSet::from_docs(view, |doc| doc % 3 == 1 || doc == last);
    for terms in [vec![0], vec![0, 1, 2], vec![4, 5, 6], vec![0, 3, 6], (0..7).collect()] {
        let query = SparseVector::from_pairs(terms.iter().map(|&term| (term, 1.0))).unwrap();
        for admitted in [None, Some(&admitted)] {
            for k in [1, 2, 10, 700, 20_000] {
                check_file(view, &query, admitted, k);
            }
            check_file(view, &query, admitted, vectors.len());
        }
        assert_eq!(exhaustive::search(view, &query, None, 1, tie)[0].row, last);
    }
}

/// A row whose parts all round to nothing is not scored, and the answer must not claim that it was.
#[test]
fn rows_rounded_to_nothing_are_not_called_scored() {
    let rows = WINDOW_ROWS + 128;
    let vectors: Vec<SparseVector> = (0..rows)
        .map(|row| {
            let strong = row < 60 || row % 64 == 1 && row > WINDOW_ROWS;
            let strong = strong.then_some((1, 1.0));
            let weak = (row > WINDOW_ROWS).then_some((2, 1.0));
            SparseVector::from_pairs(strong.into_iter().chain(weak)).unwrap()
        })
        .collect();
    let query = SparseVector::from_pairs([(1, 1.0), (2, 1e-9)]).unwrap();
    for k in 1..4 {
        check(&vectors, &query, None, k);
    }
}

/// Files searched one after the other, each under the score that the best so far already reach,
/// answer like one file of all rows.
#[test]
fn several_files_under_a_shared_floor_equal_one() {
    let vectors = splade_shaped(4000, 99);
    let parts = [0..1500, 1500..1501, 1501..1501, 1501..3900, 3900..4000];
    let whole = file(&vectors, None);
    let files: Vec<_> = parts.iter().map(|part| file(&vectors[part.clone()], None)).collect();
    for query in splade_shaped(12, 31) {
        for (k, kernels) in [1, 10, 300, 5000]
            .into_iter()
            .flat_map(|k| Kernels::available().into_iter().map(move |kernels| (k, kernels)))
        {
            let (mut scratch, mut counters) = (Scratch::new(kernels), Counters::default());
            let mut best: Vec<RowHit> = Vec::new();
            for (part, file) in parts.iter().zip(&files) {
                let floor = best.get(k - 1).map_or(0.0, |hit| hit.score);
                let limits = Limits { floor, ..Limits::exact(k, None) };
                let first = part.start as u32;
                let tie = |row| tie(first + row);
                let view = file.view();
                let found =
                    block_max::search(view, &query, limits, tie, &mut scratch, &mut counters);
                let moved = found.hits.into_iter();
                best.extend(moved.map(|hit| RowHit { row: first + hit.row, ..hit }));
                best.sort_by(|a, b| b.cmp(a));
                best.truncate(k);
            }
            same(&best, &exhaustive::search(whole.view(), &query, None, k, tie));
        }
    }
}

/// Bounds are tight: few rows beyond the answer are scored. A bound that is true but loose, which
/// every other law lets pass, shows here.
#[test]
fn few_finalists_are_scored() {
    let file = file(&learned_vectors(40_000, 120, 7), None);
    let mut report = Vec::new();
    for (terms, limit) in [(5, 13), (60, 14), (260, 18)] {
        let mut finalists = 0;
        let queries = learned_vectors(20, terms, 1000 + terms as u64);
        for query in &queries {
            let limits = Limits::exact(10, None);
            let (mut scratch, mut counters) = (Scratch::default(), Counters::default());
            let view = file.view();
            let answer = block_max::search(view, query, limits, tie, &mut scratch, &mut counters);
            same(&answer.hits, &exhaustive::search(view, query, None, 10, tie));
            finalists += counters.finalists;
        }
        report.push((terms, finalists as f64 / queries.len() as f64, limit));
    }
    assert!(report.iter().all(|&(_, mean, limit)| mean <= f64::from(limit)), "{report:?}");
    assert!(report.iter().all(|&(_, mean, _)| mean >= 10.0), "{report:?}");
}
