//! The dense kernels for AVX2: sixteen partial sums are four registers, so two rows are read at a
//! time. Codes are widened to 16 bits before they are multiplied, as in `screen/avx2.rs`.

#![allow(clippy::needless_range_loop)]

use core::arch::x86_64::*;

use super::values::{AHEAD_BYTES, F16_BYTES, F32_BYTES, LINE_BYTES, SUMS};
use crate::prefetch::prefetch_ahead;

/// Values of 64 bits in one register.
const LANES: usize = 4;
/// Registers of partial sums.
const PARTS: usize = SUMS / LANES;
/// Rows that are read at a time.
const ROWS: usize = 2;
/// Rows of codes that are read at a time.
const CODE_ROWS: usize = 4;
/// Codes in one register, widened.
const CODES: usize = 16;

/// Whether products and sums can be fused, and 16-bit floats be widened.
pub(crate) fn has_fused_products_and_halves() -> bool {
    is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
}

/// See [`crate::Kernels::dots_f32`], which checks the lengths.
#[target_feature(enable = "avx2,fma,f16c")]
pub(crate) fn dots<const BYTES: usize>(query: &[f32], rows: &[u8], sums: &mut [f64]) {
    let stride = query.len() * BYTES;
    let mut blocks = sums.chunks_exact_mut(ROWS);
    let mut at = 0;
    for sums in &mut blocks {
        sums.copy_from_slice(&block_of::<BYTES, ROWS>(query, &rows[at..at + ROWS * stride]));
        at += ROWS * stride;
    }
    for sum in blocks.into_remainder() {
        [*sum] = block_of::<BYTES, 1>(query, &rows[at..at + stride]);
        at += stride;
    }
}

/// The products with `N` rows.
#[target_feature(enable = "avx2,fma,f16c")]
#[allow(unsafe_code)]
#[inline]
fn block_of<const BYTES: usize, const N: usize>(query: &[f32], rows: &[u8]) -> [f64; N] {
    let dims = query.len();
    assert!(rows.len() == N * dims * BYTES);
    let whole = dims - dims % SUMS;
    // By index throughout: an iterator over the array of sums would keep it in memory.
    let mut sums = [[_mm256_setzero_pd(); PARTS]; N];
    for dim in (0..whole).step_by(SUMS) {
        for row in 0..N {
            if N == ROWS && (dim * BYTES).is_multiple_of(LINE_BYTES) {
                let at = rows.as_ptr().wrapping_add((row * dims + dim) * BYTES);
                prefetch_ahead(at.wrapping_add(AHEAD_BYTES));
            }
        }
        let query = query[dim..].as_ptr().cast();
        // SAFETY: `dim` is at least sixteen below `dims`, of the query and of each of the rows, whose
        // length is asserted.
        unsafe { step::<BYTES, N>(query, &rows[dim * BYTES..], dims * BYTES, &mut sums) };
    }
    if whole < dims {
        let mut last = [0f32; SUMS];
        last[..dims - whole].copy_from_slice(&query[whole..]);
        let mut values = [[0; SUMS * F32_BYTES]; N];
        for (row, values) in rows.chunks_exact(dims * BYTES).zip(&mut values) {
            values[..(dims - whole) * BYTES].copy_from_slice(&row[whole * BYTES..]);
        }
        let (query, values) = (last.as_ptr().cast(), values.as_flattened());
        // SAFETY: the copies are sixteen values long each.
        unsafe { step::<BYTES, N>(query, values, SUMS * F32_BYTES, &mut sums) };
    }
    core::array::from_fn(|row| total(sums[row]))
}

/// Adds the products of sixteen dimensions.
///
/// Safety: sixteen f32 can be read from `query`, and sixteen values at each of `N` multiples of
/// `stride` in `rows`.
#[target_feature(enable = "avx2,fma,f16c")]
#[allow(unsafe_code)]
#[inline]
unsafe fn step<const BYTES: usize, const N: usize>(
    query: *const u8,
    rows: &[u8],
    stride: usize,
    sums: &mut [[__m256d; PARTS]; N],
) {
    for part in 0..PARTS {
        // SAFETY: four values of the sixteen that this function asks for.
        let query = unsafe { load::<F32_BYTES>(query.add(part * LANES * F32_BYTES)) };
        for row in 0..N {
            // SAFETY: as above.
            let values =
                unsafe { load::<BYTES>(rows.as_ptr().add(row * stride + part * LANES * BYTES)) };
            sums[row][part] = _mm256_fmadd_pd(query, values, sums[row][part]);
        }
    }
}

/// Four values as f64.
///
/// Safety: four values of `BYTES` bytes can be read from `at`.
#[target_feature(enable = "avx2,fma,f16c")]
#[allow(unsafe_code)]
#[inline]
unsafe fn load<const BYTES: usize>(at: *const u8) -> __m256d {
    // SAFETY: what this function asks for is as many bytes as each arm loads.
    unsafe {
        match BYTES {
            F32_BYTES => _mm256_cvtps_pd(_mm_loadu_ps(at.cast())),
            F16_BYTES => _mm256_cvtps_pd(_mm_cvtph_ps(_mm_loadl_epi64(at.cast()))),
            _ => _mm256_cvtepi32_pd(_mm_cvtepi8_epi32(_mm_loadu_si32(at))),
        }
    }
}

/// The partial sums added up in their fixed order.
#[target_feature(enable = "avx2")]
#[inline]
fn total(sums: [__m256d; PARTS]) -> f64 {
    let eight = [_mm256_add_pd(sums[0], sums[2]), _mm256_add_pd(sums[1], sums[3])];
    let four = _mm256_add_pd(eight[0], eight[1]);
    let two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd::<1>(four));
    _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)))
}

/// See [`crate::Kernels::dots_codes`], which checks the lengths.
#[target_feature(enable = "avx2")]
pub(crate) fn dots_codes(query: &[i8], rows: &[u8], sums: &mut [i32]) {
    let stride = query.len();
    let mut blocks = sums.chunks_exact_mut(CODE_ROWS);
    let mut at = 0;
    for sums in &mut blocks {
        let block = &rows[at..at + CODE_ROWS * stride];
        sums.copy_from_slice(&block_of_codes::<CODE_ROWS>(query, block));
        at += CODE_ROWS * stride;
    }
    for sum in blocks.into_remainder() {
        [*sum] = block_of_codes::<1>(query, &rows[at..at + stride]);
        at += stride;
    }
}

/// The products with `N` rows of codes.
#[target_feature(enable = "avx2")]
#[allow(unsafe_code)]
#[inline]
fn block_of_codes<const N: usize>(query: &[i8], rows: &[u8]) -> [i32; N] {
    let dims = query.len();
    assert!(rows.len() == N * dims);
    let whole = dims - dims % CODES;
    let mut sums = [_mm256_setzero_si256(); N];
    for dim in (0..whole).step_by(CODES) {
        // SAFETY: `dim` is at least sixteen below `dims`, the length of the query.
        let query = unsafe { _mm_loadu_si128(query.as_ptr().add(dim).cast()) };
        let query = _mm256_cvtepi8_epi16(query);
        for row in 0..N {
            // SAFETY: as above; the rows' length is asserted.
            let at = unsafe { rows.as_ptr().add(row * dims + dim) };
            if N == CODE_ROWS && dim.is_multiple_of(LINE_BYTES) {
                prefetch_ahead(at.wrapping_add(AHEAD_BYTES));
            }
            // SAFETY: as above.
            let codes = unsafe { _mm_loadu_si128(at.cast()) };
            let products = _mm256_madd_epi16(_mm256_cvtepi8_epi16(codes), query);
            sums[row] = _mm256_add_epi32(sums[row], products);
        }
    }
    core::array::from_fn(|row| {
        let mut lanes = [0i32; 8];
        // SAFETY: the array is 32 bytes long.
        unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), sums[row]) };
        let row = &rows[row * dims..][..dims];
        let rest = query[whole..].iter().zip(&row[whole..]);
        let rest = rest.map(|(&query, &code)| i32::from(query) * i32::from(code.cast_signed()));
        lanes.iter().sum::<i32>() + rest.sum::<i32>()
    })
}
