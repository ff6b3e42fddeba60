//! Query to hits: exact top-k over impact files, BM25, filters, explanations.

pub mod block_max;
pub mod exhaustive;
mod plan;
mod profile;
mod rows;
mod topk;

pub use plan::QUERY_TERMS_LIMIT;
pub use profile::Counters;
pub use rows::RowSet;
pub use topk::{RowHit, TopK};
