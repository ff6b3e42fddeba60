//! `/v1/indexes/{index}/search` and `search/batch`: a checked request to hits.
//!
//! GET and POST become the same search; `search/batch` is several of them against one commit. What
//! a search needs and how it is answered is left to `searching`.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use axum::{Json, extract::State};

use crate::{
    error::{Code, Problem},
    searching::{PreparedSearch, QueryTexts, SearchedCommit},
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
    let index = state.index(&name)?;
    let checked = body.check(&state.limits)?;
    let permit = state.admit()?;
    let snapshot = index.snapshot().await?;
    let mut texts = QueryTexts::default();
    let prepared = PreparedSearch::new(checked, &snapshot, &state.models, &mut texts)?;
    let vectors = texts.encode().await;
    let deadline = prepared.timeout().map(|timeout| arrival + timeout);
    let commit = SearchedCommit::new(name, snapshot, vectors);
    run(permit, move || commit.answer(prepared, deadline).map(Json)).await
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
        let checked = body?.check(&state.limits)?;
        PreparedSearch::new(checked, &snapshot, &state.models, &mut texts)
    };
    let searches: Vec<_> = searches.into_iter().map(prepare).collect();
    let vectors = texts.encode().await;
    let commit = SearchedCommit::new(name, snapshot, vectors);
    // Gone when nobody waits for the answer any more.
    let waiting = Arc::new(());
    let limit = BatchLimit { longest, waiting: Arc::downgrade(&waiting) };
    let answer = run(permit, move || Ok(Json(answer_batch(&commit, searches, &limit)))).await;
    drop(waiting);
    answer
}

/// When a batch is to begin no further search.
struct BatchLimit {
    longest: Instant,
    waiting: Weak<()>,
}

impl BatchLimit {
    fn is_over(&self) -> bool {
        Instant::now() >= self.longest || self.waiting.strong_count() == 0
    }
}

/// Answers one search after the other. The time that one has counts from its turn.
fn answer_batch(
    commit: &SearchedCommit,
    searches: Vec<Result<PreparedSearch, Problem>>,
    limit: &BatchLimit,
) -> BatchAnswer {
    let answer = |search: PreparedSearch| match limit.is_over() {
        true => {
            let detail = "the time of the batch was over before this search began";
            Err(Problem::new(Code::TimedOut, detail))
        }
        false => {
            let deadline = |timeout: Duration| limit.longest.min(Instant::now() + timeout);
            let deadline = search.timeout().map(deadline);
            commit.answer(search, deadline)
        }
    };
    let respond = |search: Result<PreparedSearch, Problem>| match search.and_then(answer) {
        Ok(answer) => BatchResponse::Answer(Box::new(answer)),
        Err(problem) => BatchResponse::Problem(problem),
    };
    let responses = searches.into_iter().map(respond).collect();
    let (index, generation) = (commit.index().to_owned(), commit.generation());
    BatchAnswer { index, generation, responses }
}
