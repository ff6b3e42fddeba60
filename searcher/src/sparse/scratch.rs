//! Reusable memory of searches over one segment.
//!
//! Every vector keeps its room from one query to the next. Which values stand in it is the business
//! of `windows.rs`, and of `finalists.rs` for the scorer.

use gleaner_format::{GROUP_ROWS, WINDOW_GROUPS};
use gleaner_kernels::{GroupList, Kernels, Sums};

use crate::sparse::{
    active_list::ActiveList, finalists::RowScorer, max_score::BoundedRows,
    scaled_query::ScaledQuery,
};

/// Room for rows that survive one call of a kernel.
const SURVIVORS: usize = 4 * GROUP_ROWS;

/// Reusable memory of searches. Only candidates grow with the segment, and only by rows that cannot
/// be told apart by their bounds.
pub struct Scratch {
    pub(crate) kernels: Kernels,
    /// All zero between windows.
    pub(crate) sums: Box<Sums>,
    pub(crate) tails: Vec<u16>,
    pub(crate) survivors: Vec<u32>,
    pub(crate) bounded: BoundedRows,
    pub(crate) scorer: RowScorer,
    pub(crate) scaled_queries: Vec<ScaledQuery>,
    pub(crate) lists: Vec<Lists<'static>>,
    pub(crate) candidates: Vec<Vec<Candidate>>,
}

impl Scratch {
    /// Scratch for the given instruction set.
    pub fn new(kernels: Kernels) -> Self {
        Self {
            kernels,
            sums: Sums::new(),
            tails: Vec::with_capacity(WINDOW_GROUPS),
            survivors: Vec::with_capacity(SURVIVORS),
            bounded: BoundedRows::new(),
            scorer: RowScorer::new(kernels),
            scaled_queries: Vec::new(),
            lists: Vec::new(),
            candidates: Vec::new(),
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new(Kernels::detect())
    }
}

/// A row and the sum that bounds it.
#[derive(Clone, Copy)]
pub(crate) struct Candidate(pub(crate) u64);

impl Candidate {
    pub(crate) fn new(sum: u32, row: u32) -> Self {
        Self(u64::from(sum) << 32 | u64::from(row))
    }

    pub(crate) fn sum(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub(crate) fn row(self) -> u32 {
        self.0 as u32
    }
}

/// The lists of a window and of the one after it.
#[derive(Default)]
pub(crate) struct Lists<'a> {
    pub(crate) active: Vec<ActiveList<'a>>,
    pub(crate) ahead: Vec<ActiveList<'a>>,
    /// Those of `active` that are added to whole groups.
    pub(crate) long: Vec<GroupList<'a>>,
}

impl Lists<'_> {
    /// The same memory without its lists, for those of any other segment.
    pub(crate) fn emptied<'b>(self) -> Lists<'b> {
        Lists { active: emptied(self.active), ahead: emptied(self.ahead), long: emptied(self.long) }
    }
}

/// The memory of a vector for values of the same layout: collecting in place keeps it.
fn emptied<T, U>(mut values: Vec<T>) -> Vec<U> {
    values.clear();
    values.into_iter().filter_map(|_| None).collect()
}
