//! What the forms share whose lists are added group by group: bitmap and dense.

use crate::windows::GROUP_ROWS;

/// Most bytes a posting may take in a form chosen for its speed.
pub(crate) const GROUPED_BYTES_PER_POSTING: usize = 4;

/// Groups of a window of so many rows.
#[inline]
pub(super) fn groups_of(window_rows: usize) -> usize {
    window_rows.div_ceil(GROUP_ROWS)
}

/// Whether so many postings may take so many bytes for the sake of speed.
#[inline]
pub(super) fn affords(postings: usize, bytes: usize) -> bool {
    bytes <= postings * GROUPED_BYTES_PER_POSTING
}
