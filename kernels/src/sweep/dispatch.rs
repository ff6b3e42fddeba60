//! Which instruction set sweeps, and what is asserted before it does.

#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};
use super::{
    scalar,
    window::{Sums, Sweep, Swept},
};
use crate::{
    groups::GROUP,
    level::{Kernels, Level},
};

impl Kernels {
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
    /// A group is dropped whole if the largest of `sums` among its admitted rows and its tail
    /// cannot reach `least`. Otherwise every list is added to its 64 rows, `code × multiplier ÷
    /// 256`. While `least` is no more than the number of lists, each part is rounded up, so that a
    /// row with any code has a sum above 0; above that, each part is rounded down, and one for
    /// every list is added at the end to all rows. So the sum of a survivor never understates, and
    /// overstates by no more than the number of lists. Survivors are appended as `sum << 16 | row`,
    /// in ascending row, as long as the vector's capacity has room for 128 more (some levels go on
    /// while there is room for 64), and are the same at every level. The swept part of `sums` is 0
    /// afterwards.
    ///
    /// Panics: if `survivors` has room for fewer than 128 in all; if `groups` exceed `sums`,
    /// `tails`, `admitted` or a list; if `least` is 0; if the rank of a summed group leads outside
    /// the codes (some levels: or to fewer than [`crate::GROUP`] of them). Sums must not leave 16
    /// bits, one for every list included, which is the caller's to keep.
    #[allow(unsafe_code)]
    pub fn sweep(
        self,
        sums: &mut Sums,
        groups: std::ops::Range<usize>,
        sweep: &Sweep<'_>,
        survivors: &mut Vec<u32>,
    ) -> Swept {
        assert!(sweep.least > 0, "a row without any code is no survivor");
        assert!(survivors.capacity() >= 2 * GROUP, "room for the rows of two groups");
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
