//! A checked search to its answer.
//!
//! - `inputs`: what the ranking needs of the query, given or to be encoded, and by which model.
//! - `texts`: the texts of a request, encoded together.
//! - `prepared`: a search whose inputs are known, and its answer from one commit.
//!
//! One search and a batch of them go the same way. Nothing here knows a route.

mod inputs;
mod prepared;
mod texts;

pub(crate) use inputs::NameLookup;
pub(crate) use prepared::{PreparedSearch, SearchedCommit};
pub(crate) use texts::QueryTexts;
