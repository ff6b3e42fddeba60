//! `/v1/encode`: texts to weighted tokens.

use std::sync::Arc;

use axum::{Json, extract::State as Shared};
use gleaner_encoder::SparseVector;

use crate::{
    error::Problem,
    extract::Body,
    models::LoadedModel,
    state::{State, run},
    wire::{Embedding, EncodeAnswer, EncodeBody, WeightedToken},
};

/// Texts encoded before the encoder goes to whoever waits for it: a search encodes one text, and
/// must not stand behind somebody's hundred.
const TEXTS_PER_TURN: usize = 4;

/// Encodes with the model of `index`, or with the only one there is.
///
/// Errors: `limit_exceeded`, `index_not_found`, `model_not_found`, `model_mismatch`,
/// `model_ambiguous`, `model_untrusted`, `overloaded`, `encoding_failed`.
pub(super) async fn encode(
    Shared(state): Shared<Arc<State>>,
    Body(body): Body<EncodeBody>,
) -> Result<Json<EncodeAnswer>, Problem> {
    body.check(&state.limits)?;
    let permit = Arc::new(state.admit()?);
    let model = match &body.index {
        Some(name) => {
            let snapshot = state.index(name)?.snapshot().await?;
            Arc::clone(state.models.of_index(snapshot.manifest())?)
        }
        None => Arc::clone(state.models.only()?),
    };
    let mut embeddings = Vec::with_capacity(body.inputs.0.len());
    for texts in body.inputs.0.chunks(TEXTS_PER_TURN).map(<[String]>::to_vec) {
        let (turn, model) = (model.turn().await?, Arc::clone(&model));
        let encoded = run(Arc::clone(&permit), move || {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let vectors = turn.encode(body.side, &texts)?;
            Ok(vectors.iter().map(|vector| embedding(vector, &model)).collect::<Vec<_>>())
        });
        embeddings.extend(encoded.await?);
    }
    Ok(Json(EncodeAnswer { model: model.fingerprint().to_owned(), embeddings }))
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
