//! `/v1/indexes` and `/v1/indexes/{index}/search`: a checked request to hits.
//!
//! GET and POST become the same [`Search`]. The vector comes from the text through the index's
//! model (searches have a lane of their own in its queue), from tokens through its vocabulary, or as it was given.

use std::{sync::Arc, time::Instant};

use axum::{Json, extract::State as Shared};
use gleaner_encoder::SparseVector;
use gleaner_searcher::{Rank, SearchRequest};

use crate::{
    error::{Code, Problem},
    extract::{Body, IndexName, Params},
    models::LoadedModel,
    queue::Lane,
    state::{State, run},
    wire::{IndexList, Query, SearchAnswer, SearchBody, SearchParams, quoted},
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
    search(&state, name, params.into()).await
}

/// Search with a JSON body.
pub(super) async fn by_body(
    Shared(state): Shared<Arc<State>>,
    IndexName(name): IndexName,
    Body(body): Body<SearchBody>,
) -> Result<Json<SearchAnswer>, Problem> {
    search(&state, name, body).await
}

/// A query with all that ranking by it takes.
enum Source {
    /// The words of a text.
    Words(String),
    /// A vector, and the microseconds that its encoding took, where it was encoded here.
    Vector(SparseVector, Option<u64>),
}

async fn search(
    state: &State,
    name: String,
    body: SearchBody,
) -> Result<Json<SearchAnswer>, Problem> {
    let arrival = Instant::now();
    let index = state.index(&name)?;
    let (search, query) = body.check(&state.limits)?;
    let permit = state.admit()?;
    let snapshot = index.snapshot().await?;
    let model = state.models.of_index(snapshot.manifest()).cloned();
    let source = source(&search.rank, query, &model).await?;
    let deadline = search.timeout.map(|timeout| arrival + timeout);
    run(permit, move || {
        let (text, vector, encode_us) = match source {
            Source::Words(text) => (Some(text), None, None),
            Source::Vector(vector, encode_us) => (None, Some(vector), encode_us),
        };
        let request = SearchRequest {
            
            vector: vector.as_ref(),
            text: text.as_deref(),
            offset: search.offset,
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
        let token = |term| model.as_ref().ok().and_then(|model| model.token(term));
        let response = snapshot.search(&request, &token)?;
        let generation = snapshot.generation();
        Ok(Json(SearchAnswer { index: name, generation, encode_us, response }))
    })
    .await
}

/// Decides how to get the query vector. The model is asked for only where it is needed, so that an
/// index without one still answers to vectors and words.
async fn source(
    rank: &Rank,
    query: Query,
    model: &Result<Arc<LoadedModel>, Problem>,
) -> Result<Source, Problem> {
    let model = || model.as_ref().map_err(Problem::clone);
    Ok(match (rank, query) {
        (Rank::Leg(gleaner_searcher::Leg::Bm25), Query::Text(text)) => Source::Words(text),
        (_, Query::Text(text)) => {
            let start = Instant::now();
            let vector = model()?.encode(Lane::Search, vec![text]).await?.pop();
            Source::Vector(vector.unwrap_or_default(), Some(start.elapsed().as_micros() as u64))
        }
        (_, Query::Tokens(tokens)) => Source::Vector(named_terms(&tokens, model()?)?, None),
        (_, Query::Vector(vector)) => Source::Vector(vector, None),
    })
}

fn named_terms(tokens: &[(String, f32)], model: &LoadedModel) -> Result<SparseVector, Problem> {
    let term = |(token, weight): &(String, f32)| match model.term(token) {
        Some(term) => Ok((term, *weight)),
        None => {
            let detail = format!("the model's vocabulary has no token {}", quoted(token));
            Err(Problem::new(Code::UnknownToken, detail)
                .field("query.tokens")
                .hint("POST /v1/encode shows the tokens of a text"))
        }
    };
    let pairs = tokens.iter().map(term).collect::<Result<Vec<_>, _>>()?;
    SparseVector::from_pairs(pairs)
        .map_err(|error| Problem::new(Code::InvalidQuery, error.to_string()).field("query.tokens"))
}
