//! When an index is asked for a newer commit, and what came of it.
//!
//! At most one refresh of an index runs at a time, and at most one begins in a second. A refresh
//! that fails leaves the snapshot at hand in place; `/readyz` then says why.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use gleaner::{Error, Snapshot, chain};

/// How often an index is asked for a newer commit.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);

/// When a newer commit was last looked for, shared by the requests of an index.
pub(super) struct Refresh(Arc<Mutex<LastRefresh>>);

struct LastRefresh {
    started: Instant,
    running: bool,
    error: Option<String>,
}

/// The one refresh of an index that may run. Dropping it, however that happens, lets the next in.
pub(super) struct RefreshTurn(Arc<Mutex<LastRefresh>>);

impl Refresh {
    /// Of an index that was opened just now.
    pub(super) fn new() -> Self {
        let last = LastRefresh { started: Instant::now(), running: false, error: None };
        Self(Arc::new(Mutex::new(last)))
    }

    /// The right to refresh, unless another request has it or the last refresh is too recent.
    pub(super) fn take_turn(&self) -> Option<RefreshTurn> {
        let mut last = lock(&self.0);
        if last.running || last.started.elapsed() < REFRESH_INTERVAL {
            return None;
        }
        last.running = true;
        last.started = Instant::now();
        Some(RefreshTurn(Arc::clone(&self.0)))
    }

    /// Why the last refresh failed, if it did.
    pub(super) fn error(&self) -> Option<String> {
        lock(&self.0).error.clone()
    }
}

impl RefreshTurn {
    /// Notes how the refresh ended.
    pub(super) fn finish(self, result: Result<Snapshot, Error>) {
        lock(&self.0).error = result.err().map(|error| chain(&error));
    }
}

impl Drop for RefreshTurn {
    fn drop(&mut self) {
        lock(&self.0).running = false;
    }
}

fn lock(last: &Mutex<LastRefresh>) -> MutexGuard<'_, LastRefresh> {
    last.lock().unwrap_or_else(PoisonError::into_inner)
}
