//! Bytes to view: everything that can be wrong is found here, before anything is searched.
//!
//! Opening reads the whole file: every section's checksum, then every offset, order and maximum that
//! the search relies on, so that not even a file made to deceive can make it panic or wrap. What is
//! left to `verify.rs` is whether columns say what the rows say.

use std::{fs::File, path::Path};

use crate::{
    error::FormatError,
    layout::{
        ALIGN_BYTES, COLUMNS_TAIL_BYTES, GROUP_ROWS, LIST_ENTRY_LEN_BYTES, Layout, Section,
        WINDOW_ROWS, corrupt, list_at, parse, same, u16_at, u32_at, u64_at,
    },
    lists::{Form, GAP_MAX, GROUP_HEAD_BYTES},
    rows::RowView,
    terms::TermBits,
    view::{Column, ImpactView, ListEntry, ListView},
};

/// An opened impact file that owns its bytes: a mapping, a vector, a slice of a larger mapping.
#[derive(Debug)]
pub struct ImpactFile<B> {
    bytes: B,
    layout: Layout,
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

/// Maps a bare impact file (one outside a tantivy index) for reading.
///
/// Files are immutable once written. If another process truncates one while it is mapped, reading
/// past its new end raises SIGBUS: replace files by renaming, never in place.
///
/// Errors: `Io` with the path.
#[allow(unsafe_code)]
pub fn map_file(path: &Path) -> Result<memmap2::Mmap, FormatError> {
    let io = |source| FormatError::Io { path: path.to_path_buf(), source };
    let file = File::open(path).map_err(io)?;
    // SAFETY: the mapping is read-only and private to this process, and `ImpactFile::open` checks
    // every offset against its length. What no check here can exclude is another process that
    // changes the file underneath; the doc above forbids it.
    unsafe { memmap2::Mmap::map(&file) }.map_err(io)
}

fn check_lengths(layout: &Layout) -> Result<(), FormatError> {
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

fn check_rows(layout: &Layout, bytes: &[u8]) -> Result<(), FormatError> {
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
        if !(-164..=40).contains(&exponent) {
            return Err(corrupt("rows", "exponent of two", 40, exponent as u16 as u64));
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

fn check_terms(layout: &Layout, bytes: &[u8]) -> Result<(), FormatError> {
    let ids = layout.slice(Section::Terms, bytes).chunks_exact(4);
    check_ascending("terms", ids.map(|id| u64::from(u32_at(id, 0))), 1)?;
    let firsts = layout.slice(Section::TermLists, bytes);
    let lists = layout.slice(Section::Lists, bytes).len() / LIST_ENTRY_LEN_BYTES;
    // Every term has at least one list: it would not be listed otherwise.
    check_ascending("term_lists", firsts.chunks_exact(4).map(|at| u64::from(u32_at(at, 0))), 1)?;
    same("term_lists", "first list", 0, u64::from(u32_at(firsts, 0)))?;
    same("term_lists", "last list", lists as u64, u64::from(u32_at(firsts, layout.terms * 4)))
}

/// Every value at least `gap` above the one before it.
fn check_ascending(
    section: &'static str,
    values: impl Iterator<Item = u64>,
    gap: u64,
) -> Result<(), FormatError> {
    let mut least = 0;
    for value in values {
        if value < least {
            return Err(corrupt(section, "ascending order", least, value));
        }
        least = value.saturating_add(gap);
    }
    Ok(())
}

fn check_lists(layout: &Layout, bytes: &[u8]) -> Result<(), FormatError> {
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
            check_entry(&lists[list * LIST_ENTRY_LEN_BYTES..], &entry)?;
            if entry.window < window_least || entry.window >= view.windows() {
                let windows = view.windows() as u64;
                return Err(corrupt("lists", "window", windows, entry.window as u64));
            }
            window_least = entry.window + 1;
            check_place(&entry, view.window_rows(entry.window).len(), columns_len)?;
            check_codes(&view.list(list), view.window_rows(entry.window).len())?;
            postings += entry.postings as u64;
        }
    }
    same("lists", "postings in all lists", layout.postings, postings)
}

/// A list lies inside the section, in the form its counts demand.
fn check_place(entry: &ListEntry, rows: usize, columns_len: usize) -> Result<(), FormatError> {
    if entry.postings > rows || entry.entries > rows {
        return Err(corrupt("lists", "postings", rows as u64, entry.postings as u64));
    }
    let form = Form::of(entry.postings, entry.entries, rows);
    // How many bridges a list would need is only stored where it has them.
    if !matches!((form, entry.form), (Form::Gaps, Form::Sparse)) {
        same("lists", "form", form as u64, entry.form as u64)?;
    }
    if entry.form != Form::Gaps {
        same("lists", "entries", entry.postings as u64, entry.entries as u64)?;
    }
    let len = entry.form.len_bytes(entry.postings, entry.entries, rows);
    if entry.offset.checked_add(len).is_none_or(|end| end > columns_len) {
        return Err(corrupt("lists", "offset", columns_len as u64, entry.offset as u64));
    }
    let misaligned = if form == Form::Dense { entry.offset % ALIGN_BYTES } else { 0 };
    same("lists", "misalignment of a dense list", 0, misaligned as u64)
}

/// What the search relies on without looking again: rows inside the window, codes and block
/// maxima under their maximum, as many codes as postings.
fn check_codes(list: &ListView<'_>, window_rows: usize) -> Result<(), FormatError> {
    let last_row = window_rows as u64 - 1;
    let (codes, max_code) = match list.column {
        Column::Sparse { locals, codes } => {
            let locals = locals.chunks_exact(2).map(|local| u64::from(u16_at(local, 0)));
            let last = locals.clone().next_back().unwrap_or(0);
            if last > last_row {
                return Err(corrupt("columns", "local row", last_row, last));
            }
            check_ascending("columns", locals, 1)?;
            (codes, codes.iter().copied().max())
        }
        Column::Gaps { gaps, codes } => {
            check_gaps(gaps, codes, last_row)?;
            (codes, codes.iter().copied().max())
        }
        Column::Bitmap { heads, block_max, codes } => {
            let codes = &codes[..list.postings];
            check_bitmap(heads, block_max, codes, window_rows)?;
            (codes, block_max.iter().copied().max())
        }
        Column::Dense { codes, block_max } => {
            for (group, &stored) in codes.chunks(GROUP_ROWS).zip(block_max) {
                let max = group.iter().copied().fold(0, u8::max);
                same("columns", "block maximum", max.into(), stored.into())?;
            }
            let beyond = codes[window_rows..].iter().copied().fold(0, u8::max);
            same("columns", "code beyond the last row", 0, beyond.into())?;
            (codes, block_max.iter().copied().max())
        }
    };
    same("lists", "largest code", max_code.unwrap_or(0).into(), list.max_code.into())?;
    let found = codes.iter().filter(|&&code| code > 0).count() as u64;
    same("columns", "codes of a list", list.postings as u64, found)
}

/// Distances lead from row to row, none beyond the window; only the longest bridge.
fn check_gaps(gaps: &[u8], codes: &[u8], last_row: u64) -> Result<(), FormatError> {
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
        None => Ok(()),
    }
}

/// Masks name rows of the window, ranks count the bits before them, maxima are those of the codes.
fn check_bitmap(
    heads: &[u8],
    block_max: &[u8],
    codes: &[u8],
    window_rows: usize,
) -> Result<(), FormatError> {
    let mut rank = 0usize;
    for (group, head) in heads.chunks_exact(GROUP_HEAD_BYTES).enumerate() {
        same("columns", "rank of a group", rank as u64, u16_at(head, 8).into())?;
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
    same("columns", "bits of a list", codes.len() as u64, rank as u64)
}

/// The fields of an entry that need no context.
fn check_entry(bytes: &[u8], entry: &ListEntry) -> Result<(), FormatError> {
    let form = bytes[list_at::FORM];
    if Form::from_byte(form).is_none() {
        return Err(corrupt("lists", "form", Form::Dense as u64, form.into()));
    }
    same("lists", "reserved bytes", 0, u16_at(bytes, list_at::RESERVED).into())?;
    if !entry.step.is_finite() || entry.step <= 0.0 || entry.max_code == 0 {
        return Err(corrupt("lists", "bits of the step", 1, entry.step.to_bits().into()));
    }
    const { assert!(WINDOW_ROWS <= u16::MAX as usize + 1) };
    Ok(())
}
