//! A dense list: one code for every row of the window, then the groups' maxima.
//!
//! `code u8 × groups × 64 (0: no posting); group maximum u8 × groups`. The list is aligned, so that
//! no group of codes lies in two cache lines.

use super::groups::{affords, groups_of};
use crate::{checks::same, error::FormatError, windows::GROUP_ROWS};

/// A list is dense when at least one row in this many has the term.
pub(crate) const DENSE_ONE_ROW_IN: usize = 2;

/// Bytes of a group: codes and maximum.
const GROUP_BYTES: usize = GROUP_ROWS + 1;

/// Whether a list is dense enough for this form and can afford it.
#[inline]
pub(super) fn is_earned(postings: usize, window_rows: usize) -> bool {
    postings * DENSE_ONE_ROW_IN >= window_rows && affords(postings, len_bytes(window_rows))
}

/// Bytes of a list.
#[inline]
pub(super) fn len_bytes(window_rows: usize) -> usize {
    groups_of(window_rows) * GROUP_BYTES
}

/// Appends a list and returns its largest code.
#[inline]
pub(super) fn encode(
    coded: impl Iterator<Item = (usize, u8)>,
    window_rows: usize,
    out: &mut Vec<u8>,
) -> u8 {
    let groups = groups_of(window_rows);
    let start = out.len();
    out.resize(start + groups * GROUP_BYTES, 0);
    let (codes, maxima) = out[start..].split_at_mut(groups * GROUP_ROWS);
    for (row, code) in coded {
        codes[row] = code;
        maxima[row / GROUP_ROWS] = maxima[row / GROUP_ROWS].max(code);
    }
    maxima.iter().copied().fold(0, u8::max)
}

/// The codes and the maxima of the list that starts `bytes`.
#[inline(always)]
pub(super) fn split(bytes: &[u8], groups: usize) -> (&[u8], &[u8]) {
    let (codes, rest) = bytes.split_at(groups * GROUP_ROWS);
    (codes, &rest[..groups])
}

/// Checks that maxima are those of the codes and that no row beyond the window has a code; returns
/// the largest code.
#[inline]
pub(super) fn check(codes: &[u8], block_max: &[u8], window_rows: usize) -> Result<u8, FormatError> {
    for (group, &stored) in codes.chunks(GROUP_ROWS).zip(block_max) {
        let max = group.iter().copied().fold(0, u8::max);
        same("columns", "block maximum", max.into(), stored.into())?;
    }
    let beyond = codes[window_rows..].iter().copied().fold(0, u8::max);
    same("columns", "code beyond the last row", 0, beyond.into())?;
    Ok(block_max.iter().copied().fold(0, u8::max))
}
