//! Sets of rows: which documents of a segment may be returned at all.
//!
//! Deletes and filters are applied here, before anything is scored; afterwards would be too late,
//! because dead or filtered documents would have raised the threshold.

use gleaner_format::{GROUP_ROWS, ImpactView};
use roaring::RoaringBitmap;

const _: () = assert!(GROUP_ROWS == 64, "one word of a row set is one group");

/// A set of rows of one segment, one bit per row, one 64-bit word per group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowSet {
    groups: Vec<u64>,
    count: u64,
}

impl RowSet {
    /// The rows whose documents satisfy `keep`.
    pub fn from_docs(view: ImpactView<'_>, keep: impl Fn(u32) -> bool) -> Self {
        let mut groups = vec![0u64; view.rows().div_ceil(GROUP_ROWS)];
        for row in 0..view.rows() {
            groups[row / GROUP_ROWS] |= u64::from(keep(view.doc(row))) << (row % GROUP_ROWS);
        }
        Self::from_groups(groups)
    }

    /// The rows of `docs` that are among `alive` (all if `None`).
    pub(crate) fn from_documents(
        view: ImpactView<'_>,
        docs: &RoaringBitmap,
        alive: Option<&RowSet>,
    ) -> Self {
        let mut groups = vec![0u64; view.rows().div_ceil(GROUP_ROWS)];
        if view.is_in_document_order() {
            docs.iter().for_each(|doc| groups[doc as usize / GROUP_ROWS] |= 1 << (doc % 64));
        } else {
            groups = Self::from_docs(view, |doc| docs.contains(doc)).groups;
        }
        if let Some(alive) = alive {
            groups.iter_mut().zip(&alive.groups).for_each(|(word, alive)| *word &= alive);
        }
        Self::from_groups(groups)
    }

    /// The set without these rows.
    pub(crate) fn without(&self, rows: std::ops::Range<usize>) -> Self {
        let mut groups = self.groups.clone();
        for row in rows.filter(|row| row / GROUP_ROWS < self.groups.len()) {
            groups[row / GROUP_ROWS] &= !(1 << (row % GROUP_ROWS));
        }
        Self::from_groups(groups)
    }

    fn from_groups(groups: Vec<u64>) -> Self {
        let count = groups.iter().map(|word| u64::from(word.count_ones())).sum();
        Self { groups, count }
    }

    #[cfg(test)]
    pub(crate) fn empty() -> Self {
        Self::from_groups(Vec::new())
    }

    /// Whether `row` is in the set.
    pub fn contains(&self, row: usize) -> bool {
        self.groups.get(row / GROUP_ROWS).is_some_and(|word| word >> (row % GROUP_ROWS) & 1 == 1)
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

    /// Number of rows in the set; counted once, when it was made.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Bytes held in memory.
    pub fn len_bytes(&self) -> usize {
        size_of_val(&self.groups[..])
    }
}

/// What a filter admits of a segment.
pub(crate) struct FilteredSegment {
    pub(crate) rows: RowSet,
    /// By condition, whether a document of the segment meets it.
    pub(crate) met: Vec<bool>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use gleaner_format::{ImpactBuilder, ImpactFile, SparseVector};

    use super::*;

    #[test]
    fn rows_are_counted_and_listed_in_order() {
        let mut builder = ImpactBuilder::new();
        (0..300).for_each(|_| builder.push(&SparseVector::default()).unwrap());
        let mut bytes = Vec::new();
        builder.write(&mut bytes).unwrap();
        let file = ImpactFile::open(bytes).unwrap();
        for step in [1, 2, 63, 64, 65, 299, 1000] {
            let set = RowSet::from_docs(file.view(), |doc| doc as usize % step == step / 2);
            let expected: Vec<usize> = (0..300).filter(|row| row % step == step / 2).collect();
            assert_eq!(set.rows().collect::<Vec<_>>(), expected);
            assert_eq!(set.count(), expected.len() as u64);
            assert!((0..320).all(|row| set.contains(row) == expected.contains(&row)));
        }
    }
}
