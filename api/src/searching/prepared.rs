//! A search whose inputs are known, and its answer from one commit.
//!
//! [`PreparedSearch::new`] for each search of a request, one [`QueryTexts::encode`] for all, then
//! [`SearchedCommit::answer`] on a blocking thread.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use gleaner_encoder::Model;
use gleaner_searcher::{DenseQuery, SearchError, SearchRequest, Snapshot};

use super::{
    inputs::{DenseInput, NameLookup, SearchInputs, VectorSource},
    texts::{QueryTexts, QueryVectors},
};
use crate::{
    error::Problem,
    models::{LoadedModel, Models},
    wire::{Cut, Query, Search, SearchAnswer},
};

/// A search whose inputs are known, or under way.
pub(crate) struct PreparedSearch {
    search: Search,
    inputs: SearchInputs,
}

/// The commit that the searches of a request read, and what was encoded for them.
pub(crate) struct SearchedCommit {
    /// The name of the index.
    index: String,
    snapshot: Arc<Snapshot>,
    vectors: QueryVectors,
    /// Names terms, where it is at hand.
    model: Option<Arc<LoadedModel<Model>>>,
}

impl SearchedCommit {
    /// A commit of the index of that name.
    pub(crate) fn new(
        index: String,
        snapshot: Arc<Snapshot>,
        vectors: QueryVectors,
        models: &Models,
    ) -> Self {
        let model = models.of_index(snapshot.manifest()).ok().cloned();
        Self { index, snapshot, vectors, model }
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
    /// about.
    pub(crate) fn answer(
        &self,
        prepared: &PreparedSearch,
        deadline: Option<Instant>,
    ) -> Result<SearchAnswer, Problem> {
        let PreparedSearch { search, inputs } = prepared;
        let vector = match &inputs.sparse {
            None => None,
            Some(VectorSource::Given(vector)) => Some(vector),
            Some(VectorSource::Encoded(ticket)) => Some(self.vectors.sparse(*ticket)?),
        };
        let dense = inputs.dense.iter().map(|DenseInput { field, source }| {
            let vector = match source {
                VectorSource::Given(vector) => vector,
                VectorSource::Encoded(ticket) => self.vectors.dense(*ticket)?,
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
            until_knee: match search.cut {
                Some(Cut::Knee) => true,
                None => false,
            },
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
        let response = self.snapshot.search(&request, &|term| self.token(term));
        let response = response.map_err(|error| prepared.problem(&error))?;
        Ok(SearchAnswer {
            index: self.index.clone(),
            generation: self.generation(),
            encode_us: inputs.is_encoded().then_some(self.vectors.took_us),
            response,
        })
    }

    /// Names a term id where a vocabulary is at hand.
    fn token(&self, term: u32) -> Option<String> {
        self.model.as_ref()?.model().token(term).map(str::to_owned)
    }
}

impl PreparedSearch {
    /// Finds what a search needs.
    ///
    /// Errors: those of [`SearchInputs::of`].
    pub(crate) fn new(
        (search, query): (Search, Query),
        names: NameLookup<'_>,
        to_encode: &mut QueryTexts,
    ) -> Result<Self, Problem> {
        let inputs = SearchInputs::of(&search, query, names, to_encode)?;
        Ok(Self { search, inputs })
    }

    /// The time that the search was given.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.search.timeout
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
