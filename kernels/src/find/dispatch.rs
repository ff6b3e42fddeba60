//! Which instruction set finds rows and looks them up.
//!
//! There are no kernels for AVX2 here: machines that have no more run the definition.

#[cfg(target_arch = "x86_64")]
use super::avx512;
use super::scalar;
use crate::{
    groups::GroupCodes,
    level::{Kernels, Level},
};

impl Kernels {
    /// How many codes are at least `least`.
    #[allow(unsafe_code)]
    pub fn count_reaching(self, codes: &[u8], least: u8) -> usize {
        match self.0 {
            // SAFETY: `available`, the only place that makes this level, asked the processor.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { avx512::count_reaching(codes, least) },
            _ => scalar::count_reaching(codes, least),
        }
    }

    /// Appends `code << 16 | row` for every entry of a gap list whose code is at least `least` (1
    /// or more), rows ascending.
    #[allow(unsafe_code)]
    pub fn find_in_gaps(self, gaps: &[u8], codes: &[u8], least: u8, found: &mut Vec<u32>) {
        match self.0 {
            // SAFETY: `available`, the only place that makes this level, asked the processor.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { avx512::find_in_gaps(gaps, codes, least, found) },
            _ => scalar::find_in_gaps(gaps, codes, least, found),
        }
    }

    /// As [`Kernels::find_in_gaps`], for a long list, of which only groups are read whose maximum
    /// reaches `least`; returns how many. Panics: if these are not among the list's.
    #[allow(unsafe_code)]
    pub fn find_in_groups(
        self,
        list: &GroupCodes<'_>,
        block_max: &[u8],
        least: u8,
        found: &mut Vec<u32>,
    ) -> usize {
        match self.0 {
            // SAFETY: `available`, the only place that makes this level, asked the processor.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { avx512::find_in_groups(list, block_max, least, found) },
            _ => scalar::find_in_groups(list, block_max, least, found),
        }
    }

    /// Adds what a gap list's codes add, rounded up, at some rows: `sum << 16 | row`, rows
    /// ascending. Sums must not leave 16 bits, which is the caller's to keep.
    #[allow(unsafe_code)]
    pub fn add_gaps_at(self, gaps: &[u8], codes: &[u8], multiplier: u16, rows: &mut [u32]) {
        match self.0 {
            // SAFETY: `available`, the only place that makes this level, asked the processor.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { avx512::add_gaps_at(gaps, codes, multiplier, rows) },
            _ => scalar::add_gaps_at(gaps, codes, multiplier, rows),
        }
    }
}
