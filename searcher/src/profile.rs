//! What a search did: counters that say whether skipping works.

use serde::Serialize;

/// Work of one search over all segments. A block is a group of 64 rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Windows of 32,768 rows in the segments searched.
    pub windows_total: u64,
    /// Windows ruled out by their maxima or without an admitted row.
    pub windows_skipped: u64,
    /// Blocks in all windows.
    pub blocks_total: u64,
    /// Blocks whose rows were summed.
    pub blocks_scored: u64,
    /// Blocks ruled out by their maxima or without an admitted row.
    pub blocks_skipped: u64,
    /// Lists (term and window) that take part.
    pub lists: u64,
    /// Codes read: postings of sparse lists, rows of dense ones.
    pub postings: u64,
    /// Rows scored exactly from their stored weights.
    pub finalists: u64,
}
