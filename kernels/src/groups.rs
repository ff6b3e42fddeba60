//! How rows are grouped, and the codes of a list that is read group by group.
//!
//! A window is [`WINDOW`] rows, a group [`GROUP`] rows of it. Both the sweep and the search for
//! single rows read lists in this form. What a code adds to a sum is here too, for all kernels that
//! add codes.

/// Rows of one window. A power of two, so that masking a row number keeps any input in bounds
/// without a branch.
pub const WINDOW: usize = 32_768;

/// Rows of one group.
pub const GROUP: usize = 64;

/// Bytes of a group's head in a bitmap.
pub const HEAD_BYTES: usize = RANK_AT + 2;

/// Where in a group's head its number of codes begins; the bits come first.
pub const RANK_AT: usize = 8;

/// The codes of a list that is added to whole groups of [`GROUP`] rows.
#[derive(Debug, Clone, Copy)]
pub enum GroupCodes<'a> {
    /// Codes of the rows whose bits are set.
    Bitmap {
        /// [`HEAD_BYTES`] per group: the bits, little-endian `u64`, and the number of codes before
        /// the group, `u16`.
        heads: &'a [u8],
        /// Codes, with at least [`GROUP`] bytes beyond the last.
        codes: &'a [u8],
    },
    /// One code per row, 0 for none.
    Dense {
        /// [`GROUP`] bytes per group.
        codes: &'a [u8],
    },
}

/// What a code adds to a sum, rounded up: at least 1 for every code and multiplier above 0.
pub(crate) fn contribution_up(code: u8, multiplier: u16) -> u16 {
    ((u32::from(code) * u32::from(multiplier) + 255) >> 8) as u16
}

/// The rows of a group that have a code, and the number of codes before it.
#[inline(always)]
pub(crate) fn group_of_bitmap(heads: &[u8], group: usize) -> (u64, usize) {
    let head = &heads[group * HEAD_BYTES..][..HEAD_BYTES];
    let mut mask = [0; 8];
    mask.copy_from_slice(&head[..RANK_AT]);
    let rank = u16::from_le_bytes([head[RANK_AT], head[RANK_AT + 1]]);
    (u64::from_le_bytes(mask), usize::from(rank))
}

#[cfg(test)]
pub(crate) mod tests;
