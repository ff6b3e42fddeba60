//! Whether the difference of two systems could be chance: a paired randomisation test, its effect
//! size, and Holm's correction for several tests.
//!
//! All of it is computed from differences per query, collection by collection. Which systems and
//! measures are compared, and what follows from a p-value, is decided elsewhere.

use crate::error::EvalError;
use crate::measure::sum;
use crate::random::Random;
use crate::strata::{check, mean, mean_of_means};

/// What is below this share of the largest possible value is rounding, on which no result may
/// depend: permuted statistics that fall short of the observed one by no more than that count as
/// equal to it.
const ROUNDING: f64 = 1e-10;

/// How a randomisation test is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permutations {
    /// How many are tried, at least 1. No p-value is below 1 / (count + 1).
    pub count: usize,
    /// Which are tried. Equal seeds flip equal signs.
    pub seed: u64,
}

/// The outcome of a test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Significance {
    /// The mean over collections of the mean difference over each one's queries.
    pub difference: f64,
    /// `difference` in units of the spread between queries; see [`standardised_effect`].
    pub effect: Option<f64>,
    /// How likely a difference at least as large, of either sign, is if the two systems are
    /// interchangeable; in (0, 1].
    pub p: f64,
}

/// Tests whether two systems differ, by Fisher's paired randomisation test with collections as
/// strata.
///
/// If the systems were interchangeable, the two values of a query could as well be swapped, which
/// flips the sign of its difference. Each permutation flips every sign with probability 1/2. The
/// statistic is the mean over collections of the mean difference over each one's queries, so that a
/// collection weighs the same whatever its number of queries. Two-sided: p = (1 + permutations
/// whose |statistic| is at least the observed one) / (1 + permutations), the 1 being what was
/// observed.
/// Shapes: one slice of differences per collection, one number per query; see
/// [`Paired::differences`](crate::paired::Paired::differences).
/// Errors: `NoQueries`, `NotFinite`, `NoResamples`.
/// Cost: O(permutations · queries with a difference), no memory beyond these.
/// Source: Smucker, Allan, Carterette, CIKM 2007. Differs: strata, and the observed value counts as
/// a permutation, so that p is never 0.
pub fn randomisation_test(
    differences: &[Vec<f64>],
    permutations: Permutations,
) -> Result<Significance, EvalError> {
    let difference = mean_of_means(differences)?;
    if permutations.count == 0 {
        return Err(EvalError::NoResamples);
    }
    let shares = shares(differences);
    // From the same sum that permutations are computed by, so that rounding is the same as well.
    let observed = sum(shares.iter().copied()).abs();
    let enough = observed - ROUNDING * sum(shares.iter().map(|share| share.abs()));
    let mut random = Random::new(permutations.seed);
    let is_extreme = |_: &usize| permuted_sum(&shares, &mut random).abs() >= enough;
    let extreme = (0..permutations.count).filter(is_extreme).count();
    Ok(Significance {
        difference,
        effect: standardised_effect(differences)?,
        p: (extreme as f64 + 1.0) / (permutations.count as f64 + 1.0),
    })
}

/// Returns the mean difference in standard deviations of the differences per query: Cohen's d for
/// paired values. The numerator is the mean over collections of the mean difference, the
/// denominator the root of the mean over collections of the variance of the differences around
/// their own collection's mean (divided by queries − 1), so that collections weigh the same in
/// both. `None` if a collection has only one query, or if no difference differs (beyond rounding)
/// from the others of its collection.
/// Errors: `NoQueries`, `NotFinite`.
pub fn standardised_effect(differences: &[Vec<f64>]) -> Result<Option<f64>, EvalError> {
    check(differences)?;
    if differences.iter().any(|values| values.len() < 2) {
        return Ok(None);
    }
    let variance = sum(differences.iter().map(|values| variance(values)));
    let spread = (variance / differences.len() as f64).sqrt();
    let difference = mean_of_means(differences)?;
    let largest = differences.iter().flatten().fold(0.0f64, |most, value| most.max(value.abs()));
    Ok((spread > ROUNDING * largest).then_some(difference / spread))
}

/// Returns p-values of several tests, adjusted so that the chance of finding any difference that is
/// not there stays below the level to which an adjusted value is held. The smallest of m is
/// multiplied by m, the next one by m − 1 and so on; none becomes smaller than one that was smaller
/// before, none larger than 1.
/// Shapes: as many values as given, in the order given.
/// Source: Holm, Scandinavian Journal of Statistics 1979.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest = 0.0f64;
    for (before, &index) in order.iter().enumerate() {
        let factor = (p_values.len() - before) as f64;
        largest = largest.max((factor * p_values[index]).min(1.0));
        adjusted[index] = largest;
    }
    adjusted
}

/// What each query adds to the statistic: its difference over the number of queries of its
/// collection and over the number of collections. Those that add nothing are left out.
fn shares(differences: &[Vec<f64>]) -> Vec<f64> {
    let of_collection = |values: &Vec<f64>| {
        let weight = 1.0 / (values.len() as f64 * differences.len() as f64);
        values.iter().map(move |value| value * weight).collect::<Vec<_>>()
    };
    differences.iter().flat_map(of_collection).filter(|share| *share != 0.0).collect()
}

/// Returns the sum with the sign of every number flipped or kept, as a bit each decides.
fn permuted_sum(shares: &[f64], random: &mut Random) -> f64 {
    let mut total = 0.0;
    for group in shares.chunks(64) {
        let mut flips = random.next();
        for share in group {
            total += f64::from_bits(share.to_bits() ^ (flips << 63));
            flips >>= 1;
        }
    }
    total
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    sum(values.iter().map(|value| (value - mean) * (value - mean))) / (values.len() - 1) as f64
}

#[cfg(test)]
mod tests;
