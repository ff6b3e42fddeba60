//! One list of a query in one window: what its codes add to the sums of rows.
//!
//! A code times the list's multiplier, divided by 256 and rounded up, is the list's part of a sum.
//! Multipliers are computed in `scaled_query.rs`; the loops that add parts are in `kernels`.

use gleaner_format::{Column, ListView};
use gleaner_kernels::prefetch;

/// Units by which one list's part of a sum may exceed its share, roundings at the end included:
/// one for the part itself, one for its multiplier, one for a part rounded down, one for a maximum.
pub(crate) const ROUNDING_UNITS: usize = 4;

/// One list that takes part in a window.
pub(crate) struct ActiveList<'a> {
    pub(crate) list: ListView<'a>,
    /// 256 times what one code step adds to a row's sum.
    pub(crate) multiplier: u16,
}

impl ActiveList<'_> {
    /// The most this list adds to any row's sum.
    pub(crate) fn bound(&self) -> u32 {
        self.part(self.list.max_code.into())
    }

    /// What a code adds to a row's sum.
    pub(crate) fn part(&self, code: u32) -> u32 {
        (code * u32::from(self.multiplier)).div_ceil(256)
    }

    /// The least code that adds at least `part` (1 or more); `None` if no code does.
    pub(crate) fn least_code(&self, part: u32) -> Option<u8> {
        u8::try_from((part - 1) * 256 / u32::from(self.multiplier) + 1).ok()
    }

    /// Asks for what will be read for certain: all of a short list, the maxima of a long one.
    pub(crate) fn fetch(&self) {
        match self.list.column {
            Column::Sparse { locals, codes } => {
                prefetch(locals);
                prefetch(codes);
            }
            Column::Gaps { gaps, codes } => {
                prefetch(gaps);
                prefetch(codes);
            }
            Column::Bitmap { block_max, .. } | Column::Dense { block_max, .. } => {
                prefetch(block_max);
            }
        }
    }

    /// What tells how many rows reach a code: all codes of a short list, the maxima of a long one.
    pub(crate) fn codes_or_maxima(&self) -> &[u8] {
        match self.list.column {
            Column::Sparse { codes, .. } | Column::Gaps { codes, .. } => codes,
            Column::Bitmap { block_max, .. } | Column::Dense { block_max, .. } => block_max,
        }
    }

    /// The most by which it overstates any row's sum: one code step, and roundings.
    pub(crate) fn excess(&self) -> u32 {
        u32::from(self.multiplier) / 256 + ROUNDING_UNITS as u32
    }
}
