//! `/livez`, `/readyz` and `/metrics`: is the process alive, can it do its work, how does it get
//! on.

use std::sync::Arc;

use axum::{
    Json,
    extract::State as Shared,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use serde_json::{Value, json};

use crate::{
    metrics::{ModelMetrics, page},
    state::State,
    wire::{Outcome, Readiness},
};

/// Always 200: the process answers.
pub(super) async fn live() -> Json<Value> {
    Json(json!({"status": "alive"}))
}

/// 200, or 503 when a check failed. Who does not have the key learns the status only.
pub(super) async fn ready(
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
) -> (StatusCode, Json<Readiness>) {
    let checks = state.checks();
    let failed = checks.iter().any(|check| check.outcome == Outcome::Fail);
    let (code, status) = match failed {
        true => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
        false => (StatusCode::OK, "ready"),
    };
    let known = state.key.as_ref().is_none_or(|key| key.check(&headers).is_ok());
    (code, Json(Readiness { status, checks: known.then_some(checks) }))
}

/// What was counted, for Prometheus.
pub(super) async fn metrics(Shared(state): Shared<Arc<State>>) -> impl IntoResponse {
    let models: Vec<ModelMetrics<'_>> = state.models.metrics().collect();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page(&models))
}
