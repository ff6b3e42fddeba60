//! The screen kernels for AVX-512 with byte products (`vpdpbusd`, VNNI: Ice Lake, Zen 4 and later).
//!
//! A tile is 64 rows by up to six tokens: its 24 registers of sums stay where they are while the
//! dimensions pass by, so a weight is loaded once for six tokens and a strip of weights once a text.

#![allow(clippy::needless_range_loop)]

use core::arch::x86_64::*;

use super::packed::{PackedRows, QUAD, ROWS_AT_ONCE, STRIP, STRIP_QUAD, TokenCodes, TokenValues};

/// 32-bit sums in one register.
const LANES: usize = 16;
/// Registers of a strip's rows.
const PARTS: usize = STRIP / LANES;
/// Tokens of a full tile.
const TILE: usize = 6;

/// Whether unsigned by signed bytes can be multiplied and added up.
pub(crate) fn has_byte_products() -> bool {
    is_x86_feature_detected!("avx512vnni")
}

/// See [`crate::Kernels::screen`], which checks the lengths.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[allow(unsafe_code)]
pub(crate) fn screen(rows: &PackedRows, tokens: &TokenCodes, maxima: &mut [i32]) {
    let quads = rows.quads;
    let count = tokens.offsets.len();
    for (strip, maxima) in maxima.chunks_exact_mut(STRIP).enumerate() {
        let bytes = &rows.bytes[strip * quads * STRIP_QUAD..][..quads * STRIP_QUAD];
        let mut largest = [_mm512_set1_epi32(i32::MIN); PARTS];
        let mut first = 0;
        while first < count {
            let tokens_in_tile = TILE.min(count - first);
            let codes = &tokens.codes[first * quads * QUAD..][..tokens_in_tile * quads * QUAD];
            let offsets = &tokens.offsets[first..][..tokens_in_tile];
            match tokens_in_tile {
                1 => tile::<1>(bytes, codes, offsets, quads, &mut largest),
                2 => tile::<2>(bytes, codes, offsets, quads, &mut largest),
                3 => tile::<3>(bytes, codes, offsets, quads, &mut largest),
                4 => tile::<4>(bytes, codes, offsets, quads, &mut largest),
                5 => tile::<5>(bytes, codes, offsets, quads, &mut largest),
                _ => tile::<TILE>(bytes, codes, offsets, quads, &mut largest),
            }
            first += tokens_in_tile;
        }
        for (maxima, largest) in maxima.chunks_exact_mut(LANES).zip(largest) {
            // SAFETY: the chunk is 16 integers long.
            unsafe { _mm512_storeu_si512(maxima.as_mut_ptr().cast(), largest) };
        }
    }
}

/// Raises the strip's maxima by the products with `N` tokens.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[allow(unsafe_code)]
#[inline]
fn tile<const N: usize>(
    bytes: &[u8],
    codes: &[i8],
    offsets: &[i32],
    quads: usize,
    largest: &mut [__m512i; PARTS],
) {
    assert!(bytes.len() == quads * STRIP_QUAD && codes.len() == N * quads * QUAD);
    // By index throughout: an iterator over the array of sums would keep it in memory.
    let mut sums = [[_mm512_setzero_si512(); PARTS]; N];
    for token in 0..N {
        sums[token] = [_mm512_set1_epi32(offsets[token]); PARTS];
    }
    for quad in 0..quads {
        // SAFETY: the assertion above holds `quads` strips of four dimensions, 256 bytes each.
        let weights: [__m512i; PARTS] = core::array::from_fn(|part| unsafe {
            let at = quad * STRIP_QUAD + part * LANES * QUAD;
            _mm512_loadu_si512(bytes.as_ptr().add(at).cast())
        });
        for token in 0..N {
            // SAFETY: the assertion above holds `N` tokens of `quads` times four codes.
            let code = unsafe {
                let at = codes.as_ptr().add((token * quads + quad) * QUAD);
                _mm512_set1_epi32(at.cast::<i32>().read_unaligned())
            };
            for part in 0..PARTS {
                sums[token][part] = _mm512_dpbusd_epi32(sums[token][part], weights[part], code);
            }
        }
    }
    for token in 0..N {
        for part in 0..PARTS {
            largest[part] = _mm512_max_epi32(largest[part], sums[token][part]);
        }
    }
}

/// See [`crate::Kernels::dots`], which checks the lengths.
#[target_feature(enable = "avx512f")]
#[allow(unsafe_code)]
pub(crate) fn dots(rows: [&[f32]; ROWS_AT_ONCE], tokens: &TokenValues, dots: &mut [f32]) {
    let mut first = 0;
    while first < tokens.width {
        let registers = TILE.min((tokens.width - first) / LANES);
        match registers {
            1 => dots_of::<1>(rows, tokens, first, dots),
            2 => dots_of::<2>(rows, tokens, first, dots),
            3 => dots_of::<3>(rows, tokens, first, dots),
            4 => dots_of::<4>(rows, tokens, first, dots),
            5 => dots_of::<5>(rows, tokens, first, dots),
            _ => dots_of::<TILE>(rows, tokens, first, dots),
        }
        first += registers * LANES;
    }
}

/// Products with `N` times sixteen tokens, from `first` on.
#[target_feature(enable = "avx512f")]
#[allow(unsafe_code)]
#[inline]
fn dots_of<const N: usize>(
    rows: [&[f32]; ROWS_AT_ONCE],
    tokens: &TokenValues,
    first: usize,
    dots: &mut [f32],
) {
    let (dims, width) = (tokens.dims, tokens.width);
    assert!(first + N * LANES <= width && tokens.values.len() == dims * width);
    assert!(rows.iter().all(|row| row.len() == dims) && dots.len() == ROWS_AT_ONCE * width);
    let mut sums = [[_mm512_setzero_ps(); N]; ROWS_AT_ONCE];
    for dim in 0..dims {
        // SAFETY: asserted above: `first` and `N` registers lie within a dimension's width.
        let values: [__m512; N] = core::array::from_fn(|part| unsafe {
            _mm512_loadu_ps(tokens.values.as_ptr().add(dim * width + first + part * LANES))
        });
        for row in 0..ROWS_AT_ONCE {
            // SAFETY: asserted above: every row has `dims` values.
            let weight = _mm512_set1_ps(unsafe { *rows[row].get_unchecked(dim) });
            for part in 0..N {
                sums[row][part] = _mm512_fmadd_ps(weight, values[part], sums[row][part]);
            }
        }
    }
    for row in 0..ROWS_AT_ONCE {
        for part in 0..N {
            let at = row * width + first + part * LANES;
            // SAFETY: asserted above: `dots` holds `width` products for each row.
            unsafe { _mm512_storeu_ps(dots.as_mut_ptr().add(at), sums[row][part]) };
        }
    }
}
