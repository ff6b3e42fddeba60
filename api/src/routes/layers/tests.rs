//! The layers around any handler: time, panics, ids.
#![allow(clippy::unwrap_used)]

use std::{iter::empty, time::Duration};

use axum::{
    body::{Body, to_bytes},
    http::StatusCode,
    routing::get,
};
use serde_json::Value;
use tokio::sync::Semaphore;
use tower::ServiceExt;

use super::*;
use crate::{
    limits::{BatchLimits, Limits},
    models::{ServedModels, Workers},
    server::Origins,
};

fn app() -> Router {
    let limits = Limits {
        body_bytes: 100,
        k: 10,
        query_terms: 10,
        encode_inputs: 1,
        text_bytes: 10,
        batch_searches: 1,
        timeout: Duration::from_millis(50),
        concurrency: 1,
    };
    let wait = Duration::ZERO;
    let batching = BatchLimits { texts: 1, tokens: 1, wait, queue_texts: 1, share_searches: false };
    let workers = Workers { encoders: 1, batching };
    let state = Arc::new(ServerState {
        indexes: Default::default(),
        models: ServedModels::open(gleaner::Models::new(), empty(), workers).unwrap(),
        limits,
        key: None,
        origins: Origins::None,
        permits: Arc::new(Semaphore::new(1)),
    });
    async fn bug() {
        panic!("a test's panic");
    }
    async fn lost(State(state): State<Arc<ServerState>>) -> Result<(), Problem> {
        let permit = state.admit()?;
        crate::server::run(permit, || panic!("a test's panic on a blocking thread")).await
    }
    let routes = Router::new()
        .route("/bug", get(bug))
        .route("/lost", get(lost))
        .route("/slow", get(std::future::pending::<()>))
        .with_state(Arc::clone(&state));
    layered(routes, &state)
}

async fn code(app: &Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    assert!(response.headers().contains_key(REQUEST_ID), "{path}");
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    (status, body["code"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn panics_and_delays_become_problems() {
    let app = app();
    let internal = (StatusCode::INTERNAL_SERVER_ERROR, "internal".to_owned());
    assert_eq!(code(&app, "/bug").await, internal);
    // Twice: the permit of work that panicked is given back.
    assert_eq!(code(&app, "/lost").await, internal);
    assert_eq!(code(&app, "/lost").await, internal);
    assert_eq!(code(&app, "/slow").await, (StatusCode::GATEWAY_TIMEOUT, "timed_out".to_owned()));
}

#[test]
fn only_sane_ids_are_taken_over() {
    let sane = |id: &[u8]| is_sane(&HeaderValue::from_bytes(id).unwrap());
    assert!(sane(b"01J-abc_1.2:3") && sane(&[b'a'; 128]));
    assert!(!sane(b"") && !sane(b"a b") && !sane(b"<script>") && !sane(&[b'a'; 129]));
    assert!(!sane("\u{fc}".as_bytes()));
    assert_ne!(new_id(), new_id());
    assert!(is_sane(&new_id()));
}
