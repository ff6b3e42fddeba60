//! Which instruction set computes products of dense vectors.

#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};
use super::{
    scalar,
    values::{F16_BYTES, F32_BYTES, I8_BYTES},
};
use crate::{
    level::{Kernels, Level},
    screen::MAX_DIMS,
};

impl Kernels {
    /// The products of a query with rows of 32-bit floats, the same bits at every level.
    ///
    /// Sixteen partial sums in f64: sum `j` adds up `f64(query[i]) × f64(row[i])`, which are exact,
    /// for `i = j` modulo 16 in ascending `i`. Then, for `w` = 8, 4, 2, 1, sum `j + w` is added to
    /// sum `j` for each `j < w`; sum 0 is the product.
    ///
    /// Shapes: `query [dims]`, `rows [rows, dims] f32`, little-endian, at any address → `sums
    /// [rows]`. All values are finite: sums of others are unspecified. Panics: unless `rows` is as
    /// long as `sums` and `query` say. Cost: one pass over the rows' bytes, as fast as memory gives
    /// them.
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
    /// [`crate::MAX_DIMS`]. Cost: one pass over the rows' bytes, as fast as memory gives them.
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
