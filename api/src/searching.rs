//! A checked search to its answer.
//!
//! - `texts`: the texts of a request, encoded together.
//! - `prepared`: a search whose inputs are known, and its answer from one commit.
//!
//! One search and a batch of them go the same way. Nothing here knows a route. What a ranking needs
//! of a query is for `gleaner` to say.

mod prepared;
mod texts;

pub(crate) use prepared::{PreparedSearch, SearchLimit, SearchedCommit};
pub(crate) use texts::QueryTexts;
