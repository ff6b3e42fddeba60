//! Weights to integers: the codes of forward rows, which are the truth, and the 8-bit codes of columns.
//!
//! A stored weight is a pure function of its own document: `code × 2^exponent` with one exponent
//! per row, so it never depends on neighbours, segments or merges. It is within 2^-15 of the weight
//! given, relative to it: a row takes the shortest code for which that holds of all its weights. Rows
//! whose weights are too far apart for any code keep them as they are. Column codes are derived from
//! stored weights, scaled per list and rounded *up*: they bound, they never decide.

/// The most by which a stored weight differs from the one given, relative to it.
pub(crate) const ROW_ERROR_MAX: f64 = 1.0 / 32_768.0;

/// How a row keeps its weights. The value is the bytes of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codes {
    /// 16-bit codes.
    Short = 2,
    /// 24-bit codes.
    Long = 3,
    /// The weights themselves, as f32.
    Floats = 4,
}

impl Codes {
    /// What a row's head says; none if it says nothing known.
    pub(crate) fn of(bytes: u8) -> Option<Self> {
        match bytes {
            2 => Some(Self::Short),
            3 => Some(Self::Long),
            4 => Some(Self::Floats),
            _ => None,
        }
    }
}

/// Largest code of a column.
pub(crate) const COLUMN_CODE_MAX: f64 = 255.0;

/// `2^exponent` as f64; exact for every exponent a row can have (−164 to 40).
pub(crate) fn power_of_two(exponent: i16) -> f64 {
    f64::exp2(f64::from(exponent))
}

/// Appends the codes of one row; returns how it keeps its weights, and its exponent.
///
/// Linear, to nearest, in steps of `2^exponent`, the smallest step at which the row's maximum fits:
/// integers up to 65,535 are exact and nothing clips.
pub(crate) fn quantize_row(weights: &[f32], codes: &mut Vec<u32>) -> (Codes, i16) {
    let max = weights.iter().copied().fold(0.0, f32::max);
    for kept in [Codes::Short, Codes::Long] {
        let exponent = exponent(max, kept as u32 * 8);
        let start = codes.len();
        codes.extend(weights.iter().map(|&weight| nearest(weight, exponent)));
        let is_near = |(&weight, &code): (&f32, &u32)| {
            let (weight, stored) = (f64::from(weight), f64::from(code) * power_of_two(exponent));
            (stored - weight).abs() <= weight * ROW_ERROR_MAX
        };
        if weights.iter().zip(&codes[start..]).all(is_near) {
            return (kept, exponent);
        }
        codes.truncate(start);
    }
    codes.extend(weights.iter().map(|weight| weight.to_bits()));
    (Codes::Floats, 0)
}

/// The least exponent at which the code of a weight has so many bits.
fn exponent(max: f32, bits: u32) -> i16 {
    if max == 0.0 {
        return 0;
    }
    let exponent = (floor_log2(max) + 1 - bits as i32) as i16;
    match nearest(max, exponent) >> bits {
        0 => exponent,
        _ => exponent + 1,
    }
}

fn nearest(weight: f32, exponent: i16) -> u32 {
    (f64::from(weight) * power_of_two(-exponent)).round() as u32
}

/// The exponent of the leading binary digit: f64 holds every positive f32 as a normal number.
fn floor_log2(weight: f32) -> i32 {
    ((f64::from(weight).to_bits() >> 52) & 0x7ff) as i32 - 1023
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
        let stored = |&code: &u32| match kept {
            Codes::Floats => f64::from(f32::from_bits(code)),
            Codes::Short | Codes::Long => f64::from(code) * power_of_two(exponent),
        };
        codes.iter().map(stored).collect()
    }

    fn kept(weights: &[f32]) -> Codes {
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
        let far = [MAX_WEIGHT, tiny];
        assert_eq!(stored(&far), far.map(f64::from));
    }

    #[test]
    fn a_row_takes_the_shortest_codes_that_keep_its_weights() {
        assert_eq!(kept(&[]), Codes::Short);
        assert_eq!(kept(&[1.5, 0.25, 3.0]), Codes::Short);
        assert_eq!(kept(&[65_535.0, 1.0]), Codes::Short);
        assert_eq!(kept(&[2.7, 0.011]), Codes::Long);
        assert_eq!(kept(&[1000.0, 0.001]), Codes::Floats);
    }

    proptest! {
        #[test]
        fn a_weight_is_kept_whatever_else_the_row_holds(
            weights in prop::collection::vec(
                prop_oneof![1e-6f32..4.0, 0.5f32..1.0, 1e-3f32..1e3, 1e-40f32..1e12], 1..40
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
