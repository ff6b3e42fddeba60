//! Changes that wait for the writer of an index: as many as memory allows, in the order they came.
//!
//! Whoever asks waits until the changes are acknowledged. What the writer does with them is `group`'s.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{
    change::{Change, CommitMode, WriteReport},
    group::Writing,
    prepare::{Ready, prepare},
};
use crate::{error::Error, index::Index};

/// Bytes of changes that may wait.
const WAITING_BYTES: usize = 64 << 20;
/// Requests that may wait.
const WAITING_REQUESTS: usize = 1_024;
/// Changes that one commit has, if so many wait.
const GROUP_CHANGES: usize = 20_000;
/// How long a request waits for room.
const PATIENCE: Duration = Duration::from_secs(10);

/// An index that is written by any number of threads while it is searched.
///
/// One thread writes. Requests that wait for a commit share it. The folder's lock is taken with the first
/// change and given back when there was none for some seconds.
///
/// ```
/// use std::sync::Arc;
///
/// use gleaner::{Change, CommitMode, Document, Index, SparseVector, Verdict, WriteQueue};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("my.index");
/// let index = Arc::new(Index::create(&path).open()?);
/// let queue = WriteQueue::new(Arc::clone(&index));
/// let vector = SparseVector::from_pairs([(7, 1.0)])?;
/// let document = Document::bare("a").vector(vector);
/// let report = queue.write(vec![Change::Upsert(document)], CommitMode::WaitFor)?;
/// assert_eq!(report.outcomes[0].verdict, Verdict::Added);
/// // It is committed, and searched.
/// assert_eq!(index.snapshot().documents(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct WriteQueue {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What askers and the writer share.
pub(super) struct Shared {
    pub(super) index: Arc<Index>,
    state: Mutex<WaitingRequests>,
    /// There is something to do.
    work: Condvar,
    /// There is room again.
    room: Condvar,
}

#[derive(Default)]
struct WaitingRequests {
    waiting: VecDeque<Request>,
    waiting_bytes: usize,
    is_closed: bool,
}

/// Changes of one asker.
pub(super) struct Request {
    pub(super) work: Work,
    pub(super) commit: CommitMode,
    pub(super) reply: SyncSender<Result<WriteReport, Error>>,
    bytes: usize,
}

/// What is asked of the writer.
pub(super) enum Work {
    Changes(Vec<Ready>),
    /// All segments into as few as can be.
    Merge,
}

impl WriteQueue {
    /// Begins to write an index.
    pub fn new(index: Arc<Index>) -> Self {
        let shared = Arc::new(Shared {
            index,
            state: Mutex::default(),
            work: Condvar::new(),
            room: Condvar::new(),
        });
        let writing = Writing::new(Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("writer".to_owned());
        // Without a thread, every request is refused.
        let thread = thread.spawn(move || writing.run()).ok();
        if thread.is_none() {
            shared.close();
        }
        Self { shared, thread }
    }

    /// The index.
    pub fn index(&self) -> &Arc<Index> {
        &self.shared.index
    }

    /// Makes changes, in their order, and waits until they are acknowledged.
    ///
    /// # Errors
    /// `QueueFull` when there was no room for ten seconds; `QueueClosed`; `Search` for a filter that cannot
    /// be read, and those of encoding, nothing being changed; `Written` with the writer's error, after which
    /// nothing of the request was acknowledged. A document that cannot be taken is a change that is rejected.
    pub fn write(&self, changes: Vec<Change>, commit: CommitMode) -> Result<WriteReport, Error> {
        let ready = prepare(&self.shared.index, changes)?;
        self.ask(Work::Changes(ready), commit)
    }

    /// Makes what was acknowledged until now durable.
    ///
    /// # Errors
    /// As [`WriteQueue::write`].
    pub fn commit(&self) -> Result<WriteReport, Error> {
        self.ask(Work::Changes(Vec::new()), CommitMode::Force)
    }

    /// Merges all segments into as few as their limits allow, and waits for it. Searches go on.
    ///
    /// # Errors
    /// As [`WriteQueue::write`].
    pub fn merge(&self) -> Result<WriteReport, Error> {
        self.ask(Work::Merge, CommitMode::Force)
    }

    fn ask(&self, work: Work, commit: CommitMode) -> Result<WriteReport, Error> {
        self.shared.push(work, commit)?.recv().unwrap_or(Err(Error::QueueClosed))
    }
}

impl Drop for WriteQueue {
    /// Waits until everything that was acknowledged is committed.
    fn drop(&mut self) {
        self.shared.close();
        if let Some(thread) = self.thread.take() {
            // A panic of the writer was told to whoever waited.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, WaitingRequests> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses everything from now on.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.work.notify_all();
        self.room.notify_all();
    }

    /// Puts a request in the queue, when there is room.
    ///
    /// Errors: `QueueFull`, `QueueClosed`.
    fn push(
        &self,
        work: Work,
        commit: CommitMode,
    ) -> Result<Receiver<Result<WriteReport, Error>>, Error> {
        let bytes = match &work {
            Work::Changes(changes) => changes.iter().map(Ready::len_bytes).sum(),
            Work::Merge => 0,
        };
        let (reply, answer) = sync_channel(1);
        let until = Instant::now() + PATIENCE;
        let mut state = self.state();
        loop {
            if state.is_closed {
                return Err(Error::QueueClosed);
            }
            if state.has_room(bytes) {
                break;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::QueueFull { bytes: state.waiting_bytes });
            }
            let waited = self.room.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.waiting_bytes += bytes;
        state.waiting.push_back(Request { work, commit, reply, bytes });
        self.work.notify_one();
        Ok(answer)
    }

    /// The requests of the next commit, as soon as there are some or the time is over. `None` when the queue
    /// is closed and empty.
    pub(super) fn take(&self, until: Option<Instant>) -> Option<Vec<Request>> {
        let mut state = self.state();
        while state.waiting.is_empty() {
            if state.is_closed {
                return None;
            }
            state = match until {
                None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Some(Vec::new());
                    }
                    let waited = self.work.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        let mut taken = Vec::new();
        let mut changes = 0;
        while let Some(request) = state.waiting.pop_front() {
            state.waiting_bytes -= request.bytes;
            changes += match &request.work {
                Work::Changes(changes) => changes.len(),
                Work::Merge => GROUP_CHANGES,
            };
            let is_last = request.commit == CommitMode::Force || changes >= GROUP_CHANGES;
            taken.push(request);
            if is_last {
                break;
            }
        }
        drop(state);
        self.room.notify_all();
        Some(taken)
    }
}

impl WaitingRequests {
    /// A request of any size may wait alone.
    fn has_room(&self, bytes: usize) -> bool {
        self.waiting.is_empty()
            || self.waiting.len() < WAITING_REQUESTS && self.waiting_bytes + bytes <= WAITING_BYTES
    }
}
