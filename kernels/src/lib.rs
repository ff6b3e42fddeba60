//! Inner loops over slices: numbers in, numbers out.
//!
//! `scalar.rs` is the definition of every kernel; `avx2.rs` and `avx512.rs` refine the hot ones behind
//! the same names. [`Kernels`] is the choice among them, made once at run time, and every choice is
//! tested against the definition. Nothing here knows files, queries or documents.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod dense;
#[cfg(target_arch = "x86_64")]
mod dense_avx2;
#[cfg(target_arch = "x86_64")]
mod dense_avx512;
mod dense_scalar;
mod dispatch;
mod find;
#[cfg(target_arch = "x86_64")]
mod find_avx512;
mod prefetch;
mod scalar;
mod screen;
#[cfg(target_arch = "x86_64")]
mod screen_avx2;
#[cfg(target_arch = "x86_64")]
mod screen_avx512;
mod screen_scalar;

pub use dispatch::Kernels;
pub use find::{add_groups_at, add_locals_at, find_in_locals};
pub use prefetch::{prefetch, prefetch_value};
pub use scalar::{GROUP, WINDOW, scatter_gaps, scatter_locals};
pub use screen::{MAX_DIMS, PackedRows, ROWS_AT_ONCE, TokenCodes, TokenValues};

/// One bit for every residue of a term id modulo 65,536.
pub type TermFilter = [u64; 1024];

/// Bytes of a group's head in a bitmap.
pub const HEAD_BYTES: usize = 10;

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

/// The codes of a list that is added to whole groups of [`GROUP`] rows.
#[derive(Debug, Clone, Copy)]
pub enum GroupCodes<'a> {
    /// Codes of the rows whose bits are set.
    Bitmap {
        /// [`HEAD_BYTES`] per group: the bits, little-endian `u64`, and the number of codes before
        /// the group, `u16`.
        heads: &'a [u8],
        /// Codes, with at least [`GROUP`] bytes beyond the last.
        codes: &'a [u8],
    },
    /// One code per row, 0 for none.
    Dense {
        /// [`GROUP`] bytes per group.
        codes: &'a [u8],
    },
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
    fn covers(&self, end: usize) -> bool {
        let is_covered = |list: &GroupList<'_>| match list.codes {
            GroupCodes::Bitmap { heads, .. } => heads.len() >= end * HEAD_BYTES,
            GroupCodes::Dense { codes } => codes.len() >= end * GROUP,
        };
        end <= WINDOW / GROUP
            && self.tails.len() >= end
            && self.admitted.is_none_or(|admitted| admitted.len() >= end)
            && self.lists.iter().all(is_covered)
    }

    fn admitted(&self, group: usize) -> u64 {
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

#[cfg(test)]
mod dense_tests;
#[cfg(test)]
mod screen_tests;
#[cfg(test)]
mod tests;
