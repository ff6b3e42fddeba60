//! Runs over files: lines that are refused, resuming, stopping, what is committed when.

use super::*;

/// Stops the run from inside, after a number of encoded chunks.
struct Stopping<'a>(&'a AtomicUsize, &'a AtomicBool);

impl DocumentEncoder for Stopping<'_> {
    fn encode(
        &mut self,
        texts: &[&str],
    ) -> Result<Vec<SparseVector>, Box<dyn std::error::Error + Send + Sync>> {
        if self.0.fetch_add(1, Ordering::Relaxed) == 1 {
            self.1.store(true, Ordering::Relaxed);
        }
        WordCounts.encode(texts)
    }
}

/// Fails on the third chunk.
struct Failing(usize);

impl DocumentEncoder for Failing {
    fn encode(
        &mut self,
        texts: &[&str],
    ) -> Result<Vec<SparseVector>, Box<dyn std::error::Error + Send + Sync>> {
        self.0 += 1;
        if self.0 == 3 { Err("the model broke".into()) } else { WordCounts.encode(texts) }
    }
}

#[test]
fn a_bad_line_stops_with_everything_before_it_committed_and_resume_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    let documents = corpus(2500, 11);
    write_corpus(&input, &documents);
    let sound = std::fs::read_to_string(&input).unwrap();
    let mut lines: Vec<&str> = sound.lines().collect();
    lines[2100] = "{\"_id\": 3.5}";
    std::fs::write(&input, lines.join("\n")).unwrap();
    match run(&index, &input, false) {
        Err(IndexError::Rejected { rejection }) => assert_eq!(rejection.place, Place::Line(2101)),
        other => panic!("{other:?}"),
    }
    assert_eq!(Index::open(&index).unwrap().snapshot().live_docs(), 2100);
    std::fs::write(&input, sound).unwrap();
    let report = run(&index, &input, true).unwrap();
    assert_eq!((report.progress.found, report.progress.indexed), (2100, 400));
    let query = vector("w1 w3");
    let documents = documents.into_iter().collect();
    assert_eq!(
        found(&search(&index, &query, 50, None)),
        expected(&documents, &query, 50, |_| true)
    );
    let again = run(&index, &input, true).unwrap();
    assert_eq!((again.progress.found, again.progress.indexed, again.interrupted), (2500, 0, false));
}

#[test]
fn skipped_lines_are_reported_and_limited() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    std::fs::write(&input, "{\"_id\":\"a\",\"text\":\"w1\"}\nnonsense\n{\"_id\":\"b\"}\n{\"_id\":\"c\",\"text\":\"w2\"}\n").unwrap();
    let attempt = |max_errors| {
        let mut store = IndexStore::open_or_create(&index, model()).unwrap();
        let mut seen = Vec::new();
        let options = options(false, OnError::Skip { max_errors });
        let result = ingest(
            &mut store,
            std::slice::from_ref(&input),
            vec![Box::new(WordCounts)],
            &options,
            &mut |progress| {
                seen.extend(progress.rejections.iter().map(ToString::to_string));
            },
        );
        (result.map(|report| report.progress.rejected), seen)
    };
    let (result, seen) = attempt(2);
    assert_eq!(result.unwrap(), 2);
    assert!(seen[0].contains("c.jsonl:2: not JSON") && seen[1].contains(":3: the key"), "{seen:?}");
    let (result, _) = attempt(1);
    assert!(matches!(result, Err(IndexError::TooManyRejected { rejected: 2, limit: 1, .. })));
}

#[test]
fn a_limit_of_rejections_holds_across_resumed_runs() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    let bad = |count: usize| "nonsense\n".repeat(count);
    let good: String =
        (0..1500).map(|i| format!("{{\"_id\":\"{i}\",\"text\":\"w1\"}}\n")).collect();
    std::fs::write(&input, format!("{}{good}{}", bad(8), bad(8))).unwrap();
    for _ in 0..3 {
        let mut store = IndexStore::open_or_create(&index, model()).unwrap();
        let options = options(true, OnError::Skip { max_errors: 10 });
        let encoders: Vec<Box<dyn DocumentEncoder>> = vec![Box::new(WordCounts)];
        let result =
            ingest(&mut store, std::slice::from_ref(&input), encoders, &options, &mut |_| {});
        assert!(
            matches!(result, Err(IndexError::TooManyRejected { rejected: 16, .. })),
            "{result:?}"
        );
    }
}

#[test]
fn inputs_that_arrive_one_by_one_are_encoded_once() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let [a, b] = ["a.jsonl", "b.jsonl"].map(|name| folder.path().join(name));
    write_corpus(&a, &corpus(50, 1));
    let renamed = corpus(70, 2).into_iter().map(|(id, text)| (format!("b{id}"), text));
    write_corpus(&b, &renamed.collect::<Vec<_>>());
    let resume = |inputs: &[PathBuf]| {
        let mut store = IndexStore::open_or_create(&index, model()).unwrap();
        let encoders: Vec<Box<dyn DocumentEncoder>> = vec![Box::new(WordCounts)];
        let report =
            ingest(&mut store, inputs, encoders, &options(true, OnError::Fail), &mut |_| {});
        let progress = report.unwrap().progress;
        (progress.found, progress.indexed)
    };
    assert_eq!(resume(std::slice::from_ref(&a)), (0, 50));
    assert_eq!(resume(std::slice::from_ref(&b)), (0, 70));
    assert_eq!(resume(&[a, b]), (120, 0));
}

#[test]
fn an_upsert_leaves_large_segments_alone_and_a_build_becomes_one() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(4000, 7));
    run(&index, &input, false).unwrap();
    let settle = |indexed| IndexStore::open(&index, model()).unwrap().settle(indexed).unwrap();
    let names = || -> Vec<String> {
        let snapshot = Index::open(&index).unwrap().snapshot();
        snapshot.segments().iter().map(|segment| segment.name()).collect()
    };
    settle(4000);
    let large = names();
    assert_eq!(large.len(), 1);
    write_corpus(&input, &corpus(3, 9));
    run(&index, &input, false).unwrap();
    settle(3);
    assert_eq!(names().len(), 2);
    assert!(names().contains(&large[0]));
}

#[test]
fn a_stopped_run_is_committed_and_resumed_without_encoding_twice() {
    static ENCODED: AtomicUsize = AtomicUsize::new(0);
    static STOP: AtomicBool = AtomicBool::new(false);
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    let documents = corpus(9000, 21);
    write_corpus(&input, &documents);
    let mut store = IndexStore::open_or_create(&index, model()).unwrap();
    let stopped = IngestOptions { stop: &STOP, ..options(false, OnError::Fail) };
    let encoder: Vec<Box<dyn DocumentEncoder>> = vec![Box::new(Stopping(&ENCODED, &STOP))];
    let report =
        ingest(&mut store, std::slice::from_ref(&input), encoder, &stopped, &mut |_| {}).unwrap();
    drop(store);
    assert!(report.interrupted && report.progress.committed < 9000, "{report:?}");
    assert_eq!(Index::open(&index).unwrap().snapshot().live_docs(), report.progress.committed);
    let resumed = run(&index, &input, true).unwrap();
    assert_eq!(resumed.progress.found, report.progress.committed);
    assert_eq!(resumed.progress.found + resumed.progress.indexed, 9000);
    let query = vector("w1 w5 w9");
    let documents = documents.into_iter().collect();
    assert_eq!(
        found(&search(&index, &query, 99, None)),
        expected(&documents, &query, 99, |_| true)
    );
}

#[test]
fn a_run_that_stops_before_an_input_that_is_complete_is_interrupted() {
    static STOP: AtomicBool = AtomicBool::new(true);
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let [first, second] = ["1.jsonl", "2.jsonl"].map(|name| folder.path().join(name));
    write_corpus(&first, &corpus(100, 1));
    write_corpus(&second, &corpus(100, 2));
    run(&index, &second, false).unwrap();
    let mut store = IndexStore::open(&index, model()).unwrap();
    let options = IngestOptions { stop: &STOP, ..options(true, OnError::Fail) };
    let encoders: Vec<Box<dyn DocumentEncoder>> = vec![Box::new(WordCounts)];
    let report = ingest(&mut store, &[first, second], encoders, &options, &mut |_| {}).unwrap();
    assert!(report.interrupted, "{report:?}");
}

#[test]
fn an_encoder_that_fails_loses_nothing_before() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(5000, 2));
    let mut store = IndexStore::open_or_create(&index, model()).unwrap();
    let options = options(false, OnError::Fail);
    let result = ingest(&mut store, &[input], vec![Box::new(Failing(0))], &options, &mut |_| {});
    match result {
        Err(IndexError::Encode { first_line: 2049, last_line: 3072, .. }) => {}
        other => panic!("{other:?}"),
    }
    drop(store);
    assert_eq!(Index::open(&index).unwrap().snapshot().live_docs(), 2048);
}
