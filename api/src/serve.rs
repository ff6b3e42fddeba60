//! Options to a server: opening everything, listening, stopping.

use std::{
    collections::BTreeMap,
    future::Future,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::{Semaphore, oneshot},
};

use crate::{
    auth::ApiKey,
    error::ServeError,
    models::{LoadOptions, Models},
    routes::router,
    state::{ServedIndex, State},
    wire::{IndexSummary, Outcome},
};
use gleaner_encoder::SideEncoder;

/// How long requests may run on after the server was asked to stop, beyond their own limit.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// Everything that is decided before the first request.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The folder whose subfolders are indexes.
    pub data: PathBuf,
    /// Where to listen.
    pub addr: SocketAddr,
    /// The folder of a sparse model that is used instead of those the indexes recorded.
    pub model: Option<PathBuf>,
    /// The folder of a dense model that is used instead of those the indexes recorded.
    pub dense_model: Option<PathBuf>,
    /// What encodes queries, where it is not what the model folders state.
    pub query_encoder: Option<SideEncoder>,
    /// The ONNX Runtime library, where it is not to be searched for.
    pub ort_lib: Option<PathBuf>,
    /// What clients must send as `Authorization: Bearer KEY`.
    pub api_key: Option<String>,
    /// Encoders per model, each with a session and a thread of its own; at least one.
    pub encoder_threads: usize,
    /// What requests may ask for.
    pub limits: Limits,
    /// How texts of several requests are encoded together.
    pub batching: BatchLimits,
}

/// How texts of several requests are encoded together, by each model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Texts that are encoded together; 1 encodes each alone.
    pub texts: usize,
    /// Tokens, by a guess from the bytes, that are encoded together: as long as a search that comes
    /// next may have to wait.
    pub tokens: usize,
    /// How long a text waits for others while an encoder is free.
    pub wait: Duration,
    /// Texts that may wait, those of searches not counted; more are refused.
    pub queue_texts: usize,
    /// Whether searches are encoded together. Faster under load, but the last bit of a score then
    /// depends on who else asks.
    pub share_searches: bool,
}

/// What requests may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body.
    pub body_bytes: usize,
    /// Hits of a search, `k` and `offset` together.
    pub k: usize,
    /// Terms of a query that was not encoded here; words of a query that is ranked by BM25.
    pub query_terms: usize,
    /// Texts of one encoding request.
    pub encode_inputs: usize,
    /// Bytes of one text.
    pub text_bytes: usize,
    /// Searches of one batch; `k` bounds the hits of all of them together.
    pub batch_searches: usize,
    /// Time until a request is answered, if only with an error.
    pub timeout: Duration,
    /// Requests that search at the same time; more are refused, not queued.
    pub concurrency: usize,
}

impl Limits {
    /// How long a search may take that returns what it has found by then: nine tenths of the limit
    /// leave time to answer.
    pub(crate) fn longest_search(&self) -> Duration {
        self.timeout * 9 / 10
    }
}

/// Indexes and models, opened and ready to be served.
pub struct Server {
    state: Arc<State>,
    addr: SocketAddr,
    warnings: Vec<String>,
}

/// Opens every index of the data folder and the models they were made with, and tests the models.
///
/// An index or a model that cannot be used is no error but a warning, and a check that fails in
/// `/readyz`: the other indexes are served.
/// Errors: `DataNotFound`, `DataIsIndex`, `NoIndexes`, `List`, `KeyRequired`, `InvalidKey`; `Model`
/// when `model`, `dense_model` or `ort_lib` was given and cannot be used. Panics: never.
/// Cost: reads all files of all indexes for their checksums.
pub fn open(options: ServeOptions) -> Result<Server, ServeError> {
    let ServeOptions { data, addr, model, query_encoder, ort_lib, api_key, limits, .. } = options;
    let (encoders, batching, named_dense) =
        (options.encoder_threads, options.batching, options.dense_model);
    if api_key.is_none() && !addr.ip().to_canonical().is_loopback() {
        return Err(ServeError::KeyRequired { addr });
    }
    let key = api_key.map(ApiKey::new).transpose()?;
    let mut warnings = Vec::new();
    let indexes: BTreeMap<String, ServedIndex> = find_indexes(&data, &mut warnings)?
        .into_iter()
        .map(|(name, folder)| (name, ServedIndex::open(&folder)))
        .collect();
    if indexes.is_empty() && model.is_none() {
        return Err(ServeError::NoIndexes { path: data });
    }
    let snapshots: Vec<_> = indexes.values().filter_map(|index| index.current().ok()).collect();
    let manifests = snapshots.iter().map(|snapshot| snapshot.manifest());
    let load = LoadOptions {
        named: model,
        named_dense,
        query: query_encoder,
        ort_lib: ort_lib.as_deref(),
        encoders,
        batching,
    };
    let models = Models::load(manifests, load)?;
    let permits = Arc::new(Semaphore::new(limits.concurrency.min(Semaphore::MAX_PERMITS)));
    let state = Arc::new(State { indexes, models, limits, key, permits });
    let unusual = state.checks().into_iter().filter(|check| check.outcome != Outcome::Pass);
    warnings.extend(unusual.map(|check| {
        let detail = check.detail.unwrap_or_default();
        format!("{}: {} did not pass: {detail}", check.subject, check.check)
    }));
    Ok(Server { state, addr, warnings })
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

    /// What is served, by name.
    pub fn indexes(&self) -> Vec<IndexSummary> {
        self.state.indexes.iter().map(|(name, index)| index.summary(name)).collect()
    }

    pub(crate) fn state(&self) -> &Arc<State> {
        &self.state
    }
}

/// Listens at the server's address and answers until `shutdown` is done, then lets running requests
/// end.
///
/// Errors: `Bind`, `Stopped`.
pub async fn serve(
    server: Server,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let addr = server.addr;
    let listener =
        TcpListener::bind(addr).await.map_err(|source| ServeError::Bind { addr, source })?;
    serve_on(server, listener, shutdown).await
}

/// As [`serve`], at a listener of the caller's, whose address is then what counts.
///
/// Errors: `KeyRequired`, `Stopped`.
pub async fn serve_on(
    server: Server,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let stopped = |source| ServeError::Stopped { source };
    let addr = listener.local_addr().map_err(stopped)?;
    if server.state.key.is_none() && !addr.ip().to_canonical().is_loopback() {
        return Err(ServeError::KeyRequired { addr });
    }
    let grace = server.state.limits.timeout.saturating_add(STOP_GRACE);
    let (stopping, asked) = oneshot::channel();
    let shutdown = async move {
        shutdown.await;
        // Nobody listens when serving has ended already.
        let _ = stopping.send(());
    };
    // A client that sends half a request and then nothing must not keep the server from stopping.
    let deadline = async move {
        match asked.await {
            Ok(()) => tokio::time::sleep(grace).await,
            Err(_) => std::future::pending().await,
        }
    };
    let serving = axum::serve(listener, router(&server)).with_graceful_shutdown(shutdown);
    tokio::select! {
        result = serving => result.map_err(stopped),
        () = deadline => Ok(()),
    }
}

/// The indexes in a folder by name. Others that look like one are named in `warnings`.
fn find_indexes(
    data: &Path,
    warnings: &mut Vec<String>,
) -> Result<BTreeMap<String, PathBuf>, ServeError> {
    if !data.is_dir() {
        return Err(ServeError::DataNotFound { path: data.to_owned() });
    }
    if is_index(data) {
        return Err(ServeError::DataIsIndex { path: data.to_owned(), parent: parent(data) });
    }
    let list = |source| ServeError::List { path: data.to_owned(), source };
    let mut indexes = BTreeMap::new();
    for entry in std::fs::read_dir(data).map_err(list)? {
        let folder = entry.map_err(list)?.path();
        if !is_index(&folder) {
            continue;
        }
        let name = folder.file_name().and_then(|name| name.to_str());
        match name.filter(|name| is_name(name)) {
            Some(name) => {
                indexes.insert(name.to_owned(), folder);
            }
            None => warnings.push(format!(
                "`{}` is not served: a name has letters, digits, `.`, `_` and `-`, and no `.` first",
                folder.display()
            )),
        }
    }
    Ok(indexes)
}

fn is_index(folder: &Path) -> bool {
    folder.join("meta.json").is_file()
}

/// The folder that holds `folder`, also for `.` and names without a folder.
fn parent(folder: &Path) -> PathBuf {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    whole.parent().unwrap_or(&whole).to_owned()
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_a_path_segment_can_be() {
        for name in ["a", "SciFact-2.1", "_x", "-", "0"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", ".", "..", ".hidden", "a b", "a/b", "é", "a\n"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
