//! The writer's thread: changes of all that wait, one commit for them, merges beside it.
//!
//! What was acknowledged before its commit (`auto`) is kept until then. So a commit that fails, as on a full
//! disk, loses nothing of it: the writer is opened anew, and everything kept is written again.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use gleaner_indexer::{Document, EncodedText, IndexError, IndexStore, InputDocument};

use super::{
    change::{CommitMode, Outcome, Verdict, WriteReport},
    prepare::Ready,
    queue::{Request, Shared, Work},
};
use crate::error::{Error, chain};

/// What was acknowledged before its commit is committed after this time.
const AUTO_COMMIT: Duration = Duration::from_secs(1);
/// How often merges are looked after.
const MERGE_POLL: Duration = Duration::from_millis(20);
/// Time between two attempts to write what a failed commit left.
const RETRY: Duration = Duration::from_secs(1);
/// Without a change for so long, the folder is left to other programs.
const IDLE: Duration = Duration::from_secs(5);

/// The writer's side of a queue.
pub(super) struct Writing {
    shared: Arc<Shared>,
    /// Acknowledged, applied, and not committed.
    kept: Vec<Ready>,
    /// Whether documents are there by the changes since the last commit, by `_id`.
    changed: HashMap<String, bool>,
    /// When the oldest of what is kept is to be committed.
    commit_at: Option<Instant>,
    /// The last commit failed: `auto` waits for its commit, too, until one succeeds.
    is_failing: bool,
    last_change: Instant,
}

/// A request whose changes are applied, and who waits for its commit.
struct Applied {
    request: Request,
    report: WriteReport,
}

impl Writing {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            kept: Vec::new(),
            changed: HashMap::new(),
            commit_at: None,
            is_failing: false,
            last_change: Instant::now(),
        }
    }

    /// Writes until the queue is closed, and commits what was acknowledged.
    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        while let Some(requests) = shared.take(self.wakes_at()) {
            if requests.is_empty() {
                self.look_after();
            } else {
                self.last_change = Instant::now();
                self.serve(requests);
            }
        }
        if !self.kept.is_empty() {
            // Nobody is left who could be told.
            let _ = self.commit();
        }
        shared.index.close_writer();
    }

    /// When there is something to do without a request.
    fn wakes_at(&self) -> Option<Instant> {
        let now = Instant::now();
        let index = &self.shared.index;
        let merges = (index.running_merges() > 0).then(|| now + MERGE_POLL);
        // While a merge runs the lock is needed, and a time that has passed cannot be slept until.
        let is_idle = merges.is_none() && self.kept.is_empty() && index.is_writing();
        let idle = is_idle.then(|| self.last_change + IDLE);
        [self.commit_at, merges, idle].into_iter().flatten().min()
    }

    /// What is due without a request: a commit, merges, the folder's lock.
    fn look_after(&mut self) {
        if self.commit_at.is_some_and(|at| at <= Instant::now()) && self.commit().is_err() {
            self.commit_at = Some(Instant::now() + RETRY);
        }
        self.merge_beside();
        let index = &self.shared.index;
        let is_idle = self.last_change.elapsed() >= IDLE && self.kept.is_empty();
        if is_idle && index.running_merges() == 0 {
            index.close_writer();
        }
    }

    fn serve(&mut self, requests: Vec<Request>) {
        let mut waiting = Vec::new();
        for mut request in requests {
            let changes = match &mut request.work {
                Work::Changes(changes) => std::mem::take(changes),
                Work::Merge => {
                    match self.commit() {
                        Ok(_) => reply(request, self.merge()),
                        Err(error) => {
                            self.fail(std::mem::take(&mut waiting), Arc::new(error), Some(request));
                        }
                    }
                    continue;
                }
            };
            match self.rewrite().and_then(|()| self.apply(&changes)) {
                Ok(report) if request.commit == CommitMode::Auto && !self.is_failing => {
                    self.keep(changes);
                    reply(request, Ok(report));
                }
                Ok(report) => waiting.push(Applied { request, report }),
                Err(error) => {
                    self.fail(std::mem::take(&mut waiting), Arc::new(error), Some(request));
                }
            }
        }
        if !waiting.is_empty() {
            self.commit_for(waiting);
        }
    }

    /// Commits, and tells all that waited.
    fn commit_for(&mut self, waiting: Vec<Applied>) {
        match self.commit() {
            Ok(generation) => {
                for Applied { request, mut report } in waiting {
                    report.generation = Some(generation);
                    reply(request, Ok(report));
                }
            }
            Err(error) => self.fail(waiting, Arc::new(error), None),
        }
    }

    /// Tells all that waited that nothing of theirs was written. What was acknowledged is kept.
    fn fail(&mut self, waiting: Vec<Applied>, error: Arc<Error>, and: Option<Request>) {
        for Applied { request, .. } in waiting {
            reply(request, Err(Error::Written(Arc::clone(&error))));
        }
        if let Some(request) = and {
            reply(request, Err(Error::Written(error)));
        }
        self.give_up();
    }

    /// Forgets what the writer holds and is not committed; what was acknowledged is written again.
    fn give_up(&mut self) {
        self.shared.index.close_writer();
        self.changed.clear();
        self.is_failing = true;
        self.commit_at = (!self.kept.is_empty()).then(|| Instant::now() + RETRY);
    }

    fn keep(&mut self, changes: Vec<Ready>) {
        self.kept.extend(changes);
        if !self.kept.is_empty() {
            self.commit_at.get_or_insert_with(|| Instant::now() + AUTO_COMMIT);
        }
    }

    /// Makes everything durable and searched: the commit's number.
    ///
    /// Errors: those of the writer. What was acknowledged is kept.
    fn commit(&mut self) -> Result<u64, Error> {
        let committed = self.rewrite().and_then(|()| self.shared.index.commit_now());
        match committed {
            Ok(snapshot) => {
                self.kept.clear();
                self.changed.clear();
                (self.commit_at, self.is_failing) = (None, false);
                self.merge_beside();
                Ok(snapshot.generation())
            }
            Err(error) => {
                self.give_up();
                Err(error)
            }
        }
    }

    /// After a failure: writes again what was acknowledged.
    fn rewrite(&mut self) -> Result<(), Error> {
        if !self.is_failing || self.shared.index.is_writing() {
            return Ok(());
        }
        let kept = std::mem::take(&mut self.kept);
        let applied = self.apply(&kept);
        self.kept = kept;
        applied.map(|_| ())
    }

    /// Ends merges that are done, and begins those that are due. A merge that fails leaves its segments as
    /// they were, and is tried again after the next commit.
    fn merge_beside(&self) {
        let _ = self.shared.index.merge_beside();
    }

    /// Merges all segments, after a commit.
    fn merge(&self) -> Result<WriteReport, Error> {
        self.shared.index.merge_now()?;
        let generation = Some(self.shared.index.snapshot().generation());
        Ok(WriteReport { generation, ..WriteReport::default() })
    }

    /// Hands changes to the writer.
    fn apply(&mut self, changes: &[Ready]) -> Result<WriteReport, Error> {
        let mut report = WriteReport::default();
        if !changes.is_empty() {
            // With the folder's lock comes what other programs committed until now.
            self.store(|_| Ok(()))?;
        }
        for change in changes {
            let id = change.id().map(str::to_owned);
            let verdict = self.apply_one(change, &mut report)?;
            report.outcomes.push(Outcome { id, verdict });
        }
        Ok(report)
    }

    fn apply_one(&mut self, change: &Ready, report: &mut WriteReport) -> Result<Verdict, Error> {
        Ok(match change {
            Ready::Rejected(refused) => Verdict::Rejected { reason: refused.reason.clone() },
            Ready::Unchanged(document) => self.look_again(document)?,
            Ready::Upsert(document, text) => self.upsert(document, text)?,
            Ready::Delete(id) => match self.is_there(id)? {
                false => Verdict::Missing,
                true => {
                    self.delete(id)?;
                    Verdict::Deleted(1)
                }
            },
            Ready::DeleteWhere(filter) => {
                // A filter sees what is committed.
                if !self.changed.is_empty() {
                    self.commit()?;
                }
                let (ids, notes) = match self.shared.index.snapshot().matching(filter) {
                    // Its keys may be gone since it was read.
                    Err(error @ Error::Search(_)) => {
                        return Ok(Verdict::Rejected { reason: chain(&error) });
                    }
                    found => found?,
                };
                report.notes.extend(notes);
                ids.iter().try_for_each(|id| self.delete(id))?;
                match ids.len() as u64 {
                    0 => Verdict::Missing,
                    deleted => Verdict::Deleted(deleted),
                }
            }
        })
    }

    /// Leaves a document that is there as it is given. It is encoded here if an earlier change or another
    /// program has changed it meanwhile.
    fn look_again(&mut self, document: &Document) -> Result<Verdict, Error> {
        let snapshot = self.shared.index.snapshot();
        if !self.changed.contains_key(&document.id) && snapshot.is_stored(document)? {
            return Ok(Verdict::Unchanged);
        }
        let document = document.clone();
        let given = vec![InputDocument { document, vector: None, dense: Vec::new() }];
        let encoded = self.shared.index.encode_documents(snapshot.manifest(), given)?;
        let mut verdict = Verdict::Unchanged;
        for (document, text) in encoded {
            verdict = self.upsert(&document, &text)?;
        }
        Ok(verdict)
    }

    fn upsert(&mut self, document: &Document, text: &EncodedText) -> Result<Verdict, Error> {
        let is_there = self.is_there(&document.id)?;
        self.store(|store| store.upsert_rows(document, &text.rows))?;
        self.changed.insert(document.id.clone(), true);
        Ok(if is_there { Verdict::Replaced } else { Verdict::Added })
    }

    fn delete(&mut self, id: &str) -> Result<(), Error> {
        self.store(|store| store.delete(id).map(|_| ()))?;
        self.changed.insert(id.to_owned(), false);
        Ok(())
    }

    /// Whether a document has this `_id` after all changes up to now.
    fn is_there(&self, id: &str) -> Result<bool, Error> {
        match self.changed.get(id) {
            Some(&is_there) => Ok(is_there),
            None => self.shared.index.snapshot().has_document(id),
        }
    }

    fn store<T>(
        &self,
        work: impl FnOnce(&mut IndexStore) -> Result<T, IndexError>,
    ) -> Result<T, Error> {
        self.shared.index.with_store(|store| Ok(work(store)?))
    }
}

/// Tells who waits; one that has gone is told nothing.
fn reply(request: Request, result: Result<WriteReport, Error>) {
    let _ = request.reply.send(result);
}
