//! The screen kernels for AVX2: bytes are widened to 16 bits before they are multiplied, because
//! the byte product of this set saturates.

#![allow(clippy::needless_range_loop)]

use core::arch::x86_64::*;

use super::packed::{PackedRows, QUAD, ROWS_AT_ONCE, STRIP, STRIP_QUAD, TokenCodes, TokenValues};

/// Rows in one register: four products of 16 bits each.
const ROWS: usize = 4;
/// Registers of rows in a tile.
const PARTS: usize = 4;
/// Tokens of a full tile.
const TILE: usize = 3;
/// Exact values in one register.
const LANES: usize = 8;

/// Whether products and sums can be fused.
pub(crate) fn has_fused_products() -> bool {
    is_x86_feature_detected!("fma")
}

/// See [`crate::Kernels::screen`], which checks the lengths.
#[target_feature(enable = "avx2")]
pub(crate) fn screen(rows: &PackedRows, tokens: &TokenCodes, maxima: &mut [i32]) {
    let quads = rows.quads;
    let count = tokens.offsets.len();
    maxima.fill(i32::MIN);
    // As 16 bits, four to an integer.
    let widened: Vec<i64> = tokens.codes.chunks_exact(QUAD).map(widen).collect();
    for (strip, maxima) in maxima.chunks_exact_mut(STRIP).enumerate() {
        let bytes = &rows.bytes[strip * quads * STRIP_QUAD..][..quads * STRIP_QUAD];
        let mut first = 0;
        while first < count {
            let tokens_in_tile = TILE.min(count - first);
            let codes = &widened[first * quads..][..tokens_in_tile * quads];
            let offsets = &tokens.offsets[first..][..tokens_in_tile];
            for (part, maxima) in maxima.chunks_exact_mut(ROWS * PARTS).enumerate() {
                match tokens_in_tile {
                    1 => tile::<1>(bytes, part, codes, offsets, maxima),
                    2 => tile::<2>(bytes, part, codes, offsets, maxima),
                    _ => tile::<TILE>(bytes, part, codes, offsets, maxima),
                }
            }
            first += tokens_in_tile;
        }
    }
}

fn widen(codes: &[i8]) -> i64 {
    let lanes = codes.iter().enumerate();
    let lanes =
        lanes.map(|(lane, &code)| u64::from(i16::from(code).cast_unsigned()) << (16 * lane));
    lanes.sum::<u64>().cast_signed()
}

/// Raises the maxima of sixteen rows of a strip by the products with `N` tokens.
#[target_feature(enable = "avx2")]
#[allow(unsafe_code)]
#[inline]
fn tile<const N: usize>(
    bytes: &[u8],
    part: usize,
    codes: &[i64],
    offsets: &[i32],
    maxima: &mut [i32],
) {
    let quads = codes.len() / N;
    assert!(bytes.len() == quads * STRIP_QUAD && codes.len() == N * quads && part < PARTS);
    let mut sums = [[_mm256_setzero_si256(); PARTS]; N];
    for quad in 0..quads {
        for group in 0..PARTS {
            let at = quad * STRIP_QUAD + (part * PARTS + group) * ROWS * QUAD;
            // SAFETY: the assertion above: four parts of four groups of 16 bytes for each quad.
            let weights = unsafe { _mm_loadu_si128(bytes.as_ptr().add(at).cast()) };
            let weights = _mm256_cvtepu8_epi16(weights);
            for token in 0..N {
                let code = _mm256_set1_epi64x(codes[token * quads + quad]);
                let products = _mm256_madd_epi16(weights, code);
                sums[token][group] = _mm256_add_epi32(sums[token][group], products);
            }
        }
    }
    // By index: an iterator over the array of sums would keep it in memory.
    for token in 0..N {
        let offset = offsets[token];
        for group in 0..PARTS {
            let mut halves = [0i32; 2 * ROWS];
            // SAFETY: the array is 32 bytes long.
            unsafe { _mm256_storeu_si256(halves.as_mut_ptr().cast(), sums[token][group]) };
            for (row, pair) in halves.chunks_exact(2).enumerate() {
                let max = &mut maxima[group * ROWS + row];
                *max = (pair[0] + pair[1] + offset).max(*max);
            }
        }
    }
}

/// See [`crate::Kernels::dots`], which checks the lengths.
#[target_feature(enable = "avx2,fma")]
#[allow(unsafe_code)]
pub(crate) fn dots(rows: [&[f32]; ROWS_AT_ONCE], tokens: &TokenValues, dots: &mut [f32]) {
    /// Registers of tokens: 16 of them, so two.
    const PARTS: usize = 2;
    let (dims, width) = (tokens.dims, tokens.width);
    assert!(tokens.values.len() == dims * width && width.is_multiple_of(PARTS * LANES));
    assert!(rows.iter().all(|row| row.len() == dims) && dots.len() == ROWS_AT_ONCE * width);
    for first in (0..width).step_by(PARTS * LANES) {
        let mut sums = [[_mm256_setzero_ps(); PARTS]; ROWS_AT_ONCE];
        for dim in 0..dims {
            // SAFETY: asserted above: sixteen values from `first` on lie within the width.
            let values: [__m256; PARTS] = core::array::from_fn(|part| unsafe {
                _mm256_loadu_ps(tokens.values.as_ptr().add(dim * width + first + part * LANES))
            });
            for row in 0..ROWS_AT_ONCE {
                // SAFETY: asserted above: every row has `dims` values.
                let weight = _mm256_set1_ps(unsafe { *rows[row].get_unchecked(dim) });
                for part in 0..PARTS {
                    sums[row][part] = _mm256_fmadd_ps(weight, values[part], sums[row][part]);
                }
            }
        }
        for row in 0..ROWS_AT_ONCE {
            for part in 0..PARTS {
                let at = row * width + first + part * LANES;
                // SAFETY: asserted above: `dots` holds `width` products for each row.
                unsafe { _mm256_storeu_ps(dots.as_mut_ptr().add(at), sums[row][part]) };
            }
        }
    }
}
