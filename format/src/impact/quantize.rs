//! Weights to integers: the codes of forward rows, which are the truth, and the 8-bit codes of columns.
//!
//! A stored weight is a pure function of its own document: `code × 2^exponent` with one exponent
//! per row, so it never depends on neighbours, segments or merges. It is within 2^-17 of the weight
//! given, relative to it: a row takes the shortest code for which that holds of all its weights. Rows
//! whose weights are too far apart for any code keep them as they are. Column codes are derived from
//! stored weights, scaled per list and rounded *up*: they bound, they never decide.

/// The most by which a stored weight differs from the one given, relative to it.
pub(crate) const ROW_ERROR_MAX: f64 = 1.0 / 131_072.0;

/// How a row keeps its weights. The value is the bits of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WeightCodes {
    /// Integers: `code`.
    Even = 16,
    /// Four bits say how far 17 bits are shifted, the first of which is a one that is not stored:
    /// `(2^16 + code mod 2^16) × 2^(code ÷ 2^16)`.
    Shifted = 20,
    /// The upper bits of an f32 without its sign.
    Floats = 24,
}

/// Bits of a shifted code that are not its shift.
const SHIFTED_BITS: i32 = 16;
/// The largest shift.
const SHIFT_MAX: i32 = 15;
/// Exponent of rows of floats: with it no weight is below the normal numbers of an f32.
pub(crate) const FLOATS_EXPONENT: i16 = -80;
/// Bits of an f32 that a row of floats leaves out.
const FLOATS_LEFT_OUT: u32 = 7;

impl WeightCodes {
    /// What a row's head says; none if it says nothing known.
    pub(crate) fn of(bits: u8) -> Option<Self> {
        match bits {
            16 => Some(Self::Even),
            20 => Some(Self::Shifted),
            24 => Some(Self::Floats),
            _ => None,
        }
    }

    /// The code of a weight in units of `2^exponent`; none where it does not fit.
    fn encode(self, weight: f32, exponent: i16) -> Option<u32> {
        let units = f64::from(weight) * power_of_two(-exponent);
        match self {
            Self::Even => Some(units.round() as u32).filter(|&code| code <= u32::from(u16::MAX)),
            Self::Shifted => shifted(units),
            Self::Floats => {
                let half = 1 << (FLOATS_LEFT_OUT - 1);
                Some(((units as f32).to_bits() + half) >> FLOATS_LEFT_OUT)
            }
        }
    }

    /// The units of a code, exact.
    #[inline]
    pub(crate) fn decode(self, code: u32) -> f32 {
        match self {
            Self::Even => code as f32,
            Self::Shifted => {
                let first = 1 << SHIFTED_BITS;
                ((first | code & (first - 1)) << (code >> SHIFTED_BITS)) as f32
            }
            Self::Floats => f32::from_bits(code << FLOATS_LEFT_OUT),
        }
    }

    /// The least exponent at which a weight fits.
    fn exponent(self, max: f32) -> i16 {
        let top = match self {
            Self::Even => 15,
            Self::Shifted => SHIFTED_BITS + SHIFT_MAX,
            Self::Floats => return FLOATS_EXPONENT,
        };
        if max == 0.0 {
            return 0;
        }
        let exponent = (floor_log2(f64::from(max)) - top) as i16;
        match self.encode(max, exponent) {
            Some(_) => exponent,
            None => exponent + 1,
        }
    }

    /// Appends the codes of weights; false if one cannot be kept within [`ROW_ERROR_MAX`].
    fn encode_all(self, weights: &[f32], exponent: i16, codes: &mut Vec<u32>) -> bool {
        let step = power_of_two(exponent);
        weights.iter().all(|&weight| {
            let Some(code) = self.encode(weight, exponent) else { return false };
            codes.push(code);
            let (weight, stored) = (f64::from(weight), f64::from(self.decode(code)) * step);
            (stored - weight).abs() <= weight * ROW_ERROR_MAX
        })
    }
}

/// The shifted code of a number; none if it is below the least or above the largest.
fn shifted(units: f64) -> Option<u32> {
    let mut shift = floor_log2(units) - SHIFTED_BITS;
    let mut code = (units * power_of_two(-shift as i16)).round() as u32;
    if code >> (SHIFTED_BITS + 1) == 1 {
        shift += 1;
        code >>= 1;
    }
    let is_there = (0..=SHIFT_MAX).contains(&shift);
    is_there.then_some((shift as u32) << SHIFTED_BITS | code & ((1 << SHIFTED_BITS) - 1))
}

/// Largest code of a column.
pub(crate) const COLUMN_CODE_MAX: f64 = 255.0;

/// `2^exponent` as f64; exact for every exponent that a row can have, and for its opposite.
pub(crate) fn power_of_two(exponent: i16) -> f64 {
    f64::from_bits(((i64::from(exponent) + 1023) as u64) << 52)
}

/// Appends the codes of one row; returns how it keeps its weights, and its exponent.
///
/// The shortest codes that keep every weight, in the smallest steps at which the row's maximum fits.
/// Integers up to 65,535 are exact, and nothing clips.
pub(crate) fn quantize_row(weights: &[f32], codes: &mut Vec<u32>) -> (WeightCodes, i16) {
    let max = weights.iter().copied().fold(0.0, f32::max);
    let start = codes.len();
    for kept in [WeightCodes::Even, WeightCodes::Shifted] {
        let exponent = kept.exponent(max);
        if kept.encode_all(weights, exponent, codes) {
            return (kept, exponent);
        }
        codes.truncate(start);
    }
    let is_kept = WeightCodes::Floats.encode_all(weights, FLOATS_EXPONENT, codes);
    debug_assert!(is_kept, "floats keep 17 bits of any weight");
    (WeightCodes::Floats, FLOATS_EXPONENT)
}

/// The exponent of the leading binary digit: f64 holds every positive f32 as a normal number.
fn floor_log2(number: f64) -> i32 {
    ((number.to_bits() >> 52) & 0x7ff) as i32 - 1023
}

/// The step of a column list whose largest stored weight is `max_weight`: the smallest f32 at
/// which 255 steps reach it.
pub(crate) fn column_step(max_weight: f64) -> f32 {
    let exact = max_weight / COLUMN_CODE_MAX;
    let mut step = exact as f32;
    while f64::from(step) * COLUMN_CODE_MAX < max_weight {
        step = step.next_up();
    }
    step
}

/// The smallest code whose value `code × step` is at least `weight`, 1 to 255.
pub(crate) fn column_code(weight: f64, step: f32) -> u8 {
    let step = f64::from(step);
    let mut code = (weight / step).ceil().clamp(1.0, COLUMN_CODE_MAX);
    // The division rounds; one step either way restores the definition.
    if code * step < weight {
        code += 1.0;
    } else if code > 1.0 && (code - 1.0) * step >= weight {
        code -= 1.0;
    }
    code as u8
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::vector::MAX_WEIGHT;

    fn stored(weights: &[f32]) -> Vec<f64> {
        let mut codes = Vec::new();
        let (kept, exponent) = quantize_row(weights, &mut codes);
        let stored = |&code: &u32| f64::from(kept.decode(code)) * power_of_two(exponent);
        codes.iter().map(stored).collect()
    }

    fn kept(weights: &[f32]) -> WeightCodes {
        quantize_row(weights, &mut Vec::new()).0
    }

    #[test]
    fn integers_up_to_65535_are_exact() {
        for max in [1u32, 2, 3, 255, 256, 32_767, 32_768, 65_534, 65_535] {
            let weights: Vec<f32> = [1, 2, max / 2 + 1, max].map(|w| w.min(max) as f32).to_vec();
            let expected: Vec<f64> = weights.iter().map(|&w| f64::from(w)).collect();
            assert_eq!(stored(&weights), expected, "maximum {max}");
        }
    }

    #[test]
    fn extremes_neither_clip_nor_vanish() {
        let tiny = f32::from_bits(1);
        assert_eq!(stored(&[tiny]), [f64::from(tiny)]);
        assert_eq!(stored(&[MAX_WEIGHT]), [f64::from(MAX_WEIGHT)]);
        assert_eq!(stored(&[65_535.9])[0], 65_536.0);
        let far = [MAX_WEIGHT, tiny, f32::MIN_POSITIVE];
        assert_eq!(stored(&far), far.map(f64::from));
    }

    #[test]
    fn a_row_takes_the_shortest_codes_that_keep_its_weights() {
        assert_eq!(kept(&[]), WeightCodes::Even);
        assert_eq!(kept(&[1.5, 0.25, 3.0]), WeightCodes::Even);
        assert_eq!(kept(&[65_535.0, 1.0]), WeightCodes::Even);
        assert_eq!(kept(&[2.7, 0.011]), WeightCodes::Shifted);
        assert_eq!(kept(&[2.0, 1.99999, 2.0 / 32_000.0]), WeightCodes::Shifted);
        assert_eq!(kept(&[1000.0, 0.001]), WeightCodes::Floats);
    }

    #[test]
    fn shifted_codes_meet_at_their_ends() {
        // The largest of one shift and the least of the next; below the least and above the largest.
        for units in [65_536.0, 131_071.0, 131_072.0, 262_142.0, 262_144.0, 4_294_934_528.0] {
            assert_eq!(f64::from(WeightCodes::Shifted.decode(shifted(units).unwrap())), units);
        }
        assert_eq!(WeightCodes::Shifted.decode(shifted(131_071.6).unwrap()), 131_072.0);
        assert_eq!((shifted(65_535.0), shifted(4_294_967_296.0)), (None, None));
    }

    proptest! {
        #[test]
        fn a_weight_is_kept_whatever_else_the_row_holds(
            weights in prop::collection::vec(
                prop_oneof![
                    1e-6f32..4.0, 0.5f32..1.0, 1e-3f32..1e3, 1e-40f32..1e-38, 1e-40f32..1e12
                ],
                1..40
            )
        ) {
            for (&weight, stored) in weights.iter().zip(stored(&weights)) {
                let weight = f64::from(weight);
                prop_assert!((stored - weight).abs() <= weight * ROW_ERROR_MAX);
                // Bounds are derived from weights as f32.
                prop_assert_eq!(f64::from(stored as f32), stored);
            }
        }

        #[test]
        fn column_codes_are_the_least_upper_bound(
            max in prop_oneof![1e-30f64..1e-20, 1e-3f64..10.0, 1e5f64..1e12],
            shares in prop::collection::vec(1e-9f64..=1.0, 1..50)
        ) {
            let step = column_step(max);
            prop_assert!(f64::from(step) * 255.0 >= max);
            for weight in shares.iter().map(|share| share * max) {
                let code = f64::from(column_code(weight, step));
                prop_assert!(code * f64::from(step) >= weight);
                prop_assert!(code == 1.0 || (code - 1.0) * f64::from(step) < weight);
            }
        }
    }
}
