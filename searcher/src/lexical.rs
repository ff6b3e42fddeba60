//! The BM25 leg: words of a query against the text of living documents.
//!
//! `bm25` scores, `statistics` is what it asks of a commit, `lengths` what a segment keeps for
//! that. How text becomes words is the analyser's, which the index's schema names.

pub(crate) mod bm25;
pub(crate) mod lengths;
mod statistics;
