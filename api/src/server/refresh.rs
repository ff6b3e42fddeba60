//! When an index is asked for a newer commit, and what came of it.
//!
//! At most one refresh of an index runs at a time, and at most one begins in a second. A refresh
//! that fails leaves the snapshot at hand in place; `/readyz` and the log then say why.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use gleaner::{Error, Snapshot, chain};

/// How often an index is asked for a newer commit.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);

/// Who is told in words what begins or ends to be wrong while the server runs.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<OnceLock<Listener>>);

type Listener = Box<dyn Fn(&str) + Send + Sync>;

impl Log {
    /// Tells everything from now on to `listener`; the first one stays.
    pub(super) fn listen(&self, listener: Listener) {
        self.0.get_or_init(|| listener);
    }

    fn say(&self, message: &str) {
        if let Some(listener) = self.0.get() {
            listener(message);
        }
    }
}

/// When a newer commit was last looked for, shared by the requests of an index.
pub(super) struct Refresh(Arc<Refreshing>);

struct Refreshing {
    /// The index, as the log calls it.
    name: String,
    log: Log,
    last: Mutex<LastRefresh>,
}

struct LastRefresh {
    started: Instant,
    running: bool,
    error: Option<Arc<Error>>,
}

/// The one refresh of an index that may run. Dropping it, however that happens, lets the next in.
pub(super) struct RefreshTurn(Arc<Refreshing>);

impl Refresh {
    /// Of an index that was opened just now.
    pub(super) fn new(name: &str, log: &Log) -> Self {
        let last = LastRefresh { started: Instant::now(), running: false, error: None };
        let (name, log, last) = (name.to_owned(), log.clone(), Mutex::new(last));
        Self(Arc::new(Refreshing { name, log, last }))
    }

    /// The right to refresh, unless another request has it or the last refresh is too recent.
    pub(super) fn take_turn(&self) -> Option<RefreshTurn> {
        self.turn(|last| last.started.elapsed() >= REFRESH_INTERVAL)
    }

    /// The right to refresh however recent the last one is, unless another request has it.
    pub(super) fn take_turn_now(&self) -> Option<RefreshTurn> {
        self.turn(|_| true)
    }

    fn turn(&self, is_due: impl Fn(&LastRefresh) -> bool) -> Option<RefreshTurn> {
        let mut last = lock(&self.0.last);
        if last.running || !is_due(&last) {
            return None;
        }
        last.running = true;
        last.started = Instant::now();
        Some(RefreshTurn(Arc::clone(&self.0)))
    }

    /// Why the last refresh failed, if it did.
    pub(super) fn error(&self) -> Option<Arc<Error>> {
        lock(&self.0.last).error.clone()
    }
}

impl RefreshTurn {
    /// Notes how the refresh ended, and logs it if that is news.
    pub(super) fn finish(self, result: Result<Snapshot, Error>) {
        let said = |error: &Option<Arc<Error>>| error.as_ref().map(|error| chain(error.as_ref()));
        let error = result.err().map(Arc::new);
        let after = said(&error);
        let before = said(&std::mem::replace(&mut lock(&self.0.last).error, error));
        let name = &self.0.name;
        match after {
            Some(after) if before.as_ref() != Some(&after) => {
                self.0.log.say(&format!("{name}: its newest commit cannot be read: {after}"));
            }
            None if before.is_some() => {
                self.0.log.say(&format!("{name}: its newest commit can be read again"));
            }
            _ => {}
        }
    }
}

impl Drop for RefreshTurn {
    fn drop(&mut self) {
        lock(&self.0.last).running = false;
    }
}

fn lock(last: &Mutex<LastRefresh>) -> MutexGuard<'_, LastRefresh> {
    last.lock().unwrap_or_else(PoisonError::into_inner)
}
