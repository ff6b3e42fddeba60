//! Threads that encode what requests ask for, several requests' texts in one run.
//!
//! A [`Batcher`] belongs to one model. It has a `queue` of texts, and workers that take from it,
//! with a session each. The encoder decides whether a text becomes a sparse vector or a dense one.
//! A request waits on a channel and holds no thread. A request that is given up takes its texts out
//! of the queue. A text that the model refuses fails alone.
//!
//! Texts that share a run may get weights that differ by rounding from those of the text alone
//! (`gleaner::model::BATCH_TOLERANCE`, same terms). Searches therefore run alone unless the
//! operator prefers speed. So the answer to a request does not depend, by a bit, on other requests.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Instant,
};

use gleaner::{
    EncodeError, Side, SparseVector,
    model::{DenseEncoder, Encoder, MaxLength},
};
use tokio::sync::mpsc;

use super::{
    lane::Lane,
    metrics::EncodeMetrics,
    queue::{Answer, Next, Queue, Waiting},
};
use crate::{
    error::{Code, Problem},
    limits::BatchLimits,
};

/// What a worker works with; `V` is what it makes of a text.
pub(crate) trait TextEncoder<V>: Send {
    /// One vector per text, in order.
    fn encode(&mut self, side: Side, texts: &[&str]) -> Result<Vec<V>, EncodeError>;
}

impl TextEncoder<SparseVector> for Encoder {
    fn encode(&mut self, side: Side, texts: &[&str]) -> Result<Vec<SparseVector>, EncodeError> {
        Encoder::encode(self, side, texts)
    }
}

impl TextEncoder<Vec<f32>> for DenseEncoder {
    fn encode(&mut self, side: Side, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncodeError> {
        let embeddings = DenseEncoder::encode(self, side, texts)?;
        Ok(embeddings.rows().map(<[f32]>::to_vec).collect())
    }
}

/// Makes an encoder: one per worker, and another when one has panicked.
pub(crate) type MakeEncoder<V> =
    Box<dyn Fn() -> Result<Box<dyn TextEncoder<V>>, EncodeError> + Send + Sync>;

/// The queue of a model and its workers; dropping it stops them after the run they are in.
pub(crate) struct Batcher<V> {
    shared: Arc<Shared<V>>,
    workers: Vec<JoinHandle<()>>,
}

struct Shared<V> {
    /// Nothing once no worker takes from it.
    queue: Mutex<Option<Queue<V>>>,
    ready: Condvar,
    make: MakeEncoder<V>,
    running: AtomicUsize,
    metrics: EncodeMetrics,
}

impl<V: Send + 'static> Batcher<V> {
    /// Starts `workers` threads, at least one.
    ///
    /// Errors: those of `make`.
    pub(crate) fn start(
        workers: usize,
        limits: BatchLimits,
        lengths: MaxLength,
        make: MakeEncoder<V>,
    ) -> Result<Self, EncodeError> {
        let encoders = (0..workers.max(1)).map(|_| make()).collect::<Result<Vec<_>, _>>()?;
        let shared = Arc::new(Shared {
            queue: Mutex::new(Some(Queue::new(limits, lengths))),
            ready: Condvar::new(),
            make,
            running: AtomicUsize::new(encoders.len()),
            metrics: EncodeMetrics::default(),
        });
        let start = |encoder| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || Worker(&shared).run(encoder))
        };
        let workers = encoders.into_iter().map(start).collect();
        Ok(Self { shared, workers })
    }

    /// Hands in the texts of a request; they are encoded while the caller does something else, such
    /// as asking another model.
    ///
    /// Errors: `overloaded` when the queue is full; `internal` when the encoders are gone.
    pub(crate) fn submit(&self, lane: Lane, texts: Vec<String>) -> Result<Pending<'_, V>, Problem> {
        let results = texts.iter().map(|_| None).collect();
        let (answers, received) = mpsc::unbounded_channel();
        let is_pending = !texts.is_empty();
        if is_pending {
            self.shared.push(lane, texts, answers)?;
        }
        let withdrawal = Withdrawal { shared: &self.shared, needed: is_pending };
        Ok(Pending { received, withdrawal, results })
    }

    /// Texts that wait in a lane.
    pub(crate) fn waiting(&self, lane: Lane) -> usize {
        self.shared.queue().as_ref().map_or(0, |queue| queue.waiting(lane))
    }

    /// What has been counted.
    pub(crate) fn metrics(&self) -> &EncodeMetrics {
        &self.shared.metrics
    }
}

impl<V> Drop for Batcher<V> {
    fn drop(&mut self) {
        self.shared.close();
        for worker in self.workers.drain(..) {
            // A worker that panicked has been reported by the panic hook.
            let _ = worker.join();
        }
    }
}

fn gone() -> Problem {
    Problem::new(Code::Internal, "the encoders are gone")
}

/// Texts on their way through the encoders. Dropping it takes back what has not begun.
pub(crate) struct Pending<'a, V> {
    // Before the withdrawal, which looks for channels that are closed: fields drop in this order.
    received: mpsc::UnboundedReceiver<Answer<V>>,
    withdrawal: Withdrawal<'a, V>,
    results: Vec<Option<Result<V, Problem>>>,
}

impl<V> Pending<'_, V> {
    /// Waits for all of them; results in the order of the texts.
    ///
    /// Errors: `internal` when the encoders are gone. A text's own, `encoding_failed` or
    /// `internal`, is its result.
    pub(crate) async fn results(mut self) -> Result<Vec<Result<V, Problem>>, Problem> {
        for _ in 0..self.results.len() {
            let (position, result) = self.received.recv().await.ok_or_else(gone)?;
            self.results[position] = Some(result);
        }
        self.withdrawal.needed = false;
        Ok(self.results.drain(..).flatten().collect())
    }

    /// Waits for all of them until a moment; results in the order of the texts. Those that are not
    /// there by then are `timed_out`, and are taken back from the encoders.
    ///
    /// Errors: as [`Self::results`].
    pub(crate) async fn results_by(
        mut self,
        deadline: Instant,
    ) -> Result<Vec<Result<V, Problem>>, Problem> {
        let late = || Problem::new(Code::TimedOut, "the text was not encoded in time");
        for _ in 0..self.results.len() {
            let received = tokio::time::timeout_at(deadline.into(), self.received.recv()).await;
            // Those that are left are withdrawn when `self` is dropped.
            let Ok(received) = received else {
                let results = self.results.drain(..);
                return Ok(results.map(|result| result.unwrap_or_else(|| Err(late()))).collect());
            };
            let (position, result) = received.ok_or_else(gone)?;
            self.results[position] = Some(result);
        }
        self.withdrawal.needed = false;
        Ok(self.results.drain(..).flatten().collect())
    }

    /// Waits for all of them; vectors in the order of the texts.
    ///
    /// Errors: those of [`Self::results`]; of the texts that failed the first, as
    /// `inputs[position]`.
    pub(crate) async fn vectors(self) -> Result<Vec<V>, Problem> {
        let results = self.results().await?.into_iter().enumerate();
        let named = |(position, result): (usize, Result<V, Problem>)| {
            result.map_err(|problem| problem.field(format!("inputs[{position}]")))
        };
        results.map(named).collect()
    }
}

/// Takes a request out of the queue that nobody waits for any more.
struct Withdrawal<'a, V> {
    shared: &'a Shared<V>,
    needed: bool,
}

impl<V> Drop for Withdrawal<'_, V> {
    fn drop(&mut self) {
        if self.needed
            && let Some(queue) = self.shared.queue().as_mut()
        {
            self.shared.metrics.withdrawn(queue.withdraw());
        }
    }
}

impl<V> Shared<V> {
    fn queue(&self) -> MutexGuard<'_, Option<Queue<V>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(
        &self,
        lane: Lane,
        texts: Vec<String>,
        answers: mpsc::UnboundedSender<Answer<V>>,
    ) -> Result<(), Problem> {
        let several = texts.len() > 1;
        let pushed = {
            let mut queue = self.queue();
            let queue = queue.as_mut().ok_or_else(gone)?;
            queue.push(lane, texts, answers, Instant::now())
        };
        if let Err(full) = pushed {
            self.metrics.refused();
            let detail = format!("{} texts are waiting to be encoded", full.waiting);
            return Err(Problem::new(Code::Overloaded, detail));
        }
        match several {
            true => self.ready.notify_all(),
            false => self.ready.notify_one(),
        }
        Ok(())
    }

    /// What to encode next; nothing when it is over.
    fn next(&self) -> Option<(Lane, Vec<Waiting<V>>)> {
        let mut queue = self.queue();
        loop {
            match queue.as_mut()?.next(Instant::now()) {
                Next::Run(lane, run) => return Some((lane, run)),
                Next::Wait(left) => {
                    let waited = self.ready.wait_timeout(queue, left);
                    queue = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                Next::Idle => {
                    queue = self.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    fn close(&self) {
        *self.queue() = None;
        self.ready.notify_all();
    }
}

/// A thread's side of the batcher; the last one to end closes it, so that nobody waits for nothing.
struct Worker<'a, V>(&'a Shared<V>);

impl<V> Drop for Worker<'_, V> {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.close();
        }
    }
}

impl<V> Worker<'_, V> {
    fn run(self, mut encoder: Box<dyn TextEncoder<V>>) {
        while let Some((lane, run)) = self.0.next() {
            let start = Instant::now();
            let texts: Vec<&str> = run.iter().map(|waiting| waiting.text.as_str()).collect();
            let encode = || encode_each(&mut *encoder, lane.side(), &texts);
            let Ok(results) = catch_unwind(AssertUnwindSafe(encode)) else {
                answer(&run, std::iter::repeat_with(|| Err(panicked())));
                // What a panic left behind is not used again.
                match (self.0.make)() {
                    Ok(another) => encoder = another,
                    Err(_) => return,
                }
                continue;
            };
            let arrivals = run.iter().map(|waiting| waiting.arrived);
            self.0.metrics.ran(lane, arrivals, start);
            answer(&run, results.into_iter());
        }
    }
}

fn panicked() -> Problem {
    Problem::new(Code::Internal, "a bug stopped the encoder")
}

fn answer<V>(run: &[Waiting<V>], results: impl Iterator<Item = Result<V, Problem>>) {
    for (waiting, result) in run.iter().zip(results) {
        // A request that was given up has closed its channel.
        let _ = waiting.answers.send((waiting.position, result));
    }
}

/// Encodes texts together; when that fails, each alone, so that one text fails for itself only.
fn encode_each<V>(
    encoder: &mut dyn TextEncoder<V>,
    side: Side,
    texts: &[&str],
) -> Vec<Result<V, Problem>> {
    match encoder.encode(side, texts) {
        Ok(vectors) if vectors.len() == texts.len() => vectors.into_iter().map(Ok).collect(),
        Err(error) if texts.len() == 1 => vec![Err(Problem::from(error))],
        _ => texts.iter().map(|text| alone(encoder, side, text)).collect(),
    }
}

fn alone<V>(encoder: &mut dyn TextEncoder<V>, side: Side, text: &str) -> Result<V, Problem> {
    let vector = encoder.encode(side, &[text])?.pop();
    vector.ok_or_else(|| Problem::new(Code::EncodingFailed, "the model returned no vector"))
}

#[cfg(test)]
mod tests;
