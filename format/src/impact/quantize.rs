//! Weights to integers: the 16-bit truth of forward rows and the 8-bit codes of columns.
//!
//! A stored weight is a pure function of its own document: `code × 2^exponent` with one exponent
//! per row, so it never depends on neighbours, segments or merges. Column codes are derived from
//! stored weights, scaled per list and rounded *up*: they bound, they never decide.

/// Largest code of a forward row.
pub(crate) const ROW_CODE_MAX: u32 = u16::MAX as u32;

/// Bits below the leading one of the row's maximum that a 16-bit code can hold.
const ROW_CODE_SHIFT: i32 = 15;

/// Largest code of a column.
pub(crate) const COLUMN_CODE_MAX: f64 = 255.0;

/// `2^exponent` as f64; exact for every exponent a row can have (−164 to 40).
pub(crate) fn power_of_two(exponent: i16) -> f64 {
    f64::exp2(f64::from(exponent))
}

/// Appends the codes of one row and returns its exponent.
///
/// Linear, to nearest, in steps of `2^exponent`, the smallest step at which the row's maximum
/// fits 16 bits: integers up to 65,535 are exact and nothing clips. A weight below half a step
/// keeps code 1, so that a document matches the terms it was encoded with.
pub(crate) fn quantize_row(weights: &[f32], codes: &mut Vec<u16>) -> i16 {
    let Some(max) = weights.iter().copied().reduce(f32::max) else { return 0 };
    let mut exponent = floor_log2(max) - ROW_CODE_SHIFT;
    if nearest(max, exponent) > ROW_CODE_MAX {
        exponent += 1;
    }
    codes.extend(weights.iter().map(|&weight| nearest(weight, exponent).max(1) as u16));
    exponent as i16
}

fn nearest(weight: f32, exponent: i32) -> u32 {
    (f64::from(weight) * f64::exp2(-f64::from(exponent))).round() as u32
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
        let exponent = quantize_row(weights, &mut codes);
        codes.iter().map(|&code| f64::from(code) * power_of_two(exponent)).collect()
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
        assert!(stored(&[MAX_WEIGHT, tiny])[1] > 0.0);
    }

    proptest! {
        #[test]
        fn row_error_is_half_a_step_or_the_minimum_code(
            weights in prop::collection::vec(1e-6f32..4.0, 1..40)
        ) {
            let mut codes = Vec::new();
            let step = power_of_two(quantize_row(&weights, &mut codes));
            for (&weight, &code) in weights.iter().zip(&codes) {
                let error = (f64::from(code) * step - f64::from(weight)).abs();
                prop_assert!(error <= step / 2.0 || (code == 1 && error < step));
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
