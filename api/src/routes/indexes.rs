//! `/v1/indexes`: what is served.

use std::sync::Arc;

use axum::{Json, extract::State};

use crate::{server::ServerState, wire::IndexList};

/// Every index that is served.
pub(super) async fn list(State(state): State<Arc<ServerState>>) -> Json<IndexList> {
    let mut indexes = Vec::with_capacity(state.indexes.len());
    for (name, index) in &state.indexes {
        // Looks for a newer commit; an index that has none says so in its summary.
        let _ = index.snapshot().await;
        indexes.push(index.summary(name));
    }
    Json(IndexList { indexes })
}
