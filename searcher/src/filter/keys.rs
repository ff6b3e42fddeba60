//! The keys that documents have, read from the dictionary of all values.
//!
//! For errors and notes that name what there is. What values a key holds is `resolve.rs`'s.

use std::collections::BTreeSet;

use tantivy::{SegmentReader, schema::Field};

use crate::snapshot::commit::Snapshot;

/// Keys that a message names, at most.
const KEYS_NAMED: usize = 12;
/// Keys of a segment that are read, at most.
const KEYS_READ: usize = 1_000;
/// What separates the keys of a path in the dictionary of values, and what ends it.
const PATH_SEPARATOR: char = '\u{1}';
const PATH_END: u8 = 0;

/// Keys that can be filtered on, in their order; those inside objects with dots.
pub(crate) fn known_keys(snapshot: &Snapshot) -> BTreeSet<String> {
    let readers = snapshot.searcher().segment_readers().iter();
    readers.flat_map(|reader| keys_of(reader, snapshot.fields().fields)).collect()
}

/// The first of some keys, for people.
pub(crate) fn named<'a>(keys: impl ExactSizeIterator<Item = &'a String>) -> String {
    let more = if keys.len() > KEYS_NAMED { ", …" } else { "" };
    let shown = |key: &'a String| if key.is_empty() { "\"\"" } else { &key[..] };
    let keys: Vec<&str> = keys.take(KEYS_NAMED).map(shown).collect();
    format!("{}{more}", keys.join(", "))
}

/// The keys of a segment, from one key to the next in the dictionary of all values.
fn keys_of(reader: &SegmentReader, field: Field) -> Vec<String> {
    let (mut keys, mut from) = (Vec::new(), Vec::new());
    let Ok(index) = reader.inverted_index(field) else { return keys };
    while keys.len() < KEYS_READ {
        let Ok(mut terms) = index.terms().range().ge(&from).into_stream() else { break };
        let Some((term, _)) = terms.next() else { break };
        let path = term.split(|&byte| byte == PATH_END).next().unwrap_or_default();
        keys.push(String::from_utf8_lossy(path).replace(PATH_SEPARATOR, "."));
        from = path.to_vec();
        from.push(PATH_END + 1);
    }
    keys
}
