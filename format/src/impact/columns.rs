//! Rows to columns: the inverted side of the file, with its block maxima.
//!
//! Windows are inverted independently, on as many threads as there are, and then laid out
//! term-major (all windows of a term are contiguous). Everything here is derived from stored
//! weights and may be rebuilt at any merge. The bytes of one list are `lists/`.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{
    layout::COLUMNS_TAIL_BYTES,
    lists::{self, EncodedList, LIST_ENTRY_LEN_BYTES, ListEntry},
    rows::RowView,
};
use crate::windows::WINDOW_ROWS;

/// Borrowed rows in file order: what columns are derived from.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// Byte offset of every row in `bytes`, and the end of the last.
    pub(crate) starts: &'a [u64],
    pub(crate) bytes: &'a [u8],
}

impl<'a> Rows<'a> {
    pub(crate) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub(crate) fn row(&self, row: usize) -> RowView<'a> {
        RowView::read(&self.bytes[self.starts[row] as usize..self.starts[row + 1] as usize])
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

/// The lists of one window, ascending by term ordinal.
#[derive(Default)]
struct Window {
    lists: Vec<(u32, EncodedList)>,
    bytes: Vec<u8>,
}

/// Inverts `rows`.
///
/// Cost: about 10 ns a posting on one thread; memory: the columns twice, and one window's
/// postings per thread.
pub(crate) fn invert(rows: Rows<'_>) -> Columns {
    let term_ids = distinct_terms(rows);
    let ordinals = Ordinals::new(&term_ids);
    let windows = in_parallel(rows.windows(), |window| {
        invert_window(rows, window, term_ids.len(), &ordinals)
    });
    let mut columns = lay_out(term_ids.len(), windows);
    columns.term_ids = term_ids;
    columns
}

/// Runs `work` for `0..count` on all cores; results in order.
fn in_parallel<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(count);
    if threads <= 1 {
        return (0..count).map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let run = || {
        let numbers = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        numbers.take_while(|&number| number < count).map(|number| (number, work(number))).collect()
    };
    let mut results: Vec<(usize, T)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, Vec<_>>| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().flat_map(join).collect()
    });
    results.sort_by_key(|result| result.0);
    results.into_iter().map(|result| result.1).collect()
}

fn distinct_terms(rows: Rows<'_>) -> Vec<u32> {
    let mut seen: Vec<bool> = Vec::new();
    let mut wide: Vec<u32> = Vec::new();
    for row in 0..rows.len() {
        for term in rows.row(row).terms() {
            let at = term as usize;
            if at >= Ordinals::TABLE_LIMIT {
                wide.push(term);
                continue;
            }
            if at >= seen.len() {
                seen.resize((at + 1).next_power_of_two(), false);
            }
            seen[at] = true;
        }
    }
    wide.sort_unstable();
    wide.dedup();
    let narrow = seen.iter().enumerate().filter(|(_, seen)| **seen).map(|(term, _)| term as u32);
    narrow.chain(wide).collect()
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

/// Gathers one window's postings term by term (count, then place) and encodes each list.
fn invert_window(rows: Rows<'_>, window: usize, terms: usize, ordinals: &Ordinals<'_>) -> Window {
    let range = rows.window(window);
    let mut ends = vec![0u32; terms + 1];
    for row in range.clone() {
        rows.row(row).terms().for_each(|term| ends[ordinals.of(term) + 1] += 1);
    }
    for ordinal in 0..terms {
        ends[ordinal + 1] += ends[ordinal];
    }
    // After placing, `ends[ordinal]` is the end of the list of `ordinal`.
    let mut postings = vec![(0u16, 0f32); ends[terms] as usize];
    for row in range.clone() {
        let view = rows.row(row);
        let local = (row - range.start) as u16;
        for (term, weight) in view.terms().zip(view.weights()) {
            let end = &mut ends[ordinals.of(term)];
            postings[*end as usize] = (local, weight);
            *end += 1;
        }
    }
    let mut out = Window::default();
    let mut start = 0;
    for (ordinal, &end) in ends[..terms].iter().enumerate() {
        let list = &postings[start..end as usize];
        start = end as usize;
        if !list.is_empty() {
            let list = lists::encode(list, range.len(), &mut out.bytes);
            out.lists.push((ordinal as u32, list));
        }
    }
    out
}

/// Lays the windows' lists out term-major and writes the directory.
fn lay_out(terms: usize, windows: Vec<Window>) -> Columns {
    let mut columns = Columns::default();
    let bytes: usize = windows.iter().map(|window| window.bytes.len()).sum();
    // A list may be preceded by padding.
    let lists = windows.iter().flat_map(|window| &window.lists);
    let padding = lists.map(|(_, list)| list.form.align_bytes() - 1).sum::<usize>();
    columns.bytes.reserve_exact(bytes + padding + COLUMNS_TAIL_BYTES);
    let mut cursors: Vec<_> =
        windows.iter().map(|window| (window.lists.iter().peekable(), 0)).collect();
    for ordinal in 0..terms as u32 {
        columns.term_lists.push((columns.lists.len() / LIST_ENTRY_LEN_BYTES) as u32);
        for (window, (lists, start)) in cursors.iter_mut().enumerate() {
            let Some((_, list)) = lists.next_if(|(of, _)| *of == ordinal) else { continue };
            let offset = columns.bytes.len().next_multiple_of(list.form.align_bytes());
            columns.bytes.resize(offset, 0);
            columns.bytes.extend_from_slice(&windows[window].bytes[*start..*start + list.len]);
            *start += list.len;
            let EncodedList { postings, entries, step, max_code, form, .. } = *list;
            let entry = ListEntry { window, postings, entries, offset, step, form, max_code };
            columns.lists.extend(entry.to_bytes());
        }
    }
    columns.term_lists.push((columns.lists.len() / LIST_ENTRY_LEN_BYTES) as u32);
    columns.bytes.resize(columns.bytes.len() + COLUMNS_TAIL_BYTES, 0);
    columns
}
