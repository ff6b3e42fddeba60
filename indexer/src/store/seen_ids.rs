//! Which ids a run may have written before, so that a new one costs no search for an old document.

use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::BuildHasher,
};

/// Hashes of all ids of an index that was empty when it was opened: what is not here is new and
/// replaces nothing, and a needless delete costs the end of a segment a search for its id. Memory:
/// about 16 bytes for every document of the run.
#[derive(Default)]
pub(super) struct SeenIds {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl SeenIds {
    /// Remembers an id, and says whether it may have been seen before.
    pub(super) fn insert(&mut self, id: &str) -> bool {
        !self.hashes.insert(self.hasher.hash_one(id))
    }

    /// Whether the id may have been seen.
    pub(super) fn contains(&self, id: &str) -> bool {
        self.hashes.contains(&self.hasher.hash_one(id))
    }
}
