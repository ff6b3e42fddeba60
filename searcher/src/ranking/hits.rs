//! A hit of any segment, and the total order of hits.
//!
//! Order is score descending, then the bytes of the `_id` ascending. How hits are found is
//! `legs.rs`'s.

use std::cmp::Ordering;

use crate::{snapshot::commit::Snapshot, sparse::topk::RowHit};

/// A row found in one of the segments; its `_id` is the segment's of the ordinal `hit.tie`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SegmentHit {
    pub(crate) segment: usize,
    pub(crate) hit: RowHit,
}

impl Snapshot {
    /// The total order of hits: the best first, ties by the bytes of the `_id`.
    pub(crate) fn order(&self, a: &SegmentHit, b: &SegmentHit) -> Ordering {
        match b.hit.score.total_cmp(&a.hit.score) {
            Ordering::Equal => self.id_of(a).cmp(self.id_of(b)),
            unequal => unequal,
        }
    }

    /// A hit's `_id`.
    pub(crate) fn id_of(&self, found: &SegmentHit) -> &str {
        self.segments()[found.segment].id_at(found.hit.tie)
    }

    /// A hit's number in the storage layer.
    pub(crate) fn doc_of(&self, found: &SegmentHit) -> u32 {
        self.segments()[found.segment].impacts().doc(found.hit.row as usize)
    }
}
