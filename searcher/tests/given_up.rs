//! Batches and threads give the single search's answers; less effort and deadlines say what they
//! gave up, and say it truly.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Instant;

use gleaner_format::{ImpactBuilder, ImpactFile, SparseVector, WINDOW_ROWS};
use gleaner_searcher::{
    Counters, RowHit, RowSet, Stop,
    block_max::{self, Limits, Scratch, SegmentAnswer},
    exhaustive,
};

/// Documents and queries with a few frequent terms and a long tail, in several windows.
fn vectors(rows: usize, most_terms: usize, seed: u64) -> Vec<SparseVector> {
    let mut state = seed | 1;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut term =
        move || ((2000.0f64.powf(random()) - 1.0) as u32, (0.01 + 2.5 * random()) as f32);
    (0..rows)
        .map(|row| {
            let len = 1 + row % most_terms;
            let terms: std::collections::BTreeMap<u32, f32> = (0..len).map(|_| term()).collect();
            SparseVector::from_pairs(terms).unwrap()
        })
        .collect()
}

fn file(vectors: &[SparseVector]) -> ImpactFile<Vec<u8>> {
    let mut builder = ImpactBuilder::new();
    vectors.iter().for_each(|vector| builder.push(vector).unwrap());
    let mut bytes = Vec::new();
    builder.write(&mut bytes).unwrap();
    ImpactFile::open(bytes).unwrap()
}

fn several_windows() -> ImpactFile<Vec<u8>> {
    file(&vectors(2 * WINDOW_ROWS + 3_333, 24, 5))
}

fn bits(hits: &[RowHit]) -> Vec<(u32, u32)> {
    hits.iter().map(|hit| (hit.row, hit.score.to_bits())).collect()
}

fn search(
    file: &ImpactFile<Vec<u8>>,
    query: &SparseVector,
    limits: Limits<'_>,
) -> (SegmentAnswer, Counters) {
    let mut counters = Counters::default();
    let mut scratch = Scratch::default();
    let answer =
        block_max::search(file.view(), query, limits, u64::from, &mut scratch, &mut counters);
    (answer, counters)
}

#[test]
fn a_batch_answers_like_single_searches() {
    let file = several_windows();
    let queries = vectors(20, 19, 77);
    let admitted = RowSet::from_docs(file.view(), |doc| doc % 7 == 3);
    let limits = |query: usize| match query % 3 {
        0 => Limits::exact(10, None),
        1 => Limits::exact(100, Some(&admitted)),
        _ => Limits { effort: 0.7, ..Limits::exact(10, None) },
    };
    let batch: Vec<_> = queries.iter().enumerate().map(|(i, query)| (query, limits(i))).collect();
    let (mut scratch, mut counters) = (Scratch::default(), Counters::default());
    let answers =
        block_max::search_batch(file.view(), &batch, u64::from, &mut scratch, &mut counters);
    assert_eq!(answers.len(), queries.len());
    for ((query, limits), answer) in batch.iter().zip(answers) {
        let (single, _) = search(&file, query, *limits);
        assert_eq!(bits(&answer.hits), bits(&single.hits));
        assert_eq!(answer.highest_bound_not_scored, single.highest_bound_not_scored);
        assert_eq!(answer.is_exact, single.is_exact);
    }
}

#[test]
fn threads_answer_like_one() {
    let file = several_windows();
    let few = RowSet::from_docs(file.view(), |doc| doc % 20_000 == 1);
    let mut scratches: Vec<Scratch> = (0..3).map(|_| Scratch::default()).collect();
    for query in vectors(12, 19, 99) {
        for limits in
            [Limits::exact(1, None), Limits::exact(200, None), Limits::exact(9, Some(&few))]
        {
            let mut counters = Counters::default();
            let answer = block_max::search_parallel(
                file.view(),
                &query,
                limits,
                u64::from,
                &mut scratches,
                &mut counters,
            );
            let expected =
                exhaustive::search(file.view(), &query, limits.admitted, limits.k, u64::from);
            assert_eq!(bits(&answer.hits), bits(&expected));
            assert!(answer.is_exact && answer.is_complete);
        }
    }
}

/// No document outside the hits scores above the bound, and hits carry their true scores.
#[test]
fn less_effort_states_a_true_bound() {
    let file = several_windows();
    let mut missed = 0;
    for query in vectors(15, 30, 123) {
        let every = exhaustive::search(file.view(), &query, None, usize::MAX, u64::from);
        for effort in [0.9, 0.6, 0.3, 0.01] {
            let (answer, _) = search(&file, &query, Limits { effort, ..Limits::exact(10, None) });
            assert!(!answer.is_exact && answer.is_complete);
            assert!(!answer.hits.is_empty());
            let found = bits(&answer.hits);
            let bound = answer.highest_bound_not_scored.unwrap_or(0.0);
            for hit in &every {
                match found.contains(&(hit.row, hit.score.to_bits())) {
                    true => {}
                    // It was scored and is worse than all hits, or it was not and is bounded.
                    false if hit.score > answer.hits.last().unwrap().score => {
                        missed += 1;
                        assert!(f64::from(hit.score) <= bound, "effort {effort}");
                    }
                    false => break,
                }
            }
        }
    }
    assert!(missed > 0, "less effort never missed anything, so nothing was tested");
}

#[test]
fn a_passed_deadline_returns_what_there_is_and_says_so() {
    let file = several_windows();
    let query = &vectors(1, 19, 7)[0];
    let best = exhaustive::search(file.view(), query, None, 1, u64::from)[0].score;
    let limits = Limits {
        stop: Stop { deadline: Some(Instant::now()), given_up: None },
        ..Limits::exact(10, None)
    };
    let (answer, counters) = search(&file, query, limits);
    assert!(!answer.is_exact && !answer.is_complete && answer.hits.is_empty());
    assert_eq!(counters.windows_total, 0);
    assert!(answer.highest_bound_not_scored.unwrap() >= f64::from(best));
    let few = RowSet::from_docs(file.view(), |doc| doc % 20_000 == 1);
    let (answer, _) = search(&file, query, Limits { admitted: Some(&few), ..limits });
    assert!(!answer.is_exact && !answer.is_complete);
}

#[test]
fn few_admitted_rows_are_scored_directly() {
    let file = several_windows();
    let admitted = RowSet::from_docs(file.view(), |doc| doc % 10_000 == 5);
    for query in vectors(10, 19, 31).into_iter().filter(|query| query.len() > 10) {
        let (answer, counters) = search(&file, &query, Limits::exact(4, Some(&admitted)));
        let expected = exhaustive::search(file.view(), &query, Some(&admitted), 4, u64::from);
        assert_eq!(bits(&answer.hits), bits(&expected));
        assert_eq!((counters.windows_total, counters.finalists), (0, admitted.count()));
    }
}
