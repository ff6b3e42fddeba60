//! The batcher with encoders that are slow, fail or panic on purpose.
#![allow(clippy::unwrap_used)]

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    time::Duration,
};

use super::*;

const LIMITS: BatchLimits = BatchLimits {
    texts: 8,
    tokens: 1000,
    wait: Duration::ZERO,
    queue_texts: 16,
    share_searches: false,
};
/// A run that a busy machine has time to look at.
const LONG_RUN: Duration = Duration::from_millis(400);
const LENGTHS: MaxLength = MaxLength { query: 100, document: 100 };

/// A number made of a text's bytes.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0u32, |hash, byte| (hash * 31 + u32::from(byte)) % 50_000)
}

/// The sparse vector of a text: its bytes, one term.
fn vector(text: &str) -> SparseVector {
    SparseVector::from_pairs([(hash(text), text.len() as f32 + 1.0)]).unwrap()
}

/// The dense vector of a text.
fn dense(text: &str) -> Vec<f32> {
    vec![hash(text) as f32, text.len() as f32]
}

/// Tells the test what it encodes, and fails on `bad`, panics on `bug`.
struct Fake {
    runs: Sender<Vec<String>>,
    time: Duration,
}

impl Fake {
    fn run<V>(&self, texts: &[&str], vector: fn(&str) -> V) -> Result<Vec<V>, EncodeError> {
        let _ = self.runs.send(texts.iter().map(|text| (*text).to_owned()).collect());
        std::thread::sleep(self.time);
        assert!(!texts.contains(&"bug"), "a test's panic");
        match texts.iter().position(|text| *text == "bad") {
            Some(text) => Err(EncodeError::Tokenize { text, source: "bad".into() }),
            None => Ok(texts.iter().map(|text| vector(text)).collect()),
        }
    }
}

impl TextEncoder<SparseVector> for Fake {
    fn encode(&mut self, _: Side, texts: &[&str]) -> Result<Vec<SparseVector>, EncodeError> {
        self.run(texts, vector)
    }
}

impl TextEncoder<Vec<f32>> for Fake {
    fn encode(&mut self, _: Side, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncodeError> {
        self.run(texts, dense)
    }
}

impl<V: Send + 'static> Batcher<V> {
    async fn encode(&self, lane: Lane, texts: Vec<String>) -> Result<Vec<V>, Problem> {
        self.submit(lane, texts)?.vectors().await
    }
}

fn start<V: Send + 'static>(
    limits: BatchLimits,
    time: Duration,
) -> (Arc<Batcher<V>>, Receiver<Vec<String>>)
where
    Fake: TextEncoder<V>,
{
    let (runs, seen) = channel();
    let make: MakeEncoder<V> = Box::new(move || Ok(Box::new(Fake { runs: runs.clone(), time })));
    (Arc::new(Batcher::start(1, limits, LENGTHS, make).unwrap()), seen)
}

fn start_sparse(
    limits: BatchLimits,
    time: Duration,
) -> (Arc<Batcher<SparseVector>>, Receiver<Vec<String>>) {
    start(limits, time)
}

fn texts(of: &[&str]) -> Vec<String> {
    of.iter().map(|text| (*text).to_owned()).collect()
}

/// Waits until this many texts wait.
async fn until_waiting(batcher: &Batcher<SparseVector>, texts: usize) {
    for _ in 0..2_000 {
        if Lane::ALL.iter().map(|lane| batcher.waiting(*lane)).sum::<usize>() == texts {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("{texts} texts never waited");
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_the_vectors_of_their_own_texts_in_order() {
    let (batcher, seen) = start_sparse(BatchLimits { queue_texts: 1000, ..LIMITS }, Duration::ZERO);
    let tasks: Vec<_> = (0..64usize)
        .map(|client| {
            let batcher = Arc::clone(&batcher);
            tokio::spawn(async move {
                let lane = Lane::ALL[client % 3];
                let texts: Vec<String> =
                    (0..1 + client % 5).map(|i| format!("client {client} text {i}")).collect();
                let expected: Vec<_> = texts.iter().map(|text| vector(text)).collect();
                assert_eq!(batcher.encode(lane, texts).await.unwrap(), expected);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(batcher.encode(Lane::Query, Vec::new()).await.unwrap(), []);
    let runs: Vec<_> = seen.try_iter().collect();
    assert!(runs.iter().all(|run| run.len() <= LIMITS.texts));
    assert_eq!(runs.iter().map(Vec::len).sum::<usize>(), (0..64).map(|i| 1 + i % 5).sum::<usize>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_waits_for_one_run_not_for_a_request() {
    let (batcher, seen) = start_sparse(LIMITS, LONG_RUN);
    let many: Vec<String> = (0..64).map(|i| format!("document {i}")).collect();
    let documents = {
        let batcher = Arc::clone(&batcher);
        tokio::spawn(async move { batcher.encode(Lane::Document, many).await })
    };
    until_waiting(&batcher, 64 - LIMITS.texts).await;
    batcher.encode(Lane::Search, texts(&["search"])).await.unwrap();
    // The run under way, and then the search.
    let before = seen.try_iter().take_while(|run| run != &["search"]).count();
    assert!(before <= 2, "{before} runs came before the search");
    assert_eq!(documents.await.unwrap().unwrap().len(), 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_text_waits_no_longer_than_the_bound() {
    let wait = Duration::from_millis(400);
    let (batcher, _seen) = start_sparse(BatchLimits { wait, ..LIMITS }, Duration::ZERO);
    let begin = Instant::now();
    batcher.encode(Lane::Query, texts(&["alone"])).await.unwrap();
    let took = begin.elapsed();
    assert!(took >= wait && took < wait * 10, "{took:?}");
    // A full run does not wait, nor does a search.
    let begin = Instant::now();
    batcher.encode(Lane::Query, texts(&["x"; 8])).await.unwrap();
    batcher.encode(Lane::Search, texts(&["alone"])).await.unwrap();
    assert!(begin.elapsed() < wait, "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_and_recovers() {
    let (batcher, seen) = start_sparse(LIMITS, LONG_RUN);
    let ask = |count: usize| {
        let batcher = Arc::clone(&batcher);
        tokio::spawn(async move { batcher.encode(Lane::Document, texts(&vec!["x"; count])).await })
    };
    let first = ask(LIMITS.texts);
    seen.recv().unwrap();
    let waiting = [first, ask(LIMITS.queue_texts)];
    until_waiting(&batcher, LIMITS.queue_texts).await;
    let problem = batcher.encode(Lane::Query, texts(&["one more"])).await.unwrap_err();
    assert_eq!(problem.code(), Code::Overloaded);
    assert!(problem.detail().contains("16 texts"), "{}", problem.detail());
    for task in waiting {
        task.await.unwrap().unwrap();
    }
    batcher.encode(Lane::Query, texts(&["one more"])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_up_leaves_the_queue() {
    let (batcher, seen) = start_sparse(LIMITS, LONG_RUN);
    let first = {
        let batcher = Arc::clone(&batcher);
        tokio::spawn(async move { batcher.encode(Lane::Document, texts(&["first"])).await })
    };
    seen.recv().unwrap();
    let given_up = {
        let batcher = Arc::clone(&batcher);
        tokio::spawn(async move { batcher.encode(Lane::Document, texts(&["gone"; 10])).await })
    };
    until_waiting(&batcher, 10).await;
    given_up.abort();
    until_waiting(&batcher, 0).await;
    first.await.unwrap().unwrap();
    batcher.encode(Lane::Document, texts(&["last"])).await.unwrap();
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), [["last"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_fails_for_its_own_request_only() {
    let (batcher, seen) = start_sparse(LIMITS, Duration::from_millis(20));
    let ask = |of: &[&str]| {
        let (batcher, texts) = (Arc::clone(&batcher), texts(of));
        tokio::spawn(async move { batcher.encode(Lane::Query, texts).await })
    };
    let first = ask(&["first"]);
    seen.recv().unwrap();
    let (good, bad) = (ask(&["good", "fine"]), ask(&["fine", "bad"]));
    assert_eq!(good.await.unwrap().unwrap().len(), 2);
    let problem = bad.await.unwrap().unwrap_err();
    let place = (problem.code(), problem.field_name());
    assert_eq!(place, (Code::EncodingFailed, Some("inputs[1]")));
    first.await.unwrap().unwrap();
}

/// The same queue and the same workers, whatever a text becomes; two models work at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn dense_vectors_come_the_same_way_beside_sparse_ones() {
    let (sparse, _) = start_sparse(LIMITS, LONG_RUN);
    let (batcher, seen) = start::<Vec<f32>>(LIMITS, LONG_RUN);
    let begin = Instant::now();
    let pending = batcher.submit(Lane::Search, texts(&["one", "bad", "three"])).unwrap();
    let other = sparse.submit(Lane::Search, texts(&["one"])).unwrap();
    assert_eq!(other.vectors().await.unwrap(), [vector("one")]);
    assert!(begin.elapsed() < LONG_RUN * 2, "one model waited for the other");
    let results = pending.results().await.unwrap();
    assert_eq!(results[0], Ok(dense("one")));
    assert_eq!(results[1].as_ref().unwrap_err().code(), Code::EncodingFailed);
    assert_eq!(results[2], Ok(dense("three")), "a text fails for itself only");
    assert!(seen.try_iter().all(|run| run.len() == 1), "searches share no run");
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_are_late_are_late_alone_and_taken_back() {
    let (batcher, seen) = start_sparse(LIMITS, LONG_RUN);
    let pending = batcher.submit(Lane::Search, texts(&["one", "two", "three", "four"])).unwrap();
    let results = pending.results_by(Instant::now() + LONG_RUN + LONG_RUN / 2).await.unwrap();
    assert_eq!(results[0], Ok(vector("one")));
    for late in &results[2..] {
        assert_eq!(late.as_ref().unwrap_err().code(), Code::TimedOut);
    }
    until_waiting(&batcher, 0).await;
    batcher.encode(Lane::Search, texts(&["last"])).await.unwrap();
    let runs: Vec<_> = seen.try_iter().flatten().collect();
    assert!(!runs.contains(&"four".to_owned()) && runs.contains(&"last".to_owned()), "{runs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoder_that_panics_is_replaced() {
    let (batcher, _seen) = start_sparse(LIMITS, Duration::ZERO);
    for _ in 0..3 {
        let problem = batcher.encode(Lane::Query, texts(&["bug"])).await.unwrap_err();
        assert_eq!(problem.code(), Code::Internal);
        batcher.encode(Lane::Query, texts(&["fine"])).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_encoders_nobody_waits() {
    let made = std::sync::atomic::AtomicBool::new(false);
    let (runs, _seen) = channel();
    let make: MakeEncoder<SparseVector> =
        Box::new(move || match made.swap(true, Ordering::Relaxed) {
            false => Ok(Box::new(Fake { runs: runs.clone(), time: Duration::ZERO })),
            true => Err(EncodeError::ModelNotFound { path: "gone".into() }),
        });
    let batcher = Batcher::start(1, LIMITS, LENGTHS, make).unwrap();
    for text in ["bug", "fine", "fine"] {
        let problem = batcher.encode(Lane::Search, texts(&[text])).await.unwrap_err();
        assert_eq!(problem.code(), Code::Internal);
    }
}

#[test]
fn stopping_ends_the_run_under_way_and_no_other() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (batcher, seen) = start_sparse(LIMITS, LONG_RUN);
    let task = {
        let batcher = Arc::clone(&batcher);
        runtime.spawn(async move { batcher.encode(Lane::Document, texts(&["x"; 16])).await })
    };
    seen.recv().unwrap();
    task.abort();
    drop(runtime);
    drop(Arc::into_inner(batcher).expect("nobody else has it"));
    assert_eq!(seen.try_iter().count(), 0);
}
