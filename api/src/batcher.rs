//! Threads that encode what requests ask for, several requests' texts in one run.
//!
//! A [`Batcher`] belongs to one model: a `queue` of texts, and workers with a session each that take
//! from it. A request waits on a channel and holds no thread; one that is given up takes its texts
//! out of the queue. A text that the model refuses fails its own request only.
//!
//! Texts that share a run may get weights that differ by rounding from those of the text alone
//! (`gleaner_encoder::BATCH_TOLERANCE`, same terms). Searches therefore run alone unless the
//! operator prefers speed: the same request has the same answer, to the bit, whoever else asks.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Instant,
};

use gleaner_encoder::{EncodeError, Encoder, MaxLength, Side, SparseVector};
use tokio::sync::mpsc;

use crate::{
    error::{Code, Problem},
    metrics::EncodeMetrics,
    queue::{Lane, Next, Queue, Waiting},
    serve::BatchLimits,
};

/// What a worker works with.
pub(crate) trait TextEncoder: Send {
    /// One vector per text, in order.
    fn encode(&mut self, side: Side, texts: &[&str]) -> Result<Vec<SparseVector>, EncodeError>;
}

impl TextEncoder for Encoder {
    fn encode(&mut self, side: Side, texts: &[&str]) -> Result<Vec<SparseVector>, EncodeError> {
        Encoder::encode(self, side, texts)
    }
}

/// Makes an encoder: one per worker, and another when one has panicked.
pub(crate) type MakeEncoder =
    Box<dyn Fn() -> Result<Box<dyn TextEncoder>, EncodeError> + Send + Sync>;

/// The queue of a model and its workers; dropping it stops them after the run they are in.
pub(crate) struct Batcher {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

struct Shared {
    /// Nothing once no worker takes from it.
    queue: Mutex<Option<Queue>>,
    ready: Condvar,
    make: MakeEncoder,
    running: AtomicUsize,
    metrics: EncodeMetrics,
}

impl Batcher {
    /// Starts `workers` threads, at least one.
    ///
    /// Errors: those of `make`.
    pub(crate) fn start(
        workers: usize,
        limits: BatchLimits,
        lengths: MaxLength,
        make: MakeEncoder,
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

    /// Encodes the texts of a request; vectors in their order.
    ///
    /// Errors: `overloaded` when the queue is full; `encoding_failed` with the text's place;
    /// `internal` when the encoders are gone. Dropping the future takes back what has not begun.
    pub(crate) async fn encode(
        &self,
        lane: Lane,
        texts: Vec<String>,
    ) -> Result<Vec<SparseVector>, Problem> {
        let mut vectors = vec![None; texts.len()];
        // Declared before the channel, so that it looks when the channel is closed.
        let mut withdrawal = Withdrawal { shared: &self.shared, needed: true };
        let (answers, mut received) = mpsc::unbounded_channel();
        if !texts.is_empty() {
            self.shared.push(lane, texts, answers)?;
        }
        let mut left = vectors.len();
        while left > 0 {
            let answer = received.recv().await;
            let (position, vector) = answer.ok_or_else(gone)?;
            vectors[position] = Some(vector.map_err(|problem| at(problem, lane, position))?);
            left -= 1;
        }
        withdrawal.needed = false;
        Ok(vectors.into_iter().flatten().collect())
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

impl Drop for Batcher {
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

/// Says which text of the request it was.
fn at(problem: Problem, lane: Lane, position: usize) -> Problem {
    match lane {
        Lane::Search => problem.field("query.text"),
        Lane::Query | Lane::Document => problem.field(format!("inputs[{position}]")),
    }
}

/// Takes a request out of the queue that nobody waits for any more.
struct Withdrawal<'a> {
    shared: &'a Shared,
    needed: bool,
}

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        if self.needed
            && let Some(queue) = self.shared.queue().as_mut()
        {
            self.shared.metrics.withdrawn(queue.withdraw());
        }
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Option<Queue>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(
        &self,
        lane: Lane,
        texts: Vec<String>,
        answers: mpsc::UnboundedSender<crate::queue::Answer>,
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
    fn next(&self) -> Option<(Lane, Vec<Waiting>)> {
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
struct Worker<'a>(&'a Shared);

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.close();
        }
    }
}

impl Worker<'_> {
    fn run(self, mut encoder: Box<dyn TextEncoder>) {
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

fn answer(run: &[Waiting], results: impl Iterator<Item = Result<SparseVector, Problem>>) {
    for (waiting, result) in run.iter().zip(results) {
        // Who does not wait any more does not want it.
        let _ = waiting.answers.send((waiting.position, result));
    }
}

/// Encodes texts together; when that fails, each alone, so that one text fails for itself only.
fn encode_each(
    encoder: &mut dyn TextEncoder,
    side: Side,
    texts: &[&str],
) -> Vec<Result<SparseVector, Problem>> {
    match encoder.encode(side, texts) {
        Ok(vectors) if vectors.len() == texts.len() => vectors.into_iter().map(Ok).collect(),
        Err(error) if texts.len() == 1 => vec![Err(Problem::from(error))],
        _ => texts.iter().map(|text| alone(encoder, side, text)).collect(),
    }
}

fn alone(encoder: &mut dyn TextEncoder, side: Side, text: &str) -> Result<SparseVector, Problem> {
    let vector = encoder.encode(side, &[text])?.pop();
    vector.ok_or_else(|| Problem::new(Code::EncodingFailed, "the model returned no vector"))
}

#[cfg(test)]
mod tests;
