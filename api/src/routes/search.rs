//! `/v1/indexes/{index}/search` and `search/batch`: a checked request to hits.
//!
//! GET and POST become the same search; `search/batch` is several of them against one commit. What
//! a search needs and how it is answered is left to `searching`.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use axum::{Json, extract::State};

use crate::{
    error::{Code, Problem},
    searching::{PreparedSearch, QueryTexts, SearchLimit, SearchedCommit},
    server::{ServerState, run},
    wire::{
        BatchAnswer, BatchBody, BatchResponse, Body, IndexName, Params, SearchAnswer, SearchBody,
        SearchParams,
    },
};

/// Search with parameters in the address.
pub(super) async fn by_params(
    State(state): State<Arc<ServerState>>,
    IndexName(name): IndexName,
    Params(params): Params<SearchParams>,
) -> Result<Json<SearchAnswer>, Problem> {
    let body = params.body()?;
    search(&state, name, body).await.map_err(Problem::of_parameters)
}

/// Search with a JSON body.
pub(super) async fn by_body(
    State(state): State<Arc<ServerState>>,
    IndexName(name): IndexName,
    Body(body): Body<SearchBody>,
) -> Result<Json<SearchAnswer>, Problem> {
    search(&state, name, body).await
}

async fn search(
    state: &ServerState,
    name: String,
    body: SearchBody,
) -> Result<Json<SearchAnswer>, Problem> {
    let arrival = Instant::now();
    let longest = arrival + state.limits.longest_search();
    let index = state.index(&name)?;
    let checked = body.check(&state.limits)?;
    let permit = state.admit()?;
    let snapshot = index.snapshot().await?;
    let mut texts = QueryTexts::default();
    let prepared = PreparedSearch::new(checked, &snapshot, &state.models, &mut texts)?;
    let vectors = texts.encode(longest).await;
    let commit = SearchedCommit::new(name, snapshot, vectors);
    let client = Client::waiting();
    let limit = SearchLimit { longest, begin: arrival, given_up: client.given_up() };
    run(permit, move || commit.answer(prepared, &limit).map(Json)).await
}

/// Several searches of one commit, in one request.
pub(super) async fn batch(
    State(state): State<Arc<ServerState>>,
    IndexName(name): IndexName,
    Body(body): Body<BatchBody>,
) -> Result<Json<BatchAnswer>, Problem> {
    let longest = Instant::now() + state.limits.longest_search();
    let index = state.index(&name)?;
    let searches = body.read(&state.limits)?;
    let permit = state.admit()?;
    let snapshot = index.snapshot().await?;
    let mut texts = QueryTexts::default();
    let prepare = |body: Result<SearchBody, Problem>| {
        let body = body?;
        alone(|| {
            let checked = body.check(&state.limits)?;
            PreparedSearch::new(checked, &snapshot, &state.models, &mut texts)
        })
    };
    let searches: Vec<_> = searches.into_iter().map(prepare).collect();
    let vectors = texts.encode(longest).await;
    let commit = SearchedCommit::new(name, snapshot, vectors);
    let client = Client::waiting();
    let given_up = client.given_up();
    run(permit, move || Ok(Json(answer_batch(&commit, searches, longest, &given_up)))).await
}

/// A client that waits for an answer. When it goes away, or its time is over, the handler is dropped,
/// this with it, and what works for it ends.
struct Client(Arc<AtomicBool>);

impl Client {
    fn waiting() -> Self {
        Self(Arc::new(AtomicBool::new(false)))
    }

    /// Set when nobody waits any more.
    fn given_up(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Answers one search after the other. The time that one has counts from its turn.
fn answer_batch(
    commit: &SearchedCommit,
    searches: Vec<Result<PreparedSearch, Problem>>,
    longest: Instant,
    given_up: &Arc<AtomicBool>,
) -> BatchAnswer {
    let answer = |search: PreparedSearch| {
        if Instant::now() >= longest || given_up.load(Ordering::Relaxed) {
            let detail = "the time of the batch was over before this search began";
            return Err(Problem::new(Code::TimedOut, detail));
        }
        let limit = SearchLimit { longest, begin: Instant::now(), given_up: Arc::clone(given_up) };
        alone(|| commit.answer(search, &limit))
    };
    let respond = |search: Result<PreparedSearch, Problem>| match search.and_then(answer) {
        Ok(answer) => BatchResponse::Answer(Box::new(answer)),
        Err(problem) => BatchResponse::Problem(problem),
    };
    let responses = searches.into_iter().map(respond).collect();
    let (index, generation) = (commit.index().to_owned(), commit.generation());
    BatchAnswer { index, generation, responses }
}

/// Has a search of a batch fail alone, should it panic: that is a bug, and of this search only.
fn alone<T>(search: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    // What a panic leaves half-done is the search's own; a commit is read only.
    let result = catch_unwind(AssertUnwindSafe(search));
    result.unwrap_or_else(|_| Err(Problem::new(Code::Internal, "a bug stopped this search")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_that_panics_fails_alone() {
        let results = [
            alone(|| Ok(1)),
            alone(|| panic!("a test's panic")),
            alone(|| Err(Problem::new(Code::TimedOut, "late"))),
            alone(|| Ok(2)),
        ];
        let results = results.map(|result| result.map_err(|problem| problem.code()));
        assert_eq!(results, [Ok(1), Err(Code::Internal), Err(Code::TimedOut), Ok(2)]);
    }

    #[test]
    fn a_client_that_leaves_is_noticed() {
        let client = Client::waiting();
        let given_up = client.given_up();
        assert!(!given_up.load(Ordering::Relaxed));
        drop(client);
        assert!(given_up.load(Ordering::Relaxed));
    }
}
