//! Bytes to view: everything that can be wrong is found here, before anything is searched.
//!
//! Opening reads the whole file: every section's checksum, then every offset, order and maximum
//! that the search relies on, so that not even a file made to deceive can make it panic or wrap.
//! What is left to `verify.rs` is whether columns say what the rows say. What can be wrong inside a
//! list is found in `lists/`, by the file of its form.

use std::ops::RangeInclusive;

use super::{
    layout::{COLUMNS_TAIL_BYTES, ImpactLayout, Section, parse},
    lists::{LIST_ENTRY_LEN_BYTES, ListEntry},
    quantize::FLOATS_EXPONENT,
    rows::RowView,
    terms::TermBits,
    view::ImpactView,
};
use crate::{
    bytes::{u32_at, u64_at},
    checks::{check_ascending, corrupt, same},
    error::FormatError,
    vector::MAX_WEIGHT,
};

/// An opened impact file that owns its bytes: a mapping, a vector, a slice of a larger mapping.
#[derive(Debug)]
pub struct ImpactFile<B> {
    bytes: B,
    layout: ImpactLayout,
}

impl<B: AsRef<[u8]>> ImpactFile<B> {
    /// Checks `bytes` and keeps them.
    ///
    /// Errors: `Foreign`, `Version` or `Corrupt`, naming the section and what contradicts what.
    /// Cost: two passes over the bytes.
    pub fn open(bytes: B) -> Result<Self, FormatError> {
        let mut layout = parse(bytes.as_ref())?;
        check_lengths(&layout)?;
        check_rows(&layout, bytes.as_ref())?;
        check_terms(&layout, bytes.as_ref())?;
        check_lists(&layout, bytes.as_ref())?;
        let ids = layout.slice(Section::Terms, bytes.as_ref()).chunks_exact(4);
        layout.term_bits = TermBits::new(ids.map(|id| u32_at(id, 0)));
        Ok(Self { bytes, layout })
    }

    /// The searchable view.
    pub fn view(&self) -> ImpactView<'_> {
        ImpactView { bytes: self.bytes.as_ref(), layout: &self.layout }
    }
}

fn check_lengths(layout: &ImpactLayout) -> Result<(), FormatError> {
    let (rows, terms) = (layout.rows as u64, layout.terms as u64);
    let row_docs = if layout.sections[Section::RowDocs as usize - 1].1 == 0 { 0 } else { rows };
    let expected = [
        (Section::RowStarts, (rows + 1) * 8),
        (Section::RowDocs, row_docs * 4),
        (Section::Terms, terms * 4),
        (Section::TermLists, (terms + 1) * 4),
    ];
    for (section, len) in expected {
        let found = layout.sections[section as usize - 1].1 as u64;
        same(section.name(), "length in bytes", len, found)?;
    }
    let lists_len = layout.sections[Section::Lists as usize - 1].1;
    same("lists", "odd bytes", 0, (lists_len % LIST_ENTRY_LEN_BYTES) as u64)
}

/// The exponents that a row can have.
fn exponents(row: &RowView<'_>) -> RangeInclusive<i16> {
    if row.keeps_floats() { FLOATS_EXPONENT..=FLOATS_EXPONENT } else { -178..=40 }
}

fn check_rows(layout: &ImpactLayout, bytes: &[u8]) -> Result<(), FormatError> {
    let starts = layout.slice(Section::RowStarts, bytes);
    let rows = layout.slice(Section::Rows, bytes);
    check_ascending("row_starts", starts.chunks_exact(8).map(|start| u64_at(start, 0)), 0)?;
    same("row_starts", "first row", 0, u64_at(starts, 0))?;
    same("row_starts", "end of the last row", rows.len() as u64, u64_at(starts, layout.rows * 8))?;
    let mut postings = 0u64;
    for row in 0..layout.rows {
        let (start, end) = (u64_at(starts, row * 8) as usize, u64_at(starts, row * 8 + 8) as usize);
        if !RowView::is_well_formed(&rows[start..end]) {
            return Err(corrupt("rows", "bytes of a row", row as u64, (end - start) as u64));
        }
        let row = RowView::read(&rows[start..end]);
        let exponent = row.exponent();
        if !exponents(&row).contains(&exponent) {
            return Err(corrupt("rows", "exponent of two", 40, exponent as u16 as u64));
        }
        let is_weight = |weight: f32| weight > 0.0 && weight <= MAX_WEIGHT;
        if row.keeps_floats() && !row.weights().all(is_weight) {
            return Err(corrupt("rows", "weights of a row", row.len() as u64, postings));
        }
        check_ascending("rows", row.terms().map(u64::from), 1)?;
        postings += row.len() as u64;
    }
    same("rows", "postings in all rows", layout.postings, postings)?;
    let mut seen = vec![false; layout.rows];
    for doc in layout.slice(Section::RowDocs, bytes).chunks_exact(4) {
        let doc = u32_at(doc, 0);
        match seen.get_mut(doc as usize) {
            Some(seen) if !*seen => *seen = true,
            _ => return Err(corrupt("row_docs", "document", layout.rows as u64, doc.into())),
        }
    }
    Ok(())
}

fn check_terms(layout: &ImpactLayout, bytes: &[u8]) -> Result<(), FormatError> {
    let ids = layout.slice(Section::Terms, bytes).chunks_exact(4);
    check_ascending("terms", ids.map(|id| u64::from(u32_at(id, 0))), 1)?;
    let firsts = layout.slice(Section::TermLists, bytes);
    let lists = layout.slice(Section::Lists, bytes).len() / LIST_ENTRY_LEN_BYTES;
    // Every term has at least one list: it would not be listed otherwise.
    check_ascending("term_lists", firsts.chunks_exact(4).map(|at| u64::from(u32_at(at, 0))), 1)?;
    same("term_lists", "first list", 0, u64::from(u32_at(firsts, 0)))?;
    same("term_lists", "last list", lists as u64, u64::from(u32_at(firsts, layout.terms * 4)))
}

fn check_lists(layout: &ImpactLayout, bytes: &[u8]) -> Result<(), FormatError> {
    let view = ImpactView { bytes, layout };
    let lists = layout.slice(Section::Lists, bytes);
    let columns_len = layout.slice(Section::Columns, bytes).len();
    let Some(columns_len) = columns_len.checked_sub(COLUMNS_TAIL_BYTES) else {
        return Err(corrupt("columns", "length", COLUMNS_TAIL_BYTES as u64, columns_len as u64));
    };
    let mut postings = 0u64;
    for ordinal in 0..layout.terms {
        let mut window_least = 0;
        for list in view.list_numbers(ordinal) {
            let entry = ListEntry::read(lists, list);
            entry.check(&lists[list * LIST_ENTRY_LEN_BYTES..])?;
            if entry.window < window_least || entry.window >= view.windows() {
                let windows = view.windows() as u64;
                return Err(corrupt("lists", "window", windows, entry.window as u64));
            }
            window_least = entry.window + 1;
            let rows = view.window_rows(entry.window).len();
            entry.check_place(rows, columns_len)?;
            view.list(list).check(rows)?;
            postings += entry.postings as u64;
        }
    }
    same("lists", "postings in all lists", layout.postings, postings)
}
