//! A checked search to its answer: what it needs is found, encoded by `encoding`, and given to the
//! engine.
//!
//! One search and a batch of them go the same way: [`Plan::new`] for each, one [`Encoding::run`]
//! for all, then [`Plan::answer`] on a blocking thread.

use std::time::{Duration, Instant};

use gleaner_searcher::{DenseQuery, SearchError, SearchRequest, Snapshot};

use crate::{
    encoding::{Encoded, Encoding},
    error::Problem,
    inputs::{DenseInput, Inputs, Names, Source},
    wire::{Query, Search, SearchAnswer},
};

/// A search whose inputs are known, or under way.
pub(crate) struct Plan {
    search: Search,
    inputs: Inputs,
}

/// What a search is answered from.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    /// The name of the index.
    pub(crate) index: &'a str,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) encoded: &'a Encoded,
    /// Names a term id where a vocabulary is at hand.
    pub(crate) token: &'a dyn Fn(u32) -> Option<String>,
}

impl Plan {
    /// Finds what a search needs.
    ///
    /// Errors: those of [`Inputs::of`].
    pub(crate) fn new(
        (search, query): (Search, Query),
        names: Names<'_>,
        encoding: &mut Encoding,
    ) -> Result<Self, Problem> {
        let inputs = Inputs::of(&search, query, names, encoding)?;
        Ok(Self { search, inputs })
    }

    /// The time that the search was given.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.search.timeout
    }

    /// Searches.
    ///
    /// Errors: those of encoding its text; those of the engine, as the part of the request they are
    /// about.
    pub(crate) fn answer(
        &self,
        ground: Ground<'_>,
        deadline: Option<Instant>,
    ) -> Result<SearchAnswer, Problem> {
        let Self { search, inputs } = self;
        let encoded = ground.encoded;
        let vector = match &inputs.sparse {
            None => None,
            Some(Source::Given(vector)) => Some(vector),
            Some(Source::Encoded(ticket)) => Some(encoded.sparse(*ticket)?),
        };
        let dense = inputs.dense.iter().map(|DenseInput { field, source }| {
            let vector = match source {
                Source::Given(vector) => vector,
                Source::Encoded(ticket) => encoded.dense(*ticket)?,
            };
            Ok(DenseQuery { field, vector })
        });
        let dense = dense.collect::<Result<Vec<_>, Problem>>()?;
        let request = SearchRequest {
            vector,
            text: inputs.text.as_deref(),
            dense: &dense,
            like: inputs.like.as_deref(),
            boosts: &inputs.boosts,
            feedback: &search.feedback,
            offset: search.offset,
            min_score: search.min_score,
            until_knee: search.until_knee,
            filter: search.filter.as_deref(),
            fields: &search.fields,
            effort: search.effort,
            deadline,
            // Requests share the cores; a thread more for one of them would be taken from another.
            threads: 1,
            explain: search.explain,
            profile: search.profile,
            ..SearchRequest::exact(&search.rank, search.k)
        };
        let response = ground.snapshot.search(&request, ground.token);
        let response = response.map_err(|error| self.problem(&error))?;
        Ok(SearchAnswer {
            index: ground.index.to_owned(),
            generation: ground.snapshot.generation(),
            encode_us: inputs.is_encoded().then_some(encoded.took_us),
            response,
        })
    }

    /// Says which part of the request an error of the engine is about.
    fn problem(&self, error: &SearchError) -> Problem {
        let is_like = self.inputs.like.is_some();
        match error {
            SearchError::MissingInput { .. } | SearchError::DenseQuery(_) if is_like => {
                Problem::from(error).field("query.like")
            }
            // Vectors that were given have been checked: this one is of a text without a known
            // token, or what feedback made of both.
            SearchError::DenseQuery(_) if self.inputs.is_encoded() => {
                Problem::from(error).field("query.text")
            }
            error => Problem::from(error),
        }
    }
}
