//! A search whose inputs are known, and its answer from one commit.
//!
//! [`PreparedSearch::new`] for each search of a request, one [`QueryTexts::encode`] for all, then
//! [`SearchedCommit::answer`] on a blocking thread. What a ranking needs and by which model is found
//! by `gleaner::Prepared`.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use gleaner::{Error, Part, Prepared, QueryVector, SearchError, Snapshot};

use super::texts::{QueryTexts, QueryVectors, Ticket};
use crate::{
    error::{Code, Problem},
    models::ServedModels,
    wire::{CheckedSearch, LegParts, SearchAnswer},
};

/// A search whose inputs are known, or under way.
pub(crate) struct PreparedSearch {
    prepared: Prepared,
    /// The sparse vector that is being made of the text.
    sparse: Option<Ticket>,
    /// The dense vectors that are, by field.
    dense: Vec<(String, Ticket)>,
    timeout: Option<Duration>,
}

/// When a search is to end, whatever it has found.
pub(crate) struct SearchLimit {
    /// The server's own limit.
    pub(crate) longest: Instant,
    /// From when the search's own time counts.
    pub(crate) begin: Instant,
    /// Set when nobody waits for the answer any more.
    pub(crate) given_up: Arc<AtomicBool>,
}

/// The commit that the searches of a request read, and what was encoded for them.
pub(crate) struct SearchedCommit {
    /// The name of the index.
    index: String,
    snapshot: Snapshot,
    vectors: QueryVectors,
}

impl SearchedCommit {
    /// A commit of the index of that name.
    pub(crate) fn new(index: String, snapshot: Snapshot, vectors: QueryVectors) -> Self {
        Self { index, snapshot, vectors }
    }

    /// The name of the index.
    pub(crate) fn index(&self) -> &str {
        &self.index
    }

    /// The number of the commit.
    pub(crate) fn generation(&self) -> u64 {
        self.snapshot.generation()
    }

    /// Searches.
    ///
    /// Errors: those of encoding its text; those of the engine, as the part of the request they are
    /// about; `timed_out` where the limit passes and the search names no time of its own.
    pub(crate) fn answer(
        &self,
        search: PreparedSearch,
        limit: &SearchLimit,
    ) -> Result<SearchAnswer, Problem> {
        let is_encoded = search.is_encoded();
        let PreparedSearch { mut prepared, sparse, dense, timeout } = search;
        if let Some(ticket) = sparse {
            prepared.set_sparse(self.vectors.sparse(ticket)?.clone());
        }
        for (field, ticket) in dense {
            prepared.set_dense(&field, self.vectors.dense(ticket)?.to_vec());
        }
        let asked = timeout.map(|timeout| limit.longest.min(limit.begin + timeout));
        let prepared = prepared
            .with_deadline(asked.unwrap_or(limit.longest))
            .until_given_up(Arc::clone(&limit.given_up));
        let response = self.snapshot.search(&prepared);
        let response = response.map_err(|error| unanswered(&error, &prepared, is_encoded))?;
        // Who names no time wants the whole answer, or to be told that there is none.
        if asked.is_none() && !response.certificate.complete {
            let detail = "the search took longer than the server's limit";
            return Err(Problem::new(Code::TimedOut, detail)
                .hint("with `timeout_ms` the best found by then is the answer"));
        }
        Ok(SearchAnswer {
            index: self.index.clone(),
            generation: self.generation(),
            encode_us: is_encoded.then_some(self.vectors.took_us),
            response,
        })
    }
}

impl PreparedSearch {
    /// Finds what a search needs, and adds what is to be encoded to `to_encode`.
    ///
    /// Errors: `unknown_field`, `unknown_token`, `invalid_request`, `invalid_query`,
    /// `model_not_found`, `model_mismatch`; nothing is added then.
    pub(crate) fn new(
        checked: CheckedSearch,
        snapshot: &Snapshot,
        models: &ServedModels,
        to_encode: &mut QueryTexts,
    ) -> Result<Self, Problem> {
        let CheckedSearch { search, legs, timeout } = checked;
        let prepared = Prepared::new(search, snapshot, models.models());
        let prepared = prepared.map_err(|error| unprepared(&error, &legs))?;
        let sparse = match prepared.sparse() {
            Some(QueryVector::Encode(model)) => Some(models.sparse(model)?),
            Some(QueryVector::Given(_)) | None => None,
        };
        let mut dense = Vec::new();
        for (field, vector) in prepared.dense() {
            match vector {
                QueryVector::Encode(model) => dense.push((field, models.dense(model, field)?)),
                QueryVector::Given(_) => {}
            }
        }
        // Nothing can go wrong any more.
        let text = prepared.search().query().text_given().unwrap_or_default();
        let sparse = sparse.map(|model| to_encode.sparse.add(model, text));
        let dense = dense.into_iter();
        let dense = dense
            .map(|(field, model)| (field.to_owned(), to_encode.dense.add(model, text)))
            .collect();
        Ok(Self { prepared, sparse, dense, timeout })
    }

    /// Whether a text has to be encoded.
    fn is_encoded(&self) -> bool {
        self.sparse.is_some() || !self.dense.is_empty()
    }
}

/// Says which part of the request made a search impossible. A leg that was written out is wrong
/// where it was.
fn unprepared(error: &Error, legs: &LegParts) -> Problem {
    let problem = Problem::from(error);
    match error {
        Error::UnknownField { part: Part::Rank, field, .. } => {
            problem.field(legs.part_of(field.as_deref()))
        }
        Error::TwoLegs { leg, .. } => problem.field(legs.part_of(leg.as_deref())),
        _ => problem,
    }
}

/// Says which part of the request the engine could not answer.
fn unanswered(error: &Error, prepared: &Prepared, is_encoded: bool) -> Problem {
    let problem = Problem::from(error);
    let is_like = prepared.search().query().like_given().is_some();
    match error {
        Error::Search(SearchError::MissingInput { .. } | SearchError::DenseQuery(_)) if is_like => {
            problem.field("query.like")
        }
        // Vectors that were given have been checked: this one is of a text without a known token,
        // or what feedback made of both.
        Error::Search(SearchError::DenseQuery(_)) if is_encoded => problem.field("query.text"),
        _ => problem,
    }
}
