//! Term ids to ordinals in constant time: one bit per id, and the number of bits before each word.
//!
//! Derived from the file's sorted ids when it is opened, for vocabularies that fill a fair part of
//! their range; `view.rs` searches the ids themselves in the others.

/// Ids per distinct term, at most, for which bits are kept: three bytes a term.
const IDS_PER_TERM: usize = 16;
/// Ids for which bits are kept in any case (12 KB).
const IDS_ALWAYS: usize = 1 << 16;

/// Which ids occur.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TermBits {
    /// Bits of 64 ids, and the number of ids before them.
    words: Vec<(u64, u32)>,
}

impl TermBits {
    /// Marks strictly ascending `ids`; `None` if they lie too far apart.
    pub(crate) fn new(ids: impl ExactSizeIterator<Item = u32> + Clone) -> Option<Self> {
        let range = ids.clone().last().map_or(0, |last| last as usize + 1);
        if range > IDS_ALWAYS.max(ids.len().saturating_mul(IDS_PER_TERM)) {
            return None;
        }
        let mut words = vec![(0u64, 0u32); range.div_ceil(64)];
        ids.for_each(|id| words[id as usize / 64].0 |= 1 << (id % 64));
        let mut before = 0;
        for word in &mut words {
            word.1 = before;
            before += word.0.count_ones();
        }
        Some(Self { words })
    }

    /// The position of `id` among the ids.
    pub(crate) fn find(&self, id: u32) -> Option<usize> {
        let (bits, before) = *self.words.get(id as usize / 64)?;
        let bit = id % 64;
        let earlier = bits & ((1 << bit) - 1);
        (bits >> bit & 1 == 1).then(|| (before + earlier.count_ones()) as usize)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_id_is_found_at_its_position(ids in prop::collection::btree_set(0u32..3_000, 0..300)) {
            let ids: Vec<u32> = ids.into_iter().collect();
            let bits = TermBits::new(ids.iter().copied()).unwrap();
            for id in 0..3_100 {
                prop_assert_eq!(bits.find(id), ids.binary_search(&id).ok());
            }
            prop_assert_eq!(bits.find(u32::MAX), None);
        }
    }

    #[test]
    fn ids_far_apart_have_no_bits() {
        assert_eq!(TermBits::new([3, u32::MAX].into_iter()), None);
        assert_eq!(TermBits::new([].into_iter()).unwrap().find(0), None);
    }
}
