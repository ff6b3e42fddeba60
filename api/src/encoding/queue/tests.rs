//! Who is next: fairness, company, limits, and what is forgotten.
#![allow(clippy::unwrap_used)]

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;

/// Nothing here looks at a vector.
type Queue = super::Queue<()>;
type Answer = super::Answer<()>;

const LIMITS: BatchLimits = BatchLimits {
    texts: 4,
    tokens: 100,
    wait: Duration::from_millis(2),
    queue_texts: 10,
    share_searches: false,
};

fn queue(limits: BatchLimits) -> Queue {
    Queue::new(limits, MaxLength { query: 20, document: 50 })
}

fn texts(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{name}{i}")).collect()
}

fn push(queue: &mut Queue, lane: Lane, texts: Vec<String>) -> UnboundedReceiver<Answer> {
    let (answers, received) = unbounded_channel();
    queue.push(lane, texts, answers, Instant::now()).unwrap();
    received
}

/// The texts of the next run, once everybody has waited long enough.
fn run(queue: &mut Queue) -> (Lane, Vec<String>) {
    match queue.next(Instant::now() + Duration::from_secs(1)) {
        Next::Run(lane, run) => (lane, run.into_iter().map(|waiting| waiting.text).collect()),
        _ => panic!("something waits"),
    }
}

#[test]
fn requests_give_one_text_in_turn() {
    let mut queue = queue(LIMITS);
    let _large = push(&mut queue, Lane::Document, texts("a", 6));
    let _small = push(&mut queue, Lane::Document, texts("b", 1));
    let _other = push(&mut queue, Lane::Document, texts("c", 2));
    assert_eq!(
        run(&mut queue),
        (Lane::Document, ["a0", "b0", "c0", "a1"].map(String::from).into())
    );
    assert_eq!(
        run(&mut queue),
        (Lane::Document, ["c1", "a2", "a3", "a4"].map(String::from).into())
    );
    assert_eq!(run(&mut queue), (Lane::Document, vec!["a5".to_owned()]));
    assert!(matches!(queue.next(Instant::now()), Next::Idle));
    assert_eq!((queue.bytes, queue.lanes[2].tokens, queue.lanes[2].texts), (0, 0, 0));
}

#[test]
fn runs_end_at_the_token_limit_but_never_before_the_first_text() {
    let mut queue = queue(BatchLimits { tokens: 60, ..LIMITS });
    let long = "x".repeat(4_000);
    let _kept = push(&mut queue, Lane::Document, vec![long.clone(), "y".to_owned(), long.clone()]);
    assert_eq!(run(&mut queue).1, std::slice::from_ref(&long));
    assert_eq!(run(&mut queue).1, ["y"]);
    assert_eq!(run(&mut queue).1, [long]);
}

#[test]
fn searches_go_first_and_alone_but_not_for_ever() {
    let mut queue = queue(LIMITS);
    let _documents = push(&mut queue, Lane::Document, texts("d", 2));
    let _queries = push(&mut queue, Lane::Query, texts("q", 2));
    let kept: Vec<_> = (0..30).map(|_| push(&mut queue, Lane::Search, texts("s", 1))).collect();
    let lanes: Vec<Lane> = (0..10)
        .map(|_| {
            let (lane, texts) = run(&mut queue);
            assert_eq!(texts.len(), if lane == Lane::Search { 1 } else { 2 });
            lane
        })
        .collect();
    let search = [Lane::Search; SEARCHES_IN_A_ROW];
    assert_eq!(lanes[..SEARCHES_IN_A_ROW], search);
    assert_eq!(lanes[SEARCHES_IN_A_ROW], Lane::Document);
    assert_eq!(lanes[SEARCHES_IN_A_ROW + 1], Lane::Search);
    drop(kept);
    assert_eq!(queue.withdraw(), 21);
    assert_eq!(run(&mut queue).0, Lane::Query);
}

#[test]
fn searches_share_a_run_where_that_is_wanted() {
    let mut queue = queue(BatchLimits { share_searches: true, ..LIMITS });
    let _kept: Vec<_> = (0..6).map(|_| push(&mut queue, Lane::Search, texts("s", 1))).collect();
    assert_eq!(run(&mut queue).1.len(), 4);
    assert_eq!(run(&mut queue).1.len(), 2);
}

#[test]
fn a_text_waits_for_company_no_longer_than_it_may() {
    let mut queue = queue(LIMITS);
    let (answers, _received) = unbounded_channel();
    let start = Instant::now();
    queue.push(Lane::Query, texts("q", 1), answers.clone(), start).unwrap();
    let Next::Wait(left) = queue.next(start) else { panic!("it may wait") };
    assert_eq!(left, LIMITS.wait);
    let Next::Wait(left) = queue.next(start + LIMITS.wait / 2) else { panic!("it may wait") };
    assert_eq!(left, LIMITS.wait / 2);
    assert!(
        matches!(queue.next(start + LIMITS.wait), Next::Run(Lane::Query, run) if run.len() == 1)
    );
    // A full run waits for nobody.
    queue.push(Lane::Query, texts("q", 5), answers, start).unwrap();
    assert!(matches!(queue.next(start), Next::Run(Lane::Query, run) if run.len() == 4));
    assert!(matches!(queue.next(start), Next::Wait(_)));
}

#[test]
fn what_is_full_refuses_whole_requests_and_never_the_only_one() {
    let mut queue = queue(LIMITS);
    let (answers, _received) = unbounded_channel();
    let now = Instant::now();
    queue.push(Lane::Document, texts("large", 50), answers.clone(), now).unwrap();
    let refused = queue.push(Lane::Query, texts("q", 1), answers.clone(), now);
    assert_eq!(refused, Err(Full { waiting: 50 }));
    queue.push(Lane::Search, texts("s", 1), answers.clone(), now).unwrap();
    while queue.waiting(Lane::Document) > 6 {
        run(&mut queue);
    }
    let five = queue.push(Lane::Query, texts("q", 5), answers.clone(), now);
    assert_eq!(five, Err(Full { waiting: 6 }), "a request is not taken in part");
    queue.push(Lane::Query, texts("q", 4), answers.clone(), now).unwrap();
    let heavy = vec!["x".repeat(WAITING_BYTES)];
    assert!(queue.push(Lane::Query, heavy, answers, now).is_err());
}

#[test]
fn withdrawn_requests_make_room() {
    let mut queue = queue(LIMITS);
    let kept = push(&mut queue, Lane::Document, texts("a", 3));
    let gone = push(&mut queue, Lane::Document, texts("b", 7));
    drop(gone);
    assert_eq!(queue.withdraw(), 7);
    assert_eq!((queue.waiting(Lane::Document), queue.bytes), (3, 6));
    let _next = push(&mut queue, Lane::Document, texts("c", 7));
    assert_eq!(run(&mut queue).1, ["a0", "c0", "a1", "c1"]);
    drop(kept);
    assert_eq!(queue.withdraw(), 1);
}
