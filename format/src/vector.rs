//! `SparseVector`: the one type that crosses from encoding to indexing to searching.
//!
//! Holds term ids with positive weights, validated once at construction so that no later stage
//! has to ask again. Quantisation is `impact/quantize.rs`; nothing here knows a file or a model.

use crate::error::VectorError;

/// The largest weight a vector may hold, 2^40.
///
/// Chosen so that a score, a sum of at most 2^32 products of two weights, stays below `f32::MAX`:
/// scores are then finite by construction.
pub const MAX_WEIGHT: f32 = 1_099_511_627_776.0;

/// A sparse vector: term ids strictly ascending, every weight finite, positive and at most
/// [`MAX_WEIGHT`].
///
/// Shapes: `terms` and `weights` have equal length, one entry per non-zero dimension. An empty
/// vector is valid (a text that activates nothing).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SparseVector {
    terms: Vec<u32>,
    weights: Vec<f32>,
}

impl SparseVector {
    /// Builds a vector from parallel arrays that are already in order.
    ///
    /// Errors: [`VectorError`] names the first entry that is out of order, repeated, zero,
    /// negative, not finite or above [`MAX_WEIGHT`], or the two lengths when they differ.
    pub fn new(terms: Vec<u32>, weights: Vec<f32>) -> Result<Self, VectorError> {
        if terms.len() != weights.len() {
            return Err(VectorError::Lengths { terms: terms.len(), weights: weights.len() });
        }
        for (position, (&term, &weight)) in terms.iter().zip(&weights).enumerate() {
            if position > 0 && terms[position - 1] >= term {
                return Err(VectorError::Order { position, previous: terms[position - 1], term });
            }
            check_weight(term, weight)?;
        }
        Ok(Self { terms, weights })
    }

    /// Builds a vector from pairs in any order; zero weights are dropped.
    ///
    /// Errors: as [`SparseVector::new`], a repeated term included.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (u32, f32)>) -> Result<Self, VectorError> {
        let mut pairs: Vec<(u32, f32)> = pairs.into_iter().filter(|pair| pair.1 != 0.0).collect();
        pairs.sort_by_key(|pair| pair.0);
        let (terms, weights) = pairs.into_iter().unzip();
        Self::new(terms, weights)
    }

    /// Term ids, strictly ascending.
    pub fn terms(&self) -> &[u32] {
        &self.terms
    }

    /// Weights, parallel to [`SparseVector::terms`].
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// Number of non-zero dimensions.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether no dimension is active.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// `(term id, weight)` pairs in ascending term id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u32, f32)> + '_ {
        self.terms.iter().copied().zip(self.weights.iter().copied())
    }
}

fn check_weight(term: u32, weight: f32) -> Result<(), VectorError> {
    if !weight.is_finite() {
        return Err(VectorError::NotFinite { term, weight });
    }
    if weight < 0.0 {
        return Err(VectorError::Negative { term, weight });
    }
    if weight == 0.0 {
        return Err(VectorError::Zero { term });
    }
    if weight > MAX_WEIGHT {
        return Err(VectorError::TooLarge { term, weight });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pairs_are_sorted_and_zeros_dropped() {
        let vector = SparseVector::from_pairs([(9, 1.0), (2, 0.0), (4, 0.5)]).unwrap();
        assert_eq!(vector.terms(), &[4, 9]);
        assert_eq!(vector.weights(), &[0.5, 1.0]);
    }

    #[test]
    fn bad_entries_are_named() {
        let check = |pairs: &[(u32, f32)]| SparseVector::from_pairs(pairs.iter().copied());
        assert_eq!(
            check(&[(1, 1.0), (1, 2.0)]),
            Err(VectorError::Order { position: 1, previous: 1, term: 1 })
        );
        assert_eq!(check(&[(7, -1.0)]), Err(VectorError::Negative { term: 7, weight: -1.0 }));
        assert!(matches!(check(&[(7, f32::NAN)]), Err(VectorError::NotFinite { term: 7, .. })));
        assert!(matches!(check(&[(7, 2e12)]), Err(VectorError::TooLarge { term: 7, .. })));
        assert_eq!(
            SparseVector::new(vec![1], vec![]),
            Err(VectorError::Lengths { terms: 1, weights: 0 })
        );
    }
}
