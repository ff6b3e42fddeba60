//! Query to hits: exact top-k of sparse weights, BM25 and dense vectors, fused, filtered, explained.
//!
//! Two layers. The engine ([`block_max`], its oracle [`exhaustive`]; `dense.rs`) works on one segment's file
//! and knows nothing of tantivy. Around it, [`Index`] opens a folder, a [`Snapshot`] is one commit of
//! it, and [`Snapshot::search`] answers a request from all its segments under one threshold.
//! Writing is `indexer`'s, encoding is `encoder`'s; this crate depends on neither.

pub mod block_max;
mod bm25;
mod boost;
mod complete;
mod dense;
mod error;
pub mod exhaustive;
mod feedback;
mod filter;
mod filter_cache;
mod finalists;
mod fuse;
mod ids;
mod index;
mod knee;
mod legs;
mod like;
mod max_score;
mod maxima;
mod passages;
mod plan;
mod present;
mod profile;
mod rank;
mod refine;
mod response;
mod rows;
mod screen;
mod search;
mod topk;
mod windows;

// Where these are used from here, they become `gleaner_catalog`'s.
pub use gleaner_catalog::{
    Analyzer, CatalogError, DenseField, FUSION_DEPTH, FUSION_DEPTH_LIMIT, InputProgress, LongTexts,
    MANIFEST_VERSION, Manifest, ModelBinding, OpenIndex, check_id,
};

pub use boost::{BOOST_LIMIT, Boost};
pub use error::SearchError;
pub use feedback::{
    FEEDBACK_DOCUMENTS_LIMIT, FEEDBACK_TERMS_LIMIT, Feedback, FeedbackMethod, Interpolate,
};
pub use filter::Filter;
pub use index::{Index, Segment, Snapshot};
pub use plan::{Choice, QUERY_TERMS_LIMIT};
pub use profile::{Counters, Phases};
pub use rank::{
    FUSION_NUMBER_LIMIT, Fusion, LEGS_LIMIT, Leg, Method, Normaliser, RRF_K, Rank, WeightedLeg,
    is_rank_constant, is_weight,
};
pub use response::{
    Certificate, Contribution, Explanation, Hit, LegExplanation, LegProfile, LegScore, Passage,
    PhasesUs, Profile, SearchResponse,
};
pub use rows::RowSet;
pub use search::{DEPTH_LIMIT, DenseQuery, SearchRequest, THREADS_LIMIT};
pub use topk::{RowHit, Ties, TopK};
