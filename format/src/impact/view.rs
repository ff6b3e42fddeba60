//! The borrowed view of an impact file: rows, terms and lists.
//!
//! Values are read in place, little-endian and unaligned, so the bytes may come from any mapping.
//! Everything a view slices was checked by `open.rs`.

use super::{
    layout::{ImpactLayout, Section},
    lists::{Column, LIST_ENTRY_LEN_BYTES, ListEntry, ListScale, ListView},
    rows::RowView,
};
use crate::{
    bytes::{u32_at, u64_at},
    windows::{GROUP_ROWS, WINDOW_ROWS},
};

/// Probes by interpolation before a search of terms halves its range instead.
const INTERPOLATIONS: u32 = 6;

/// A validated impact file over borrowed bytes. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct ImpactView<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) layout: &'a ImpactLayout,
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
        let counts = (entry.postings, entry.entries);
        let column = Column::read(entry.form, bytes, counts, groups);
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
