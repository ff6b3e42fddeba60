//! Sets of rows: which documents of a segment may be returned at all.
//!
//! Deletes and filters are applied here, before anything is scored; afterwards would be too late,
//! because dead or filtered documents would have raised the threshold.

use gleaner_format::{GROUP_ROWS, ImpactView};

const _: () = assert!(GROUP_ROWS == 64, "one word of a row set is one group");

/// A set of rows of one segment, one bit per row, one 64-bit word per group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowSet {
    groups: Vec<u64>,
}

impl RowSet {
    /// The rows whose documents satisfy `keep`.
    pub fn from_docs(view: ImpactView<'_>, keep: impl Fn(u32) -> bool) -> Self {
        let mut groups = vec![0u64; view.rows().div_ceil(GROUP_ROWS)];
        for row in 0..view.rows() {
            if keep(view.doc(row)) {
                groups[row / GROUP_ROWS] |= 1 << (row % GROUP_ROWS);
            }
        }
        Self { groups }
    }

    /// Whether `row` is in the set.
    pub fn contains(&self, row: usize) -> bool {
        self.groups.get(row / GROUP_ROWS).is_some_and(|word| word >> (row % GROUP_ROWS) & 1 == 1)
    }

    /// The members of one group, bit `i` for its row `i`.
    pub fn group(&self, group: usize) -> u64 {
        self.groups.get(group).copied().unwrap_or(0)
    }

    /// The members of several groups.
    pub fn groups(&self, groups: std::ops::Range<usize>) -> &[u64] {
        &self.groups[groups]
    }

    /// Whether any row of these groups is in the set.
    pub fn any(&self, groups: std::ops::Range<usize>) -> bool {
        self.groups[groups].iter().any(|&word| word != 0)
    }

    /// The members in ascending order.
    pub fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.groups.iter().enumerate().flat_map(|(group, &word)| {
            let following = |&word: &u64| (word & (word - 1) != 0).then_some(word & (word - 1));
            let rest = std::iter::successors((word != 0).then_some(word), following);
            rest.map(move |word| group * GROUP_ROWS + word.trailing_zeros() as usize)
        })
    }

    /// Number of rows in the set.
    pub fn count(&self) -> u64 {
        self.groups.iter().map(|word| u64::from(word.count_ones())).sum()
    }
}
