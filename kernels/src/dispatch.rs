//! The choice of instruction set, made once and carried as a value.

use crate::{GroupCodes, Sums, Sweep, Swept, TermFilter, find, scalar};
#[cfg(target_arch = "x86_64")]
use crate::{avx2, avx512, find_avx512};

/// An instruction set that this machine has. Can only be made by asking the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernels(pub(crate) Level);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// Terms of a row that are looked up one after the other in the time it takes to find one of the
/// query's.
#[cfg(target_arch = "x86_64")]
const ROW_TERMS_PER_QUERY_TERM: usize = 4;

impl Kernels {
    /// The plain definition, which every machine has.
    pub const SCALAR: Kernels = Kernels(Level::Scalar);

    /// All that this machine has, the slowest first.
    pub fn available() -> Vec<Kernels> {
        let mut levels = vec![Kernels(Level::Scalar)];
        #[cfg(target_arch = "x86_64")]
        {
            if avx2::is_available() {
                levels.push(Kernels(Level::Avx2));
            }
            if avx512::is_available() {
                levels.push(Kernels(Level::Avx512));
            }
        }
        levels
    }

    /// The fastest that this machine has.
    pub fn detect() -> Kernels {
        Self::available().pop().unwrap_or(Self::SCALAR)
    }

    /// The instruction set's name.
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512",
        }
    }

    /// Adds to every group what its largest code adds at most: `code × multiplier ÷ 256`, rounded
    /// up. Shapes: one tail and one code per group; the shorter of the two decides.
    #[allow(unsafe_code)]
    pub fn add_maxima(self, tails: &mut [u16], block_max: &[u8], multiplier: u16) {
        match self.0 {
            Level::Scalar => scalar::add_maxima(tails, block_max, multiplier),
            // SAFETY: `available`, the only place that makes this level, asked the processor.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { avx2::add_maxima(tails, block_max, multiplier) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { avx512::add_maxima(tails, block_max, multiplier) },
        }
    }

    /// How many codes are at least `least`.
    #[allow(unsafe_code)]
    pub fn count_reaching(self, codes: &[u8], least: u8) -> usize {
        match self.0 {
            // SAFETY: `available`, the only place that makes this level, asked the processor.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { find_avx512::count_reaching(codes, least) },
            _ => find::count_reaching(codes, least),
        }
    }

    /// Appends `code << 16 | row` for every entry of a gap list whose code is at least `least` (1 or
    /// more), rows ascending.
    #[allow(unsafe_code)]
    pub fn find_in_gaps(self, gaps: &[u8], codes: &[u8], least: u8, found: &mut Vec<u32>) {
        match self.0 {
            // SAFETY: `available`, the only place that makes this level, asked the processor.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { find_avx512::find_in_gaps(gaps, codes, least, found) },
            _ => find::find_in_gaps(gaps, codes, least, found),
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
            Level::Avx512 => unsafe { find_avx512::find_in_groups(list, block_max, least, found) },
            _ => find::find_in_groups(list, block_max, least, found),
        }
    }

    /// Adds what a gap list's codes add, rounded up, at some rows: `sum << 16 | row`, rows ascending.
    /// Sums must not leave 16 bits, which is the caller's to keep.
    #[allow(unsafe_code)]
    pub fn add_gaps_at(self, gaps: &[u8], codes: &[u8], multiplier: u16, rows: &mut [u32]) {
        match self.0 {
            // SAFETY: `available`, the only place that makes this level, asked the processor.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { find_avx512::add_gaps_at(gaps, codes, multiplier, rows) },
            _ => find::add_gaps_at(gaps, codes, multiplier, rows),
        }
    }

    /// Finds the terms of a row that may belong to a query.
    ///
    /// Shapes: `terms` the query's, ascending; `filter` one bit for each of them, at its residue
    /// modulo 65,536; `lows` one byte per term of the row, `highs` the bit vector of their high parts
    /// (bit `b`, the `i`-th that is set, makes term `i` `(b − i) × 256 + low`). Writes
    /// `position << 32 | term`, ascending, for every term of the row that the query has, and perhaps
    /// for others with the residue of one; returns how many.
    ///
    /// Panics: unless `found` holds one entry more than the row or the query has terms, whichever
    /// is more.
    #[allow(unsafe_code)]
    pub fn match_terms(
        self,
        (terms, filter): (&[u32], &TermFilter),
        lows: &[u8],
        highs: &[u8],
        found: &mut [u64],
    ) -> usize {
        assert!(found.len() > lows.len().max(terms.len()), "room to write, once in vain");
        match self.0 {
            // SAFETY: `available`, the only place that makes this level, asked the processor.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 if terms.len() * ROW_TERMS_PER_QUERY_TERM <= lows.len() => unsafe {
                avx512::match_terms(terms, lows, highs, found)
            },
            _ => scalar::match_terms(lows, highs, filter, found),
        }
    }

    /// Sums groups of rows and keeps the rows whose sum reaches `sweep.least`.
    ///
    /// A group is dropped whole if the largest of `sums` among its admitted rows and its tail cannot
    /// reach `least`. Otherwise every list is added to its 64 rows, `code × multiplier ÷ 256`. While
    /// `least` is no more than the number of lists, each part is rounded up, so that a row with any
    /// code has a sum above 0; above that, each part is rounded down, and one for every list is added
    /// at the end to all rows. So the sum of a survivor never understates, and overstates by no more
    /// than the number of lists. Survivors are appended as `sum << 16 | row`, in ascending row, as
    /// long as the vector's capacity has room for 128 more (some levels go on while there is room for
    /// 64), and are the same at every level. The swept part of `sums` is 0 afterwards.
    ///
    /// Panics: if `survivors` has room for fewer than 128 in all; if `groups` exceed `sums`, `tails`,
    /// `admitted` or a list; if `least` is 0; if the rank
    /// of a summed group leads outside the codes (some levels: or to fewer than [`crate::GROUP`] of
    /// them). Sums must not leave 16 bits, one for every list included, which is the caller's to keep.
    #[allow(unsafe_code)]
    pub fn sweep(
        self,
        sums: &mut Sums,
        groups: std::ops::Range<usize>,
        sweep: &Sweep<'_>,
        survivors: &mut Vec<u32>,
    ) -> Swept {
        assert!(sweep.least > 0, "a row without any code is no survivor");
        assert!(survivors.capacity() >= 2 * crate::GROUP, "room for the rows of two groups");
        assert!(sweep.covers(groups.end), "tails, admitted rows and lists cover all groups");
        let is_up = usize::from(sweep.least) <= sweep.lists.len();
        match (self.0, is_up) {
            (Level::Scalar, _) => scalar::sweep(sums, groups, sweep, is_up, survivors),
            // SAFETY: `available`, the only place that makes this level, asked the processor.
            #[cfg(target_arch = "x86_64")]
            (Level::Avx2, false) => unsafe { avx2::sweep::<false>(sums, groups, sweep, survivors) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            (Level::Avx2, true) => unsafe { avx2::sweep::<true>(sums, groups, sweep, survivors) },
            // SAFETY: as above, and that the slices cover the groups is asserted above.
            #[cfg(target_arch = "x86_64")]
            (Level::Avx512, false) => unsafe {
                avx512::sweep::<false>(sums, groups, sweep, survivors)
            },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            (Level::Avx512, true) => unsafe {
                avx512::sweep::<true>(sums, groups, sweep, survivors)
            },
        }
    }
}
