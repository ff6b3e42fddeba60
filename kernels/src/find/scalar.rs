//! The definition of finding rows one by one and of looking them up, in plain Rust.

use crate::groups::{GROUP, GroupCodes, WINDOW, contribution_up, group_of_bitmap};

/// See [`crate::Kernels::count_reaching`].
pub(crate) fn count_reaching(codes: &[u8], least: u8) -> usize {
    codes.iter().filter(|&&code| code >= least).count()
}

/// See [`crate::Kernels::find_in_gaps`].
pub(crate) fn find_in_gaps(gaps: &[u8], codes: &[u8], least: u8, found: &mut Vec<u32>) {
    let mut row = usize::MAX;
    for (&gap, &code) in gaps.iter().zip(codes) {
        row = row.wrapping_add(usize::from(gap));
        if code >= least {
            found.push(u32::from(code) << 16 | (row & (WINDOW - 1)) as u32);
        }
    }
}

/// As [`crate::Kernels::find_in_gaps`], for a sparse list: `locals` little-endian `u16`, two bytes
/// per code.
pub fn find_in_locals(locals: &[u8], codes: &[u8], least: u8, found: &mut Vec<u32>) {
    for (local, &code) in locals.chunks_exact(2).zip(codes) {
        if code >= least {
            let local = u32::from(u16::from_le_bytes([local[0], local[1]]));
            found.push(u32::from(code) << 16 | (local & (WINDOW - 1) as u32));
        }
    }
}

/// See [`crate::Kernels::find_in_groups`].
pub(crate) fn find_in_groups(
    codes: &GroupCodes<'_>,
    block_max: &[u8],
    least: u8,
    found: &mut Vec<u32>,
) -> usize {
    let mut read = 0;
    for (group, _) in block_max.iter().enumerate().filter(|(_, max)| **max >= least) {
        read += 1;
        let first = (group * GROUP) as u32;
        let mut keep = |row: u32, code: u8| {
            if code >= least {
                found.push(u32::from(code) << 16 | (first + row));
            }
        };
        match *codes {
            GroupCodes::Bitmap { heads, codes } => {
                let (mut mask, rank) = group_of_bitmap(heads, group);
                for &code in &codes[rank..rank + mask.count_ones() as usize] {
                    keep(mask.trailing_zeros(), code);
                    mask &= mask - 1;
                }
            }
            GroupCodes::Dense { codes } => {
                let codes = codes[group * GROUP..][..GROUP].iter();
                codes.enumerate().for_each(|(row, &code)| keep(row as u32, code));
            }
        }
    }
    read
}

/// See [`crate::Kernels::add_gaps_at`].
pub(crate) fn add_gaps_at(gaps: &[u8], codes: &[u8], multiplier: u16, rows: &mut [u32]) {
    let mut entries = gaps.iter().zip(codes);
    let (mut at, mut last) = (0, 0);
    for row in rows {
        let wanted = (*row & 0xffff) + 1;
        while at < wanted {
            let Some((&gap, &code)) = entries.next() else { return };
            at += u32::from(gap);
            last = code;
        }
        if at == wanted {
            *row += u32::from(contribution_up(last, multiplier)) << 16;
        }
    }
}

/// Adds a sparse list's parts at some rows, `sum << 16 | row`, rows ascending.
pub fn add_locals_at(locals: &[u8], codes: &[u8], multiplier: u16, rows: &mut [u32]) {
    let (locals, _) = locals.as_chunks::<2>();
    let mut start = 0;
    for row in rows {
        let wanted = (*row & 0xffff) as u16;
        start += locals[start..].partition_point(|&local| u16::from_le_bytes(local) < wanted);
        match locals.get(start) {
            Some(&local) if u16::from_le_bytes(local) == wanted => {
                *row += u32::from(contribution_up(codes[start], multiplier)) << 16;
            }
            Some(_) => {}
            None => return,
        }
    }
}

/// Adds a long list's parts at some rows, `sum << 16 | row`.
pub fn add_groups_at(codes: &GroupCodes<'_>, multiplier: u16, rows: &mut [u32]) {
    for row in rows {
        let (group, bit) = ((*row & 0xffff) as usize / GROUP, *row as usize % GROUP);
        let code = match *codes {
            GroupCodes::Bitmap { heads, codes } => {
                let (mask, rank) = group_of_bitmap(heads, group);
                let is_set = mask >> bit & 1 == 1;
                let before = (mask & ((1 << bit) - 1)).count_ones() as usize;
                if is_set { codes[rank + before] } else { 0 }
            }
            GroupCodes::Dense { codes } => codes[(*row & 0xffff) as usize],
        };
        *row += u32::from(contribution_up(code, multiplier)) << 16;
    }
}
