//! `/livez`, `/readyz` and `/metrics`: is the process alive, can it do its work, how does it get
//! on.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use serde_json::{Value, json};

use crate::{
    encoding::{ModelMetrics, page},
    server::{ServerState, checks_now},
    wire::{Outcome, Readiness, ReadyState},
};

/// Where [`live`] answers.
pub(super) const LIVE_PATH: &str = "/livez";
/// Where [`ready`] answers.
pub(super) const READY_PATH: &str = "/readyz";

/// Whether this path needs no key.
pub(super) fn is_open(path: &str) -> bool {
    [LIVE_PATH, READY_PATH].contains(&path)
}

/// Always 200: the process answers.
pub(super) async fn live() -> Json<Value> {
    Json(json!({"status": "alive"}))
}

/// 200, or 503 when a check failed. Who does not have the key learns the status only.
pub(super) async fn ready(
    State(state): State<Arc<ServerState>>,
    headers: HeaderMap,
) -> (StatusCode, Json<Readiness>) {
    let checks = checks_now(&state).await;
    let failed = checks.iter().any(|check| check.outcome == Outcome::Fail);
    let (code, status) = match failed {
        true => (StatusCode::SERVICE_UNAVAILABLE, ReadyState::NotReady),
        false => (StatusCode::OK, ReadyState::Ready),
    };
    let known = state.key.as_ref().is_none_or(|key| key.check(&headers).is_ok());
    (code, Json(Readiness { status, checks: known.then_some(checks) }))
}

/// What was counted, for Prometheus.
pub(super) async fn metrics(State(state): State<Arc<ServerState>>) -> impl IntoResponse {
    let models: Vec<ModelMetrics<'_>> = state.models.metrics().collect();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page(&models))
}
