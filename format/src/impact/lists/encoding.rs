//! Postings to bytes: the codes of a list, and the choice of its form.

use super::{form::Form, gaps};
use crate::impact::quantize::{column_code, column_step};

/// A list that was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EncodedList {
    pub(crate) postings: usize,
    /// Entries of a gap list, bridges included; the postings of any other.
    pub(crate) entries: usize,
    pub(crate) step: f32,
    pub(crate) max_code: u8,
    pub(crate) form: Form,
    pub(crate) len: usize,
}

/// Encodes postings `(local row, stored weight)`, rows ascending, at the end of `out`.
///
/// Codes are rounded up, in the least step that reaches the list's largest weight.
pub(crate) fn encode(
    postings: &[(u16, f32)],
    window_rows: usize,
    out: &mut Vec<u8>,
) -> EncodedList {
    let weight = |posting: &(u16, f32)| f64::from(posting.1);
    let max = postings.iter().map(weight).fold(0f64, f64::max);
    let step = column_step(max);
    let codes = postings.iter().map(|posting| column_code(weight(posting), step));
    let coded = postings.iter().map(|posting| usize::from(posting.0)).zip(codes);
    let entries = gaps::entries(postings);
    let form = Form::of(postings.len(), entries, window_rows);
    let start = out.len();
    let max_code = form.encode(coded, (postings.len(), entries), window_rows, out);
    let entries = form.stored_entries(postings.len(), entries);
    let len = out.len() - start;
    EncodedList { postings: postings.len(), entries, step, max_code, form, len }
}
