//! What a sweep of a window works on: sums, lists, tails and a threshold.
//!
//! The kernels rely on [`Sweep::covers`], which the dispatch asserts before it calls one.

use crate::groups::{GROUP, GroupCodes, HEAD_BYTES, WINDOW};

/// Sums of one window of rows: 16 bits each, which the caller's choice of multipliers keeps from
/// wrapping. Aligned, so that no register of sums straddles two cache lines.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub struct Sums(pub [u16; WINDOW]);

impl Sums {
    /// All zero.
    pub fn new() -> Box<Self> {
        Box::new(Self([0; WINDOW]))
    }
}

/// A list to be added group by group.
#[derive(Debug, Clone, Copy)]
pub struct GroupList<'a> {
    /// Where the codes are.
    pub codes: GroupCodes<'a>,
    /// What a code adds: `code × multiplier ÷ 256`.
    pub multiplier: u16,
}

/// What a sweep over the groups of a window needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Sweep<'a> {
    /// Lists to be added.
    pub lists: &'a [GroupList<'a>],
    /// Per group of the window, the most that `lists` together add to any of its rows.
    pub tails: &'a [u16],
    /// Per group, the rows that may survive; `None` for all.
    pub admitted: Option<&'a [u64]>,
    /// Rows whose sum cannot reach this are dropped; at least 1.
    pub least: u16,
}

impl Sweep<'_> {
    /// Whether every slice covers the groups before `end`. Kernels rely on it.
    pub(super) fn covers(&self, end: usize) -> bool {
        let is_covered = |list: &GroupList<'_>| match list.codes {
            GroupCodes::Bitmap { heads, .. } => heads.len() >= end * HEAD_BYTES,
            GroupCodes::Dense { codes } => codes.len() >= end * GROUP,
        };
        end <= WINDOW / GROUP
            && self.tails.len() >= end
            && self.admitted.is_none_or(|admitted| admitted.len() >= end)
            && self.lists.iter().all(is_covered)
    }

    pub(super) fn admitted(&self, group: usize) -> u64 {
        self.admitted.map_or(u64::MAX, |admitted| admitted[group])
    }
}

/// What a sweep found out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// The first group not swept: survivors had filled their buffer.
    pub next_group: usize,
    /// Groups to which lists were added.
    pub groups_summed: usize,
    /// No dropped admitted row has a sum above this, roundings included; less than `least`.
    pub highest_dropped: u16,
}
