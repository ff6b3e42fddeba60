//! The borrowed view of an impact file: rows, terms, lists, block maxima.
//!
//! Values are read in place, little-endian and unaligned, so the bytes may come from any mapping.
//! Everything a view slices was checked by `open.rs`.

use crate::layout::{
    GROUP_ROWS, LIST_ENTRY_LEN_BYTES, Layout, Section, WINDOW_ROWS, f32_at, list_at,
    posting_len_bytes, u16_at, u32_at, u64_at,
};
use crate::{columns::Form, quantize::power_of_two};

/// A validated impact file over borrowed bytes. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct ImpactView<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) layout: &'a Layout,
}

impl<'a> ImpactView<'a> {
    /// Number of rows (documents, empty and deleted ones included).
    pub fn rows(&self) -> usize {
        self.layout.rows
    }

    /// Number of distinct terms.
    pub fn terms(&self) -> usize {
        self.layout.terms
    }

    /// Number of postings.
    pub fn postings(&self) -> u64 {
        self.layout.postings
    }

    /// Number of windows of [`WINDOW_ROWS`] rows; the last may be shorter.
    pub fn windows(&self) -> usize {
        self.rows().div_ceil(WINDOW_ROWS)
    }

    /// Rows of `window`.
    pub fn window_rows(&self, window: usize) -> std::ops::Range<usize> {
        window * WINDOW_ROWS..((window + 1) * WINDOW_ROWS).min(self.rows())
    }

    /// Length in bytes of a section.
    pub fn section_len_bytes(&self, section: Section) -> usize {
        self.layout.slice(section, self.bytes).len()
    }

    /// The document of `row`.
    pub fn doc(&self, row: usize) -> u32 {
        let docs = self.section(Section::RowDocs);
        if docs.is_empty() { row as u32 } else { u32_at(docs, row * 4) }
    }

    /// Whether rows are stored in document order.
    pub fn is_in_document_order(&self) -> bool {
        self.section(Section::RowDocs).is_empty()
    }

    /// The stored vector of `row`.
    pub fn row(&self, row: usize) -> RowView<'a> {
        let starts = self.section(Section::RowStarts);
        let start = u64_at(starts, row * 8) as usize;
        let end = u64_at(starts, row * 8 + 8) as usize;
        let width = posting_len_bytes(self.layout.term_id_bytes);
        let bytes = &self.section(Section::Rows)[start * width..end * width];
        let (terms, codes) = bytes.split_at((end - start) * self.layout.term_id_bytes);
        let exponent = u16_at(self.section(Section::RowExponents), row * 2) as i16;
        RowView { terms, codes, exponent }
    }

    /// The term id at `ordinal` among the distinct terms.
    pub fn term_id(&self, ordinal: usize) -> u32 {
        u32_at(self.section(Section::Terms), ordinal * 4)
    }

    /// The ordinal of a term id, if any row has it.
    pub fn find_term(&self, term: u32) -> Option<usize> {
        let (mut low, mut high) = (0, self.terms());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.term_id(middle).cmp(&term) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(middle),
            }
        }
        None
    }

    /// The lists of a term, one per window that has it, windows ascending.
    pub fn lists(&self, ordinal: usize) -> impl ExactSizeIterator<Item = ListView<'a>> + use<'a> {
        let view = *self;
        view.list_range(ordinal).map(move |list| view.list(list))
    }

    /// Number of lists in the file.
    pub fn list_count(&self) -> usize {
        self.section(Section::Lists).len() / LIST_ENTRY_LEN_BYTES
    }

    pub(crate) fn list_range(&self, ordinal: usize) -> std::ops::Range<usize> {
        let firsts = self.section(Section::TermLists);
        u32_at(firsts, ordinal * 4) as usize..u32_at(firsts, ordinal * 4 + 4) as usize
    }

    /// The list at a position in the directory, whose entry was checked.
    pub(crate) fn list(&self, list: usize) -> ListView<'a> {
        let entry = ListEntry::read(self.section(Section::Lists), list);
        let window_rows = self.window_rows(entry.window).len();
        let len = entry.form.len_bytes(entry.postings, window_rows);
        let bytes = &self.section(Section::Columns)[entry.offset..entry.offset + len];
        let column = match entry.form {
            Form::Sparse => {
                let (locals, codes) = bytes.split_at(entry.postings * 2);
                Column::Sparse { locals, codes }
            }
            Form::Dense => {
                let groups = window_rows.div_ceil(GROUP_ROWS);
                let (codes, group_max) = bytes.split_at(groups * GROUP_ROWS);
                Column::Dense { codes, group_max }
            }
        };
        ListView {
            window: entry.window,
            postings: entry.postings,
            step: entry.step,
            slack: entry.slack,
            max_code: entry.max_code,
            column,
        }
    }

    pub(crate) fn section(&self, section: Section) -> &'a [u8] {
        self.layout.slice(section, self.bytes)
    }
}

/// One decoded entry of the list directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListEntry {
    pub(crate) window: usize,
    pub(crate) postings: usize,
    pub(crate) offset: usize,
    pub(crate) step: f32,
    pub(crate) slack: f32,
    pub(crate) form: Form,
    pub(crate) max_code: u8,
}

impl ListEntry {
    /// Reads entry `list`; any form byte but dense reads as sparse (open refuses others).
    pub(crate) fn read(lists: &[u8], list: usize) -> ListEntry {
        let entry = &lists[list * LIST_ENTRY_LEN_BYTES..][..LIST_ENTRY_LEN_BYTES];
        ListEntry {
            window: u32_at(entry, list_at::WINDOW) as usize,
            postings: u32_at(entry, list_at::POSTINGS) as usize,
            offset: u64_at(entry, list_at::OFFSET) as usize,
            step: f32_at(entry, list_at::STEP),
            slack: f32_at(entry, list_at::SLACK),
            form: if entry[list_at::FORM] == Form::Dense as u8 {
                Form::Dense
            } else {
                Form::Sparse
            },
            max_code: entry[list_at::MAX_CODE],
        }
    }
}

/// One document's stored vector.
///
/// Units: the weight of posting `i` is `code(i) × 2^exponent`, exact in f64.
#[derive(Debug, Clone, Copy)]
pub struct RowView<'a> {
    terms: &'a [u8],
    codes: &'a [u8],
    exponent: i16,
}

impl<'a> RowView<'a> {
    /// Number of postings.
    pub fn len(&self) -> usize {
        self.codes.len() / 2
    }

    /// Whether the document activates no term.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// Exponent of the row's step.
    pub fn exponent(&self) -> i16 {
        self.exponent
    }

    /// The row's step, `2^exponent`.
    pub fn step(&self) -> f64 {
        power_of_two(self.exponent)
    }

    /// Term ids, ascending.
    pub fn terms(&self) -> impl Iterator<Item = u32> + use<'a> {
        let width = self.terms.len().checked_div(self.len()).unwrap_or(2);
        self.terms.chunks_exact(width).map(move |id| match *id {
            [a, b] => u32::from(u16::from_le_bytes([a, b])),
            _ => u32_at(id, 0),
        })
    }

    /// Term ids as little-endian `u16`, when the file stores them so (no id above 65,535).
    pub fn terms_u16(&self) -> Option<&'a [u8]> {
        (self.terms.len() == self.codes.len()).then_some(self.terms)
    }

    /// Codes as little-endian `u16`, parallel to the terms.
    pub fn code_bytes(&self) -> &'a [u8] {
        self.codes
    }

    /// 16-bit codes, parallel to the terms.
    pub fn codes(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.codes.chunks_exact(2).map(|code| u16_at(code, 0))
    }

    /// `(term id, stored weight)` in ascending term id.
    pub fn iter(&self) -> impl Iterator<Item = (u32, f64)> + use<'a> {
        let step = self.step();
        self.terms().zip(self.codes().map(move |code| f64::from(code) * step))
    }
}

/// One term's postings in one window.
///
/// Units: `code × step` is at least the stored weight, and exceeds it by at most `slack`;
/// `max_code` is the largest code, so `max_code × step` bounds every weight of the list.
#[derive(Debug, Clone, Copy)]
pub struct ListView<'a> {
    /// Window number.
    pub window: usize,
    /// Rows that have the term.
    pub postings: usize,
    /// Weight of one code step.
    pub step: f32,
    /// Largest excess of a code's value over the stored weight.
    pub slack: f32,
    /// Largest code.
    pub max_code: u8,
    /// The codes.
    pub column: Column<'a>,
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
    /// One code per row of the window (0: term absent), padded to whole groups.
    Dense {
        /// Codes, one byte per row.
        codes: &'a [u8],
        /// The largest code of every group of [`GROUP_ROWS`] rows.
        group_max: &'a [u8],
    },
}
