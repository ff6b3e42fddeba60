//! From a query to an answer.
//!
//! - `query`: what is looked for, and how;
//! - `ranking`, `hybrid`: what orders the hits, and in one index;
//! - `prepare`: what the ranking needs of it in one index;
//! - `vocabulary`: tokens to terms;
//! - `encode`: texts to vectors;
//! - `batch`: many queries at once.
//!
//! The search itself is `searcher`'s.

pub(crate) mod batch;
pub(crate) mod encode;
pub(crate) mod hybrid;
pub(crate) mod prepare;
pub(crate) mod query;
pub(crate) mod ranking;
pub(crate) mod vocabulary;
