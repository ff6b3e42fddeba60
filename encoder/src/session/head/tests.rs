//! The screen never loses an active term, and what it finds has the bits of the plain definition.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::session::pool::{Finish, sparse};
use crate::session::prune::Prune;

/// An output layer and the hidden states of one text.
#[derive(Debug, Clone)]
struct Case {
    dims: usize,
    matrix: Vec<f32>,
    bias: Vec<f32>,
    hidden: Vec<f32>,
}

impl Case {
    /// The plain output layer: every logit of every token, `[tokens][rows]`.
    fn logits(&self) -> Vec<Vec<f32>> {
        let chain = |sum: f32, (&w, &h): (&f32, &f32)| w.mul_add(h, sum);
        let logit = |token: &[f32], (row, bias): (&[f32], &f32)| {
            row.iter().zip(token).fold(0.0, chain) + bias
        };
        let rows = || self.matrix.chunks(self.dims).zip(&self.bias);
        self.hidden
            .chunks(self.dims)
            .map(|token| rows().map(|row| logit(token, row)).collect())
            .collect()
    }

    fn check(&self) {
        let logits = self.logits();
        for kernels in Kernels::available() {
            let head = Head::new(self.matrix.clone(), self.bias.clone(), self.dims).unwrap();
            let head = Head { kernels, ..head };
            for (pooling, activation) in [
                (Pooling::Max, Activation::Relu),
                (Pooling::Max, Activation::Log1pRelu),
                (Pooling::Sum, Activation::Log1pRelu),
            ] {
                let mut scratch = Scratch::default();
                let found = head.pool(&self.hidden, 0, (pooling, activation), &mut scratch);
                let rows = 0..self.bias.len();
                let expected: Vec<(u32, f32)> = rows
                    .map(|row| {
                        let logits = logits.iter().map(|logits| logits[row]);
                        (row as u32, pool(logits, pooling, activation))
                    })
                    .collect();
                let plain = match pooling {
                    Pooling::Sum => Activation::Graph,
                    _ => activation,
                };
                let finish = Finish { activation: plain, terms: None, prune: Prune::default() };
                let found = found.and_then(|found| sparse(found.iter().copied(), finish, 0));
                match (found, sparse(expected.into_iter(), finish, 0)) {
                    (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{}", kernels.name()),
                    (found, expected) => assert_eq!(found.is_err(), expected.is_err()),
                }
            }
        }
    }
}

fn vectors(dims: usize, count: usize) -> impl Strategy<Value = Vec<f32>> {
    let value = prop_oneof![
        6 => (-100i16..=100).prop_map(|value| f32::from(value) / 64.0),
        2 => -1.0f32..1.0,
        1 => Just(0.0),
        1 => -30.0f32..30.0,
    ];
    let scale = prop::sample::select(vec![1.0f32, 1e-3, 1e4, 1e-18, 1e-32, 1e-42, 1e17, 1e30]);
    let scale = prop_oneof![8 => Just(1.0), 1 => scale];
    (prop::collection::vec(value, dims * count), scale)
        .prop_map(|(values, scale)| values.into_iter().map(|value| value * scale).collect())
}

fn case() -> impl Strategy<Value = Case> {
    (1usize..24, 1usize..100, 0usize..20).prop_flat_map(|(dims, rows, tokens)| {
        let bias = prop::collection::vec(-8.0f32..2.0, rows);
        (vectors(dims, rows), bias, vectors(dims, tokens))
            .prop_map(move |(matrix, bias, hidden)| Case { dims, matrix, bias, hidden })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_active_term_is_lost(case in case()) {
        case.check();
    }

    /// Biases such that the largest logits are next to 0, where a bound that is too small shows.
    #[test]
    fn no_term_at_the_border_is_lost(case in case(), above in prop::sample::select(vec![0, 1, 2])) {
        let mut case = Case { bias: vec![0.0; case.bias.len()], ..case };
        prop_assume!(!case.hidden.is_empty());
        let logits = case.logits();
        for row in 0..case.bias.len() {
            let largest = logits.iter().map(|logits| logits[row]).fold(f32::MIN, f32::max);
            prop_assume!(largest.is_finite());
            case.bias[row] = match above {
                0 => -largest,
                1 => (-largest).next_up(),
                _ => -largest * (1.0 - 1e-6),
            };
        }
        case.check();
    }
}

/// Rows and states that 8 bits cannot tell apart from others: one large value drowns the rest.
#[test]
fn values_that_vanish_in_eight_bits_are_not_lost() {
    let dims = 16;
    for large in [1.0f32, 1e3, 1e6] {
        let mut row = vec![0.003; dims];
        row[0] = large;
        let mut token = vec![0.003 * large; dims];
        token[0] = 0.0;
        token[1] = -large * 0.02;
        let case = Case { dims, matrix: row, bias: vec![-1e-9], hidden: token };
        case.check();
    }
}

#[test]
fn an_output_layer_that_does_not_fit_is_refused() {
    for (matrix, bias, dims) in [
        (vec![1.0; 6], vec![0.0; 2], 2),
        (vec![1.0; 6], vec![0.0; 2], 0),
        (vec![], vec![], 3),
        (vec![f32::NAN; 6], vec![0.0; 2], 3),
        (vec![1.0; 6], vec![f32::INFINITY; 2], 3),
    ] {
        assert!(Head::new(matrix, bias, dims).is_err());
    }
}

#[test]
fn hidden_states_that_are_not_numbers_name_their_text() {
    let head = Head::new(vec![1.0; 6], vec![-1.0; 2], 3).unwrap();
    for value in [f32::NAN, f32::INFINITY] {
        let steps = (Pooling::Max, Activation::Log1pRelu);
        let mut scratch = Scratch::default();
        let found = head.pool(&[0.0, value, 0.0], 7, steps, &mut scratch);
        assert!(matches!(found, Err(EncodeError::NonFinite { text: 7, .. })));
    }
}
