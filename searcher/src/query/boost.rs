//! Term control: a query's terms made stronger, weaker or silent before it is searched.
//!
//! Naming terms by their tokens is left to the caller, who has the vocabulary. Feedback's own terms
//! are `ranking/feedback/`'s.

use std::borrow::Cow;

use gleaner_format::SparseVector;

/// Largest factor.
pub const BOOST_LIMIT: f32 = 1e6;

/// A factor for the weight that a query gives to a term.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Boost {
    /// The term. One that the query does not have stays out of it.
    pub term: u32,
    /// From 0, which mutes the term, to [`BOOST_LIMIT`]. Of several for one term, the product
    /// counts.
    pub factor: f32,
}

/// Whether a weight can be multiplied by this.
pub(crate) fn is_factor(factor: f32) -> bool {
    (0.0..=BOOST_LIMIT).contains(&factor)
}

/// The query with its weights multiplied; the query itself if no boost is for a term that it has.
pub(crate) fn boosted<'q>(query: Cow<'q, SparseVector>, boosts: &[Boost]) -> Cow<'q, SparseVector> {
    let is_of_query = |boost: &Boost| query.terms().binary_search(&boost.term).is_ok();
    if !boosts.iter().any(is_of_query) {
        return query;
    }
    let factor = |term: u32| -> f64 {
        let factors = boosts.iter().filter(|boost| boost.term == term);
        // Silence is stronger than any number of boosts, whose product may be infinite.
        match factors.clone().any(|boost| boost.factor == 0.0) {
            true => 0.0,
            false => factors.map(|boost| f64::from(boost.factor)).product(),
        }
    };
    let largest = f64::from(gleaner_format::MAX_WEIGHT);
    let weights = query
        .iter()
        .map(|(term, weight)| (term, (f64::from(weight) * factor(term)).min(largest) as f32));
    let boosted = SparseVector::from_pairs(weights);
    Cow::Owned(boosted.expect("terms of a query times finite factors of 0 or more"))
}

/// The query without its muted terms: feedback must not bring them back.
pub(crate) fn without_muted<'q>(
    query: Cow<'q, SparseVector>,
    boosts: &[Boost],
) -> Cow<'q, SparseVector> {
    let muted: Vec<Boost> = boosts.iter().filter(|boost| boost.factor == 0.0).copied().collect();
    boosted(query, &muted)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn vector(pairs: &[(u32, f32)]) -> SparseVector {
        SparseVector::from_pairs(pairs.iter().copied()).unwrap()
    }

    #[test]
    fn factors_multiply_and_zero_mutes() {
        let query = vector(&[(1, 2.0), (2, 3.0), (4, 1.0)]);
        let boost = |term, factor| Boost { term, factor };
        let boosts = [boost(1, 0.5), boost(2, 0.0), boost(1, 3.0), boost(9, 5.0)];
        let boosted = |boosts: &[Boost]| boosted(Cow::Borrowed(&query), boosts).into_owned();
        let without_muted = |boosts| without_muted(Cow::Borrowed(&query), boosts).into_owned();
        assert_eq!(boosted(&boosts), vector(&[(1, 3.0), (4, 1.0)]));
        assert_eq!(without_muted(&boosts), vector(&[(1, 2.0), (4, 1.0)]));
        assert_eq!(boosted(&[]), query);
        let mut many = vec![boost(2, BOOST_LIMIT); 99];
        assert_eq!(boosted(&many).weights()[1], gleaner_format::MAX_WEIGHT);
        many.push(boost(2, 0.0));
        assert_eq!(boosted(&many), vector(&[(1, 2.0), (4, 1.0)]));
    }

    #[test]
    fn what_is_no_factor_is_refused() {
        for factor in [-1.0, f32::NAN, f32::INFINITY, 2e6] {
            assert!(!is_factor(factor), "{factor}");
        }
        assert!(is_factor(0.0) && is_factor(1e6));
    }
}
