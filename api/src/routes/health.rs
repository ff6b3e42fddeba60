//! `/livez` and `/readyz`: is the process alive, and can it do its work.

use std::sync::Arc;

use axum::{
    Json,
    extract::State as Shared,
    http::{HeaderMap, StatusCode},
};
use serde_json::{Value, json};

use crate::{
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
