//! An index that is written by several threads while it is searched.
#![allow(clippy::unwrap_used)]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use gleaner::{
    Change, CommitMode, Document, Error, Index, IndexError, Query, Search, SparseVector, Verdict,
    WriteQueue,
};

fn vector(weight: f32) -> SparseVector {
    SparseVector::from_pairs([(7, weight), (8, 1.0)]).unwrap()
}

fn document(id: &str, weight: f32) -> Document {
    Document::bare(id).field("year", 2000 + weight as i64).vector(vector(weight))
}

fn upsert(id: &str, weight: f32) -> Change {
    Change::Upsert(document(id, weight))
}

fn line(text: &str) -> Change {
    Change::Line(text.to_owned())
}

fn queue(folder: &Path) -> WriteQueue {
    WriteQueue::new(Arc::new(Index::create(folder.join("i")).open().unwrap()))
}

/// Ids and scores of everything, best first.
fn all(index: &Index) -> Vec<(String, f32)> {
    let query = SparseVector::from_pairs([(7, 1.0)]).unwrap();
    let answer = index.search(Search::new(Query::vector(query)).k(10_000)).unwrap();
    assert!(answer.exact);
    answer.hits.into_iter().map(|hit| (hit.id, hit.score)).collect()
}

fn verdicts(queue: &WriteQueue, changes: Vec<Change>) -> Vec<Verdict> {
    let report = queue.write(changes, CommitMode::WaitFor).unwrap();
    assert_eq!(report.generation, Some(queue.index().snapshot().generation()));
    report.outcomes.into_iter().map(|outcome| outcome.verdict).collect()
}

#[test]
fn every_change_has_a_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path());
    let found = verdicts(
        &queue,
        vec![
            upsert("a", 1.0),
            upsert("b", 2.0),
            upsert("a", 3.0),
            line(r#"{"_id": "c", "vector": {"7": 4}, "year": 2004}"#),
            line(r#"{"_id": "d", "text": "no model makes a vector of it"}"#),
            line(r#"{"_id": "e", "vector": {"7": -1}}"#),
            line("{"),
            Change::Delete("b".to_owned()),
            Change::Delete("b".to_owned()),
            line(r#"{"_id": "c", "_deleted": false}"#),
        ],
    );
    let rejected = |verdict: &Verdict, says: &str| match verdict {
        Verdict::Rejected { reason } => assert!(reason.contains(says), "{reason}"),
        other => panic!("{other:?} should be rejected: {says}"),
    };
    let (added, replaced, deleted) = (Verdict::Added, Verdict::Replaced, Verdict::Deleted(1));
    assert_eq!(found[..4], [added.clone(), added, replaced, Verdict::Added]);
    rejected(&found[4], "the index has no model");
    rejected(&found[5], "negative");
    rejected(&found[6], "not JSON");
    assert_eq!(found[7..9], [deleted, Verdict::Missing]);
    rejected(&found[9], "\"_deleted\" is true");
    assert_eq!(all(queue.index()), [("c".to_owned(), 4.0), ("a".to_owned(), 3.0)]);
    let stored = queue.index().snapshot().document("a").unwrap().unwrap();
    assert_eq!(
        (stored.source["year"].as_i64(), &stored.rows[0].vector),
        (Some(2003), &vector(3.0))
    );
    assert_eq!(queue.index().snapshot().document("b").unwrap(), None);
    assert_eq!(
        verdicts(&queue, vec![line(r#"{"_id": "c", "_deleted": true}"#)]),
        [Verdict::Deleted(1)]
    );
}

#[test]
fn a_filter_deletes_what_it_admits_and_sees_what_came_before() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path());
    let years = (0..100).map(|year| upsert(&format!("d{year:02}"), year as f32)).collect();
    queue.write(years, CommitMode::Auto).unwrap();
    let wanted = Change::DeleteWhere("year:<2090".to_owned());
    let found = verdicts(&queue, vec![upsert("new", 5.0), wanted, upsert("d00", 6.0)]);
    assert_eq!(found, [Verdict::Added, Verdict::Deleted(91), Verdict::Added]);
    assert_eq!(all(queue.index()).len(), 11);
    let none = vec![Change::DeleteWhere("year:<1990".to_owned())];
    let report = queue.write(none, CommitMode::Force).unwrap();
    assert_eq!(report.outcomes[0].verdict, Verdict::Missing);
    assert!(report.notes[0].contains("no document meets"), "{:?}", report.notes);
    let bad = vec![upsert("x", 1.0), Change::DeleteWhere("year:>abc".to_owned())];
    let error = queue.write(bad, CommitMode::Force).unwrap_err().to_string();
    assert!(error.contains("year holds numbers"), "{error}");
    assert_eq!(all(queue.index()).len(), 11, "nothing of a request with a bad filter is made");
}

#[test]
fn many_that_wait_share_a_commit_and_readers_see_whole_commits() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path());
    let is_done = AtomicBool::new(false);
    let first = queue.index().snapshot().generation();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut last = 0;
            while !is_done.load(Ordering::Relaxed) {
                let snapshot = queue.index().snapshot();
                assert!(snapshot.documents() >= last, "a commit is not undone");
                last = snapshot.documents();
                let found = all(queue.index());
                assert!(found.windows(2).all(|pair| pair[0].1 >= pair[1].1));
            }
        });
        let writers: Vec<_> = (0..32)
            .map(|writer| {
                let queue = &queue;
                scope.spawn(move || {
                    for round in 0..10 {
                        let id = format!("{writer}-{round}");
                        let found = verdicts_of_one(queue, &id);
                        assert_eq!(found, Verdict::Added);
                        // It was acknowledged: whoever looks now finds it.
                        assert!(queue.index().snapshot().has_document(&id).unwrap());
                    }
                })
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        is_done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    assert_eq!(all(queue.index()).len(), 320);
    // The number of a commit grows by its changes; what is left is that of commits.
    let commits = queue.index().snapshot().generation() - first;
    assert!(commits < 320 * 3, "{commits}");
    // A copy of the folder has them all, whatever happens now.
    assert_eq!(Index::open(folder.path().join("i")).unwrap().snapshot().documents(), 320);
    queue.merge().unwrap();
    assert_eq!(all(queue.index()).len(), 320);
}

fn verdicts_of_one(queue: &WriteQueue, id: &str) -> Verdict {
    let report = queue.write(vec![upsert(id, 1.0)], CommitMode::WaitFor).unwrap();
    report.outcomes[0].verdict.clone()
}

#[test]
fn what_is_acknowledged_before_its_commit_is_committed_soon_or_when_the_queue_ends() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path());
    let report = queue.write(vec![upsert("a", 1.0)], CommitMode::Auto).unwrap();
    assert_eq!((report.generation, queue.index().snapshot().documents()), (None, 0));
    let start = Instant::now();
    while queue.index().snapshot().documents() == 0 {
        assert!(start.elapsed() < Duration::from_secs(10), "it is committed within a second or so");
        std::thread::sleep(Duration::from_millis(10));
    }
    queue.write(vec![upsert("b", 1.0)], CommitMode::Auto).unwrap();
    drop(queue);
    assert_eq!(Index::open(folder.path().join("i")).unwrap().snapshot().documents(), 2);
}

#[test]
fn a_second_writer_is_refused_or_waits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("i");
    let mut held = Index::create(&path).open().unwrap();
    held.upsert([document("a", 1.0)]).unwrap();
    let refused = WriteQueue::new(Arc::new(Index::open(&path).unwrap()));
    let error = refused.write(vec![upsert("b", 1.0)], CommitMode::Force).unwrap_err();
    assert!(matches!(error.known(), Error::Index(IndexError::Locked { .. })), "{error}");
    let patient = Index::open(&path).unwrap().wait_for_lock(Duration::from_secs(30));
    let patient = WriteQueue::new(Arc::new(patient));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| verdicts(&patient, vec![upsert("c", 1.0), upsert("a", 2.0)]));
        std::thread::sleep(Duration::from_millis(200));
        held.commit().unwrap();
        drop(held);
        // It knows what the other one committed meanwhile.
        assert_eq!(waiting.join().unwrap(), [Verdict::Added, Verdict::Replaced]);
    });
}

#[test]
fn small_commits_leave_few_segments_and_few_files() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path());
    for i in 0..150 {
        let weight = (i % 7) as f32 + 1.0;
        queue.write(vec![upsert(&format!("d{}", i % 60), weight)], CommitMode::Force).unwrap();
    }
    let mut expected: Vec<(String, f32)> =
        (90..150).map(|i| (format!("d{}", i % 60), (i % 7) as f32 + 1.0)).collect();
    expected.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    assert_eq!(all(queue.index()), expected);
    let start = Instant::now();
    let files = || std::fs::read_dir(folder.path().join("i")).unwrap().count();
    // Merges run beside; a dozen segments of nine files are left, and some lists.
    while files() > 16 * 9 {
        assert!(start.elapsed() < Duration::from_secs(30), "{} files", files());
        std::thread::sleep(Duration::from_millis(50));
    }
    queue.merge().unwrap();
    assert_eq!(all(queue.index()), expected);
    assert!(files() <= 12, "{} files", files());
}

/// A queue that was idle knows what other programs did meanwhile.
#[test]
fn changes_are_of_the_newest_commit_whoever_made_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("i");
    drop(Index::create(&path).open().unwrap());
    let queue = WriteQueue::new(Arc::new(Index::open(&path).unwrap()));
    let mut other = Index::open(&path).unwrap();
    other.upsert(["a", "b", "c"].map(|id| document(id, 1.0))).unwrap();
    other.commit().unwrap();
    drop(other);
    let changes = vec![
        Change::Delete("a".to_owned()),
        upsert("b", 2.0),
        Change::DeleteWhere("year:2001".to_owned()),
    ];
    let found = verdicts(&queue, changes);
    assert_eq!(found, [Verdict::Deleted(1), Verdict::Replaced, Verdict::Deleted(1)]);
    assert_eq!(all(queue.index()), [("b".to_owned(), 2.0)]);
}

/// The folder is moved away, so that nothing can be written, and put back.
#[test]
fn a_commit_that_fails_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let (here, away) = (folder.path().join("i"), folder.path().join("away"));
    let queue = queue(folder.path());
    verdicts(&queue, vec![upsert("before", 1.0)]);
    queue.write(vec![upsert("kept", 2.0)], CommitMode::Auto).unwrap();
    std::fs::rename(&here, &away).unwrap();
    for mode in [CommitMode::WaitFor, CommitMode::Force, CommitMode::Auto] {
        let error = queue.write(vec![upsert("lost", 3.0)], mode).unwrap_err();
        assert!(matches!(error, Error::Written(_)), "{error}");
        assert_eq!(all(queue.index()), [("before".to_owned(), 1.0)], "searches go on");
    }
    assert!(queue.merge().is_err());
    std::fs::rename(&away, &here).unwrap();
    verdicts(&queue, vec![upsert("after", 4.0)]);
    let expected = [("after", 4.0), ("kept", 2.0), ("before", 1.0)];
    assert_eq!(all(queue.index()), expected.map(|(id, score)| (id.to_owned(), score)));
    drop(queue);
    assert_eq!(Index::open(&here).unwrap().snapshot().documents(), 3);
}

#[test]
fn a_document_that_is_there_is_not_encoded_again_unless_it_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/models/splade-tiny");
    if gleaner::Models::new().open_sparse(model.as_ref()).is_err() {
        return;
    }
    let path = folder.path().join("i");
    let queue = WriteQueue::new(Arc::new(Index::create(&path).model(model).open().unwrap()));
    let text = |text: &str| line(&format!(r#"{{"_id":"a","text":"{text}"}}"#));
    assert_eq!(verdicts(&queue, vec![text("boats")]), [Verdict::Added]);
    assert_eq!(verdicts(&queue, vec![text("boats")]), [Verdict::Unchanged]);
    // The order of changes counts, and not what is committed.
    let changes =
        vec![text("trains"), text("boats"), Change::Delete("a".to_owned()), text("boats")];
    let expected = [Verdict::Replaced, Verdict::Replaced, Verdict::Deleted(1), Verdict::Added];
    assert_eq!(verdicts(&queue, changes), expected);
    // A vector in place of the model's is another document, though the line without it is the same.
    let given = line(r#"{"_id":"a","text":"boats","vector":{"7":1}}"#);
    assert_eq!(
        verdicts(&queue, vec![given, text("boats")]),
        [Verdict::Replaced, Verdict::Replaced]
    );
    let rows = queue.index().snapshot().document("a").unwrap().unwrap().rows;
    assert!(rows[0].vector.len() > 1, "{rows:?}");
    let given = line(r#"{"_id":"a","text":"boats","vector":{"7":1}}"#);
    assert_eq!(verdicts(&queue, vec![given]), [Verdict::Replaced]);
    assert_eq!(verdicts(&queue, vec![text("boats")]), [Verdict::Replaced]);
}
