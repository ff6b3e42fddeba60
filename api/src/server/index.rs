//! One index that is served: opened, or with the reason why not, and its newest snapshot.

use std::{path::Path, sync::Arc, time::Duration};

use gleaner::{Error, Index, Models, Snapshot, chain};
use tokio::task::JoinHandle;

use super::refresh::{Log, Refresh, RefreshTurn};
use crate::{
    error::{Code, Problem},
    wire::{DenseSummary, IndexSummary},
};

/// How long a request waits for a newer commit before it reads the one at hand.
const REFRESH_PATIENCE: Duration = Duration::from_millis(250);

/// One index, opened or with the reason why not.
pub(crate) struct ServedIndex {
    opened: Result<Arc<Index>, Error>,
    refresh: Refresh,
}

impl ServedIndex {
    /// Opens a folder, which reads all of its files.
    pub(super) fn open(name: &str, folder: &Path, models: &Models, log: &Log) -> Self {
        let opened = Index::open_with(folder, models).map(Arc::new);
        Self { opened, refresh: Refresh::new(name, log) }
    }

    /// The snapshot at hand, or why there is none.
    pub(super) fn current(&self) -> Result<Snapshot, &Error> {
        self.opened.as_ref().map(|index| index.snapshot())
    }

    /// The newest snapshot: looks for a newer commit when that was not done for a second. A commit
    /// that takes long to open is left to later requests. One that cannot be read leaves the snapshot
    /// at hand; but if the folder holds another index by now, there is nothing to answer from.
    ///
    /// Errors: `index_damaged`, `index_unavailable`.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, Problem> {
        let index = self.opened.as_ref().map_err(unopened)?;
        if let Some(turn) = self.refresh.take_turn() {
            // Whether it came in time or not, the index knows its newest snapshot.
            let _ = tokio::time::timeout(REFRESH_PATIENCE, begin(index, turn)).await;
        }
        match self.refresh.error() {
            Some(error) if error.is_replaced() => Err(unopened(&error)),
            _ => Ok(index.snapshot()),
        }
    }

    /// Begins to look for a newer commit now, unless that is under way.
    pub(super) fn look(&self) -> Option<JoinHandle<()>> {
        let index = self.opened.as_ref().ok()?;
        self.refresh.take_turn_now().map(|turn| begin(index, turn))
    }

    /// Why the last look for a newer commit failed, if it did.
    pub(super) fn refresh_error(&self) -> Option<Arc<Error>> {
        self.refresh.error()
    }

    /// What there is to say about the index.
    pub(crate) fn summary(&self, name: &str) -> IndexSummary {
        let name = name.to_owned();
        let failed = self.refresh.error();
        let replaced = failed.as_deref().filter(|error| error.is_replaced());
        match replaced.map_or_else(|| self.current(), Err) {
            Ok(snapshot) => IndexSummary {
                name,
                documents: Some(snapshot.documents()),
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
                problem: Some(unopened(error).code()),
            },
        }
    }
}

/// Looks for a newer commit on a thread that may block.
fn begin(index: &Arc<Index>, turn: RefreshTurn) -> JoinHandle<()> {
    let index = Arc::clone(index);
    tokio::task::spawn_blocking(move || turn.finish(index.refresh()))
}

/// Waits for looks that were begun, as long as a request would.
pub(super) async fn wait_for(looks: Vec<JoinHandle<()>>) {
    let all = async {
        for look in looks {
            // One that panicked noted nothing.
            let _ = look.await;
        }
    };
    let _ = tokio::time::timeout(REFRESH_PATIENCE, all).await;
}

/// Why an index that could not be opened cannot be asked either.
fn unopened(error: &Error) -> Problem {
    let problem = Problem::from(error);
    match [Code::IndexDamaged, Code::IndexUnavailable].contains(&problem.code()) {
        true => problem,
        false => Problem::new(Code::IndexUnavailable, chain(error)),
    }
}
