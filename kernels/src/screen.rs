//! Kernels of an output layer whose rows are many and of which few matter: bound all rows by 8-bit
//! products, then compute the few exactly.
//!
//! [`Kernels::screen`] gives every row's largest integer product over the tokens of one text;
//! [`Kernels::dots`] gives exact products of chosen rows. `screen_scalar.rs` is the definition of
//! both. What the integers mean, and which rows they rule out, is the caller's.

use crate::Kernels;
use crate::dispatch::Level;
use crate::screen_scalar as scalar;
#[cfg(target_arch = "x86_64")]
use crate::{screen_avx2 as avx2, screen_avx512 as avx512};

/// Dimensions up to which no sum leaves 32 bits (255 × 127 × 2^15 < 2^31, offset included).
pub const MAX_DIMS: usize = 1 << 15;

/// Rows that lie together in [`PackedRows`].
pub(crate) const STRIP: usize = 64;

/// Dimensions that one instruction multiplies and adds.
pub(crate) const QUAD: usize = 4;

/// Bytes of a strip's four dimensions.
pub(crate) const STRIP_QUAD: usize = STRIP * QUAD;

/// Tokens that lie together in [`TokenValues`].
pub(crate) const TOKEN_LANES: usize = 16;

/// Rows whose exact products [`Kernels::dots`] computes at once.
pub const ROWS_AT_ONCE: usize = 4;

/// Rows of 8-bit codes in the order in which they are read: strips of 64 rows, in each four
/// dimensions of all its rows after the other.
#[derive(Debug, Clone)]
pub struct PackedRows {
    /// `[strips][dims / 4][64 rows][4]`, code + 128.
    pub(crate) bytes: Vec<u8>,
    rows: usize,
    pub(crate) quads: usize,
}

impl PackedRows {
    /// Room for `[rows, dims]`, all codes 0.
    ///
    /// Panics: if `dims` is beyond [`MAX_DIMS`].
    pub fn new(rows: usize, dims: usize) -> Self {
        assert!(dims <= MAX_DIMS, "sums stay within 32 bits");
        let quads = dims.div_ceil(QUAD);
        let bytes = vec![128; rows.div_ceil(STRIP) * quads * STRIP_QUAD];
        Self { bytes, rows, quads }
    }

    /// Sets a row. Shapes: `codes [dims] i8`; what is missing stays as it is.
    ///
    /// Panics: if there is no such row, or `codes` are more than there are dimensions.
    pub fn set(&mut self, row: usize, codes: &[i8]) {
        assert!(row < self.rows && codes.len() <= self.quads * QUAD, "a row of the matrix");
        let first = row / STRIP * self.quads * STRIP_QUAD + row % STRIP * QUAD;
        for (quad, codes) in codes.chunks(QUAD).enumerate() {
            let at = first + quad * STRIP_QUAD;
            for (byte, &code) in self.bytes[at..at + QUAD].iter_mut().zip(codes) {
                *byte = code.cast_unsigned() ^ 0x80;
            }
        }
    }

    /// How many maxima [`Kernels::screen`] writes: the rows, rounded up to whole strips.
    pub fn maxima_len(&self) -> usize {
        self.rows.div_ceil(STRIP) * STRIP
    }
}

/// The tokens of one text as 8-bit codes.
#[derive(Debug, Clone, Default)]
pub struct TokenCodes {
    /// `[tokens][dims / 4 × 4]`
    pub(crate) codes: Vec<i8>,
    /// −128 times the sum of each token's codes: what the rows' offset adds too much.
    pub(crate) offsets: Vec<i32>,
    pub(crate) quads: usize,
}

impl TokenCodes {
    /// Forgets all tokens; those to come have `dims` dimensions.
    pub fn clear(&mut self, dims: usize) {
        self.codes.clear();
        self.offsets.clear();
        self.quads = dims.div_ceil(QUAD);
    }

    /// Appends a token, whose codes come from `codes`; those beyond `dims` are left out.
    pub fn push(&mut self, codes: impl Iterator<Item = i8>) {
        let start = self.codes.len();
        self.codes.extend(codes.take(self.quads * QUAD));
        self.codes.resize(start + self.quads * QUAD, 0);
        let sum: i32 = self.codes[start..].iter().map(|&code| i32::from(code)).sum();
        self.offsets.push(-128 * sum);
    }
}

/// The tokens of one text as exact values, dimension by dimension.
#[derive(Debug, Clone, Default)]
pub struct TokenValues {
    /// `[dims][tokens, rounded up to 16]`; the padding is 0.
    pub(crate) values: Vec<f32>,
    pub(crate) dims: usize,
    pub(crate) width: usize,
}

impl TokenValues {
    /// Takes the tokens of a text. Shapes: `values [tokens, dims]`.
    ///
    /// Panics: if `values` are not whole tokens.
    pub fn fill(&mut self, values: &[f32], dims: usize) {
        assert!(values.len().is_multiple_of(dims.max(1)), "whole tokens");
        let tokens = values.len() / dims.max(1);
        self.dims = dims;
        self.width = tokens.next_multiple_of(TOKEN_LANES);
        self.values.clear();
        self.values.resize(self.width * dims, 0.0);
        // Sixteen tokens at a time, so that what is written lies together.
        for (block, tokens) in values.chunks(TOKEN_LANES * dims.max(1)).enumerate() {
            for dim in 0..dims {
                let at = dim * self.width + block * TOKEN_LANES;
                let lanes = &mut self.values[at..at + TOKEN_LANES];
                for (lane, token) in lanes.iter_mut().zip(tokens.chunks_exact(dims)) {
                    *lane = token[dim];
                }
            }
        }
    }

    /// The width of a row of [`Kernels::dots`]: the tokens, rounded up to 16.
    pub fn width(&self) -> usize {
        self.width
    }
}

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
    /// that starts at 0: it does not depend on how many tokens or rows there are.
    /// Shapes: `rows [4][dims]`, `tokens [tokens, dims]` → `dots [4][tokens.width()]`, whose padding
    /// is 0 (or what 0 × infinity makes of it).
    /// Panics: if a row's length is not `dims`, or `dots` are not four rows.
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
