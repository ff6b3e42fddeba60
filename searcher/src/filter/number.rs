//! Numbers of filters, compared exactly with whole and floating-point numbers of documents.

use std::ops::{Bound, RangeInclusive};

/// A number as it was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Whole(i128),
    /// Finite.
    Float(f64),
}

impl Number {
    /// Reads digits with a sign, a point and an exponent; nothing else is a number.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_number = text.bytes().any(|byte| byte.is_ascii_digit())
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        if !is_number {
            return None;
        }
        match text.parse() {
            Ok(whole) => Some(Self::Whole(whole)),
            Err(_) => text.parse().ok().filter(|float: &f64| float.is_finite()).map(Self::Float),
        }
    }

    /// The whole number that it is, if it is one.
    pub(super) fn whole(self) -> Option<i128> {
        match self {
            Self::Whole(whole) => Some(whole),
            Self::Float(float) => (float.fract() == 0.0).then_some(float as i128),
        }
    }

    /// The least whole number that is not below.
    fn ceil(self) -> i128 {
        match self {
            Self::Whole(whole) => whole,
            Self::Float(float) => float.ceil() as i128,
        }
    }

    /// The greatest whole number that is not above.
    fn floor(self) -> i128 {
        match self {
            Self::Whole(whole) => whole,
            Self::Float(float) => float.floor() as i128,
        }
    }

    /// The nearest floating-point number.
    pub(super) fn float(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Float(float) => float,
        }
    }
}

/// The whole numbers between two ends, within those of a column. Empty ranges are `None`.
pub(super) fn whole_range(
    low: &Bound<Number>,
    high: &Bound<Number>,
    column: RangeInclusive<i128>,
) -> Option<RangeInclusive<i128>> {
    let low = match low {
        Bound::Included(number) => number.ceil(),
        Bound::Excluded(number) => number.floor().saturating_add(1),
        Bound::Unbounded => *column.start(),
    };
    let high = match high {
        Bound::Included(number) => number.floor(),
        Bound::Excluded(number) => number.ceil().saturating_sub(1),
        Bound::Unbounded => *column.end(),
    };
    let (low, high) = (low.max(*column.start()), high.min(*column.end()));
    (low <= high).then_some(low..=high)
}

/// The floating-point numbers between two ends. Empty ranges are `None`.
pub(super) fn float_range(
    low: &Bound<Number>,
    high: &Bound<Number>,
) -> Option<RangeInclusive<f64>> {
    let low = match low {
        Bound::Included(number) => number.float(),
        Bound::Excluded(number) => number.float().next_up(),
        Bound::Unbounded => f64::NEG_INFINITY,
    };
    let high = match high {
        Bound::Included(number) => number.float(),
        Bound::Excluded(number) => number.float().next_down(),
        Bound::Unbounded => f64::INFINITY,
    };
    // Zero has two signs, and columns sort the negative one first.
    let low = if low == 0.0 { -0.0 } else { low };
    let high = if high == 0.0 { 0.0 } else { high };
    (low <= high).then_some(low..=high)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn numbers_are_told_from_words() {
        for text in ["7", "-7", "+7", "1.5", ".5", "5.", "1e3", "-1E-3", "18446744073709551616"] {
            assert!(Number::parse(text).is_some(), "{text}");
        }
        for text in
            ["", "-", ".", "e", "inf", "NaN", "1_000", "0x10", "1e999", "2010-01-01", "1.2.3"]
        {
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }

    #[test]
    fn ends_between_whole_numbers_are_rounded_inwards() {
        let column = || i128::from(i64::MIN)..=i128::from(i64::MAX);
        let range = |low, high| whole_range(&low, &high, column());
        let (a, b) = (number("1.5"), number("2010"));
        assert_eq!(range(Bound::Included(a), Bound::Included(b)), Some(2..=2010));
        assert_eq!(range(Bound::Excluded(a), Bound::Excluded(b)), Some(2..=2009));
        assert_eq!(
            range(Bound::Included(number("-1.5")), Bound::Excluded(number("-0.5"))),
            Some(-1..=-1)
        );
        assert_eq!(range(Bound::Excluded(number("3")), Bound::Excluded(number("4"))), None);
        assert_eq!(range(Bound::Included(number("1e30")), Bound::Unbounded), None);
        assert_eq!(
            range(Bound::Unbounded, Bound::Included(number("1e30"))),
            Some(i128::from(i64::MIN)..=i128::from(i64::MAX))
        );
    }

    #[test]
    fn floats_keep_their_ends() {
        let range =
            float_range(&Bound::Excluded(number("1")), &Bound::Excluded(number("2"))).unwrap();
        assert!(*range.start() > 1.0 && *range.end() < 2.0 && range.contains(&1.000_000_1));
        assert!(
            float_range(&Bound::Included(number("0")), &Bound::Included(number("0")))
                .unwrap()
                .contains(&-0.0)
        );
        assert_eq!(float_range(&Bound::Included(number("2")), &Bound::Included(number("1"))), None);
        assert_eq!(
            (number("2.0").whole(), number("2").float(), number("2.5").whole()),
            (Some(2), 2.0, None)
        );
    }
}
