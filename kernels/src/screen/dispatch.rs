//! Which instruction set screens an output layer and computes its chosen rows.

#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};
use super::{
    packed::{PackedRows, ROWS_AT_ONCE, TokenCodes, TokenValues},
    scalar,
};
use crate::level::{Kernels, Level};

impl Kernels {
    /// The largest product of each row with any of the tokens, the same at every level.
    ///
    /// Shapes: `rows [rows, dims] i8`, `tokens [tokens, dims] i8` → `maxima [rows] i32`, padding
    /// rows 0 or what they hold; `i32::MIN` without tokens. Units: code × code.
    /// Panics: if the dimensions differ, or `maxima` is not [`PackedRows::maxima_len`] long.
    /// Cost: one pass over the rows' bytes.
    #[allow(unsafe_code)]
    pub fn screen(self, rows: &PackedRows, tokens: &TokenCodes, maxima: &mut [i32]) {
        assert_eq!(rows.quads, tokens.quads, "rows and tokens have the same dimensions");
        assert_eq!(maxima.len(), rows.maxima_len(), "one maximum per row");
        match self.0 {
            Level::Scalar => scalar::screen(rows, tokens, maxima),
            // SAFETY: the level proves AVX2; the byte products are asked for here. The lengths that
            // the kernel relies on are asserted above or follow from how the types are made.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 if avx512::has_byte_products() => unsafe {
                avx512::screen(rows, tokens, maxima)
            },
            // SAFETY: as above; every processor with AVX-512 has AVX2.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 | Level::Avx512 => unsafe { avx2::screen(rows, tokens, maxima) },
        }
    }

    /// Exact products of four rows with all tokens, the same bits at every level.
    ///
    /// Every product is one chain of fused multiplications and additions, in ascending dimension,
    /// that starts at 0: it does not depend on how many tokens or rows there are. Shapes: `rows
    /// [4][dims]`, `tokens [tokens, dims]` → `dots [4][tokens.width()]`, whose padding is 0 (or
    /// what 0 × infinity makes of it). Panics: if a row's length is not `dims`, or `dots` are not
    /// four rows.
    #[allow(unsafe_code)]
    pub fn dots(self, rows: [&[f32]; ROWS_AT_ONCE], tokens: &TokenValues, dots: &mut [f32]) {
        assert!(rows.iter().all(|row| row.len() == tokens.dims), "one value per dimension");
        assert_eq!(dots.len(), ROWS_AT_ONCE * tokens.width, "one product per row and token");
        match self.0 {
            // SAFETY: the level proves AVX-512F; lengths are asserted above, and the width of
            // `TokenValues` is a multiple of 16.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { avx512::dots(rows, tokens, dots) },
            // SAFETY: the level proves AVX2; fused arithmetic is asked for here. Lengths as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 if avx2::has_fused_products() => unsafe { avx2::dots(rows, tokens, dots) },
            _ => scalar::dots(rows, tokens, dots),
        }
    }
}
