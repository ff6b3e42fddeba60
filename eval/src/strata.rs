//! Values per query, collection by collection, and the mean that weighs collections alike.
//!
//! A collection is a slice of numbers, one per query: the values of a measure, or the differences
//! of two systems. One collection is the plain case. Intervals and tests are computed from these.

use crate::error::EvalError;
use crate::measure::sum;

/// Returns the mean over collections of the mean over each one's queries, so that a collection
/// weighs the same whatever its number of queries. Of one collection it is the mean.
/// Errors: `NoQueries`, `NotFinite`.
pub fn mean_of_means(collections: &[Vec<f64>]) -> Result<f64, EvalError> {
    check(collections)?;
    Ok(sum(collections.iter().map(|values| mean(values))) / collections.len() as f64)
}

/// Refuses what has no mean.
/// Errors: `NoQueries` if there is no collection or one is empty, `NotFinite`.
pub(crate) fn check(collections: &[Vec<f64>]) -> Result<(), EvalError> {
    if collections.is_empty() || collections.iter().any(Vec::is_empty) {
        return Err(EvalError::NoQueries);
    }
    match collections.iter().flatten().find(|value| !value.is_finite()) {
        Some(&value) => Err(EvalError::NotFinite { value }),
        None => Ok(()),
    }
}

/// Returns the mean of at least one value, added from left to right.
pub(crate) fn mean(values: &[f64]) -> f64 {
    sum(values.iter().copied()) / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collections_weigh_the_same() {
        assert_eq!(mean_of_means(&[vec![1.0], vec![0.0, 0.0, 0.0]]).unwrap(), 0.5);
        assert_eq!(mean_of_means(&[vec![1.0, 0.0, 0.0, 0.0]]).unwrap(), 0.25);
    }

    #[test]
    fn what_has_no_mean_is_an_error() {
        for none in [&[][..], &[vec![]], &[vec![1.0], vec![]]] {
            assert!(matches!(mean_of_means(none), Err(EvalError::NoQueries)), "{none:?}");
        }
        let infinite = mean_of_means(&[vec![1.0], vec![0.0, f64::INFINITY]]).unwrap_err();
        assert_eq!(infinite.to_string(), "the value inf of a query is not finite");
    }
}
