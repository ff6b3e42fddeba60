//! The borrowed view of an impact file: rows, terms, lists, block maxima.
//!
//! Values are read in place, little-endian and unaligned, so the bytes may come from any mapping.
//! Everything a view slices was checked by `open.rs`.

use crate::{
    layout::{
        GROUP_ROWS, LIST_ENTRY_LEN_BYTES, Layout, Section, WINDOW_ROWS, f32_at, list_at, u16_at,
        u32_at, u64_at,
    },
    lists::{Form, GROUP_HEAD_BYTES},
    rows::RowView,
};

/// Probes by interpolation before a search of terms halves its range instead.
const INTERPOLATIONS: u32 = 6;

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
        RowView::read(self.row_bytes(row))
    }

    /// The bytes of `row`, for prefetching.
    pub fn row_bytes(&self, row: usize) -> &'a [u8] {
        let starts = self.section(Section::RowStarts);
        let (start, end) = (u64_at(starts, row * 8), u64_at(starts, row * 8 + 8));
        &self.section(Section::Rows)[start as usize..end as usize]
    }

    /// The term id at `ordinal` among the distinct terms.
    pub fn term_id(&self, ordinal: usize) -> u32 {
        u32_at(self.section(Section::Terms), ordinal * 4)
    }

    /// The ordinal of a term id, if any row has it.
    ///
    /// By bits where the ids lie close; else by interpolation first, as ids lie nearly evenly.
    pub fn find_term(&self, term: u32) -> Option<usize> {
        if let Some(bits) = &self.layout.term_bits {
            return bits.find(term);
        }
        let (mut low, mut high) = (0, self.terms());
        for probe in 0.. {
            if low >= high {
                return None;
            }
            let (first, last) = (self.term_id(low), self.term_id(high - 1));
            if term < first || term > last {
                return None;
            }
            let (gone, span) = (u64::from(term - first), u64::from(last - first).max(1));
            let middle = match probe {
                0..INTERPOLATIONS => low + (gone * (high - 1 - low) as u64 / span) as usize,
                _ => low + (high - low) / 2,
            };
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
        view.list_numbers(ordinal).map(move |list| view.list(list))
    }

    /// Number of lists in the file.
    pub fn list_count(&self) -> usize {
        self.section(Section::Lists).len() / LIST_ENTRY_LEN_BYTES
    }

    /// Where a term's lists stand in the directory, windows ascending.
    pub fn list_numbers(&self, ordinal: usize) -> std::ops::Range<usize> {
        let firsts = self.section(Section::TermLists);
        u32_at(firsts, ordinal * 4) as usize..u32_at(firsts, ordinal * 4 + 4) as usize
    }

    /// The size of a list and of its weights, without its codes.
    pub fn list_scale(&self, list: usize) -> ListScale {
        let entry = ListEntry::read(self.section(Section::Lists), list);
        let step = f64::from(entry.step);
        let max_weight = step * f64::from(entry.max_code);
        ListScale { step, max_weight, postings: entry.postings }
    }

    /// The directory bytes that [`ImpactView::list_numbers`] will read, for prefetching.
    pub fn list_numbers_bytes(&self, ordinal: usize) -> &'a [u8] {
        &self.section(Section::TermLists)[ordinal * 4..ordinal * 4 + 8]
    }

    /// The directory bytes of some lists, for prefetching.
    pub fn list_entry_bytes(&self, lists: std::ops::Range<usize>) -> &'a [u8] {
        let (start, end) = (lists.start * LIST_ENTRY_LEN_BYTES, lists.end * LIST_ENTRY_LEN_BYTES);
        &self.section(Section::Lists)[start..end]
    }

    /// The bytes that say where `row` is, for prefetching.
    pub fn row_start_bytes(&self, row: usize) -> &'a [u8] {
        &self.section(Section::RowStarts)[row * 8..row * 8 + 16]
    }

    /// The list at a position in the directory.
    pub fn list(&self, list: usize) -> ListView<'a> {
        let entry = ListEntry::read(self.section(Section::Lists), list);
        // Kernels load whole groups: the tail of the section keeps every such load inside.
        let bytes = &self.section(Section::Columns)[entry.offset..];
        let groups = self.window_rows(entry.window).len().div_ceil(GROUP_ROWS);
        let column = match entry.form {
            Form::Sparse => {
                let (locals, codes) = bytes[..entry.postings * 3].split_at(entry.postings * 2);
                Column::Sparse { locals, codes }
            }
            Form::Gaps => {
                let (gaps, codes) = bytes[..entry.entries * 2].split_at(entry.entries);
                Column::Gaps { gaps, codes }
            }
            Form::Bitmap => {
                let (heads, rest) = bytes.split_at(groups * GROUP_HEAD_BYTES);
                let (block_max, codes) = rest.split_at(groups);
                Column::Bitmap { heads, block_max, codes }
            }
            Form::Dense => {
                let (codes, rest) = bytes.split_at(groups * GROUP_ROWS);
                Column::Dense { codes, block_max: &rest[..groups] }
            }
        };
        ListView {
            window: entry.window,
            postings: entry.postings,
            step: entry.step,
            max_code: entry.max_code,
            column,
        }
    }

    pub(crate) fn section(&self, section: Section) -> &'a [u8] {
        self.layout.slice(section, self.bytes)
    }
}

/// How many weights a list has, and how large they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ListScale {
    /// Weight of one code step.
    pub step: f64,
    /// At least the largest weight.
    pub max_weight: f64,
    /// Rows that have the term.
    pub postings: usize,
}

/// One decoded entry of the list directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListEntry {
    pub(crate) window: usize,
    pub(crate) postings: usize,
    pub(crate) entries: usize,
    pub(crate) offset: usize,
    pub(crate) step: f32,
    pub(crate) form: Form,
    pub(crate) max_code: u8,
}

impl ListEntry {
    /// Reads entry `list`; an unknown form reads as sparse (open refuses it).
    pub(crate) fn read(lists: &[u8], list: usize) -> ListEntry {
        let entry = &lists[list * LIST_ENTRY_LEN_BYTES..][..LIST_ENTRY_LEN_BYTES];
        ListEntry {
            window: u32_at(entry, list_at::WINDOW) as usize,
            postings: usize::from(u16_at(entry, list_at::POSTINGS)) + 1,
            entries: usize::from(u16_at(entry, list_at::ENTRIES)) + 1,
            offset: u64_at(entry, list_at::OFFSET) as usize,
            step: f32_at(entry, list_at::STEP),
            form: Form::from_byte(entry[list_at::FORM]).unwrap_or(Form::Sparse),
            max_code: entry[list_at::MAX_CODE],
        }
    }
}

/// One term's postings in one window.
///
/// Units: `code × step` is at least the stored weight, and exceeds it by at most `step`;
/// `max_code` is the largest code, so `max_code × step` bounds every weight of the list.
#[derive(Debug, Clone, Copy)]
pub struct ListView<'a> {
    /// Window number.
    pub window: usize,
    /// Rows that have the term.
    pub postings: usize,
    /// Weight of one code step.
    pub step: f32,
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
        /// Codes, and at least [`GROUP_ROWS`] bytes beyond the last.
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
