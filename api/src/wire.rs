//! JSON shapes of requests and answers, and the checks that need neither an index nor a model.
//!
//! `…Body` and `…Params` types are what arrives, with the defaults of the interface. A
//! [`CheckedSearch`] is what is left after checking: a search of the engine. Unknown members are
//! errors, so that a misspelt option is never ignored.
//!
//! - `address`, `coding`: an address that decodes, a body without its compression.
//! - `extract`: bytes to values; `members`, `texts`: JSON that the derived readers do not have.
//! - `search`, `params`, `hybrid`, `query`: a search; `answer`, `batch`: its answer, and several.
//! - `encode`, `embed`: texts to vectors; `status`: indexes and readiness.
//! - `names`: what is said of names that mean nothing.

mod address;
mod answer;
mod batch;
mod coding;
mod embed;
mod encode;
mod extract;
mod hybrid;
mod members;
mod names;
mod params;
mod query;
mod search;
mod status;
mod texts;

pub(crate) use address::check_address;
pub(crate) use answer::SearchAnswer;
pub(crate) use batch::{BatchAnswer, BatchBody, BatchResponse};
pub(crate) use embed::{EmbedBody, TermValue};
pub(crate) use encode::{Embedding, EncodeAnswer, EncodeBody, WeightedToken};
pub(crate) use extract::{Body, IndexName, Params};
pub(crate) use hybrid::LegParts;
pub(crate) use params::SearchParams;
pub(crate) use search::{CheckedSearch, SearchBody};
pub(crate) use status::{Check, CheckKind, IndexList, Outcome, Readiness, ReadyState};
pub use status::{DenseSummary, IndexSummary};
