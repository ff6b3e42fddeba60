//! The answer to one search.

use gleaner::SearchResponse;
use serde::Serialize;

/// The answer to a search: the object that `gleaner search --json` prints, and where it is from.
#[derive(Debug, Serialize)]
pub(crate) struct SearchAnswer {
    pub(crate) index: String,
    /// The commit that was read.
    pub(crate) generation: u64,
    /// Microseconds spent on encoding texts, where there was one to encode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encode_us: Option<u64>,
    #[serde(flatten)]
    pub(crate) response: SearchResponse,
}
