//! What requests may ask for, and how much of it is done at once.
//!
//! The caller of `open` sets all of it; nothing here has a default. Sizes that a request is checked
//! against more than once are checked here.

use std::time::Duration;

use crate::error::{Code, Problem};

/// What requests may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body.
    pub body_bytes: usize,
    /// Hits of a search, `k` and `offset` together.
    pub k: usize,
    /// Terms of a query that was not encoded here; words of a query that is ranked by BM25.
    pub query_terms: usize,
    /// Texts of one encoding request.
    pub encode_inputs: usize,
    /// Bytes of one text.
    pub text_bytes: usize,
    /// Searches of one batch; `k` bounds the hits of all of them together.
    pub batch_searches: usize,
    /// Time until a request is answered, if only with an error.
    pub timeout: Duration,
    /// Requests that search at the same time; more are refused, not queued.
    pub concurrency: usize,
}

impl Limits {
    /// How long a search may take that returns what it has found by then: nine tenths of the limit
    /// leave time to answer.
    pub(crate) fn longest_search(&self) -> Duration {
        self.timeout * 9 / 10
    }

    /// Refuses queries of more terms than that; `field` of the request has them.
    ///
    /// Errors: `limit_exceeded`.
    pub(crate) fn check_terms(&self, found: usize, field: &str) -> Result<(), Problem> {
        let limit = self.query_terms;
        match found > limit {
            true => {
                let detail = format!("the query has {found} terms, the limit is {limit}");
                Err(Problem::new(Code::LimitExceeded, detail).field(field))
            }
            false => Ok(()),
        }
    }

    /// Refuses longer texts; `field` of the request has it.
    ///
    /// Errors: `limit_exceeded`.
    pub(crate) fn check_text(&self, text: &str, field: &str) -> Result<(), Problem> {
        let (found, limit) = (text.len(), self.text_bytes);
        match found > limit {
            true => {
                let detail = format!("a text has {found} bytes, the limit is {limit}");
                Err(Problem::new(Code::LimitExceeded, detail).field(field))
            }
            false => Ok(()),
        }
    }
}

/// How texts of several requests are encoded together, by each model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Texts that are encoded together; 1 encodes each alone.
    pub texts: usize,
    /// Tokens, by a guess from the bytes, that are encoded together: as long as a search that comes
    /// next may have to wait.
    pub tokens: usize,
    /// How long a text waits for others while an encoder is free.
    pub wait: Duration,
    /// Texts that may wait, those of searches not counted; more are refused.
    pub queue_texts: usize,
    /// Whether searches are encoded together. Faster under load, but the last bit of a score then
    /// depends on who else asks.
    pub share_searches: bool,
}
