//! Values of flags: what a text may be, and what a flag that is left out means.
//!
//! A parser refuses a bad value while the command line is read, so its error is one of usage.

use gleaner::THREADS_LIMIT;

/// A number above 0 and at most 1; not a number is not above 0 either.
pub(super) fn effort(text: &str) -> Result<f32, &'static str> {
    let effort = text.parse().ok().filter(|&effort: &f32| effort > 0.0 && effort <= 1.0);
    effort.ok_or("it is a number above 0 and at most 1, and 1 is exact")
}

/// A number of threads that a search can have.
pub(super) fn threads(text: &str) -> Result<usize, String> {
    let threads = text.parse().ok().filter(|threads| (1..=THREADS_LIMIT).contains(threads));
    threads.ok_or_else(|| format!("it is a number from 1 to {THREADS_LIMIT}"))
}

/// A number of milliseconds in which something can be found.
pub(super) fn timeout_ms(text: &str) -> Result<u64, &'static str> {
    let ms = text.parse().ok().filter(|&ms: &u64| ms > 0);
    ms.ok_or("it is a whole number of 1 or more; leave it out to wait for the exact answer")
}

/// A number of permutations that a test can be made of.
pub(super) fn permutations(text: &str) -> Result<usize, &'static str> {
    let count = text.parse().ok().filter(|&count: &usize| count > 0);
    count.ok_or("it is a whole number of 1 or more")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effort_is_a_share_of_the_work() {
        assert_eq!(["0.25", "1", "1e-9"].map(effort), [Ok(0.25), Ok(1.0), Ok(1e-9)]);
        for text in ["0", "-0.5", "1.0001", "NaN", "inf", "1e-60", "half", ""] {
            assert!(effort(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_limit_leaves_time() {
        assert_eq!(["1", "18446744073709551615"].map(timeout_ms), [Ok(1), Ok(u64::MAX)]);
        for text in ["0", "-1", "1.5", "soon", ""] {
            assert!(timeout_ms(text).is_err(), "{text}");
        }
    }
}
