//! Paths to handlers.
//!
//! - `indexes`, `search`, `encode`: the interface under `/v1`.
//! - `embed_sparse`: what clients of Text Embeddings Inference expect.
//! - `health`: for operators.
//! - `layers`: what every request passes before its handler; `cross_origin`: pages of others.
//! - `known`: the routes as a table, for hints.

mod cross_origin;
mod embed_sparse;
mod encode;
mod health;
mod indexes;
mod known;
mod layers;
mod search;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};

use crate::server::Server;

/// Every route of a server, for `serve` and for tests.
pub fn router(server: &Server) -> Router {
    let state = server.state();
    let routes = Router::new()
        .route(health::LIVE_PATH, get(health::live))
        .route(health::READY_PATH, get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/v1/indexes", get(indexes::list))
        .route("/v1/indexes/{index}/search", get(search::by_params).post(search::by_body))
        .route("/v1/indexes/{index}/search/batch", post(search::batch))
        .route("/v1/encode", post(encode::encode))
        .route("/embed_sparse", post(embed_sparse::embed))
        .route("/info", get(embed_sparse::info))
        .with_state(Arc::clone(state));
    layers::layered(routes, state)
}
