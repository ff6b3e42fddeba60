//! `/v1/encode`: texts to weighted tokens, or to the vectors of a dense field.

use std::sync::Arc;

use axum::{Json, extract::State};
use gleaner::{DenseModel, Model, SparseVector};

use crate::{
    error::Problem,
    models::LoadedModel,
    server::ServerState,
    wire::{Body, Embedding, EncodeAnswer, EncodeBody, WeightedToken},
};

/// Encodes with the model of `index` or of its dense field, or with the only sparse one there is.
///
/// Errors: `limit_exceeded`, `invalid_request`, `index_not_found`, `unknown_field`,
/// `model_not_found`, `model_mismatch`, `model_ambiguous`, `model_untrusted`, `overloaded`,
/// `encoding_failed`.
pub(super) async fn encode(
    State(state): State<Arc<ServerState>>,
    Body(body): Body<EncodeBody>,
) -> Result<Json<EncodeAnswer>, Problem> {
    body.check(&state.limits)?;
    let EncodeBody { inputs, side, index, field } = body;
    if let (Some(index), Some(field)) = (&index, &field) {
        let model = chosen_dense(&state, index, field).await?;
        let vectors = model.encode(side, inputs.0).await?;
        let embeddings = vectors.into_iter().map(|vector| Embedding::Dense { vector }).collect();
        return Ok(Json(EncodeAnswer { model: model.fingerprint().to_owned(), embeddings }));
    }
    let model = chosen(&state, index.as_deref()).await?;
    let vectors = model.encode(side, inputs.0).await?;
    let embeddings = vectors.iter().map(|vector| embedding(vector, model.model())).collect();
    Ok(Json(EncodeAnswer { model: model.fingerprint().to_owned(), embeddings }))
}

/// The sparse model of an index, or the only one there is.
pub(super) async fn chosen(
    state: &ServerState,
    index: Option<&str>,
) -> Result<Arc<LoadedModel<Model>>, Problem> {
    Ok(match index {
        Some(name) => {
            let snapshot = state.index(name)?.snapshot().await?;
            Arc::clone(state.models.of_index(snapshot.manifest())?)
        }
        None => Arc::clone(state.only_model()?),
    })
}

/// The model of a dense field of an index.
async fn chosen_dense(
    state: &ServerState,
    index: &str,
    field: &str,
) -> Result<Arc<LoadedModel<DenseModel>>, Problem> {
    let snapshot = state.index(index)?.snapshot().await?;
    let field = snapshot.manifest().dense_field(Some(field));
    let field = field.map_err(|error| Problem::from(&error).field("field"))?;
    Ok(Arc::clone(state.models.of_field(field)?))
}

fn embedding(vector: &SparseVector, model: &Model) -> Embedding {
    let token = |id| model.token(id).map(str::to_owned);
    let mut tokens: Vec<WeightedToken> =
        vector.iter().map(|(id, weight)| WeightedToken { token: token(id), id, weight }).collect();
    // Ids ascend already, and the sort is stable.
    tokens.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    Embedding::Sparse { tokens }
}
