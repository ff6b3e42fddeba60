//! Confidence intervals of a mean over queries, by the bootstrap.
//!
//! They tell how far a mean would move with other queries of the same kind. Intervals of two
//! systems may overlap although one is better on nearly every query: whether two systems differ is
//! the business of `significance`, and of the interval of their differences.

use serde::ser::{Serialize, Serializer};

use crate::error::EvalError;
use crate::measure::sum;
use crate::random::Random;
use crate::strata::check;

/// How an interval is computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// How often the interval should hold the mean that all queries of the kind would have: 0.95,
    /// say; above 0 and below 1.
    pub level: f64,
    /// How many times queries are drawn, at least 1; 10,000 settle about two digits of the ends.
    pub resamples: usize,
    /// What is drawn. Equal seeds draw equal queries, whatever their values are.
    pub seed: u64,
}

/// The two ends of an interval, both inside it. In JSON `[low, high]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end, not below `low`.
    pub high: f64,
}

impl Serialize for Interval {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        [self.low, self.high].serialize(serializer)
    }
}

/// Returns the percentile interval of the mean over collections of the mean over each one's queries
/// (see [`mean_of_means`](crate::mean_of_means)): of one collection, of its mean.
///
/// Every resample draws, from each collection, as many queries as it has, with replacement; the
/// ends are percentiles of the resamples' means, between neighbours by their distance. The
/// collections are taken as given: other collections would move the mean by more than the interval
/// says. One query gives an interval without width, which only says that nothing is known about
/// others.
/// Errors: `NoQueries`, `NotFinite`, `BadLevel`, `NoResamples`.
/// Cost: O(resamples · queries), memory of one number per resample.
/// Source: Efron, Annals of Statistics 1979; Efron, Tibshirani, *An Introduction to the Bootstrap*,
/// 1993, chapter 13.
pub fn mean_interval(
    collections: &[Vec<f64>],
    bootstrap: &Bootstrap,
) -> Result<Interval, EvalError> {
    check(collections)?;
    if !(bootstrap.level > 0.0 && bootstrap.level < 1.0) {
        return Err(EvalError::BadLevel { level: bootstrap.level });
    }
    if bootstrap.resamples == 0 {
        return Err(EvalError::NoResamples);
    }
    let mut random = Random::new(bootstrap.seed);
    let one = |_| resampled_mean(collections, &mut random);
    let mut means: Vec<f64> = (0..bootstrap.resamples).map(one).collect();
    means.sort_unstable_by(f64::total_cmp);
    let outside = (1.0 - bootstrap.level) / 2.0;
    Ok(Interval { low: quantile(&means, outside), high: quantile(&means, 1.0 - outside) })
}

/// Returns the mean of one resample.
fn resampled_mean(collections: &[Vec<f64>], random: &mut Random) -> f64 {
    let means = collections.iter().map(|values| {
        let drawn = (0..values.len()).map(|_| values[random.below(values.len())]);
        sum(drawn) / values.len() as f64
    });
    sum(means) / collections.len() as f64
}

/// Returns a quantile of ascending values, of which there is at least one: the value at the place
/// `share · (len − 1)`, from 0, or between its two neighbours in proportion.
fn quantile(ascending: &[f64], share: f64) -> f64 {
    let last = ascending.len() - 1;
    let place = share * last as f64;
    let below = (place.floor() as usize).min(last);
    let above = (below + 1).min(last);
    // From the lower neighbour, so that equal neighbours give exactly their value.
    ascending[below] + (place - below as f64) * (ascending[above] - ascending[below])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::strata::mean_of_means;

    const BOOTSTRAP: Bootstrap = Bootstrap { level: 0.95, resamples: 2_000, seed: 7 };

    fn interval(collections: &[Vec<f64>]) -> Interval {
        mean_interval(collections, &BOOTSTRAP).unwrap()
    }

    fn width(interval: Interval) -> f64 {
        interval.high - interval.low
    }

    #[test]
    fn one_query_gives_its_value() {
        assert_eq!(interval(&[vec![0.3]]), Interval { low: 0.3, high: 0.3 });
        assert_eq!(serde_json::to_string(&interval(&[vec![0.25]])).unwrap(), "[0.25,0.25]");
    }

    #[test]
    fn what_cannot_be_resampled_is_an_error() {
        let values = [vec![0.5, 1.0]];
        for (collections, bootstrap, expected) in [
            (&[][..], BOOTSTRAP, "at least one query in every collection"),
            (&[vec![]], BOOTSTRAP, "at least one query in every collection"),
            (&[vec![f64::NAN]], BOOTSTRAP, "the value NaN of a query is not finite"),
            (&values, Bootstrap { level: 0.0, ..BOOTSTRAP }, "the level 0 is not between 0 and 1"),
            (&values, Bootstrap { level: 1.0, ..BOOTSTRAP }, "the level 1 is not"),
            (&values, Bootstrap { level: f64::NAN, ..BOOTSTRAP }, "the level NaN is not"),
            (&values, Bootstrap { resamples: 0, ..BOOTSTRAP }, "at least one resample"),
        ] {
            let message = mean_interval(collections, &bootstrap).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn quantiles_lie_between_their_neighbours() {
        let values = [1.0, 2.0, 4.0];
        let found = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| quantile(&values, share));
        assert_eq!(found, [1.0, 1.5, 2.0, 3.0, 4.0]);
        assert_eq!(quantile(&[5.0], 0.3), 5.0);
    }

    #[test]
    fn ends_agree_with_the_binomial_distribution() {
        // A resample of 100 values of which half are 1 counts them as 100 throws of a coin do:
        // 2.5 % of the counts are at most 40, and as many are at least 60.
        let values: Vec<f64> = (0..100).map(|n| f64::from(n % 2)).collect();
        let bootstrap = Bootstrap { resamples: 20_000, ..BOOTSTRAP };
        let Interval { low, high } = mean_interval(&[values], &bootstrap).unwrap();
        assert!((low - 0.40).abs() <= 0.01 && (high - 0.60).abs() <= 0.01, "{low} {high}");
    }

    #[test]
    fn collections_are_resampled_apart() {
        // Collections differ, their queries do not: nothing can move the mean.
        let Interval { low, high } = interval(&[vec![0.25; 3], vec![0.75; 40]]);
        assert_eq!((low, high), (0.5, 0.5));
    }

    fn collections() -> impl Strategy<Value = Vec<Vec<f64>>> {
        prop::collection::vec(prop::collection::vec(0.0..=1.0f64, 1..40), 1..4)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn an_interval_holds_the_mean(collections in collections()) {
            let Interval { low, high } = interval(&collections);
            let mean = mean_of_means(&collections).unwrap();
            prop_assert!(low - 1e-12 <= mean && mean <= high + 1e-12, "{low} {mean} {high}");
        }

        #[test]
        fn more_queries_of_the_same_kind_give_a_narrower_interval(
            values in prop::collection::vec(0u8..=4, 2..30)
                .prop_filter("values differ", |values| values.iter().any(|v| *v != values[0]))
        ) {
            let values: Vec<f64> = values.iter().map(|&value| f64::from(value) / 4.0).collect();
            let more = [values.repeat(16)];
            prop_assert!(width(interval(&more)) < width(interval(&[values])));
        }

        #[test]
        fn a_higher_level_gives_an_interval_around_a_lower_ones(collections in collections()) {
            let higher = Bootstrap { level: 0.99, ..BOOTSTRAP };
            let wide = mean_interval(&collections, &higher).unwrap();
            let narrow = interval(&collections);
            prop_assert!(wide.low <= narrow.low && narrow.high <= wide.high);
        }

        #[test]
        fn a_seed_decides_the_interval(collections in collections(), seed: u64) {
            let bootstrap = Bootstrap { seed, resamples: 200, ..BOOTSTRAP };
            let once = mean_interval(&collections, &bootstrap).unwrap();
            prop_assert_eq!(once, mean_interval(&collections, &bootstrap).unwrap());
        }
    }
}
