//! Request and response types, and the checks that need neither an index nor a model.
//!
//! `…Body` types are what arrives, with the defaults of the interface; [`Search`] and [`Query`] are
//! what is left after checking. Unknown members are errors, so that a misspelt option is never
//! ignored.

use std::fmt::Display;

use crate::{
    error::{Code, Problem},
    serve::Limits,
};

mod answer;
mod encode;
mod hybrid;
mod members;
mod query;
mod search;
mod status;

pub(crate) use answer::{BatchAnswer, BatchBody, BatchResponse, SearchAnswer};
pub(crate) use encode::{EmbedBody, Embedding, EncodeAnswer, EncodeBody, TermValue, WeightedToken};
pub(crate) use query::{GivenDense, Query, SparseQuery};
pub(crate) use search::{Search, SearchBody, SearchParams};
pub(crate) use status::{Check, IndexList, Outcome, Readiness};
pub use status::{DenseSummary, IndexSummary};

/// Characters of a token or a name that a message repeats.
const QUOTED_CHARACTERS: usize = 64;
/// Characters of a reason that a message repeats; reasons may repeat what was sent.
const BRIEF_CHARACTERS: usize = 300;

fn check_terms(found: usize, field: &str, limits: &Limits) -> Result<(), Problem> {
    let limit = limits.query_terms;
    match found > limit {
        true => {
            let detail = format!("the query has {found} terms, the limit is {limit}");
            Err(Problem::new(Code::LimitExceeded, detail).field(field))
        }
        false => Ok(()),
    }
}

fn check_text(text: &str, field: &str, limits: &Limits) -> Result<(), Problem> {
    let (found, limit) = (text.len(), limits.text_bytes);
    match found > limit {
        true => {
            let detail = format!("a text has {found} bytes, the limit is {limit}");
            Err(Problem::new(Code::LimitExceeded, detail).field(field))
        }
        false => Ok(()),
    }
}

/// A piece of the request for a message: in quotes, escaped, not too long.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARACTERS) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// A reason for a message, not too long.
pub(crate) fn brief(reason: impl Display) -> String {
    let mut reason = reason.to_string();
    if let Some((end, _)) = reason.char_indices().nth(BRIEF_CHARACTERS) {
        reason.truncate(end);
        reason.push('…');
    }
    reason
}
