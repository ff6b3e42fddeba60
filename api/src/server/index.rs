//! One index that is served: opened, or with the reason why not, and its newest snapshot.

use std::{path::Path, sync::Arc, time::Duration};

use gleaner::{Error, Index, Models, Snapshot, chain};

use super::refresh::Refresh;
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
    pub(super) fn open(folder: &Path, models: &Models) -> Self {
        let opened = Index::open_with(folder, models).map(Arc::new);
        Self { opened, refresh: Refresh::new() }
    }

    /// The snapshot at hand, or why there is none.
    pub(super) fn current(&self) -> Result<Snapshot, &Error> {
        self.opened.as_ref().map(|index| index.snapshot())
    }

    /// The newest snapshot: looks for a newer commit when that was not done for a second. A commit
    /// that takes long to open is left to later requests.
    ///
    /// Errors: `index_damaged`, `index_unavailable`.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, Problem> {
        let index = self.opened.as_ref().map_err(unopened)?;
        if let Some(turn) = self.refresh.take_turn() {
            let index = Arc::clone(index);
            let task = tokio::task::spawn_blocking(move || turn.finish(index.refresh()));
            // Whether it came in time or not, the index knows its newest snapshot.
            let _ = tokio::time::timeout(REFRESH_PATIENCE, task).await;
        }
        Ok(index.snapshot())
    }

    /// Why the last look for a newer commit failed, if it did.
    pub(super) fn refresh_error(&self) -> Option<String> {
        self.refresh.error()
    }

    /// What there is to say about the index.
    pub(crate) fn summary(&self, name: &str) -> IndexSummary {
        let name = name.to_owned();
        match self.current() {
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

/// Why an index that could not be opened cannot be asked either.
fn unopened(error: &Error) -> Problem {
    match error.is_damage() {
        true => Problem::from(error),
        false => Problem::new(Code::IndexUnavailable, chain(error)),
    }
}
