//! `/embed_sparse` and `/info`: what clients of Text Embeddings Inference (TEI) expect.
//!
//! Requests, answers and errors have TEI's shapes; the work is that of `/v1/encode`. What TEI has
//! no word for, the side of a text, is said by `prompt_name`, the way sentence-transformers name
//! it.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use gleaner::{Model, Side, SparseVector};
use serde_json::{Value, json};

use super::encode::chosen;
use crate::{
    error::{Code, Problem, RETRY_AFTER_SECONDS},
    models::LoadedModel,
    server::{ServerState, run},
    wire::{Body, EmbedBody, TermValue},
};

/// A problem in TEI's shape: `{"error", "error_type"}`.
pub(super) struct TeiError(Problem);

impl From<Problem> for TeiError {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl TeiError {
    /// TEI's status and word for what is wrong.
    fn kind(&self) -> (StatusCode, &'static str) {
        match self.0.code() {
            Code::Overloaded => (StatusCode::TOO_MANY_REQUESTS, "Overloaded"),
            Code::ModelUntrusted | Code::ModelNotFound => {
                (StatusCode::SERVICE_UNAVAILABLE, "Unhealthy")
            }
            Code::EncodingFailed | Code::Internal => (StatusCode::FAILED_DEPENDENCY, "Backend"),
            // TEI answers 413 to every request it cannot accept.
            Code::MalformedAddress
            | Code::MalformedBody
            | Code::MalformedJson
            | Code::Unauthorized
            | Code::RouteNotFound
            | Code::IndexNotFound
            | Code::DocumentNotFound
            | Code::MethodNotAllowed
            | Code::ModelMismatch
            | Code::BodyTooLarge
            | Code::UnsupportedMediaType
            | Code::InvalidRequest
            | Code::InvalidQuery
            | Code::InvalidFilter
            | Code::UnknownRank
            | Code::UnknownField
            | Code::UnknownToken
            | Code::LimitExceeded
            | Code::ModelAmbiguous
            | Code::IndexDamaged
            | Code::IndexUnavailable
            | Code::TimedOut => (StatusCode::PAYLOAD_TOO_LARGE, "Validation"),
        }
    }
}

impl IntoResponse for TeiError {
    fn into_response(self) -> Response {
        let (status, error_type) = self.kind();
        let error = match self.0.field_name() {
            Some(field) => format!("`{field}`: {}", self.0.detail()),
            None => self.0.detail().to_owned(),
        };
        let body = Json(json!({"error": error, "error_type": error_type}));
        let mut response = (status, body).into_response();
        if status == StatusCode::TOO_MANY_REQUESTS {
            let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

/// Encodes with the only model there is.
///
/// Errors, in TEI's shape: those of `/v1/encode`, and texts that are too long where `truncate` is
/// false.
pub(super) async fn embed(
    State(state): State<Arc<ServerState>>,
    body: Result<Body<EmbedBody>, Problem>,
) -> Result<Json<Vec<Vec<TermValue>>>, TeiError> {
    let Body(body) = body?;
    body.check(&state.limits)?;
    let side = body.side()?;
    let model = chosen(&state, None).await?;
    let mut texts = body.inputs.0;
    if body.truncate == Some(false) {
        texts = refuse_long(&model, side, texts).await?;
    }
    let vectors = model.encode(side, texts).await?;
    Ok(Json(vectors.iter().map(values).collect()))
}

/// What TEI says of itself, as far as it has a meaning here.
pub(super) async fn info(State(state): State<Arc<ServerState>>) -> Result<Json<Value>, TeiError> {
    let model = chosen(&state, None).await?;
    let card = model.model().card();
    let limits = &state.limits;
    Ok(Json(json!({
        "model_id": card.folder.file_name().map(|name| name.to_string_lossy()),
        "model_sha": card.fingerprint,
        "model_dtype": "float32",
        "model_type": {"embedding": {"pooling": "splade"}},
        "max_input_length": card.max_length.document,
        "max_client_batch_size": limits.encode_inputs,
        "auto_truncate": true,
        "version": env!("CARGO_PKG_VERSION"),
    })))
}

fn values(vector: &SparseVector) -> Vec<TermValue> {
    vector.iter().map(|(index, value)| TermValue { index, value }).collect()
}

/// Gives the texts back if none of them is longer than the model reads.
async fn refuse_long(
    model: &Arc<LoadedModel<Model>>,
    side: Side,
    texts: Vec<String>,
) -> Result<Vec<String>, Problem> {
    let model = Arc::clone(model);
    run((), move || {
        for (place, text) in texts.iter().enumerate() {
            if model.model().is_cut(side, text)? {
                let detail = "the text is longer than the model reads; `truncate` cuts it";
                let problem = Problem::new(Code::LimitExceeded, detail);
                return Err(problem.field(format!("inputs[{place}]")));
            }
        }
        Ok(texts)
    })
    .await
}
