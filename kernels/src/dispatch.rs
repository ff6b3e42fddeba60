//! The choice of instruction set, made once and carried as a value.

use crate::{Sums, Sweep, Swept, scalar};
#[cfg(target_arch = "x86_64")]
use crate::{avx2, avx512};

/// An instruction set that this machine has. Can only be made by asking the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernels(Level);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

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
    /// Panics: if `groups` exceed `sums`, `tails`, `admitted` or a list; if `least` is 0; if the rank
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
        assert!(sweep.covers(groups.end), "tails, admitted rows and lists cover all groups");
        if usize::from(sweep.least) <= sweep.lists.len() {
            return scalar::sweep(sums, groups, sweep, true, survivors);
        }
        match self.0 {
            Level::Scalar => scalar::sweep(sums, groups, sweep, false, survivors),
            // SAFETY: `available`, the only place that makes this level, asked the processor.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { avx2::sweep(sums, groups, sweep, survivors) },
            // SAFETY: as above, and that the slices cover the groups is asserted above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { avx512::sweep(sums, groups, sweep, survivors) },
        }
    }
}
