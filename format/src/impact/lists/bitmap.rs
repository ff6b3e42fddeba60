//! A bitmap: which rows of each group have the term, the groups' maxima, then the codes.
//!
//! `(mask u64, rank u16) × groups; group maximum u8 × groups; code u8 × postings`. A mask has bit
//! *i* for row *i* of its group, a rank is the number of codes before the group. Kernels load whole
//! groups of codes, so the view of a bitmap goes on beyond its last code.

use super::groups::{affords, groups_of};
use crate::{
    bytes::{u16_at, u64_at},
    checks::{corrupt, same},
    error::FormatError,
    windows::GROUP_ROWS,
};

/// A list is a bitmap when at least one row in this many has the term.
pub(crate) const BITMAP_ONE_ROW_IN: usize = 16;

/// Bytes of a group's head in a bitmap: mask and rank.
pub const GROUP_HEAD_BYTES: usize = GROUP_RANK_AT + 2;

/// Where in a group's head its rank begins; the mask comes first.
pub const GROUP_RANK_AT: usize = 8;

/// Bytes of a group, codes apart: head and maximum.
const GROUP_BYTES: usize = GROUP_HEAD_BYTES + 1;

/// Whether a list is dense enough for this form and can afford it.
#[inline]
pub(super) fn is_earned(postings: usize, window_rows: usize) -> bool {
    postings * BITMAP_ONE_ROW_IN >= window_rows
        && affords(postings, len_bytes(postings, window_rows))
}

/// Bytes of a list.
#[inline]
pub(super) fn len_bytes(postings: usize, window_rows: usize) -> usize {
    groups_of(window_rows) * GROUP_BYTES + postings
}

/// Appends a list and returns its largest code.
#[inline]
pub(super) fn encode(
    coded: impl Iterator<Item = (usize, u8)>,
    window_rows: usize,
    out: &mut Vec<u8>,
) -> u8 {
    let groups = groups_of(window_rows);
    let mut masks = vec![0u64; groups];
    let mut maxima = vec![0u8; groups];
    let mut codes = Vec::new();
    for (row, code) in coded {
        masks[row / GROUP_ROWS] |= 1 << (row % GROUP_ROWS);
        maxima[row / GROUP_ROWS] = maxima[row / GROUP_ROWS].max(code);
        codes.push(code);
    }
    let mut rank = 0;
    for mask in &masks {
        out.extend(mask.to_le_bytes());
        out.extend((rank as u16).to_le_bytes());
        rank += mask.count_ones();
    }
    out.extend_from_slice(&maxima);
    out.extend_from_slice(&codes);
    maxima.into_iter().fold(0, u8::max)
}

/// The heads and the maxima of the list that starts `bytes`, and its codes with all that follows
/// them.
#[inline(always)]
pub(super) fn split(bytes: &[u8], groups: usize) -> (&[u8], &[u8], &[u8]) {
    let (heads, rest) = bytes.split_at(groups * GROUP_HEAD_BYTES);
    let (block_max, codes) = rest.split_at(groups);
    (heads, block_max, codes)
}

/// Checks that masks name rows of the window, that ranks count the bits before them and that maxima
/// are those of the codes; returns the largest code.
#[inline]
pub(super) fn check(
    heads: &[u8],
    block_max: &[u8],
    codes: &[u8],
    window_rows: usize,
) -> Result<u8, FormatError> {
    let mut rank = 0usize;
    for (group, head) in heads.chunks_exact(GROUP_HEAD_BYTES).enumerate() {
        same("columns", "rank of a group", rank as u64, u16_at(head, GROUP_RANK_AT).into())?;
        let mask = u64_at(head, 0);
        let rows = (window_rows - group * GROUP_ROWS).min(GROUP_ROWS);
        if rows < GROUP_ROWS {
            same("columns", "bits beyond the last row", 0, mask >> rows)?;
        }
        let end = rank + mask.count_ones() as usize;
        let of_group = codes
            .get(rank..end)
            .ok_or_else(|| corrupt("columns", "bits of a list", codes.len() as u64, end as u64))?;
        let max = of_group.iter().copied().fold(0, u8::max);
        same("columns", "block maximum", max.into(), block_max[group].into())?;
        rank = end;
    }
    same("columns", "bits of a list", codes.len() as u64, rank as u64)?;
    Ok(block_max.iter().copied().fold(0, u8::max))
}
