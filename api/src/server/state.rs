//! What requests share: the indexes, the models, the limits, the key and the permits.
//!
//! A request takes a permit and a snapshot and works on a blocking thread. The permit is given back
//! when that work ends, not when its client stops waiting for it.

use std::{collections::BTreeMap, sync::Arc};

use axum::extract::FromRef;
use gleaner::Model;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{index::ServedIndex, key::ApiKey, origins::Origins};
use crate::{
    error::{Code, Problem, quoted},
    limits::Limits,
    models::{LoadedModel, ServedModels},
};

/// Everything requests share.
pub(crate) struct ServerState {
    pub(crate) indexes: BTreeMap<String, ServedIndex>,
    pub(crate) models: ServedModels,
    pub(crate) limits: Limits,
    pub(crate) key: Option<ApiKey>,
    pub(crate) origins: Origins,
    pub(crate) permits: Arc<Semaphore>,
}

/// The right to occupy a blocking thread.
pub(crate) type Permit = OwnedSemaphorePermit;

/// For what reads bodies, which is told nothing else of the server.
impl FromRef<Arc<ServerState>> for Limits {
    fn from_ref(state: &Arc<ServerState>) -> Self {
        state.limits
    }
}

impl ServerState {
    /// The index of a name, which is only ever looked up, never joined to a path.
    ///
    /// Errors: `index_not_found`.
    pub(crate) fn index(&self, name: &str) -> Result<&ServedIndex, Problem> {
        self.indexes.get(name).ok_or_else(|| {
            let detail = format!("no index {} is served here", quoted(name));
            Problem::new(Code::IndexNotFound, detail).hint("GET /v1/indexes lists them")
        })
    }

    /// The sparse model to use where no index is named.
    ///
    /// Errors: those of [`ServedModels::only`].
    pub(crate) fn only_model(&self) -> Result<&Arc<LoadedModel<Model>>, Problem> {
        let snapshots = self.indexes.values().filter_map(|index| index.current().ok());
        let bound = snapshots.filter_map(|snapshot| snapshot.manifest().model.clone());
        self.models.only(&bound.map(|model| model.fingerprint).collect())
    }

    /// A permit, or `overloaded` at once.
    pub(crate) fn admit(&self) -> Result<Permit, Problem> {
        Arc::clone(&self.permits).try_acquire_owned().map_err(|_| {
            let detail = format!("{} requests are running", self.limits.concurrency);
            Problem::new(Code::Overloaded, detail)
        })
    }
}

/// Runs work that blocks on a thread for it.
///
/// Errors: those of `work`; `internal` if it panicked.
pub(crate) async fn run<T: Send + 'static>(
    permit: impl Send + 'static,
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let task = tokio::task::spawn_blocking(move || {
        let result = work();
        drop(permit);
        result
    });
    task.await.unwrap_or_else(|_| Err(Problem::new(Code::Internal, "the request's work was lost")))
}
