//! What a search did: counters that say whether skipping works.

use std::time::Instant;

use gleaner_format::ListView;
use serde::Serialize;

/// Work of one search over all segments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Windows of 32,768 rows that were looked at; none where rows are scored without columns.
    pub windows_total: u64,
    /// Windows ruled out by their maxima or without an admitted row.
    pub windows_skipped: u64,
    /// Windows whose rows were found in one list instead of being summed.
    pub windows_by_list: u64,
    /// Groups of 64 rows in these windows.
    pub groups_total: u64,
    /// Groups to which long lists were added, or in which rows were found.
    pub groups_summed: u64,
    /// Groups ruled out by block maxima or without an admitted row.
    pub groups_dropped: u64,
    /// Lists (term and window) that take part.
    pub lists: u64,
    /// Postings of short lists that were added one by one.
    pub postings: u64,
    /// Bytes of columns read: short lists whole, long lists by their maxima and by the groups
    /// summed.
    pub bytes: u64,
    /// Rows scored exactly from their stored weights.
    pub finalists: u64,
    /// Segments whose admitted rows were all scored, without columns: they were few, or the query
    /// had too many terms or too small weights.
    pub segments_by_rows: u64,
    /// Dense vectors compared, by codes where the field has them.
    pub vectors: u64,
    /// Bytes of vectors read for that.
    pub vector_bytes: u64,
    /// Time per phase, zero unless asked for; responses have it in microseconds.
    #[serde(skip)]
    pub phases: Phases,
}

impl Counters {
    /// Adds the work of another search.
    pub fn add(&mut self, other: &Counters) {
        let Counters { windows_total, windows_skipped, windows_by_list, .. } = *other;
        let Counters { groups_total, groups_summed, groups_dropped, .. } = *other;
        let Counters { lists, postings, bytes, finalists, segments_by_rows, .. } = *other;
        let Counters { vectors, vector_bytes, .. } = *other;
        let Phases { plan_ns, scatter_ns, sweep_ns, finalists_ns } = other.phases;
        self.windows_total += windows_total;
        self.windows_skipped += windows_skipped;
        self.windows_by_list += windows_by_list;
        self.groups_total += groups_total;
        self.groups_summed += groups_summed;
        self.groups_dropped += groups_dropped;
        self.lists += lists;
        self.postings += postings;
        self.bytes += bytes;
        self.finalists += finalists;
        self.segments_by_rows += segments_by_rows;
        self.vectors += vectors;
        self.vector_bytes += vector_bytes;
        self.phases.plan_ns += plan_ns;
        self.phases.scatter_ns += scatter_ns;
        self.phases.sweep_ns += sweep_ns;
        self.phases.finalists_ns += finalists_ns;
    }

    /// Counts what finding rows in one list read of it: `read` of the `groups` of a window if it is
    /// long, else all. What is looked up of other lists is not counted.
    pub(crate) fn count_found(&mut self, list: &ListView<'_>, groups: usize, read: usize) {
        self.windows_by_list += 1;
        self.groups_summed += read as u64;
        self.groups_dropped += (groups - read) as u64;
        let bytes = list.column.len_bytes(list.postings);
        self.bytes += match list.column.block_max() {
            None => bytes as u64,
            Some(maxima) => (maxima.len() + (bytes - maxima.len()) * read / groups) as u64,
        };
    }

    /// Counts what summing `summed` of the `groups` of a window read of its lists.
    pub(crate) fn count_window<'a>(
        &mut self,
        lists: impl Iterator<Item = &'a ListView<'a>>,
        groups: usize,
        summed: usize,
    ) {
        self.groups_summed += summed as u64;
        self.groups_dropped += (groups - summed) as u64;
        for list in lists {
            let bytes = list.column.len_bytes(list.postings);
            match list.column.block_max() {
                None => {
                    self.postings += list.postings as u64;
                    self.bytes += bytes as u64;
                }
                Some(maxima) => {
                    let codes = (bytes - maxima.len()) * summed / groups;
                    self.bytes += (maxima.len() + codes) as u64;
                }
            }
        }
    }
}

/// Nanoseconds of one search by phase.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Phases {
    /// Looking up terms and lists, choosing multipliers.
    pub plan_ns: u64,
    /// Adding short lists posting by posting, and the maxima of long ones.
    pub scatter_ns: u64,
    /// Dropping groups of rows and adding long lists to the others.
    pub sweep_ns: u64,
    /// Scoring finalists from their rows.
    pub finalists_ns: u64,
}

/// A clock that runs only when asked to.
pub(crate) struct Clock(Option<Instant>);

impl Clock {
    pub(crate) fn new(is_running: bool) -> Self {
        Self(is_running.then(Instant::now))
    }

    /// Forgets the time since the last lap: it was another search's.
    pub(crate) fn restart(&mut self) {
        if let Some(last) = &mut self.0 {
            *last = Instant::now();
        }
    }

    /// Adds the time since the last lap to `phase`.
    pub(crate) fn lap(&mut self, phase: &mut u64) {
        if let Some(last) = &mut self.0 {
            let now = Instant::now();
            *phase += now.duration_since(*last).as_nanos() as u64;
            *last = now;
        }
    }
}
