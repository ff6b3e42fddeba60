//! How the rows of one window are found: by the sums of all lists, or in one list alone.
//!
//! One list suffices where the others together stay below the threshold. It is chosen where that
//! costs less than summing, by estimates of both. Searching is left to `windows.rs` and
//! `max_score.rs`.

use gleaner_kernels::Kernels;

use crate::sparse::active_list::ActiveList;

/// Windows with at most this many of the query's lists may be answered from one of them, and start
/// from a threshold of their own: with more, no list decides alone, and a start gains too little.
pub(crate) const FEW_LISTS: usize = 2;

// Costs of a window in tenths of nanoseconds: estimates for Zen 5 with AVX-512, not tuned. Only the
// sweep's follows from a measurement (10 µs for seven windows with one term), and the scatter's.
/// Of a sweep without any list.
const SWEEP_COST: usize = 15_000;
/// Of a group of a long list, added or dropped.
const GROUP_COST: usize = 12;
/// Of a posting scattered.
const SCATTER_COST: usize = 6;
/// Of a row found in one list.
const FIND_COST: usize = 50;
/// Of looking a row up in another list.
const LOOK_UP_COST: usize = 60;
/// Rows that reach a code in a group whose maximum does, about.
const ROWS_PER_MAXIMUM: usize = 3;

/// How the rows of a window are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WindowPlan {
    /// All lists are summed.
    Sums(WhySums),
    /// Rows of the first list, the others looked up.
    OneList,
}

/// Why a window is not searched by one list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhySums {
    NoWindow,
    LessEffort,
    ManyLists,
    NoThreshold,
    OthersReach,
    ManyRows,
}

impl WhySums {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::NoWindow => "no window was searched: maxima, filter or deadline ruled them out",
            Self::LessEffort => "columns bound all rows; less effort scales these bounds",
            Self::ManyLists => {
                "columns bound all rows for less than it costs to score them or to look them up"
            }
            Self::NoThreshold => "columns bound all rows; too few match for a threshold to skip by",
            Self::OthersReach => "columns bound all rows; no one list decides who may be a hit",
            Self::ManyRows => {
                "columns bound all rows; one list decides, but too many of its rows may be hits"
            }
        }
    }
}

/// Chooses how the rows of a window are found. Where there are few lists, the one with the largest
/// bound is moved to the front.
pub(crate) fn choose(kernels: Kernels, active: &mut [ActiveList<'_>], least: u16) -> WindowPlan {
    if active.len() > FEW_LISTS {
        return WindowPlan::Sums(WhySums::ManyLists);
    }
    if least == 0 {
        return WindowPlan::Sums(WhySums::NoThreshold);
    }
    active.sort_by_key(|list| std::cmp::Reverse(list.bound()));
    let Some((first, others)) = active.split_first() else {
        return WindowPlan::Sums(WhySums::NoWindow);
    };
    let rest: u32 = others.iter().map(ActiveList::bound).sum();
    if rest >= u32::from(least) {
        return WindowPlan::Sums(WhySums::OthersReach);
    }
    // No code suffices: then no row does, and finding that costs nothing.
    let Some(code) = first.least_code(u32::from(least) - rest) else { return WindowPlan::OneList };
    let reaching = kernels.count_reaching(first.codes_or_maxima(), code);
    let rows = match first.list.column.block_max() {
        Some(_) => reaching * ROWS_PER_MAXIMUM,
        None => reaching,
    };
    match rows * (FIND_COST + others.len() * LOOK_UP_COST) < summing_cost(active) {
        true => WindowPlan::OneList,
        false => WindowPlan::Sums(WhySums::ManyRows),
    }
}

/// What summing lists over a window costs.
fn summing_cost(active: &[ActiveList<'_>]) -> usize {
    let cost = |list: &ActiveList<'_>| match list.list.column.block_max() {
        Some(maxima) => maxima.len() * GROUP_COST,
        None => list.list.postings * SCATTER_COST,
    };
    SWEEP_COST + active.iter().map(cost).sum::<usize>()
}
