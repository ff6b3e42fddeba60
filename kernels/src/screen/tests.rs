//! The screen kernels of every level against the plain definition, and that against exact sums.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use crate::*;

/// Rows and tokens of codes, `[rows][dims]` and `[tokens][dims]`.
fn codes() -> impl Strategy<Value = (usize, Vec<Vec<i8>>, Vec<Vec<i8>>)> {
    let code = || prop_oneof![3 => -127i8..=127, 1 => Just(-127i8), 1 => Just(127i8), 1 => Just(0)];
    (0usize..40, 0usize..140, 0usize..20).prop_flat_map(move |(dims, rows, tokens)| {
        let vectors = |count| prop::collection::vec(prop::collection::vec(code(), dims), count);
        (Just(dims), vectors(rows), vectors(tokens))
    })
}

fn packed(dims: usize, rows: &[Vec<i8>]) -> PackedRows {
    let mut packed = PackedRows::new(rows.len(), dims);
    rows.iter().enumerate().for_each(|(row, codes)| packed.set(row, codes));
    packed
}

fn token_codes(dims: usize, tokens: &[Vec<i8>]) -> TokenCodes {
    let mut codes = TokenCodes::default();
    codes.clear(dims);
    tokens.iter().for_each(|token| codes.push(token.iter().copied()));
    codes
}

fn exact(row: &[i8], token: &[i8]) -> i64 {
    row.iter().zip(token).map(|(&a, &b)| i64::from(a) * i64::from(b)).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn screened_maxima_are_exact((dims, rows, tokens) in codes()) {
        let (packed, codes) = (packed(dims, &rows), token_codes(dims, &tokens));
        for kernels in Kernels::available() {
            let mut maxima = vec![7; packed.maxima_len()];
            kernels.screen(&packed, &codes, &mut maxima);
            for (row, &found) in rows.iter().zip(&maxima) {
                let expected = tokens.iter().map(|token| exact(row, token)).max();
                let expected = expected.unwrap_or(i64::from(i32::MIN));
                prop_assert_eq!(i64::from(found), expected, "{}", kernels.name());
            }
        }
    }

    #[test]
    fn products_have_the_same_bits_everywhere(
        dims in 0usize..40,
        tokens in 0usize..130,
        seed in prop::collection::vec(-1e3f32..1e3, 1..64),
        special in prop::sample::select(vec![0.0, 1e30, 1e-40, f32::INFINITY, f32::NAN]),
    ) {
        let value = |at: usize| match at % 97 {
            96 => special,
            _ => seed[at % seed.len()] / (1 + at % 13) as f32,
        };
        let hidden: Vec<f32> = (0..tokens * dims).map(value).collect();
        let rows: Vec<f32> = (0..ROWS_AT_ONCE * dims).map(|at| value(at * 5 + 3)).collect();
        let rows: [&[f32]; ROWS_AT_ONCE] =
            std::array::from_fn(|row| &rows[row * dims..(row + 1) * dims]);
        let mut values = TokenValues::default();
        values.fill(&hidden, dims);
        for kernels in Kernels::available() {
            let mut dots = vec![9.0; ROWS_AT_ONCE * values.width()];
            kernels.dots(rows, &values, &mut dots);
            for (row, dots) in rows.iter().zip(dots.chunks(values.width().max(1))) {
                for (token, found) in hidden.chunks(dims.max(1)).zip(dots) {
                    let chain = |sum: f32, (&w, &h): (&f32, &f32)| w.mul_add(h, sum);
                    let expected = row.iter().zip(token).fold(0.0, chain);
                    let same = expected.to_bits() == found.to_bits()
                        || expected.is_nan() && found.is_nan();
                    prop_assert!(same, "{}: {expected} {found}", kernels.name());
                }
            }
        }
    }
}

/// The largest sums there can be do not leave 32 bits.
#[test]
fn the_longest_rows_do_not_overflow() {
    for (row, token) in [(127, 127), (-127, 127), (127, -127), (-127, -127), (-128, -128)] {
        let (rows, tokens) = (vec![vec![row; MAX_DIMS]], vec![vec![token; MAX_DIMS]; 2]);
        let (packed, codes) = (packed(MAX_DIMS, &rows), token_codes(MAX_DIMS, &tokens));
        for kernels in Kernels::available() {
            let mut maxima = vec![0; packed.maxima_len()];
            kernels.screen(&packed, &codes, &mut maxima);
            assert_eq!(i64::from(maxima[0]), exact(&rows[0], &tokens[0]), "{}", kernels.name());
        }
    }
}

#[test]
fn dimensions_beyond_the_largest_are_refused() {
    assert!(std::panic::catch_unwind(|| PackedRows::new(1, MAX_DIMS + 1)).is_err());
}
