//! One list's bytes: a term's postings in one window, in the form its density earns.
//!
//! Four forms. The thin tail is scattered posting by posting, so its forms are short sequences; the
//! few long lists are added to whole groups of rows at once, so theirs are addressed by group and
//! carry a maximum per group: the block maxima. Where a list lies is `columns.rs`.

use crate::{
    layout::GROUP_ROWS,
    quantize::{column_code, column_step},
};

/// A list is dense when at least one row in this many has the term.
pub(crate) const DENSE_ONE_ROW_IN: usize = 2;
/// A list is a bitmap when at least one row in this many has the term.
pub(crate) const BITMAP_ONE_ROW_IN: usize = 16;
/// Most bytes a posting may take in a form chosen for its speed.
pub(crate) const GROUPED_BYTES_PER_POSTING: usize = 4;
/// The largest distance one entry of a gap list covers.
pub(crate) const GAP_MAX: usize = u8::MAX as usize;
/// Bytes of a group's head in a bitmap: mask and rank.
pub(crate) const GROUP_HEAD_BYTES: usize = 8 + 2;
/// Bytes of a bitmap per group, codes apart.
pub(crate) const BITMAP_HEAD_BYTES: usize = GROUP_HEAD_BYTES + 1;
/// Bytes of a dense list per group: codes, maximum.
pub(crate) const DENSE_GROUP_BYTES: usize = GROUP_ROWS + 1;

/// How a list's codes lie in the columns section. The discriminant is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `u16` local rows ascending, then `u8` codes.
    Sparse = 0,
    /// `u8` distances from row to row, then `u8` codes; distances beyond 255 are bridged by
    /// entries with code 0.
    Gaps = 1,
    /// Per group a mask of rows, the number of postings before it and a maximum; then `u8` codes.
    Bitmap = 2,
    /// One `u8` code per row of the window, then one maximum per group.
    Dense = 3,
}

impl Form {
    /// The form of a list: `entries` counts postings and the bridges a gap list would need.
    pub(crate) fn of(postings: usize, entries: usize, window_rows: usize) -> Form {
        let groups = window_rows.div_ceil(GROUP_ROWS);
        let affords = |bytes: usize| bytes <= postings * GROUPED_BYTES_PER_POSTING;
        if postings * DENSE_ONE_ROW_IN >= window_rows && affords(groups * DENSE_GROUP_BYTES) {
            Form::Dense
        } else if postings * BITMAP_ONE_ROW_IN >= window_rows
            && affords(groups * BITMAP_HEAD_BYTES + postings)
        {
            Form::Bitmap
        } else if entries * 2 <= postings * 3 {
            Form::Gaps
        } else {
            Form::Sparse
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Form> {
        [Form::Sparse, Form::Gaps, Form::Bitmap, Form::Dense].get(usize::from(byte)).copied()
    }

    /// Bytes of a list of this form, without alignment.
    pub(crate) fn len_bytes(self, postings: usize, entries: usize, window_rows: usize) -> usize {
        let groups = window_rows.div_ceil(GROUP_ROWS);
        match self {
            Form::Sparse => postings * 3,
            Form::Gaps => entries * 2,
            Form::Bitmap => groups * BITMAP_HEAD_BYTES + postings,
            Form::Dense => groups * DENSE_GROUP_BYTES,
        }
    }
}

/// What the directory says of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct List {
    pub(crate) postings: usize,
    /// Entries of a gap list, bridges included; the postings of any other.
    pub(crate) entries: usize,
    pub(crate) step: f32,
    pub(crate) max_code: u8,
    pub(crate) form: Form,
    pub(crate) len: usize,
}

/// Encodes postings `(local row, row code)`, rows ascending, at the end of `out`.
///
/// `steps` holds the weight step of every row of the window. Codes are rounded up, in the least
/// step that reaches the list's largest weight.
pub(crate) fn encode(postings: &[(u16, u16)], steps: &[f64], out: &mut Vec<u8>) -> List {
    let weight = |posting: &(u16, u16)| f64::from(posting.1) * steps[usize::from(posting.0)];
    let max = postings.iter().map(weight).fold(0f64, f64::max);
    let step = column_step(max);
    let codes = postings.iter().map(|posting| column_code(weight(posting), step));
    let coded = postings.iter().map(|posting| usize::from(posting.0)).zip(codes);
    let window_rows = steps.len();
    let entries = gap_entries(postings);
    let form = Form::of(postings.len(), entries, window_rows);
    let start = out.len();
    let max_code = match form {
        Form::Sparse => encode_sparse(coded, postings.len(), out),
        Form::Gaps => encode_gaps(coded, entries, out),
        Form::Bitmap => encode_bitmap(coded, window_rows, out),
        Form::Dense => encode_dense(coded, window_rows, out),
    };
    let entries = if form == Form::Gaps { entries } else { postings.len() };
    List { postings: postings.len(), entries, step, max_code, form, len: out.len() - start }
}

/// Entries that a gap list needs: one per posting, one per 255 rows bridged.
fn gap_entries(postings: &[(u16, u16)]) -> usize {
    let mut next = 0;
    let bridges = postings.iter().map(|posting| {
        let row = usize::from(posting.0);
        let bridges = (row - next) / GAP_MAX;
        next = row + 1;
        bridges
    });
    bridges.sum::<usize>() + postings.len()
}

fn encode_sparse(
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

/// A distance counts from the row before, the first from the row before the window.
fn encode_gaps(coded: impl Iterator<Item = (usize, u8)>, entries: usize, out: &mut Vec<u8>) -> u8 {
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

fn encode_bitmap(
    coded: impl Iterator<Item = (usize, u8)>,
    window_rows: usize,
    out: &mut Vec<u8>,
) -> u8 {
    let groups = window_rows.div_ceil(GROUP_ROWS);
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

fn encode_dense(
    coded: impl Iterator<Item = (usize, u8)>,
    window_rows: usize,
    out: &mut Vec<u8>,
) -> u8 {
    let groups = window_rows.div_ceil(GROUP_ROWS);
    let start = out.len();
    out.resize(start + groups * DENSE_GROUP_BYTES, 0);
    let (codes, maxima) = out[start..].split_at_mut(groups * GROUP_ROWS);
    for (row, code) in coded {
        codes[row] = code;
        maxima[row / GROUP_ROWS] = maxima[row / GROUP_ROWS].max(code);
    }
    maxima.iter().copied().fold(0, u8::max)
}
