//! How sure a mean is, as `eval` and `compare` print it.
//!
//! Both resample alike, so the interval of a run is the same in both. How an interval is computed
//! is `gleaner::eval`'s.

use gleaner::eval::{Bootstrap, Interval, Measure};
use serde::{Serialize, Serializer};

/// The level of every interval.
pub(crate) const LEVEL: f64 = 0.95;

/// Resamples of every interval.
pub(crate) const RESAMPLES: usize = 10_000;

/// The seed where none is asked for.
pub(crate) const SEED: u64 = 1;

/// How intervals are computed from a seed.
pub(crate) fn bootstrap(seed: u64) -> Bootstrap {
    Bootstrap { level: LEVEL, resamples: RESAMPLES, seed }
}

/// Writes values by their measure's name, in the order of the measures.
pub(crate) fn by_name<S: Serializer, T: Serialize>(
    values: &[(Measure, T)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(values.iter().map(|(measure, value)| (measure.to_string(), value)))
}

/// `[0.5912, 0.6951]`
pub(crate) fn interval_text(interval: Interval) -> String {
    format!("[{:.4}, {:.4}]", interval.low, interval.high)
}
