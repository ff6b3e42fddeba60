//! The forms of a list, and the only place that tells them apart for their bytes.
//!
//! [`Form`] is what the directory stores, [`Column`] a list's bytes in that form. Every function
//! here asks the file of the form: how long a list is, how it is written, read and checked.
//!
//! A new form is a file like `gaps.rs` and a variant of both enums; the compiler then names the
//! places that miss it. By hand go [`Form::ALL`], the choice in [`Form::of`], and `FORMAT.md`.

use super::{bitmap, dense, gaps, sparse};
use crate::{bytes::ALIGN_BYTES, checks::same, error::FormatError};

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
    /// All forms; the position is the byte in the file.
    pub(crate) const ALL: [Form; 4] = [Form::Sparse, Form::Gaps, Form::Bitmap, Form::Dense];

    /// The form of a list: `entries` counts postings and the bridges a gap list would need.
    #[inline]
    pub(crate) fn of(postings: usize, entries: usize, window_rows: usize) -> Form {
        if dense::is_earned(postings, window_rows) {
            Form::Dense
        } else if bitmap::is_earned(postings, window_rows) {
            Form::Bitmap
        } else if gaps::is_earned(postings, entries) {
            Form::Gaps
        } else {
            Form::Sparse
        }
    }

    #[inline]
    pub(crate) fn from_byte(byte: u8) -> Option<Form> {
        Form::ALL.get(usize::from(byte)).copied()
    }

    /// Bytes of a list of this form, without alignment.
    #[inline]
    pub(crate) fn len_bytes(self, postings: usize, entries: usize, window_rows: usize) -> usize {
        match self {
            Form::Sparse => sparse::len_bytes(postings),
            Form::Gaps => gaps::len_bytes(entries),
            Form::Bitmap => bitmap::len_bytes(postings, window_rows),
            Form::Dense => dense::len_bytes(window_rows),
        }
    }

    /// What the offset of a list of this form is a multiple of.
    #[inline]
    pub(crate) fn align_bytes(self) -> usize {
        match self {
            Form::Sparse | Form::Gaps | Form::Bitmap => 1,
            Form::Dense => ALIGN_BYTES,
        }
    }

    /// The number that the directory stores as entries: of a gap list its bridges as well.
    #[inline]
    pub(super) fn stored_entries(self, postings: usize, entries: usize) -> usize {
        match self {
            Form::Sparse | Form::Bitmap | Form::Dense => postings,
            Form::Gaps => entries,
        }
    }

    /// Checks that a list with these counts in the directory has this form.
    #[inline]
    pub(super) fn check_counts(
        self,
        postings: usize,
        entries: usize,
        window_rows: usize,
    ) -> Result<(), FormatError> {
        let by_counts = Form::of(postings, entries, window_rows);
        let is_hidden = match (self, by_counts) {
            // How many bridges a list would need is only stored where it has them.
            (Form::Sparse, Form::Gaps) => true,
            (Form::Sparse, Form::Sparse | Form::Bitmap | Form::Dense)
            | (Form::Gaps | Form::Bitmap | Form::Dense, _) => false,
        };
        if !is_hidden {
            same("lists", "form", by_counts as u64, self as u64)?;
        }
        let stored = self.stored_entries(postings, entries);
        same("lists", "entries", stored as u64, entries as u64)
    }

    /// Appends a list in this form and returns its largest code.
    ///
    /// Shapes: `coded` are the `postings` as (local row, code), rows ascending; `entries` counts
    /// bridges as well.
    #[inline]
    pub(super) fn encode(
        self,
        coded: impl Iterator<Item = (usize, u8)>,
        (postings, entries): (usize, usize),
        window_rows: usize,
        out: &mut Vec<u8>,
    ) -> u8 {
        match self {
            Form::Sparse => sparse::encode(coded, postings, out),
            Form::Gaps => gaps::encode(coded, entries, out),
            Form::Bitmap => bitmap::encode(coded, window_rows, out),
            Form::Dense => dense::encode(coded, window_rows, out),
        }
    }
}

/// The codes of a list, in the form its density earned.
#[derive(Debug, Clone, Copy)]
pub enum Column<'a> {
    /// Local rows as little-endian `u16` ascending, and one code each.
    Sparse {
        /// Local row numbers, two bytes each.
        locals: &'a [u8],
        /// Codes, one byte each.
        codes: &'a [u8],
    },
    /// Distances from entry to entry, the first from the row before the window.
    Gaps {
        /// Distances, one byte each.
        gaps: &'a [u8],
        /// Codes; 0 for an entry that only bridges a distance.
        codes: &'a [u8],
    },
    /// Codes of the rows whose bits are set, found by group.
    Bitmap {
        /// Ten bytes per group: `u64` mask, bit `i` for its row `i`; `u16` postings before it.
        heads: &'a [u8],
        /// The largest code of every group.
        block_max: &'a [u8],
        /// Codes, and at least [`crate::GROUP_ROWS`] bytes beyond the last.
        codes: &'a [u8],
    },
    /// One code per row of the window (0: term absent), padded to whole groups.
    Dense {
        /// Codes, one byte per row.
        codes: &'a [u8],
        /// The largest code of every group.
        block_max: &'a [u8],
    },
}

impl<'a> Column<'a> {
    /// Reads the list of so many postings and entries that starts `bytes`, in a window of so many
    /// groups.
    // Always inlined, as are the `split`s: otherwise the view goes through memory once more.
    #[inline(always)]
    pub(crate) fn read(
        form: Form,
        bytes: &'a [u8],
        (postings, entries): (usize, usize),
        groups: usize,
    ) -> Self {
        match form {
            Form::Sparse => {
                let (locals, codes) = sparse::split(bytes, postings);
                Column::Sparse { locals, codes }
            }
            Form::Gaps => {
                let (gaps, codes) = gaps::split(bytes, entries);
                Column::Gaps { gaps, codes }
            }
            Form::Bitmap => {
                let (heads, block_max, codes) = bitmap::split(bytes, groups);
                Column::Bitmap { heads, block_max, codes }
            }
            Form::Dense => {
                let (codes, block_max) = dense::split(bytes, groups);
                Column::Dense { codes, block_max }
            }
        }
    }

    /// Checks what a search relies on; returns the list's codes and the largest of them.
    #[inline]
    pub(super) fn check(
        &self,
        postings: usize,
        window_rows: usize,
    ) -> Result<(&'a [u8], u8), FormatError> {
        Ok(match *self {
            Column::Sparse { locals, codes } => (codes, sparse::check(locals, codes, window_rows)?),
            Column::Gaps { gaps, codes } => (codes, gaps::check(gaps, codes, window_rows)?),
            Column::Bitmap { heads, block_max, codes } => {
                let codes = &codes[..postings];
                (codes, bitmap::check(heads, block_max, codes, window_rows)?)
            }
            Column::Dense { codes, block_max } => {
                (codes, dense::check(codes, block_max, window_rows)?)
            }
        })
    }

    /// The largest code of every group, where groups are added whole.
    pub fn block_max(&self) -> Option<&'a [u8]> {
        match *self {
            Column::Bitmap { block_max, .. } | Column::Dense { block_max, .. } => Some(block_max),
            Column::Sparse { .. } | Column::Gaps { .. } => None,
        }
    }

    /// Bytes that reading the whole list touches.
    pub fn len_bytes(&self, postings: usize) -> usize {
        match *self {
            Column::Sparse { locals, codes } => locals.len() + codes.len(),
            Column::Gaps { gaps, codes } => gaps.len() + codes.len(),
            Column::Bitmap { heads, block_max, .. } => heads.len() + block_max.len() + postings,
            Column::Dense { codes, block_max } => codes.len() + block_max.len(),
        }
    }
}
