//! Rows to columns: the inverted side of the file, with its block maxima.
//!
//! Two passes over the rows. The first counts postings per window and term, which settles every
//! list's form, length and place (term-major: all windows of a term are contiguous); the second
//! fills one window at a time, so that the working set stays a window's. Everything here is
//! derived from stored weights and may be rebuilt at any merge.

use crate::{
    layout::{ALIGN_BYTES, GROUP_ROWS, LIST_ENTRY_LEN_BYTES, WINDOW_GROUPS, WINDOW_ROWS, list_at},
    quantize::{column_code, column_step, power_of_two, round_up},
};

/// A list becomes a dense row of codes when at least one row in this many has the term: adding a
/// dense row costs a byte read per row, scattering a sparse list about eight times that per
/// posting.
pub(crate) const DENSE_ONE_ROW_IN: usize = 8;

/// How a list's codes lie in the columns section. The discriminant is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `u16` local rows ascending, then `u8` codes.
    Sparse = 0,
    /// One `u8` code per row of the window, then one maximum per group.
    Dense = 1,
}

impl Form {
    pub(crate) fn of(postings: usize, window_rows: usize) -> Form {
        if postings * DENSE_ONE_ROW_IN >= window_rows { Form::Dense } else { Form::Sparse }
    }

    /// Bytes of a list of this form, without alignment.
    pub(crate) fn len_bytes(self, postings: usize, window_rows: usize) -> usize {
        match self {
            Form::Sparse => postings * 3,
            Form::Dense => {
                let groups = window_rows.div_ceil(GROUP_ROWS);
                groups * GROUP_ROWS + groups
            }
        }
    }
}

/// Borrowed rows in file order: what columns are derived from.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) starts: &'a [u64],
    pub(crate) exponents: &'a [i16],
    pub(crate) terms: &'a [u32],
    pub(crate) codes: &'a [u16],
}

impl Rows<'_> {
    pub(crate) fn len(&self) -> usize {
        self.exponents.len()
    }

    fn postings_of(&self, row: usize) -> std::ops::Range<usize> {
        self.starts[row] as usize..self.starts[row + 1] as usize
    }

    fn window(&self, window: usize) -> std::ops::Range<usize> {
        window * WINDOW_ROWS..((window + 1) * WINDOW_ROWS).min(self.len())
    }

    fn windows(&self) -> usize {
        self.len().div_ceil(WINDOW_ROWS)
    }
}

/// The four column sections, ready to be written.
#[derive(Default)]
pub(crate) struct Columns {
    pub(crate) term_ids: Vec<u32>,
    pub(crate) term_lists: Vec<u32>,
    pub(crate) lists: Vec<u8>,
    pub(crate) bytes: Vec<u8>,
}

/// Inverts `rows`.
///
/// Cost: about 10 ns a posting; memory: the columns themselves, one counter per (window, term)
/// and one window's postings.
pub(crate) fn invert(rows: Rows<'_>) -> Columns {
    let term_ids = distinct_terms(rows.terms);
    let ordinals = Ordinals::new(&term_ids);
    let counts: Vec<Vec<u32>> = (0..rows.windows())
        .map(|window| {
            let mut counts = vec![0u32; term_ids.len()];
            for row in rows.window(window) {
                for &term in &rows.terms[rows.postings_of(row)] {
                    counts[ordinals.of(term)] += 1;
                }
            }
            counts
        })
        .collect();
    let mut columns = place(&term_ids, &counts, rows);
    for (window, counts) in counts.iter().enumerate() {
        fill_window(rows, window, counts, &ordinals, &mut columns);
    }
    columns.term_ids = term_ids;
    columns
}

fn distinct_terms(terms: &[u32]) -> Vec<u32> {
    let Some(&max) = terms.iter().max() else { return Vec::new() };
    if (max as usize) < Ordinals::TABLE_LIMIT {
        let mut seen = vec![false; max as usize + 1];
        terms.iter().for_each(|&term| seen[term as usize] = true);
        return (0..=max).filter(|&term| seen[term as usize]).collect();
    }
    let mut distinct = terms.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    distinct
}

/// Term id to its position among the distinct terms.
enum Ordinals<'a> {
    Table(Vec<u32>),
    Search(&'a [u32]),
}

impl<'a> Ordinals<'a> {
    /// Largest vocabulary that is looked up by table (16 MB of ordinals).
    const TABLE_LIMIT: usize = 1 << 22;

    fn new(term_ids: &'a [u32]) -> Self {
        match term_ids.last() {
            Some(&max) if (max as usize) < Self::TABLE_LIMIT => {
                let mut table = vec![0; max as usize + 1];
                for (ordinal, &term) in term_ids.iter().enumerate() {
                    table[term as usize] = ordinal as u32;
                }
                Ordinals::Table(table)
            }
            _ => Ordinals::Search(term_ids),
        }
    }

    fn of(&self, term: u32) -> usize {
        match self {
            Ordinals::Table(table) => table[term as usize] as usize,
            Ordinals::Search(ids) => ids.partition_point(|&id| id < term),
        }
    }
}

/// Settles forms and places, term-major, and writes what the first pass knows into the entries.
fn place(term_ids: &[u32], counts: &[Vec<u32>], rows: Rows<'_>) -> Columns {
    let mut columns = Columns::default();
    let mut offset = 0usize;
    for ordinal in 0..term_ids.len() {
        columns.term_lists.push((columns.lists.len() / LIST_ENTRY_LEN_BYTES) as u32);
        for (window, counts) in counts.iter().enumerate() {
            let postings = counts[ordinal] as usize;
            if postings == 0 {
                continue;
            }
            let window_rows = rows.window(window).len();
            let form = Form::of(postings, window_rows);
            if form == Form::Dense {
                offset = offset.next_multiple_of(ALIGN_BYTES);
            }
            let mut entry = [0u8; LIST_ENTRY_LEN_BYTES];
            entry[list_at::WINDOW..][..4].copy_from_slice(&(window as u32).to_le_bytes());
            entry[list_at::POSTINGS..][..4].copy_from_slice(&(postings as u32).to_le_bytes());
            entry[list_at::OFFSET..][..8].copy_from_slice(&(offset as u64).to_le_bytes());
            entry[list_at::FORM] = form as u8;
            columns.lists.extend(entry);
            offset += form.len_bytes(postings, window_rows);
        }
    }
    columns.term_lists.push((columns.lists.len() / LIST_ENTRY_LEN_BYTES) as u32);
    columns.bytes = vec![0; offset];
    columns
}

/// Gathers one window's postings term by term and encodes each list in place.
fn fill_window(
    rows: Rows<'_>,
    window: usize,
    counts: &[u32],
    ordinals: &Ordinals<'_>,
    columns: &mut Columns,
) {
    let range = rows.window(window);
    let mut ends = Vec::with_capacity(counts.len());
    let mut total = 0usize;
    for &count in counts {
        ends.push(total);
        total += count as usize;
    }
    let mut postings = vec![(0u16, 0f64); total];
    for row in range.clone() {
        let step = power_of_two(rows.exponents[row]);
        let local = (row - range.start) as u16;
        for at in rows.postings_of(row) {
            let end = &mut ends[ordinals.of(rows.terms[at])];
            postings[*end] = (local, f64::from(rows.codes[at]) * step);
            *end += 1;
        }
    }
    for (ordinal, (&end, &count)) in ends.iter().zip(counts).enumerate() {
        if count > 0 {
            let entry = columns.entry_of(ordinal, window);
            let list = &postings[end - count as usize..end];
            encode_list(list, range.len(), &mut columns.lists[entry..], &mut columns.bytes);
        }
    }
}

impl Columns {
    /// Byte position of the entry of `ordinal` in `window`, which `place` has made.
    fn entry_of(&self, ordinal: usize, window: usize) -> usize {
        let first = self.term_lists[ordinal] as usize;
        let last = self.term_lists[ordinal + 1] as usize;
        let window_of = |list: usize| {
            crate::layout::u32_at(&self.lists, list * LIST_ENTRY_LEN_BYTES + list_at::WINDOW)
        };
        let list = (first..last)
            .find(|&list| window_of(list) as usize == window)
            .expect("the first pass placed a list for every window with postings");
        list * LIST_ENTRY_LEN_BYTES
    }
}

/// Encodes one list: codes rounded up, its largest code, and the largest rounding error.
fn encode_list(list: &[(u16, f64)], window_rows: usize, entry: &mut [u8], bytes: &mut [u8]) {
    let max = list.iter().fold(0f64, |max, posting| max.max(posting.1));
    let step = column_step(max);
    let offset = crate::layout::u64_at(entry, list_at::OFFSET) as usize;
    let form = Form::of(list.len(), window_rows);
    let out = &mut bytes[offset..offset + form.len_bytes(list.len(), window_rows)];
    let mut max_code = 0u8;
    let mut slack = 0f64;
    for (position, &(local, weight)) in list.iter().enumerate() {
        let code = column_code(weight, step);
        max_code = max_code.max(code);
        slack = slack.max(f64::from(code) * f64::from(step) - weight);
        match form {
            Form::Sparse => {
                out[position * 2..position * 2 + 2].copy_from_slice(&local.to_le_bytes());
                out[list.len() * 2 + position] = code;
            }
            Form::Dense => {
                let groups = window_rows.div_ceil(GROUP_ROWS);
                debug_assert!(groups <= WINDOW_GROUPS);
                out[local as usize] = code;
                let max = &mut out[groups * GROUP_ROWS + local as usize / GROUP_ROWS];
                *max = code.max(*max);
            }
        }
    }
    entry[list_at::STEP..][..4].copy_from_slice(&step.to_le_bytes());
    entry[list_at::SLACK..][..4].copy_from_slice(&round_up(slack).to_le_bytes());
    entry[list_at::MAX_CODE] = max_code;
}
