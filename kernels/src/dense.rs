//! Kernels of dense vectors that lie one after the other: the products of one query with all of them.
//!
//! [`Kernels::dots_f32`], [`Kernels::dots_f16`] and [`Kernels::dots_i8`] give the exact score, in an
//! order of additions that is part of its definition; [`Kernels::dots_codes`] gives integers that
//! bound it. `dense_scalar.rs` is the definition of all. What the numbers mean is the caller's.

use crate::{Kernels, MAX_DIMS, dense_scalar as scalar, dispatch::Level};
#[cfg(target_arch = "x86_64")]
use crate::{dense_avx2 as avx2, dense_avx512 as avx512};

/// Partial sums of one product: dimension `i` is added to sum `i` modulo 16.
pub(crate) const SUMS: usize = 16;

/// How far ahead of their use bytes are asked for: two pages, because the processor, which would ask
/// by itself, stops at the end of each. Calls of a block of rows or more are taken for a part of a
/// scan, which goes on after the last of them.
#[cfg(target_arch = "x86_64")]
pub(crate) const AHEAD_BYTES: usize = 8192;

/// Bytes of a cache line.
#[cfg(target_arch = "x86_64")]
pub(crate) const LINE_BYTES: usize = 64;

/// Bytes of an f32, an f16 and a code. They tell the kinds of value apart.
pub(crate) const F32_BYTES: usize = 4;
pub(crate) const F16_BYTES: usize = 2;
pub(crate) const I8_BYTES: usize = 1;

impl Kernels {
    /// The products of a query with rows of 32-bit floats, the same bits at every level.
    ///
    /// Sixteen partial sums in f64: sum `j` adds up `f64(query[i]) × f64(row[i])`, which are exact, for
    /// `i = j` modulo 16 in ascending `i`. Then, for `w` = 8, 4, 2, 1, sum `j + w` is added to sum `j`
    /// for each `j < w`; sum 0 is the product.
    ///
    /// Shapes: `query [dims]`, `rows [rows, dims] f32`, little-endian, at any address → `sums [rows]`.
    /// All values are finite: sums of others are unspecified.
    /// Panics: unless `rows` is as long as `sums` and `query` say.
    /// Cost: one pass over the rows' bytes, as fast as memory gives them.
    pub fn dots_f32(self, query: &[f32], rows: &[u8], sums: &mut [f64]) {
        self.dots_of::<F32_BYTES>(query, rows, sums);
    }

    /// As [`Kernels::dots_f32`], for rows of 16-bit floats.
    pub fn dots_f16(self, query: &[f32], rows: &[u8], sums: &mut [f64]) {
        self.dots_of::<F16_BYTES>(query, rows, sums);
    }

    /// As [`Kernels::dots_f32`], for rows of 8-bit codes with a sign, each the number it is.
    pub fn dots_i8(self, query: &[f32], rows: &[u8], sums: &mut [f64]) {
        self.dots_of::<I8_BYTES>(query, rows, sums);
    }

    #[allow(unsafe_code)]
    fn dots_of<const BYTES: usize>(self, query: &[f32], rows: &[u8], sums: &mut [f64]) {
        assert_eq!(rows.len(), sums.len() * query.len() * BYTES, "one value per row and dimension");
        match self.0 {
            // SAFETY: `available`, the only place that makes this level, asked the processor; F16C is a
            // part of AVX-512F. The lengths that the kernels rely on are asserted above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { avx512::dots::<BYTES>(query, rows, sums) },
            // SAFETY: the level proves AVX2; the rest is asked for here. Lengths as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 if avx2::has_fused_products_and_halves() => unsafe {
                avx2::dots::<BYTES>(query, rows, sums)
            },
            _ => scalar::dots::<BYTES>(query, rows, sums),
        }
    }

    /// The products of a query's codes with rows of codes.
    ///
    /// Shapes: `query [dims]`, `rows [rows, dims] i8` → `sums [rows]`. Units: code × code.
    /// Panics: unless `rows` is as long as `sums` and `query` say; if the dimensions are more than
    /// [`MAX_DIMS`]. Cost: one pass over the rows' bytes, as fast as memory gives them.
    #[allow(unsafe_code)]
    pub fn dots_codes(self, query: &[i8], rows: &[u8], sums: &mut [i32]) {
        assert!(query.len() <= MAX_DIMS, "sums stay within 32 bits");
        assert_eq!(rows.len(), sums.len() * query.len(), "one code per row and dimension");
        match self.0 {
            // SAFETY: the level proves AVX-512F, BW and VL; the byte products are asked for here.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 if avx512::has_byte_products() => unsafe {
                avx512::dots_codes(query, rows, sums)
            },
            // SAFETY: the level proves AVX2, which every processor with AVX-512 has.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 | Level::Avx512 => unsafe { avx2::dots_codes(query, rows, sums) },
            Level::Scalar => scalar::dots_codes(query, rows, sums),
        }
    }
}
