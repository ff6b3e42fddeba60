//! A gap list: the distance from row to row, then the codes.
//!
//! `distance u8 × entries; code u8 × entries`. A distance counts from the row before, the first
//! from the row before the window. Distances above 255 are bridged by entries of distance 255 and
//! code 0.

use super::sparse;
use crate::{checks::corrupt, error::FormatError};

/// The largest distance one entry of a gap list covers.
pub(crate) const GAP_MAX: usize = u8::MAX as usize;

/// Whether a gap list takes no more bytes than a sparse one. Shapes: `entries` are the postings and
/// the bridges between them.
#[inline]
pub(super) fn is_earned(postings: usize, entries: usize) -> bool {
    len_bytes(entries) <= sparse::len_bytes(postings)
}

/// Bytes of a list.
#[inline]
pub(super) fn len_bytes(entries: usize) -> usize {
    entries * 2
}

/// Entries that postings need as a gap list: one per posting, one per 255 rows bridged.
#[inline]
pub(super) fn entries(postings: &[(u16, f32)]) -> usize {
    let mut next = 0;
    let bridges = postings.iter().map(|posting| {
        let row = usize::from(posting.0);
        let bridges = (row - next) / GAP_MAX;
        next = row + 1;
        bridges
    });
    bridges.sum::<usize>() + postings.len()
}

/// Appends a list and returns its largest code.
#[inline]
pub(super) fn encode(
    coded: impl Iterator<Item = (usize, u8)>,
    entries: usize,
    out: &mut Vec<u8>,
) -> u8 {
    let mut codes = Vec::with_capacity(entries);
    let mut next = 0;
    for (row, code) in coded {
        while row - next >= GAP_MAX {
            out.push(GAP_MAX as u8);
            codes.push(0);
            next += GAP_MAX;
        }
        out.push((row - next + 1) as u8);
        codes.push(code);
        next = row + 1;
    }
    out.extend_from_slice(&codes);
    codes.into_iter().fold(0, u8::max)
}

/// The distances and the codes of the list that starts `bytes`.
#[inline(always)]
pub(super) fn split(bytes: &[u8], entries: usize) -> (&[u8], &[u8]) {
    bytes[..entries * 2].split_at(entries)
}

/// Checks that distances lead from row to row, none beyond the window, and that only the longest
/// bridge; returns the largest code.
#[inline]
pub(super) fn check(gaps: &[u8], codes: &[u8], window_rows: usize) -> Result<u8, FormatError> {
    let last_row = window_rows as u64 - 1;
    if gaps.contains(&0) {
        return Err(corrupt("columns", "distance", 1, 0));
    }
    let last = gaps.iter().map(|&gap| u64::from(gap)).sum::<u64>() - 1;
    if last > last_row {
        return Err(corrupt("columns", "local row", last_row, last));
    }
    let is_short_bridge = |(&gap, &code): (&u8, &u8)| code == 0 && usize::from(gap) < GAP_MAX;
    match gaps.iter().zip(codes).position(is_short_bridge) {
        Some(at) => Err(corrupt("columns", "distance bridged", GAP_MAX as u64, gaps[at].into())),
        None => Ok(codes.iter().copied().fold(0, u8::max)),
    }
}
