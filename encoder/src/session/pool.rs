//! Output rows to sparse vectors: pooled over tokens, activated, without what is nothing, pruned.
//!
//! Pure functions on slices; no graph and no tokenizer. A value that is not a number survives
//! every step up to the check that reports it.

use gleaner_format::SparseVector;

use crate::error::EncodeError;
use crate::family::choices::Activation;
use crate::session::prune::Prune;
use crate::text::terms::Terms;

/// Weights up to this are dropped: they are rounding, not meaning.
pub const DROPPED_WEIGHT: f32 = 1e-6;

/// How close to [`DROPPED_WEIGHT`] a weight must be for batch noise to decide whether it stays.
/// The band (1e-7 to 1.9e-6) is as wide as it can be without touching exact zeros.
pub(crate) const DOUBT: f32 = 9e-7;

/// Rows narrower than this may be full: too few terms to be sparse in.
const SPARSE_COLUMNS: usize = 256;

/// A vector, and whether its set of terms hangs on rounding.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pooled {
    pub(crate) vector: SparseVector,
    /// Some weight, kept or dropped, lies within [`DOUBT`] of the threshold.
    pub(crate) doubtful: bool,
}

/// What becomes of the values of one text's row.
#[derive(Clone, Copy)]
pub(crate) struct Finish<'a> {
    /// Applied to every value.
    pub(crate) activation: Activation,
    /// Which terms there are, and which are dropped; all of them where nothing is said.
    pub(crate) terms: Option<&'a Terms>,
    /// What is kept.
    pub(crate) prune: Prune,
}

/// Turns one row, a value per term in ascending order, into a vector.
///
/// Errors: `NonFinite` naming `text`; `Vector` for a weight beyond what can be stored.
pub(crate) fn sparse(
    values: impl Iterator<Item = (u32, f32)>,
    finish: Finish<'_>,
    text: usize,
) -> Result<Pooled, EncodeError> {
    let Finish { activation, terms: known, prune } = finish;
    let (mut terms, mut weights, mut doubtful) = (Vec::new(), Vec::new(), false);
    for (term, value) in values {
        // Nearly every value; written so that one which is not a number goes on to the check.
        if value <= 0.0 {
            continue;
        }
        let weight = activation.apply(value);
        if !weight.is_finite() {
            return Err(EncodeError::NonFinite { text, term, weight });
        }
        let decides = activation.decisive(value, weight);
        doubtful |= (decides - DROPPED_WEIGHT).abs() <= DOUBT;
        if decides > DROPPED_WEIGHT && !known.is_some_and(|known| known.is_dropped(term)) {
            terms.push(term);
            weights.push(weight);
        }
    }
    doubtful |= prune.apply(&mut terms, &mut weights);
    let vector =
        SparseVector::new(terms, weights).map_err(|source| EncodeError::Vector { text, source })?;
    Ok(Pooled { vector, doubtful })
}

/// Refuses a row that no sparse model returns. `is_final` says that the graph has activated, after
/// which no value is negative but for rounding.
///
/// Errors: `NotSparse` when more than half of a wide row is positive, or more than a quarter of a
/// final one negative.
pub(crate) fn check_sparse(row: &[f32], is_final: bool, text: usize) -> Result<(), EncodeError> {
    let count = |wanted: fn(f32) -> bool| row.iter().filter(|&&value| wanted(value)).count();
    let columns = row.len();
    let (positive, negative) = (count(|value| value > 0.0), count(|value| value < 0.0));
    let is_signed = is_final && negative * 4 > columns;
    match is_full(positive, columns) || is_signed {
        true => Err(EncodeError::NotSparse { text, positive, negative, columns }),
        false => Ok(()),
    }
}

/// Whether a row has too many positive values to be sparse.
pub(crate) fn is_full(positive: usize, columns: usize) -> bool {
    columns >= SPARSE_COLUMNS && positive * 2 > columns
}

/// The largest value per column. `rows` is `[tokens, columns]`, `pooled` is `[columns]` and is
/// overwritten; without rows it becomes zeros.
pub(crate) fn max_over_tokens(rows: &[f32], pooled: &mut [f32]) {
    let mut rows = rows.chunks_exact(pooled.len());
    match rows.next() {
        Some(first) => pooled.copy_from_slice(first),
        None => pooled.fill(0.0),
    }
    for row in rows {
        for (largest, &value) in pooled.iter_mut().zip(row) {
            if value > *largest || value.is_nan() {
                *largest = value;
            }
        }
    }
}

/// The sum of activated values per column; shapes as in [`max_over_tokens`].
pub(crate) fn sum_over_tokens(rows: &[f32], activation: Activation, pooled: &mut [f32]) {
    pooled.fill(0.0);
    for row in rows.chunks_exact(pooled.len()) {
        for (sum, &value) in pooled.iter_mut().zip(row) {
            *sum += activation.apply(value);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sparse(row: &[f32], activation: Activation, text: usize) -> Result<Pooled, EncodeError> {
        let finish = Finish { activation, terms: None, prune: Prune::default() };
        super::sparse((0u32..).zip(row.iter().copied()), finish, text)
    }

    #[test]
    fn signed_and_full_rows_are_not_sparse() {
        let signed = [1.0, -1.0, 0.0, 0.5];
        assert!(check_sparse(&signed, true, 0).is_ok(), "a quarter");
        let signed = [1.0, -1.0, -0.1, 0.5];
        let error = check_sparse(&signed, true, 3).unwrap_err();
        assert!(matches!(error, EncodeError::NotSparse { text: 3, negative: 2, .. }));
        assert!(check_sparse(&signed, false, 0).is_ok(), "logits are signed");
        let mut full = [1.0; 256];
        assert!(
            check_sparse(&full, false, 0).is_err() && check_sparse(&full[..255], true, 0).is_ok()
        );
        full[..128].fill(0.0);
        assert!(check_sparse(&full, true, 0).is_ok());
    }

    #[test]
    fn a_binary_weight_is_1_and_doubt_follows_the_value() {
        let pooled = sparse(&[0.0, 3.0, 1e-6, -2.0, 2.0], Activation::Binary, 0).unwrap();
        assert_eq!(pooled.vector.iter().collect::<Vec<_>>(), [(1, 1.0), (4, 1.0)]);
        assert!(pooled.doubtful && !sparse(&[3.0], Activation::Binary, 0).unwrap().doubtful);
        assert!(sparse(&[f32::NAN], Activation::Binary, 0).is_err());
        assert!(sparse(&[f32::INFINITY], Activation::Binary, 0).is_err());
    }

    #[test]
    fn small_and_negative_values_are_dropped() {
        let row = [0.0, -1.0, 1e-6, 2e-6, 0.5, f32::NEG_INFINITY];
        let pooled = sparse(&row, Activation::Graph, 0).unwrap();
        assert_eq!(pooled.vector.iter().collect::<Vec<_>>(), [(3, 2e-6), (4, 0.5)]);
        assert!(pooled.doubtful);
    }

    #[test]
    fn only_weights_near_the_threshold_are_in_doubt() {
        for (value, doubtful) in
            [(0.0, false), (5e-8, false), (2e-7, true), (1e-6, true), (1.8e-6, true), (3e-6, false)]
        {
            assert_eq!(sparse(&[value, 1.0], Activation::Graph, 0).unwrap().doubtful, doubtful);
        }
    }

    #[test]
    fn activations_follow_their_formulas() {
        for (activation, expected) in [
            (Activation::Relu, 2.0_f32),
            (Activation::Log1pRelu, 3.0_f32.ln()),
            (Activation::Log1pLog1pRelu, (1.0 + 3.0_f32.ln()).ln()),
        ] {
            assert!((activation.apply(2.0) - expected).abs() < 1e-6);
            assert_eq!(activation.apply(-2.0), 0.0);
            assert!(activation.apply(f32::NAN).is_nan());
        }
    }

    #[test]
    fn max_and_sum_follow_their_definitions() {
        let rows = [1.0, -2.0, 3.0, /**/ 0.5, -1.0, 4.0];
        let mut pooled = [9.0; 3];
        max_over_tokens(&rows, &mut pooled);
        assert_eq!(pooled, [1.0, -1.0, 4.0]);
        sum_over_tokens(&rows, Activation::Relu, &mut pooled);
        assert_eq!(pooled, [1.5, 0.0, 7.0]);
        max_over_tokens(&[], &mut pooled);
        assert_eq!(pooled, [0.0; 3]);
    }

    #[test]
    fn not_a_number_is_reported_from_any_token() {
        for position in 0..3 {
            let mut rows = [0.5_f32; 6];
            rows[position * 2 + 1] = f32::NAN;
            let mut pooled = [0.0; 2];
            for sum in [false, true] {
                let activation = if sum { Activation::Graph } else { Activation::Log1pRelu };
                if sum {
                    sum_over_tokens(&rows, Activation::Log1pRelu, &mut pooled);
                } else {
                    max_over_tokens(&rows, &mut pooled);
                }
                let error = sparse(&pooled, activation, 7).unwrap_err();
                assert!(matches!(error, EncodeError::NonFinite { text: 7, term: 1, .. }));
            }
        }
    }

    #[test]
    fn infinite_and_enormous_weights_are_named() {
        let error = sparse(&[f32::INFINITY], Activation::Log1pRelu, 3).unwrap_err();
        assert!(matches!(error, EncodeError::NonFinite { text: 3, term: 0, .. }));
        let error = sparse(&[0.0, 1e30], Activation::Graph, 4).unwrap_err();
        assert!(matches!(error, EncodeError::Vector { text: 4, .. }));
    }
}
