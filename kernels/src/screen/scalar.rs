//! The screen kernels' definition, in plain Rust.

use super::packed::{PackedRows, QUAD, ROWS_AT_ONCE, STRIP, STRIP_QUAD, TokenCodes, TokenValues};

/// See [`crate::Kernels::screen`].
pub(crate) fn screen(rows: &PackedRows, tokens: &TokenCodes, maxima: &mut [i32]) {
    maxima.fill(i32::MIN);
    if rows.quads == 0 {
        return maxima.fill(if tokens.offsets.is_empty() { i32::MIN } else { 0 });
    }
    let strips = rows.bytes.chunks_exact(rows.quads * STRIP_QUAD);
    for (strip, maxima) in strips.zip(maxima.chunks_exact_mut(STRIP)) {
        let codes = tokens.codes.chunks_exact(tokens.quads * QUAD);
        for (token, &offset) in codes.zip(&tokens.offsets) {
            let mut sums = [offset; STRIP];
            for (quad, token) in strip.chunks_exact(STRIP_QUAD).zip(token.chunks_exact(QUAD)) {
                for (sum, row) in sums.iter_mut().zip(quad.chunks_exact(QUAD)) {
                    let products =
                        row.iter().zip(token).map(|(&r, &t)| i32::from(r) * i32::from(t));
                    *sum += products.sum::<i32>();
                }
            }
            for (max, sum) in maxima.iter_mut().zip(sums) {
                *max = sum.max(*max);
            }
        }
    }
}

/// See [`crate::Kernels::dots`].
pub(crate) fn dots(rows: [&[f32]; ROWS_AT_ONCE], tokens: &TokenValues, dots: &mut [f32]) {
    dots.fill(0.0);
    if tokens.width == 0 {
        return;
    }
    for (row, dots) in rows.into_iter().zip(dots.chunks_exact_mut(tokens.width)) {
        for (&weight, values) in row.iter().zip(tokens.values.chunks_exact(tokens.width)) {
            for (dot, &value) in dots.iter_mut().zip(values) {
                *dot = weight.mul_add(value, *dot);
            }
        }
    }
}
