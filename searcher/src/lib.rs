//! Query to hits: exact top-k of sparse weights, BM25 and dense vectors, fused, filtered,
//! explained.
//!
//! Two layers. The engines of single legs (`sparse`, `dense`) work on one segment's file and know
//! nothing of tantivy. Around them, [`Index`] opens a folder, a [`Snapshot`] is one commit of it,
//! and [`Snapshot::search`] answers a request from all its segments under one threshold.
//!
//! | room | holds |
//! |---|---|
//! | `query` | a request, and its way to a response |
//! | `ranking` | legs over all segments, and how their lists become one |
//! | `sparse` | the engine of learned weights: [`block_max`], and its oracle [`exhaustive`] |
//! | `dense` | the vectors of a field, compared |
//! | `lexical` | BM25 |
//! | `filter` | rows that may be returned |
//! | `snapshot` | an index, its commits and their segments |
//!
//! Writing is `indexer`'s, encoding is `encoder`'s; this crate depends on neither.

mod dense;
mod error;
mod filter;
mod lexical;
mod query;
mod ranking;
mod snapshot;
mod sparse;
mod stop;

pub use error::SearchError;
pub use filter::{parse::Filter, rows::RowSet};
pub use query::{
    boost::{BOOST_LIMIT, Boost},
    like::DocumentLegs,
    request::{DEPTH_LIMIT, DenseQuery, SearchRequest, THREADS_LIMIT},
    response::{
        Certificate, CertificateKind, Contribution, Explanation, Hit, LegExplanation, LegProfile,
        LegScore, Passage, PhasesUs, Profile, SearchResponse,
    },
};
pub use ranking::{
    feedback::request::{
        FEEDBACK_DOCUMENTS_LIMIT, FEEDBACK_TERMS_LIMIT, Feedback, FeedbackMethod, Interpolate,
    },
    rank::{
        FUSION_NUMBER_LIMIT, Fusion, LEGS_LIMIT, Leg, Method, Normaliser, RRF_K, Rank, WeightedLeg,
        is_rank_constant, is_weight,
    },
};
pub use snapshot::{
    commit::Snapshot,
    find::{StoredDocument, StoredRow},
    index::Index,
    segment::Segment,
};
pub use sparse::{
    block_max, exhaustive,
    plan::{Choice, Plan},
    profile::{Counters, Phases},
    scaled_query::QUERY_TERMS_LIMIT,
    topk::{RowHit, Ties, TopK},
};
pub use stop::Stop;
