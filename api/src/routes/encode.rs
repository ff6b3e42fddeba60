//! `/v1/encode`: texts to weighted tokens.

use std::sync::Arc;

use axum::{Json, extract::State as Shared};
use gleaner_encoder::SparseVector;

use crate::{
    error::Problem,
    extract::Body,
    models::LoadedModel,
    queue::Lane,
    state::State,
    wire::{Embedding, EncodeAnswer, EncodeBody, WeightedToken},
};

/// Encodes with the model of `index`, or with the only one there is.
///
/// Errors: `limit_exceeded`, `index_not_found`, `model_not_found`, `model_mismatch`,
/// `model_ambiguous`, `model_untrusted`, `overloaded`, `encoding_failed`.
pub(super) async fn encode(
    Shared(state): Shared<Arc<State>>,
    Body(body): Body<EncodeBody>,
) -> Result<Json<EncodeAnswer>, Problem> {
    body.check(&state.limits)?;
    let model = chosen(&state, body.index.as_deref()).await?;
    let vectors = model.encode(Lane::of_vectors(body.side), body.inputs.0).await?;
    let embeddings = vectors.iter().map(|vector| embedding(vector, &model)).collect();
    Ok(Json(EncodeAnswer { model: model.fingerprint().to_owned(), embeddings }))
}

/// The model of an index, or the only one there is.
pub(super) async fn chosen(
    state: &State,
    index: Option<&str>,
) -> Result<Arc<LoadedModel>, Problem> {
    Ok(match index {
        Some(name) => {
            let snapshot = state.index(name)?.snapshot().await?;
            Arc::clone(state.models.of_index(snapshot.manifest())?)
        }
        None => Arc::clone(state.only_model()?),
    })
}

fn embedding(vector: &SparseVector, model: &LoadedModel) -> Embedding {
    let mut tokens: Vec<WeightedToken> = vector
        .iter()
        .map(|(id, weight)| WeightedToken { token: model.token(id), id, weight })
        .collect();
    // Ids ascend already, and the sort is stable.
    tokens.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    Embedding { tokens }
}
