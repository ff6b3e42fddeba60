//! Several searches in one request, each of which may be wrong for itself.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{answer::SearchAnswer, extract::read, search::SearchBody};
use crate::{
    error::{Code, Problem},
    limits::Limits,
};

/// The body of a batch: searches as they stand, each of which may be wrong for itself.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchBody {
    searches: Vec<Box<RawValue>>,
}

impl BatchBody {
    /// The searches that can be read, and the problems of those that cannot.
    ///
    /// Errors: `limit_exceeded` for all of them together.
    pub(crate) fn read(self, limits: &Limits) -> Result<Vec<Result<SearchBody, Problem>>, Problem> {
        let exceeded = |detail| Err(Problem::new(Code::LimitExceeded, detail).field("searches"));
        let (found, limit) = (self.searches.len(), limits.batch_searches);
        if found > limit {
            return exceeded(format!("{found} searches, the limit is {limit}"));
        }
        let searches: Vec<Result<SearchBody, Problem>> =
            self.searches.iter().map(|search| read(search.get())).collect();
        // One that asks for too much by itself is wrong for itself.
        let wanted = searches.iter().flatten().map(SearchBody::hits_wanted);
        let wanted = wanted.filter(|&hits| hits <= limits.k).fold(0, usize::saturating_add);
        match wanted > limits.k {
            true => exceeded(format!(
                "k + offset of all searches is {wanted}, the limit is {}",
                limits.k
            )),
            false => Ok(searches),
        }
    }
}

/// The answer to a batch.
#[derive(Debug, Serialize)]
pub(crate) struct BatchAnswer {
    pub(crate) index: String,
    /// The commit that all searches read.
    pub(crate) generation: u64,
    /// One for each search, in order.
    pub(crate) responses: Vec<BatchResponse>,
}

/// What became of one search of a batch.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum BatchResponse {
    /// It was answered.
    Answer(Box<SearchAnswer>),
    /// It was not.
    Problem(Problem),
}
