//! A sparse list: the row of every posting, then its code.
//!
//! `local row u16 × postings, ascending; code u8 × postings`. Any list can have this form: it is
//! the one for lists so thin that the distances of a gap list would need too many bridges.

use crate::{
    bytes::u16_at,
    checks::{check_ascending, corrupt},
    error::FormatError,
};

/// Bytes of a list.
#[inline]
pub(super) fn len_bytes(postings: usize) -> usize {
    postings * 3
}

/// Appends a list and returns its largest code.
#[inline]
pub(super) fn encode(
    coded: impl Iterator<Item = (usize, u8)>,
    postings: usize,
    out: &mut Vec<u8>,
) -> u8 {
    let mut codes = Vec::with_capacity(postings);
    for (row, code) in coded {
        out.extend((row as u16).to_le_bytes());
        codes.push(code);
    }
    out.extend_from_slice(&codes);
    codes.into_iter().fold(0, u8::max)
}

/// The local rows and the codes of the list that starts `bytes`.
#[inline(always)]
pub(super) fn split(bytes: &[u8], postings: usize) -> (&[u8], &[u8]) {
    bytes[..postings * 3].split_at(postings * 2)
}

/// Checks that rows ascend inside the window; returns the largest code.
#[inline]
pub(super) fn check(locals: &[u8], codes: &[u8], window_rows: usize) -> Result<u8, FormatError> {
    let last_row = window_rows as u64 - 1;
    let locals = locals.chunks_exact(2).map(|local| u64::from(u16_at(local, 0)));
    let last = locals.clone().next_back().unwrap_or(0);
    if last > last_row {
        return Err(corrupt("columns", "local row", last_row, last));
    }
    check_ascending("columns", locals, 1)?;
    Ok(codes.iter().copied().fold(0, u8::max))
}
