//! `/v1/indexes` and its searches: a checked request to hits.
//!
//! GET and POST become the same search; `search/batch` is several of them against one commit. What
//! a search needs and how it is answered is `searching`'s.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use axum::{Json, extract::State as Shared};
use gleaner_encoder::Model;
use gleaner_searcher::Snapshot;

use crate::{
    encoding::{Encoded, Encoding},
    error::{Code, Problem},
    extract::{Body, IndexName, Params},
    inputs::Names,
    models::Loaded,
    searching::{Ground, Plan},
    state::{State, run},
    wire::{
        BatchAnswer, BatchBody, BatchResponse, IndexList, SearchAnswer, SearchBody, SearchParams,
    },
};

/// Every index that is served.
pub(super) async fn list(Shared(state): Shared<Arc<State>>) -> Json<IndexList> {
    let mut indexes = Vec::with_capacity(state.indexes.len());
    for (name, index) in &state.indexes {
        // Looks for a newer commit; an index that has none says so in its summary.
        let _ = index.snapshot().await;
        indexes.push(index.summary(name));
    }
    Json(IndexList { indexes })
}

/// Search with parameters in the address.
pub(super) async fn by_params(
    Shared(state): Shared<Arc<State>>,
    IndexName(name): IndexName,
    Params(params): Params<SearchParams>,
) -> Result<Json<SearchAnswer>, Problem> {
    let body = params.body()?;
    search(&state, name, body).await.map_err(Problem::of_parameters)
}

/// Search with a JSON body.
pub(super) async fn by_body(
    Shared(state): Shared<Arc<State>>,
    IndexName(name): IndexName,
    Body(body): Body<SearchBody>,
) -> Result<Json<SearchAnswer>, Problem> {
    search(&state, name, body).await
}

async fn search(
    state: &State,
    name: String,
    body: SearchBody,
) -> Result<Json<SearchAnswer>, Problem> {
    let arrival = Instant::now();
    let index = state.index(&name)?;
    let checked = body.check(&state.limits)?;
    let permit = state.admit()?;
    let snapshot = index.snapshot().await?;
    let mut encoding = Encoding::default();
    let names = Names { manifest: snapshot.manifest(), models: &state.models };
    let plan = Plan::new(checked, names, &mut encoding)?;
    let encoded = encoding.run().await;
    let deadline = plan.timeout().map(|timeout| arrival + timeout);
    let read = Read::new(state, name, snapshot, encoded);
    run(permit, move || read.answer(&plan, deadline).map(Json)).await
}

/// Several searches of one commit, in one request.
pub(super) async fn batch(
    Shared(state): Shared<Arc<State>>,
    IndexName(name): IndexName,
    Body(body): Body<BatchBody>,
) -> Result<Json<BatchAnswer>, Problem> {
    let longest = Instant::now() + state.limits.longest_search();
    let index = state.index(&name)?;
    let searches = body.read(&state.limits)?;
    let permit = state.admit()?;
    let snapshot = index.snapshot().await?;
    let mut encoding = Encoding::default();
    let names = Names { manifest: snapshot.manifest(), models: &state.models };
    let plan = |body: Result<SearchBody, Problem>| {
        Plan::new(body?.check(&state.limits)?, names, &mut encoding)
    };
    let plans: Vec<Result<Plan, Problem>> = searches.into_iter().map(plan).collect();
    let encoded = encoding.run().await;
    let read = Read::new(&state, name, snapshot, encoded);
    // Gone when nobody waits for the answer any more.
    let waiting = Arc::new(());
    let limit = BatchLimit { longest, waiting: Arc::downgrade(&waiting) };
    let answer = run(permit, move || Ok(Json(read.batch(plans, &limit)))).await;
    drop(waiting);
    answer
}

/// What the searches of a request read.
struct Read {
    index: String,
    snapshot: Arc<Snapshot>,
    encoded: Encoded,
    /// Names terms, where it is at hand.
    model: Option<Arc<Loaded<Model>>>,
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

impl Read {
    fn new(state: &State, index: String, snapshot: Arc<Snapshot>, encoded: Encoded) -> Self {
        let model = state.models.of_index(snapshot.manifest()).ok().cloned();
        Self { index, snapshot, encoded, model }
    }

    fn answer(&self, plan: &Plan, deadline: Option<Instant>) -> Result<SearchAnswer, Problem> {
        let token = |term| self.model.as_ref()?.model().token(term).map(str::to_owned);
        let (index, snapshot, encoded) = (self.index.as_str(), &*self.snapshot, &self.encoded);
        plan.answer(Ground { index, snapshot, encoded, token: &token }, deadline)
    }

    /// Answers one search after the other. The time that one has counts from its turn.
    fn batch(self, plans: Vec<Result<Plan, Problem>>, limit: &BatchLimit) -> BatchAnswer {
        let answer = |plan: &Plan| match limit.is_over() {
            true => {
                let detail = "the time of the batch was over before this search began";
                Err(Problem::new(Code::TimedOut, detail))
            }
            false => {
                let deadline = |timeout: Duration| limit.longest.min(Instant::now() + timeout);
                self.answer(plan, plan.timeout().map(deadline))
            }
        };
        let respond = |plan: Result<Plan, Problem>| match plan.and_then(|plan| answer(&plan)) {
            Ok(answer) => BatchResponse::Answer(Box::new(answer)),
            Err(problem) => BatchResponse::Problem(problem),
        };
        let responses = plans.into_iter().map(respond).collect();
        BatchAnswer { generation: self.snapshot.generation(), index: self.index, responses }
    }
}
