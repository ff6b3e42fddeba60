//! `/v1/indexes` and `/v1/indexes/{index}/search`: a checked request to hits.
//!
//! GET and POST become the same [`Search`]. The vector comes from the text through the index's
//! model, from tokens through its vocabulary, or as it was given.

use std::{sync::Arc, time::Instant};

use axum::{Json, extract::State as Shared};
use gleaner_encoder::{Side, SparseVector};
use gleaner_searcher::{Rank, SearchRequest, SearchResponse, Snapshot};

use crate::{
    error::{Code, Problem},
    extract::{Body, IndexName, Params},
    models::{LoadedModel, Turn},
    state::{State, run},
    wire::{IndexList, Query, Search, SearchAnswer, SearchBody, SearchParams, quoted},
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
    /// A vector.
    Vector(SparseVector),
    /// A text and the encoder for it.
    Encode(String, Turn),
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
    let source = source(search.rank, query, &model).await?;
    let deadline = search.timeout.map(|timeout| arrival + timeout);
    run(permit, move || {
        let (response, encode_us) =
            answer(&snapshot, &search, deadline, source, model.ok().as_deref())?;
        Ok(Json(SearchAnswer {
            index: name,
            generation: snapshot.generation(),
            encode_us,
            response,
        }))
    })
    .await
}

/// Decides how to get the query vector. The model is asked for only where it is needed, so that an
/// index without one still answers to vectors and words.
async fn source(
    rank: Rank,
    query: Query,
    model: &Result<Arc<LoadedModel>, Problem>,
) -> Result<Source, Problem> {
    let model = || model.as_ref().map_err(Problem::clone);
    Ok(match (rank, query) {
        (Rank::Bm25, Query::Text(text)) => Source::Words(text),
        (Rank::Sparse, Query::Text(text)) => Source::Encode(text, model()?.turn().await?),
        (_, Query::Tokens(tokens)) => Source::Vector(named_terms(&tokens, model()?)?),
        (_, Query::Vector(vector)) => Source::Vector(vector),
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

/// The work that blocks: encoding, then searching one snapshot. Also returns the microseconds of
/// the encoding.
fn answer(
    snapshot: &Snapshot,
    search: &Search,
    deadline: Option<Instant>,
    source: Source,
    model: Option<&LoadedModel>,
) -> Result<(SearchResponse, Option<u64>), Problem> {
    let (text, vector, encode_us) = match source {
        Source::Words(text) => (Some(text), None, None),
        Source::Vector(vector) => (None, Some(vector), None),
        Source::Encode(text, turn) => {
            let start = Instant::now();
            let vector = turn.encode(Side::Query, &[&text])?.pop();
            (Some(text), vector, Some(start.elapsed().as_micros() as u64))
        }
    };
    let request = SearchRequest {
        rank: search.rank,
        vector: vector.as_ref(),
        text: text.as_deref(),
        k: search.k,
        offset: search.offset,
        filter: search.filter.as_deref(),
        fields: &search.fields,
        effort: search.effort,
        deadline,
        // Requests share the cores; a thread more for one of them would be taken from another.
        threads: 1,
        explain: search.explain,
        profile: search.profile,
    };
    let token = |term| model.and_then(|model| model.token(term));
    Ok((snapshot.search(&request, &token)?, encode_us))
}
