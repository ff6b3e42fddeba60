//! Rows from one list: MaxScore where a single list must have every row worth keeping.
//!
//! If all lists but one together stay below the threshold, only rows of that one can reach it
//! (Turtle and Flood, 1995). Its codes are compared with the least that can still suffice, 64 at a
//! time, and the other lists are looked up at the few rows found: nothing is summed over the
//! window. `window_plan.rs` says when, `windows.rs` calls. More than one essential list is left to
//! the sums over columns: too many rows survive (ARCHITECTURE.md has the times).

use gleaner_format::Column;
use gleaner_kernels::{GroupCodes, Kernels, add_groups_at, add_locals_at, find_in_locals};

use crate::sparse::active_list::ActiveList;

/// Rows of a window with the sums that bound them: `sum << 16 | row`, rows ascending.
pub(crate) type BoundedRows = Vec<u32>;

/// Finds the rows to which the first list adds at least `least` less what the others add at most,
/// and keeps those whose sum reaches `least`. Returns how many groups were read of a long list.
///
/// `admitted` has one word per group. Panics: if the others alone reach `least`.
pub(crate) fn gather(
    kernels: Kernels,
    lists: &[ActiveList<'_>],
    least: u32,
    admitted: Option<&[u64]>,
    found: &mut BoundedRows,
) -> usize {
    let [first, others @ ..] = lists else { return 0 };
    let mut rest: u32 = others.iter().map(ActiveList::bound).sum();
    let Some(code) = first.least_code(least - rest) else { return 0 };
    let groups = find(kernels, first, code, found);
    retain_admitted(admitted, found);
    for list in others {
        look_up(kernels, list, found);
        rest -= list.bound();
        found.retain(|row| (row >> 16) + rest >= least);
    }
    groups
}

/// A sum that at least `k` admitted rows of the window reach: the `k`-th largest among the rows
/// that are strongest in the first list. `None` if there are too few. `found` is left empty.
pub(crate) fn kth_sum(
    kernels: Kernels,
    lists: &[ActiveList<'_>],
    k: usize,
    admitted: Option<&[u64]>,
    found: &mut BoundedRows,
) -> Option<u32> {
    let (first, others) = lists.split_first()?;
    find(kernels, first, kth_code(kernels, first, k)?, found);
    retain_admitted(admitted, found);
    // Thousands may be tied; any k of them will do.
    found.truncate(k.saturating_mul(2));
    others.iter().for_each(|list| look_up(kernels, list, found));
    let kth = (found.len() >= k)
        .then(|| *found.select_nth_unstable_by_key(k - 1, |row| std::cmp::Reverse(*row)).1 >> 16);
    found.clear();
    kth
}

/// The largest code that at least `k` rows of the list reach, as far as a long list's maxima tell.
fn kth_code(kernels: Kernels, active: &ActiveList<'_>, k: usize) -> Option<u8> {
    let codes = active.codes_or_maxima();
    let (mut low, mut high) = (0, active.list.max_code);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        match kernels.count_reaching(codes, middle) >= k {
            true => low = middle,
            false => high = middle - 1,
        }
    }
    (low > 0).then_some(low)
}

/// Appends the rows whose code is at least `code`; returns the groups read of a long list.
fn find(kernels: Kernels, active: &ActiveList<'_>, code: u8, found: &mut BoundedRows) -> usize {
    let groups = match active.list.column {
        Column::Sparse { locals, codes } => {
            find_in_locals(locals, codes, code, found);
            0
        }
        Column::Gaps { gaps, codes } => {
            kernels.find_in_gaps(gaps, codes, code, found);
            0
        }
        Column::Bitmap { heads, block_max, codes } => {
            kernels.find_in_groups(&GroupCodes::Bitmap { heads, codes }, block_max, code, found)
        }
        Column::Dense { codes, block_max } => {
            kernels.find_in_groups(&GroupCodes::Dense { codes }, block_max, code, found)
        }
    };
    for row in found {
        *row = active.part(*row >> 16) << 16 | (*row & 0xffff);
    }
    groups
}

/// Adds to every row what the list adds.
fn look_up(kernels: Kernels, active: &ActiveList<'_>, found: &mut [u32]) {
    let multiplier = active.multiplier;
    match active.list.column {
        Column::Sparse { locals, codes } => add_locals_at(locals, codes, multiplier, found),
        Column::Gaps { gaps, codes } => kernels.add_gaps_at(gaps, codes, multiplier, found),
        Column::Bitmap { heads, codes, .. } => {
            add_groups_at(&GroupCodes::Bitmap { heads, codes }, multiplier, found);
        }
        Column::Dense { codes, .. } => {
            add_groups_at(&GroupCodes::Dense { codes }, multiplier, found);
        }
    }
}

fn retain_admitted(admitted: Option<&[u64]>, found: &mut BoundedRows) {
    if let Some(groups) = admitted {
        found.retain(|row| groups[(row & 0xffff) as usize / 64] >> (row % 64) & 1 == 1);
    }
}
