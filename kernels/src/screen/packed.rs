//! Rows and tokens in the order in which the screen reads them.

/// Dimensions up to which no sum leaves 32 bits (255 × 127 × 2^15 < 2^31, offset included).
pub const MAX_DIMS: usize = 1 << 15;

/// Rows that lie together in [`PackedRows`].
pub(super) const STRIP: usize = 64;

/// Dimensions that one instruction multiplies and adds.
pub(super) const QUAD: usize = 4;

/// Bytes of a strip's four dimensions.
pub(super) const STRIP_QUAD: usize = STRIP * QUAD;

/// Tokens that lie together in [`TokenValues`].
const TOKEN_LANES: usize = 16;

/// Rows whose exact products [`crate::Kernels::dots`] computes at once.
pub const ROWS_AT_ONCE: usize = 4;

/// Rows of 8-bit codes in the order in which they are read: strips of 64 rows, in each four
/// dimensions of all its rows after the other.
#[derive(Debug, Clone)]
pub struct PackedRows {
    /// `[strips][dims / 4][64 rows][4]`, code + 128.
    pub(super) bytes: Vec<u8>,
    rows: usize,
    pub(super) quads: usize,
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

    /// How many maxima [`crate::Kernels::screen`] writes: the rows, rounded up to whole strips.
    pub fn maxima_len(&self) -> usize {
        self.rows.div_ceil(STRIP) * STRIP
    }
}

/// The tokens of one text as 8-bit codes.
#[derive(Debug, Clone, Default)]
pub struct TokenCodes {
    /// `[tokens][dims / 4 × 4]`
    pub(super) codes: Vec<i8>,
    /// −128 times the sum of each token's codes: what the rows' offset adds too much.
    pub(super) offsets: Vec<i32>,
    pub(super) quads: usize,
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
    pub(super) values: Vec<f32>,
    pub(super) dims: usize,
    pub(super) width: usize,
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

    /// The width of a row of [`crate::Kernels::dots`]: the tokens, rounded up to 16.
    pub fn width(&self) -> usize {
        self.width
    }
}
