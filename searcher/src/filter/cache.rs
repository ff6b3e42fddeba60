//! Rows by filter: what a filter admits in a segment is found once and kept while it is asked for.
//!
//! One cache per index, shared by its snapshots and by all requests. An entry is a filter, as it
//! was written, with its rows in every segment of one commit. A segment is immutable and known by
//! its name and its deletes, so that after a commit only new segments are evaluated; the filter
//! itself is parsed again then, because whether a key exists depends on the commit. Memory: at most
//! [`LIMIT_BYTES`] and [`LIMIT_FILTERS`] entries; the entry not used for longest goes first.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tantivy::{Opstamp, index::SegmentId};

use crate::filter::rows::{FilteredSegment, RowSet};

/// Most bytes of one index's cache.
pub(crate) const LIMIT_BYTES: usize = 64 << 20;
/// Most filters in one index's cache.
const LIMIT_FILTERS: usize = 1_024;
/// What an entry takes per segment beside its bits.
const SEGMENT_BYTES: usize = 96;

/// A segment and its deletes: rows of equal keys mean the same.
pub(crate) type SegmentKey = (SegmentId, Option<Opstamp>);

/// What a filter admits in a commit.
pub(crate) struct FilteredRows {
    /// The segments in the order of the commit.
    pub(crate) segments: Vec<(SegmentKey, Arc<FilteredSegment>)>,
    /// What to say of the filter.
    pub(crate) notes: Vec<String>,
}

impl FilteredRows {
    /// The admitted rows of segment `ordinal`.
    pub(crate) fn of(&self, ordinal: usize) -> &RowSet {
        &self.segments[ordinal].1.rows
    }

    /// Whether these are the rows of exactly these segments.
    pub(crate) fn covers(&self, mut segments: impl ExactSizeIterator<Item = SegmentKey>) -> bool {
        segments.len() == self.segments.len()
            && self.segments.iter().all(|(key, _)| segments.next() == Some(*key))
    }

    /// The admitted rows of the segment with this key.
    pub(crate) fn find(&self, key: SegmentKey) -> Option<&Arc<FilteredSegment>> {
        self.segments.iter().find(|(known, _)| *known == key).map(|(_, rows)| rows)
    }

    fn len_bytes(&self) -> usize {
        let segment = |filtered: &FilteredSegment| filtered.rows.len_bytes() + filtered.met.len();
        let segments = self.segments.iter().map(|(_, it)| segment(it) + SEGMENT_BYTES);
        segments.sum::<usize>() + self.notes.iter().map(String::len).sum::<usize>()
    }
}

/// Filters asked for lately.
pub(crate) struct FilterCache {
    limit_bytes: usize,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    by_filter: HashMap<String, Entry>,
    bytes: usize,
    uses: u64,
}

struct Entry {
    rows: Arc<FilteredRows>,
    bytes: usize,
    last_use: u64,
}

impl FilterCache {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, entries: Mutex::default() }
    }

    /// What is known of a filter, perhaps of segments of another commit.
    pub(crate) fn get(&self, filter: &str) -> Option<Arc<FilteredRows>> {
        let mut entries = self.lock();
        entries.uses += 1;
        let uses = entries.uses;
        let entry = entries.by_filter.get_mut(filter)?;
        entry.last_use = uses;
        Some(Arc::clone(&entry.rows))
    }

    /// Keeps the rows of a filter, in place of what was known of it.
    pub(crate) fn put(&self, filter: &str, rows: Arc<FilteredRows>) {
        let bytes = filter.len() + rows.len_bytes();
        let mut entries = self.lock();
        entries.remove(filter);
        if bytes > self.limit_bytes {
            return;
        }
        while entries.bytes + bytes > self.limit_bytes || entries.by_filter.len() == LIMIT_FILTERS {
            let oldest = entries.by_filter.iter().min_by_key(|(_, entry)| entry.last_use);
            let Some(oldest) = oldest.map(|(filter, _)| filter.clone()) else { break };
            entries.remove(&oldest);
        }
        entries.uses += 1;
        entries.bytes += bytes;
        let entry = Entry { rows, bytes, last_use: entries.uses };
        entries.by_filter.insert(filter.to_owned(), entry);
    }

    /// Takes the lock even if a thread panicked with it: every entry is whole by itself.
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn remove(&mut self, filter: &str) {
        if let Some(entry) = self.by_filter.remove(filter) {
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry of `100 + filter.len()` bytes: no segment has rows, so segments count alone.
    fn rows(segments: usize) -> Arc<FilteredRows> {
        let id = SegmentId::generate_random();
        let empty = Arc::new(FilteredSegment { rows: RowSet::empty(), met: Vec::new() });
        let segments = vec![((id, None), empty); segments];
        Arc::new(FilteredRows { segments, notes: Vec::new() })
    }

    #[test]
    fn the_filter_not_used_for_longest_goes_first() {
        let cache = FilterCache::new(3 * (SEGMENT_BYTES + 1));
        ["a", "b", "c"].iter().for_each(|filter| cache.put(filter, rows(1)));
        assert!(cache.get("a").is_some());
        cache.put("d", rows(1));
        let known = |filter| cache.get(filter).is_some();
        assert_eq!(["a", "b", "c", "d"].map(known), [true, false, true, true]);
        cache.put("e", rows(2));
        assert_eq!(["a", "c", "d", "e"].map(known), [false, false, true, true]);
        cache.put("f", rows(4));
        assert!(!known("f") && known("e"), "what exceeds the limit alone is not kept");
    }

    #[test]
    fn the_bytes_of_what_is_replaced_are_given_back() {
        let cache = FilterCache::new(2 * (SEGMENT_BYTES + 1));
        (0..50).for_each(|_| cache.put("a", rows(1)));
        cache.put("b", rows(1));
        assert!(cache.get("a").is_some() && cache.get("b").is_some());
        assert_eq!(cache.lock().bytes, 2 * (SEGMENT_BYTES + 1));
    }

    #[test]
    fn the_number_of_filters_is_bounded() {
        let cache = FilterCache::new(LIMIT_BYTES);
        (0..LIMIT_FILTERS + 5).for_each(|i| cache.put(&i.to_string(), rows(0)));
        assert_eq!(cache.lock().by_filter.len(), LIMIT_FILTERS);
        assert!(cache.get("4").is_none() && cache.get("5").is_some());
    }

    #[test]
    fn rows_cover_exactly_their_segments() {
        let (a, b) = (rows(1), rows(1));
        let (a_key, b_key) = (a.segments[0].0, b.segments[0].0);
        assert!(a.covers([a_key].into_iter()) && !a.covers([b_key].into_iter()));
        assert!(!a.covers([a_key, b_key].into_iter()) && !a.covers([].into_iter()));
        assert!(a.find(a_key).is_some() && a.find(b_key).is_none());
        assert!(a.find((a_key.0, Some(7))).is_none(), "deletes make another segment of it");
    }
}
