//! Query to hits: exact top-k over impact files, BM25, filters, explanations.
//!
//! Two layers. The engine ([`block_max`], its oracle [`exhaustive`]) works on one impact file and
//! knows nothing of tantivy. Around it, [`Index`] opens a folder, a [`Snapshot`] is one commit of
//! it, and [`Snapshot::search`] answers a request from all its segments under one threshold.
//! Writing is `indexer`'s, encoding is `encoder`'s; this crate depends on neither.

mod analyzer;
pub mod block_max;
mod bm25;
mod directory;
mod error;
pub mod exhaustive;
mod filter;
mod filter_cache;
mod finalists;
mod ids;
mod index;
mod manifest;
mod max_score;
mod passages;
mod plan;
mod profile;
mod response;
mod rows;
mod schema;
mod search;
mod topk;
mod windows;

pub use analyzer::{Analyzer, register_analyzers};
pub use error::SearchError;
pub use filter::Filter;
pub use index::{Index, Segment, Snapshot};
pub use manifest::{InputProgress, LongTexts, MANIFEST_VERSION, Manifest, ModelBinding};
pub use plan::{Choice, QUERY_TERMS_LIMIT};
pub use profile::{Counters, Phases};
pub use response::{
    Certificate, Contribution, Explanation, Hit, Passage, PhasesUs, Profile, SearchResponse,
};
pub use rows::RowSet;
pub use schema::{
    DENSE_EXTENSION, DENSE_TYPE, Fields, ID_LIMIT_BYTES, IMPACT_EXTENSION, IMPACTS_TYPE, check_id,
};
pub use search::{DEPTH_LIMIT, Rank, SearchRequest, THREADS_LIMIT};
pub use topk::{RowHit, Ties, TopK};
