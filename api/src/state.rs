//! What requests share: the indexes with their freshest snapshots, the models, the permits.
//!
//! A request takes a permit and a snapshot and works on a blocking thread; the permit is given back
//! when that work ends, not when its client stops waiting for it.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use gleaner_encoder::Model;
use gleaner_searcher::{Index, SearchError, Snapshot};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    auth::ApiKey,
    error::{Code, Problem, chain},
    models::{Loaded, Models},
    serve::Limits,
    wire::{Check, DenseSummary, IndexSummary, Outcome, quoted},
};

/// How often an index is asked for a newer commit.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);
/// How long a request waits for a newer commit before it reads the one at hand.
const REFRESH_PATIENCE: Duration = Duration::from_millis(250);

/// Everything requests share.
pub(crate) struct State {
    pub(crate) indexes: BTreeMap<String, ServedIndex>,
    pub(crate) models: Models,
    pub(crate) limits: Limits,
    pub(crate) key: Option<ApiKey>,
    pub(crate) permits: Arc<Semaphore>,
}

/// The right to occupy a blocking thread.
pub(crate) type Permit = OwnedSemaphorePermit;

impl State {
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
    /// Errors: those of [`Models::only`].
    pub(crate) fn only_model(&self) -> Result<&Arc<Loaded<Model>>, Problem> {
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

    /// What `/readyz` looks at.
    pub(crate) fn checks(&self) -> Vec<Check> {
        let indexes =
            self.indexes.iter().flat_map(|(name, index)| index.checks(name, &self.models));
        let models = self.models.selftests().map(|(fingerprint, (outcome, detail))| {
            let (subject, detail) = (fingerprint.to_owned(), detail.map(str::to_owned));
            Check { check: "model_selftest", subject, outcome, detail }
        });
        indexes.chain(models).collect()
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

/// One index, opened or with the reason why not.
pub(crate) struct ServedIndex {
    opened: Result<Arc<Index>, SearchError>,
    refresh: Arc<Mutex<Refresh>>,
}

/// When a newer commit was last looked for.
struct Refresh {
    started: Instant,
    running: bool,
    error: Option<String>,
}

impl ServedIndex {
    /// Opens a folder, which reads all of its files.
    pub(crate) fn open(folder: &Path) -> Self {
        let opened = Index::open(folder).map(Arc::new);
        let refresh = Refresh { started: Instant::now(), running: false, error: None };
        Self { opened, refresh: Arc::new(Mutex::new(refresh)) }
    }

    /// The snapshot at hand, or why there is none.
    pub(crate) fn current(&self) -> Result<Arc<Snapshot>, &SearchError> {
        self.opened.as_ref().map(|index| index.snapshot())
    }

    /// The newest snapshot: looks for a newer commit when that was not done for a second. A commit
    /// that takes long to open is left to later requests.
    ///
    /// Errors: `index_damaged`, `index_unavailable`.
    pub(crate) async fn snapshot(&self) -> Result<Arc<Snapshot>, Problem> {
        let index = self.opened.as_ref().map_err(unopened)?;
        if let Some(turn) = RefreshTurn::take(&self.refresh) {
            let index = Arc::clone(index);
            let task = tokio::task::spawn_blocking(move || turn.finish(index.refresh()));
            // Whether it came in time or not, the index knows its newest snapshot.
            let _ = tokio::time::timeout(REFRESH_PATIENCE, task).await;
        }
        Ok(index.snapshot())
    }

    /// What there is to say about the index.
    pub(crate) fn summary(&self, name: &str) -> IndexSummary {
        let name = name.to_owned();
        match self.current() {
            Ok(snapshot) => IndexSummary {
                name,
                documents: Some(snapshot.live_docs()),
                generation: Some(snapshot.generation()),
                model: snapshot.manifest().model.as_ref().map(|model| model.fingerprint.clone()),
                dense: snapshot.manifest().dense.iter().map(DenseSummary::of).collect(),
                problem: None,
            },
            Err(error) => IndexSummary {
                name,
                documents: None,
                generation: None,
                model: None,
                dense: Vec::new(),
                problem: Some(unopened(error).code().as_str()),
            },
        }
    }

    fn checks(&self, name: &str, models: &Models) -> Vec<Check> {
        let check = |check, outcome, detail| {
            let subject = name.to_owned();
            Check { check, subject, outcome, detail }
        };
        let snapshot = match self.current() {
            Ok(snapshot) => snapshot,
            Err(error) => return vec![check("index_open", Outcome::Fail, Some(chain(error)))],
        };
        let mut checks = vec![check("index_open", Outcome::Pass, None)];
        checks.push(match &lock(&self.refresh).error {
            None => check("index_refreshed", Outcome::Pass, None),
            Some(error) => check("index_refreshed", Outcome::Warn, Some(error.clone())),
        });
        let manifest = snapshot.manifest();
        if manifest.model.is_some() {
            checks.extend(model_checks(name, models.of_index(manifest)));
        }
        for field in manifest.dense.iter().filter(|field| field.model.is_some()) {
            let subject = format!("{name}/{}", field.spec.name);
            checks.extend(model_checks(&subject, models.of_field(field)));
        }
        checks
    }
}

/// Whether a model is there, and the right one.
fn model_checks<T>(subject: &str, found: Result<T, Problem>) -> Vec<Check> {
    let check = |check, outcome, detail| {
        let subject = subject.to_owned();
        Check { check, subject, outcome, detail }
    };
    let (loaded, matches) = ("model_loaded", "model_matches");
    match found {
        Ok(_) => {
            vec![check(loaded, Outcome::Pass, None), check(matches, Outcome::Pass, None)]
        }
        Err(problem) if problem.code() == Code::ModelMismatch => vec![
            check(loaded, Outcome::Pass, None),
            check(matches, Outcome::Fail, Some(problem.detail().to_owned())),
        ],
        Err(problem) => {
            vec![check(loaded, Outcome::Fail, Some(problem.detail().to_owned()))]
        }
    }
}

/// Why an index that could not be opened cannot be asked either.
fn unopened(error: &SearchError) -> Problem {
    match error.is_damage() {
        true => Problem::from(error),
        false => Problem::new(Code::IndexUnavailable, chain(error)),
    }
}

/// The one refresh of an index that may run; giving it up, however that happens, lets the next in.
struct RefreshTurn(Arc<Mutex<Refresh>>);

impl RefreshTurn {
    fn take(refresh: &Arc<Mutex<Refresh>>) -> Option<Self> {
        let mut state = lock(refresh);
        if state.running || state.started.elapsed() < REFRESH_INTERVAL {
            return None;
        }
        state.running = true;
        state.started = Instant::now();
        Some(Self(Arc::clone(refresh)))
    }

    fn finish(self, result: Result<Arc<Snapshot>, SearchError>) {
        lock(&self.0).error = result.err().map(|error| chain(&error));
    }
}

impl Drop for RefreshTurn {
    fn drop(&mut self) {
        lock(&self.0).running = false;
    }
}

fn lock(refresh: &Mutex<Refresh>) -> MutexGuard<'_, Refresh> {
    refresh.lock().unwrap_or_else(PoisonError::into_inner)
}
