//! The scan equals scoring every vector by definition, for every storage, filter and thread count.

use std::time::Instant;

use gleaner_format::{DenseBuilder, DenseFile, DenseSpec, DenseStorage, ImpactBuilder, ImpactFile};
use gleaner_format::{Metric, SparseVector};
use proptest::prelude::*;

use super::*;
use crate::{filter::rows::RowSet, stop::Stop};

const STORAGES: [DenseStorage; 4] =
    [DenseStorage::F32, DenseStorage::F16, DenseStorage::Int8, DenseStorage::Int8WithF32];

fn spec(dims: usize, metric: Metric, storage: DenseStorage) -> DenseSpec {
    DenseSpec { name: "emb".to_owned(), dims, metric, storage }
}

fn file(spec: &DenseSpec, rows: &[Option<Vec<f32>>]) -> DenseFile<Vec<u8>> {
    let mut builder = DenseBuilder::new(std::slice::from_ref(spec));
    for row in rows {
        let prepared = row.as_ref().map(|vector| spec.prepare(vector).unwrap());
        builder.push(&[prepared.as_deref()]).unwrap();
    }
    let mut bytes = Vec::new();
    builder.write(&mut bytes).unwrap();
    DenseFile::open(bytes).unwrap()
}

/// Sixteen sums, dimension `i` in sum `i mod 16`, then the upper half added to the lower until one
/// is left; of int8 vectors the codes are summed and multiplied by the scale.
fn defined(query: &[f32], stored: &[f32]) -> f64 {
    let mut lanes = [0f64; 16];
    for (at, (&a, &b)) in query.iter().zip(stored).enumerate() {
        lanes[at % 16] += f64::from(a) * f64::from(b);
    }
    for width in [8, 4, 2, 1] {
        (0..width).for_each(|lane| lanes[lane] += lanes[lane + width]);
    }
    lanes[0]
}

/// The truth of a row as the definition takes it: values, and what their sum is multiplied by.
fn truth(field: DenseFieldView<'_>, ordinal: usize) -> (Vec<f32>, f64) {
    let mut values = Vec::new();
    field.read(ordinal, &mut values);
    match field.data() {
        VectorData::Int8 { codes, scales, floats: None, .. } => {
            let values = codes
                .of(ordinal..ordinal + 1)
                .iter()
                .map(|&code| f32::from(code.cast_signed()))
                .collect();
            (values, f64::from(scales.get(ordinal)))
        }
        _ => (values, 1.0),
    }
}

fn tie(row: u32) -> u64 {
    u64::from(row.wrapping_mul(2_654_435_761))
}

fn oracle(
    field: DenseFieldView<'_>,
    query: &PreparedVector,
    admitted: Option<&RowSet>,
    k: usize,
) -> Vec<RowHit> {
    let rows = (0..field.rows()).filter(|&row| admitted.is_none_or(|rows| rows.contains(row)));
    let mut hits: Vec<RowHit> = rows
        .filter_map(|row| {
            let (values, scale) = truth(field, field.ordinal(row)?);
            let score = (defined(&query.vector, &values) * scale) as f32;
            let row = row as u32;
            Some(RowHit { score, tie: tie(row), row })
        })
        .collect();
    hits.sort_by(|a, b| b.cmp(a));
    hits.truncate(k);
    hits
}

/// Rows every `keep`-th of which is admitted; none for 0.
fn row_set(rows: usize, keep: u32) -> RowSet {
    let mut builder = ImpactBuilder::new();
    (0..rows).for_each(|_| builder.push(&SparseVector::default()).unwrap());
    let mut bytes = Vec::new();
    builder.write(&mut bytes).unwrap();
    RowSet::from_docs(ImpactFile::open(bytes).unwrap().view(), |doc| keep > 0 && doc % keep == 0)
}

fn check(spec: &DenseSpec, rows: &[Option<Vec<f32>>], query: &[f32], (keep, k): (u32, usize)) {
    let file = file(spec, rows);
    let field = file.view().field("emb").unwrap();
    let Ok(vector) = spec.prepare_query(query) else { return };
    let query = PreparedVector::new(vector);
    let admitted = row_set(rows.len(), keep);
    let admitted = (keep != 1).then_some(&admitted);
    let expected = oracle(field, &query, admitted, k);
    for kernels in Kernels::available() {
        for threads in [1, 3] {
            let limits = DenseLimits { k, floor: None, admitted, stop: Stop::default(), threads };
            let scan = Scan { field, kernels };
            let mut counters = Counters::default();
            let answer = scan.nearest(&query, limits, &tie, &mut counters);
            assert_eq!(answer.hits, expected, "{spec:?} {} {threads}", kernels.name());
            assert!(answer.is_exact && answer.is_complete);
            let every = oracle(field, &query, admitted, usize::MAX);
            if let Some(bound) = answer.highest_bound_not_scored {
                assert_eq!(answer.hits.len(), k, "something was ruled out before k were found");
                assert!(bound <= f64::from(expected[k - 1].score) * 1.001 + 1e-3);
            }
            assert_eq!(counters.vectors, every.len() as u64);
            // With a floor that k rows reach, nothing at or above it is lost.
            if let (Some(last), 1) = (expected.get(k - 1), threads) {
                let limits = DenseLimits { floor: Some(last.score), ..limits };
                let floored = scan.nearest(&query, limits, &tie, &mut counters);
                assert_eq!(floored.hits, expected);
            }
        }
    }
}

fn rows(dims: usize, values: std::ops::Range<f32>) -> impl Strategy<Value = Vec<Option<Vec<f32>>>> {
    let vector = prop::collection::vec(values, dims);
    // A zero vector has no direction, so cosine refuses it.
    let vector = vector.prop_map(|mut vector| {
        vector[0] += 0.125;
        vector
    });
    let row = prop_oneof![1 => Just(None), 4 => vector.prop_map(Some)];
    prop::collection::vec(row, 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn equals_the_oracle_on_random_vectors(
        (rows, query) in (1usize..40).prop_flat_map(|dims| {
            (rows(dims, -1.0..1.0), prop::collection::vec(-1f32..1.0, dims))
        }),
        keep in 0u32..4,
        k in prop_oneof![1usize..5, 5usize..300],
        storage in prop::sample::select(&STORAGES[..]),
        metric in prop::sample::select(&[Metric::Dot, Metric::Cosine][..]),
    ) {
        check(&spec(query.len(), metric, storage), &rows, &query, (keep, k));
    }

    #[test]
    fn equals_the_oracle_with_ties(
        picks in prop::collection::vec(0usize..3, 1..300),
        k in 1usize..40,
        storage in prop::sample::select(&STORAGES[..]),
    ) {
        let of = [vec![1.0, 0.5, -0.25], vec![1.0, 0.5, -0.25], vec![-2.0, 0.0, 1.0]];
        let rows: Vec<_> = picks.iter().map(|&pick| Some(of[pick].clone())).collect();
        check(&spec(3, Metric::Dot, storage), &rows, &[0.5, 0.25, 1.0], (1, k));
    }

    #[test]
    fn sizes_far_apart_do_not_break_bounds(
        exponents in prop::collection::vec(-30i32..30, 2..80), k in 1usize..9, sign in any::<bool>()
    ) {
        let row = |&exponent: &i32| {
            let size = 2f32.powi(exponent);
            Some(vec![size, if sign { -size } else { size * 0.7 }, 2f32.powi(-exponent), 1.0])
        };
        let rows: Vec<_> = exponents.iter().map(row).collect();
        for storage in [DenseStorage::F32, DenseStorage::Int8, DenseStorage::Int8WithF32] {
            check(&spec(4, Metric::Dot, storage), &rows, &[1.0, 0.99, -3.0, 1e-4], (1, k));
        }
    }
}

#[test]
fn a_deadline_that_has_passed_leaves_an_incomplete_answer() {
    let spec = spec(2, Metric::Dot, DenseStorage::F32);
    let file = file(&spec, &vec![Some(vec![1.0, 2.0]); 100]);
    let field = file.view().field("emb").unwrap();
    let query = PreparedVector::new(vec![1.0, 1.0]);
    let stop = Stop { deadline: Some(Instant::now()), given_up: None };
    let limits = DenseLimits { k: 5, floor: None, admitted: None, stop, threads: 1 };
    let scan = Scan { field, kernels: Kernels::detect() };
    let answer = scan.nearest(&query, limits, &tie, &mut Counters::default());
    assert!(!answer.is_exact && !answer.is_complete && answer.hits.is_empty());
    assert_eq!(answer.highest_bound_not_scored, Some(f64::INFINITY), "nothing is known");
}

#[test]
fn most_vectors_are_ruled_out_by_their_codes() {
    let spec = spec(64, Metric::Cosine, DenseStorage::Int8WithF32);
    let mut state = 7u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    let mut vector = || -> Vec<f32> { (0..64).map(|_| next()).collect() };
    let rows: Vec<_> = (0..5_000).map(|_| Some(vector())).collect();
    let file = file(&spec, &rows);
    let field = file.view().field("emb").unwrap();
    let query = PreparedVector::new(spec.prepare_query(&vector()).unwrap());
    let limits =
        DenseLimits { k: 10, floor: None, admitted: None, stop: Stop::default(), threads: 1 };
    let mut counters = Counters::default();
    let scan = Scan { field, kernels: Kernels::detect() };
    let answer = scan.nearest(&query, limits, &tie, &mut counters);
    assert_eq!(answer.hits, oracle(field, &query, None, 10));
    assert!((10..60).contains(&counters.finalists), "{} finalists", counters.finalists);
    assert!(answer.highest_bound_not_scored.is_some());
}
