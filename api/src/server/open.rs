//! Options to a server: every index and every model opened, none of them asked yet.
//!
//! What cannot be used is a warning where other indexes can still be served. Listening is left to
//! `listen`.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use tokio::sync::Semaphore;

use super::{
    checks::checks,
    folders::find_indexes,
    index::ServedIndex,
    key::{ApiKey, check_exposure},
    options::ServeOptions,
    origins::Origins,
    refresh::Log,
    state::ServerState,
};
use crate::{
    error::ServeError,
    models::{ServedModels, Workers},
    wire::{IndexSummary, Outcome},
};

/// Indexes and models, opened and ready to be served.
pub struct Server {
    state: Arc<ServerState>,
    addr: SocketAddr,
    warnings: Vec<String>,
    log: Log,
}

/// Opens every index of the data folder and the models they were made with, and tests the models.
///
/// An index or a model that cannot be used is no error but a warning, and a check that fails in
/// `/readyz`: the other indexes are served.
/// Errors: `DataNotFound`, `DataIsIndex`, `NoIndexes`, `List`, `KeyRequired`, `InvalidKey`, `ShortKey`, `InvalidOrigin`;
/// `Model` when `model`, `dense_model` or `ort_lib` was given and cannot be used. Panics: never.
/// Cost: reads all files of all indexes for their checksums.
pub fn open(options: ServeOptions) -> Result<Server, ServeError> {
    let workers = Workers { encoders: options.encoder_threads, batching: options.batching };
    let ServeOptions { data, addr, models, api_key, limits, cors_origins, .. } = options;
    check_exposure(api_key.is_some(), addr)?;
    let key = api_key.map(ApiKey::new).transpose()?;
    let origins = Origins::read(&cors_origins)?;
    let (mut warnings, log) = (Vec::new(), Log::default());
    let indexes: BTreeMap<String, ServedIndex> = find_indexes(&data, &mut warnings)?
        .into_iter()
        .map(|(name, folder)| {
            let index = ServedIndex::open(&name, &folder, &models, &log);
            (name, index)
        })
        .collect();
    if indexes.is_empty() && !models.names_sparse() {
        return Err(ServeError::NoIndexes { path: data });
    }
    let snapshots: Vec<_> = indexes.values().filter_map(|index| index.current().ok()).collect();
    let manifests = snapshots.iter().map(|snapshot| snapshot.manifest());
    let models = ServedModels::open(models, manifests, workers)?;
    warnings.extend(models.models().take_moved().iter().map(ToString::to_string));
    let permits = Arc::new(Semaphore::new(limits.concurrency.min(Semaphore::MAX_PERMITS)));
    let state = Arc::new(ServerState { indexes, models, limits, key, origins, permits });
    let unusual = checks(&state).into_iter().filter(|check| check.outcome != Outcome::Pass);
    warnings.extend(unusual.map(|check| {
        let detail = check.detail.unwrap_or_default();
        format!("{}: {} did not pass: {detail}", check.subject, check.check.name())
    }));
    Ok(Server { state, addr, warnings, log })
}

impl Server {
    /// Where it will listen.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What was passed over or does not work, for the operator.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Who is told what begins or ends to be wrong with an index while the server runs; at most one.
    pub fn on_trouble(self, listener: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.log.listen(Box::new(listener));
        self
    }

    /// What is served, by name.
    pub fn indexes(&self) -> Vec<IndexSummary> {
        self.state.indexes.iter().map(|(name, index)| index.summary(name)).collect()
    }

    pub(crate) fn state(&self) -> &Arc<ServerState> {
        &self.state
    }
}
