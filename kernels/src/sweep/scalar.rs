//! The definition of the sweep and of what prepares it, in plain Rust.

use super::window::{GroupList, Sums, Sweep, Swept};
use crate::groups::{GROUP, GroupCodes, WINDOW, contribution_up, group_of_bitmap};

/// What a code adds to a sum, rounded down: less than the truth by less than 1.
fn contribution_down(code: u8, multiplier: u16) -> u16 {
    ((u32::from(code) * u32::from(multiplier)) >> 8) as u16
}

/// Adds `code × multiplier ÷ 256`, rounded up, at each local row of a sparse list.
///
/// Shapes: `locals` little-endian `u16`, two bytes per code. Row numbers beyond the window wrap
/// into it (they cannot occur in a file that passed its checks).
pub fn scatter_locals(sums: &mut Sums, locals: &[u8], codes: &[u8], multiplier: u16) {
    for (local, &code) in locals.chunks_exact(2).zip(codes) {
        let local = usize::from(u16::from_le_bytes([local[0], local[1]]));
        sums.0[local & (WINDOW - 1)] += contribution_up(code, multiplier);
    }
}

/// As [`scatter_locals`], for rows given by the distance from one to the next, the first from the
/// row before the window. A code of 0 adds nothing.
pub fn scatter_gaps(sums: &mut Sums, gaps: &[u8], codes: &[u8], multiplier: u16) {
    let mut row = usize::MAX;
    for (&gap, &code) in gaps.iter().zip(codes) {
        row = row.wrapping_add(usize::from(gap));
        sums.0[row & (WINDOW - 1)] += contribution_up(code, multiplier);
    }
}

/// Adds what each group's largest code adds at most.
#[inline(always)]
pub(crate) fn add_maxima(tails: &mut [u16], block_max: &[u8], multiplier: u16) {
    for (tail, &max) in tails.iter_mut().zip(block_max) {
        *tail += contribution_up(max, multiplier);
    }
}

/// See [`crate::Kernels::sweep`]. `is_rounded_up` tells how the lists' codes are added.
pub(crate) fn sweep(
    sums: &mut Sums,
    groups: std::ops::Range<usize>,
    sweep: &Sweep<'_>,
    is_rounded_up: bool,
    survivors: &mut Vec<u32>,
) -> Swept {
    let rounding = if is_rounded_up { 0 } else { sweep.lists.len() as u16 };
    let mut swept = Swept { next_group: groups.start, ..Swept::default() };
    for group in groups {
        if survivors.capacity() - survivors.len() < GROUP {
            break;
        }
        swept.next_group = group + 1;
        let first = group * GROUP;
        let mut rows = [0u16; GROUP];
        rows.copy_from_slice(&sums.0[first..first + GROUP]);
        sums.0[first..first + GROUP].fill(0);
        let admitted = sweep.admitted(group);
        if admitted == 0 {
            continue;
        }
        let bound = largest(&rows, admitted).saturating_add(sweep.tails[group]);
        if bound < sweep.least {
            swept.highest_dropped = swept.highest_dropped.max(bound);
            continue;
        }
        swept.groups_summed += 1;
        // A row of which every part was rounded down to nothing is dropped as well.
        swept.highest_dropped = swept.highest_dropped.max(rounding);
        for list in sweep.lists {
            match is_rounded_up {
                true => add_group::<true>(&mut rows, list, group),
                false => add_group::<false>(&mut rows, list, group),
            }
        }
        let highest = largest(&rows, admitted).saturating_add(rounding);
        if highest < sweep.least {
            swept.highest_dropped = swept.highest_dropped.max(highest);
            continue;
        }
        for row in admitted_rows(admitted) {
            // A sum of parts rounded down falls short by less than one per part.
            let sum = rows[row].saturating_add(rounding);
            if sum >= sweep.least {
                survivors.push(u32::from(sum) << 16 | (first + row) as u32);
            } else {
                swept.highest_dropped = swept.highest_dropped.max(sum);
            }
        }
    }
    swept
}

fn admitted_rows(admitted: u64) -> impl Iterator<Item = usize> {
    (0..GROUP).filter(move |row| admitted >> row & 1 == 1)
}

/// The largest sum of the admitted rows.
fn largest(rows: &[u16; GROUP], admitted: u64) -> u16 {
    match admitted {
        u64::MAX => rows.iter().copied().fold(0, u16::max),
        _ => admitted_rows(admitted).map(|row| rows[row]).fold(0, u16::max),
    }
}

fn add_group<const UP: bool>(rows: &mut [u16; GROUP], list: &GroupList<'_>, group: usize) {
    // One more than the part rounded down is no less than the part.
    let up = |code: u8| u16::from(UP && code > 0);
    let contribution = |code| contribution_down(code, list.multiplier) + up(code);
    match list.codes {
        GroupCodes::Bitmap { heads, codes } => {
            let (mut mask, rank) = group_of_bitmap(heads, group);
            for &code in &codes[rank..rank + mask.count_ones() as usize] {
                rows[mask.trailing_zeros() as usize] += contribution(code);
                mask &= mask - 1;
            }
        }
        GroupCodes::Dense { codes } => {
            for (row, &code) in rows.iter_mut().zip(&codes[group * GROUP..][..GROUP]) {
                *row += contribution(code);
            }
        }
    }
}
