//! The dense kernels for AVX-512: sixteen partial sums are two registers, and several rows are read
//! at a time, so that a value of the query is loaded once for all of them.

#![allow(clippy::needless_range_loop)]

use core::arch::x86_64::*;

use super::values::{AHEAD_BYTES, F16_BYTES, F32_BYTES, LINE_BYTES, SUMS};
use crate::prefetch::prefetch_ahead;

/// Values of 64 bits in one register.
const LANES: usize = 8;
/// Registers of partial sums.
const PARTS: usize = SUMS / LANES;
/// Rows that are read at a time.
const ROWS: usize = 4;
/// Codes in one register.
const CODES: usize = 64;

/// Whether unsigned by signed bytes can be multiplied and added up.
pub(crate) fn has_byte_products() -> bool {
    is_x86_feature_detected!("avx512vnni")
}

/// See [`crate::Kernels::dots_f32`], which checks the lengths.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(crate) fn dots<const BYTES: usize>(query: &[f32], rows: &[u8], sums: &mut [f64]) {
    let stride = query.len() * BYTES;
    // Widened once: to widen 16-bit rows is all that memory leaves time for.
    let query: Vec<f64> = query.iter().map(|&value| value.into()).collect();
    let mut blocks = sums.chunks_exact_mut(ROWS);
    let mut at = 0;
    for sums in &mut blocks {
        let block = &rows[at..at + ROWS * stride];
        sums.copy_from_slice(&block_of::<BYTES, ROWS>(&query, block));
        at += ROWS * stride;
    }
    for sum in blocks.into_remainder() {
        [*sum] = block_of::<BYTES, 1>(&query, &rows[at..at + stride]);
        at += stride;
    }
}

/// The products with `N` rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
#[allow(unsafe_code)]
#[inline]
fn block_of<const BYTES: usize, const N: usize>(query: &[f64], rows: &[u8]) -> [f64; N] {
    let dims = query.len();
    assert!(rows.len() == N * dims * BYTES);
    let whole = dims - dims % SUMS;
    let of_line = LINE_BYTES / BYTES;
    let lines = dims - dims % of_line;
    // By index throughout: an iterator over the array of sums would keep it in memory.
    let mut sums = [[_mm512_setzero_pd(); PARTS]; N];
    for dim in (0..lines).step_by(of_line) {
        for row in 0..N {
            if N == ROWS {
                let at = rows.as_ptr().wrapping_add((row * dims + dim) * BYTES);
                prefetch_ahead(at.wrapping_add(AHEAD_BYTES));
            }
        }
        for dim in (dim..dim + of_line).step_by(SUMS) {
            // SAFETY: the line ends within the dimensions; the rows' length is asserted.
            unsafe { step::<BYTES, N>(query, rows, dim, &mut sums) };
        }
    }
    for dim in (lines..whole).step_by(SUMS) {
        // SAFETY: as above; `whole` is a multiple of the step.
        unsafe { step::<BYTES, N>(query, rows, dim, &mut sums) };
    }
    for part in 0..PARTS {
        let dim = (whole + part * LANES).min(dims);
        let mask = ((1u32 << (dims - dim).min(LANES)) - 1) as u8;
        if mask == 0 {
            continue;
        }
        // SAFETY: the mask ends with the query.
        let query = unsafe { _mm512_maskz_loadu_pd(mask, query.as_ptr().add(dim)) };
        for row in 0..N {
            // SAFETY: the mask ends with the row, whose length is asserted.
            let values =
                unsafe { load_some::<BYTES>(rows.as_ptr().add((row * dims + dim) * BYTES), mask) };
            sums[row][part] = _mm512_fmadd_pd(query, values, sums[row][part]);
        }
    }
    core::array::from_fn(|row| total(sums[row]))
}

/// Adds the products of sixteen dimensions, from `dim` on.
///
/// Safety: the query has them, and `rows` are `N` rows of as many values.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
#[allow(unsafe_code)]
#[inline]
unsafe fn step<const BYTES: usize, const N: usize>(
    query: &[f64],
    rows: &[u8],
    dim: usize,
    sums: &mut [[__m512d; PARTS]; N],
) {
    for part in 0..PARTS {
        let dim = dim + part * LANES;
        // SAFETY: half of the sixteen that this function asks for.
        let of_query = unsafe { _mm512_loadu_pd(query.as_ptr().add(dim)) };
        for row in 0..N {
            let at = (row * query.len() + dim) * BYTES;
            // SAFETY: as above.
            let values = unsafe { load::<BYTES>(rows.as_ptr().add(at)) };
            sums[row][part] = _mm512_fmadd_pd(of_query, values, sums[row][part]);
        }
    }
}

/// Eight values as f64.
///
/// Safety: eight values of `BYTES` bytes can be read from `at`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
#[allow(unsafe_code)]
#[inline]
unsafe fn load<const BYTES: usize>(at: *const u8) -> __m512d {
    // SAFETY: what this function asks for is as many bytes as each arm loads.
    unsafe {
        match BYTES {
            F32_BYTES => _mm512_cvtps_pd(_mm256_loadu_ps(at.cast())),
            F16_BYTES => _mm512_cvtps_pd(_mm256_cvtph_ps(_mm_loadu_si128(at.cast()))),
            _ => _mm512_cvtepi32_pd(_mm256_cvtepi8_epi32(_mm_loadl_epi64(at.cast()))),
        }
    }
}

/// As [`load`], of the values whose bits are set; the others are 0 and not read.
///
/// Safety: the values whose bits are set can be read.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
#[allow(unsafe_code)]
#[inline]
unsafe fn load_some<const BYTES: usize>(at: *const u8, mask: u8) -> __m512d {
    // SAFETY: a masked load reads no more than its mask says.
    unsafe {
        match BYTES {
            F32_BYTES => _mm512_cvtps_pd(_mm256_maskz_loadu_ps(mask, at.cast())),
            F16_BYTES => _mm512_cvtps_pd(_mm256_cvtph_ps(_mm_maskz_loadu_epi16(mask, at.cast()))),
            _ => {
                let codes = _mm_maskz_loadu_epi8(mask.into(), at.cast());
                _mm512_cvtepi32_pd(_mm256_cvtepi8_epi32(codes))
            }
        }
    }
}

/// The partial sums added up in their fixed order.
#[target_feature(enable = "avx512f")]
#[inline]
fn total([low, high]: [__m512d; PARTS]) -> f64 {
    let eight = _mm512_add_pd(low, high);
    let four = _mm256_add_pd(_mm512_castpd512_pd256(eight), _mm512_extractf64x4_pd::<1>(eight));
    let two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd::<1>(four));
    _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)))
}

/// See [`crate::Kernels::dots_codes`], which checks the lengths.
///
/// The instruction multiplies bytes without by bytes with a sign: 128 is added to the rows' codes
/// and their product with the query taken off in the end.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(crate) fn dots_codes(query: &[i8], rows: &[u8], sums: &mut [i32]) {
    let stride = query.len();
    let excess = 128 * query.iter().map(|&code| i32::from(code)).sum::<i32>();
    let mut blocks = sums.chunks_exact_mut(ROWS);
    let mut at = 0;
    for sums in &mut blocks {
        let block = &rows[at..at + ROWS * stride];
        sums.copy_from_slice(&block_of_codes::<ROWS>(query, block).map(|sum| sum - excess));
        at += ROWS * stride;
    }
    for sum in blocks.into_remainder() {
        let [product] = block_of_codes::<1>(query, &rows[at..at + stride]);
        *sum = product - excess;
        at += stride;
    }
}

/// The products with `N` rows, to each of whose codes 128 is added.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
#[allow(unsafe_code)]
#[inline]
fn block_of_codes<const N: usize>(query: &[i8], rows: &[u8]) -> [i32; N] {
    let dims = query.len();
    assert!(rows.len() == N * dims);
    let whole = dims - dims % CODES;
    let sign = _mm512_set1_epi8(i8::MIN);
    let mut sums = [_mm512_setzero_si512(); N];
    for dim in (0..whole).step_by(CODES) {
        // SAFETY: `dim` is at least 64 below `dims`, the length of the query.
        let query = unsafe { _mm512_loadu_si512(query.as_ptr().add(dim).cast()) };
        for row in 0..N {
            // SAFETY: as above; the rows' length is asserted.
            let at = unsafe { rows.as_ptr().add(row * dims + dim) };
            if N == ROWS {
                prefetch_ahead(at.wrapping_add(AHEAD_BYTES));
            }
            // SAFETY: as above.
            let codes = unsafe { _mm512_loadu_si512(at.cast()) };
            sums[row] = _mm512_dpbusd_epi32(sums[row], _mm512_xor_si512(codes, sign), query);
        }
    }
    if whole < dims {
        let mask = (1u64 << (dims - whole)) - 1;
        // SAFETY: the mask ends with the query.
        let query = unsafe { _mm512_maskz_loadu_epi8(mask, query.as_ptr().add(whole)) };
        for row in 0..N {
            let at = rows[row * dims + whole..].as_ptr().cast();
            // SAFETY: the mask ends with the row, whose length is asserted.
            let codes = unsafe { _mm512_maskz_loadu_epi8(mask, at) };
            sums[row] = _mm512_dpbusd_epi32(sums[row], _mm512_xor_si512(codes, sign), query);
        }
    }
    core::array::from_fn(|row| _mm512_reduce_add_epi32(sums[row]))
}
