//! The life of an index: upserts, deletes, merges, several segments, interruption, damage.
//! Searches are compared with the oracle over the documents that should be there.
#![allow(clippy::unwrap_used, missing_docs)]

mod deletes;
mod opened_once;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use gleaner_catalog::{CatalogError, IndexSettings, LongTexts, ModelBinding};
use gleaner_format::{ImpactBuilder, ImpactFile, SparseVector};
use gleaner_indexer::{
    DocumentEncoder, EncodedText, IndexError, IndexStore, IngestOptions, IngestReport, OnError,
    Place, ingest,
};
use gleaner_searcher::{Index, Rank, SearchError, SearchRequest, SearchResponse, exhaustive};
use proptest::prelude::*;

/// One weight per distinct word: its number of occurrences, under an id made from its letters.
struct WordCounts;

fn vector(text: &str) -> SparseVector {
    let mut counts = BTreeMap::new();
    for word in text.split_whitespace() {
        let id = word.bytes().fold(7u32, |id, byte| id.wrapping_mul(31) + u32::from(byte)) % 5000;
        *counts.entry(id).or_insert(0f32) += 1.0;
    }
    SparseVector::from_pairs(counts).unwrap()
}

impl DocumentEncoder for WordCounts {
    fn encode(
        &mut self,
        texts: &[&str],
    ) -> Result<Vec<SparseVector>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(texts.iter().map(|text| vector(text)).collect())
    }
}

/// As [`WordCounts`]; more than ten words are too long for it.
struct LongWords;

impl DocumentEncoder for LongWords {
    fn encode(
        &mut self,
        texts: &[&str],
    ) -> Result<Vec<SparseVector>, Box<dyn std::error::Error + Send + Sync>> {
        WordCounts.encode(texts)
    }

    fn encode_texts(
        &mut self,
        texts: &[&str],
    ) -> Result<Vec<EncodedText>, Box<dyn std::error::Error + Send + Sync>> {
        let encode = |text: &&str| {
            let is_longer = text.split_whitespace().count() > 10;
            EncodedText { is_longer, ..vector(text).into() }
        };
        Ok(texts.iter().map(encode).collect())
    }
}

static NEVER: AtomicBool = AtomicBool::new(false);

fn model() -> Option<ModelBinding> {
    Some(ModelBinding { path: "words".to_owned(), fingerprint: "sha256:words".to_owned() })
}

fn options(resume: bool, on_error: OnError) -> IngestOptions<'static> {
    IngestOptions { on_error, commit_interval: Duration::ZERO, resume, stop: &NEVER }
}

fn run(index: &Path, input: &Path, resume: bool) -> Result<IngestReport, IndexError> {
    let mut store = IndexStore::open_or_create(index, model())?;
    let encoders: Vec<Box<dyn DocumentEncoder>> = vec![Box::new(WordCounts), Box::new(WordCounts)];
    let options = options(resume, OnError::Fail);
    ingest(&mut store, &[input.to_path_buf()], encoders, &options, &mut |_| {})
}

fn write_corpus(path: &Path, documents: &[(String, String)]) {
    let lines = documents.iter().map(|(id, text)| {
        let year = 1990 + text.len() % 30;
        format!(
            "{{\"_id\": \"{id}\", \"text\": \"{text}\", \"year\": {year}, \"tag\": \"t{}\"}}\n",
            text.len() % 3
        )
    });
    std::fs::write(path, lines.collect::<String>()).unwrap();
}

fn request<'a>(query: &'a SparseVector, k: usize, filter: Option<&'a str>) -> SearchRequest<'a> {
    SearchRequest { vector: Some(query), filter, ..SearchRequest::exact(&Rank::SPARSE, k) }
}

fn search(index: &Path, query: &SparseVector, k: usize, filter: Option<&str>) -> SearchResponse {
    let snapshot = Index::open(index).unwrap().snapshot();
    snapshot.search(&request(query, k, filter), &|_| None).unwrap()
}

fn found(response: &SearchResponse) -> Vec<(String, u32)> {
    response.hits.iter().map(|hit| (hit.id.clone(), hit.score.to_bits())).collect()
}

/// The oracle over whole documents: no segments, no deletes, no index.
fn expected(
    documents: &BTreeMap<String, String>,
    query: &SparseVector,
    k: usize,
    keep: impl Fn(&str) -> bool,
) -> Vec<(String, u32)> {
    let mut builder = ImpactBuilder::new();
    documents.values().for_each(|text| builder.push(&vector(text)).unwrap());
    let mut bytes = Vec::new();
    builder.write(&mut bytes).unwrap();
    let file = ImpactFile::open(bytes).unwrap();
    let mut scored: Vec<(String, f32)> = documents
        .iter()
        .enumerate()
        .filter(|(_, (_, text))| keep(text))
        .map(|(row, (id, _))| (id.clone(), exhaustive::score(query, file.view().row(row))))
        .filter(|(_, score)| *score > 0.0)
        .collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    scored.into_iter().take(k).map(|(id, score)| (id, score.to_bits())).collect()
}

fn words(state: &mut u64, len: usize) -> String {
    let mut word = || {
        *state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let rank = ((*state >> 33) as f64 / (1u64 << 31) as f64).powi(3) * 300.0;
        format!("w{}", rank as u32)
    };
    (0..len).map(|_| word()).collect::<Vec<_>>().join(" ")
}

fn corpus(size: usize, seed: u64) -> Vec<(String, String)> {
    let mut state = seed;
    (0..size).map(|i| (format!("d{i:05}"), words(&mut state, 3 + i % 23))).collect()
}

#[derive(Debug, Clone)]
enum Step {
    Upsert(Vec<(u8, u8)>),
    Merge,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let upsert = prop::collection::vec((0u8..40, any::<u8>()), 0..25).prop_map(Step::Upsert);
    prop::collection::vec(prop_oneof![4 => upsert, 1 => Just(Step::Merge)], 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever was upserted, replaced and merged: same ids, same score bits as the oracle.
    #[test]
    fn any_history_answers_like_the_oracle(steps in steps(), k in 1usize..50, seed in 1u64..999) {
        let folder = tempfile::tempdir().unwrap();
        let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
        let mut documents = BTreeMap::new();
        drop(IndexStore::open_or_create(&index, model()).unwrap());
        for step in steps {
            match step {
                Step::Upsert(batch) => {
                    let batch: Vec<(String, String)> = batch.into_iter()
                        .map(|(id, text)| (format!("d{id}"), words(&mut (u64::from(text) * 77 + seed), 1 + usize::from(text) % 30)))
                        .collect();
                    write_corpus(&input, &batch);
                    documents.extend(batch);
                    run(&index, &input, false).unwrap();
                }
                Step::Merge => {
                    let after = IndexStore::open(&index, model()).unwrap().merge().unwrap().after;
                    prop_assert!(after <= 1);
                }
            }
        }
        let query = vector(&words(&mut (seed * 31), 6));
        prop_assert_eq!(found(&search(&index, &query, k, None)), expected(&documents, &query, k, |_| true));
        let filtered = search(&index, &query, k, Some("tag:t1"));
        prop_assert_eq!(found(&filtered), expected(&documents, &query, k, |text| text.len() % 3 == 1));
        let filtered = search(&index, &query, k, Some("year:>=2005 AND NOT tag:t0"));
        let keep = |text: &str| 1990 + text.len() % 30 >= 2005 && !text.len().is_multiple_of(3);
        prop_assert_eq!(found(&filtered), expected(&documents, &query, k, keep));
    }
}

#[test]
fn segmentation_and_merging_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("c.jsonl");
    write_corpus(&input, &corpus(5000, 5));
    let (parts, whole) = (folder.path().join("parts"), folder.path().join("whole"));
    run(&parts, &input, false).unwrap();
    run(&whole, &input, false).unwrap();
    IndexStore::open(&whole, model()).unwrap().merge().unwrap();
    let segments = |index: &Path| Index::open(index).unwrap().snapshot().segments().len();
    assert_eq!((segments(&parts), segments(&whole)), (5, 1));
    let mut state = 99;
    for k in [1, 10, 1000, 6000] {
        let query = vector(&words(&mut state, 8));
        assert_eq!(
            found(&search(&parts, &query, k, None)),
            found(&search(&whole, &query, k, None))
        );
        for rank in &[Rank::BM25, Rank::SPARSE] {
            let text = words(&mut state, 4);
            let query = vector(&text);
            let search = |index: &Path| {
                let request = SearchRequest { rank, text: Some(&text), ..request(&query, k, None) };
                found(&Index::open(index).unwrap().snapshot().search(&request, &|_| None).unwrap())
            };
            assert_eq!(search(&parts), search(&whole));
        }
    }
    let manifest = Index::open(&whole).unwrap().snapshot().manifest().clone();
    assert!(manifest.inputs[0].complete, "the manifest survives a merge");
}

#[test]
fn paging_never_changes_a_score_or_an_order() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(3000, 8));
    run(&index, &input, false).unwrap();
    let snapshot = Index::open(&index).unwrap().snapshot();
    let query = vector("w1 w2 w17");
    let page = |k, offset| {
        let request = SearchRequest { offset, ..request(&query, k, None) };
        snapshot.search(&request, &|_| None).unwrap()
    };
    let all = page(100, 0);
    let ranks: Vec<usize> = page(10, 20).hits.iter().map(|hit| hit.rank).collect();
    assert_eq!(ranks, (21..=30).collect::<Vec<_>>());
    let pages: Vec<_> = (0..10).flat_map(|i| found(&page(10, i * 10))).collect();
    assert_eq!(pages, found(&all));
}

#[test]
fn explanations_sum_to_the_score() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(1500, 3));
    run(&index, &input, false).unwrap();
    let snapshot = Index::open(&index).unwrap().snapshot();
    let text = "w1 w2 w17 w1";
    let query = vector(text);
    for rank in &[Rank::SPARSE, Rank::BM25] {
        let request = SearchRequest {
            rank,
            text: Some(text),
            explain: true,
            profile: true,
            ..request(&query, 20, None)
        };
        let answer = snapshot.search(&request, &|id| Some(format!("t{id}"))).unwrap();
        assert_eq!(answer.hits.len(), 20);
        for hit in &answer.hits {
            let explanation = hit.explanation.as_ref().unwrap();
            let sum: f64 = explanation.contributions.iter().map(|c| c.product).sum();
            assert!((sum - f64::from(hit.score)).abs() < 1e-5 * sum, "{rank:?} {explanation:?}");
            let shares: f64 = explanation.contributions.iter().map(|c| c.share).sum();
            assert!((shares - 1.0).abs() < 1e-9);
        }
    }
}

#[test]
fn an_index_that_was_never_written_to_takes_any_model() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    // As a run leaves it that was killed before its first commit.
    drop(IndexStore::open_or_create(&index, None).unwrap());
    write_corpus(&input, &corpus(5, 3));
    run(&index, &input, false).unwrap();
    let other = IndexStore::open_or_create(&index, None);
    assert!(matches!(other, Err(IndexError::ModelMismatch { .. })));
    assert_eq!(Index::open(&index).unwrap().snapshot().manifest().model, model());
}

#[test]
fn filters_that_cannot_be_understood_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(50, 3));
    run(&index, &input, false).unwrap();
    let snapshot = Index::open(&index).unwrap().snapshot();
    let query = vector("w1 w2");
    let refused = |filter: &str| match snapshot.search(&request(&query, 5, Some(filter)), &|_| None)
    {
        Err(SearchError::Filter { reason, .. }) => reason,
        other => panic!("{filter}: {other:?}"),
    };
    let deep = format!("{}tag:t1{}", "(".repeat(5000), ")".repeat(5000));
    let signs = format!("{}tag:t1", "-".repeat(5000));
    let nots = format!("{}tag:t1", "NOT -".repeat(5000));
    for filter in
        ["", "yaer:2001", "text:*", "year:[2001 TO", "text:\"w1 w2\"", &deep, &signs, &nots]
    {
        refused(filter);
    }
    for filter in ["year:>=", "year:> ", "(year:<)", "NOT year:<=", "tag:t1 AND year:>="] {
        let reason = refused(filter);
        assert!(
            reason.contains("comparison of year") && reason.contains("year:>=2015"),
            "{reason}"
        );
    }
    // The grammar takes what follows for the value.
    for filter in ["year:>= AND tag:t1", "year:>=*", "year:>>2000", "year:=2001", "year:!=2000"] {
        assert!(refused(filter).contains("comparison of year"), "{filter}");
    }
    assert!(refused(">=").contains("comparison of key"));
    assert!(refused("tag:IN []").contains("tag:IN [] has no value"));
    let deep = format!("{}tag:t1{}", "(".repeat(60), ")".repeat(60));
    let nots = format!("{}tag:t1", "NOT ".repeat(60));
    for filter in [&deep, &nots] {
        // Close to the limit: an answer or an error, on a small stack.
        let _ = snapshot.search(&request(&query, 5, Some(filter)), &|_| None);
    }
    for filter in [
        "tag:t1 year:>2000",
        "_id:IN [d00001 d00007]",
        "text:w1",
        "w1 OR w2",
        "*",
        "NOT tag:t0",
        "year:[* TO 2000]",
        "year:>-5",
        "tag:\">=\"",
        "tag:*",
        "year: >= 2000",
    ] {
        snapshot.search(&request(&query, 5, Some(filter)), &|_| None).unwrap();
    }
}

#[test]
fn what_becomes_of_long_texts_is_fixed_once_something_is_indexed() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    let max = |overlap| Some(LongTexts::Max { window: 64, overlap });
    let open = |long| {
        let settings = IndexSettings { long, ..IndexSettings::default() };
        IndexStore::open_or_create_with(&index, model(), &settings)
    };
    drop(open(max(8)).unwrap());
    // Nothing is in it yet.
    drop(open(max(4)).unwrap());
    write_corpus(&input, &corpus(20, 3));
    let mut store = open(max(16)).unwrap();
    let encoders: Vec<Box<dyn DocumentEncoder>> = vec![Box::new(LongWords)];
    let options = options(false, OnError::Fail);
    let report = ingest(&mut store, &[input], encoders, &options, &mut |_| {}).unwrap();
    // Texts of 3 to 22 words, of which this encoder reads 10.
    assert_eq!((report.progress.indexed, report.progress.longer), (20, 12));
    drop(store);
    let kept = max(16).unwrap();
    for other in [max(8), Some(LongTexts::Cut)] {
        let refused = open(other).err().unwrap();
        assert!(
            matches!(refused, IndexError::Catalog(CatalogError::LongMismatch { index, .. }) if index == kept)
        );
    }
    for same in [None, max(16)] {
        assert_eq!(open(same).unwrap().manifest().long, kept);
    }
    assert_eq!(Index::open(&index).unwrap().snapshot().manifest().long, kept);
}

#[test]
fn empty_documents_are_stored_and_never_returned() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &[("empty".into(), String::new()), ("full".into(), "w1 w2".into())]);
    run(&index, &input, false).unwrap();
    let query = vector("w1");
    assert_eq!(found(&search(&index, &query, 10, None)).len(), 1);
    assert_eq!(found(&search(&index, &SparseVector::default(), 10, None)), []);
    assert_eq!(Index::open(&index).unwrap().snapshot().live_docs(), 2);
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
fn abandoned_attempts_to_create_are_removed_and_failed_ones_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let beside = |name: &str| folder.path().join(format!(".index.creating-{name}"));
    // A dead process, an earlier process of this number, a name and a content that are not ours.
    let ours = [beside("999999999"), beside(&std::process::id().to_string())];
    let others = [beside("backup"), beside("999999998")];
    for path in ours.iter().chain(&others) {
        std::fs::create_dir(path).unwrap();
    }
    std::fs::write(ours[0].join("meta.json"), "{").unwrap();
    std::fs::write(others[1].join("thesis.txt"), "mine").unwrap();
    drop(IndexStore::open_or_create(&folder.path().join("index"), model()).unwrap());
    assert!(ours.iter().all(|path| !path.exists()) && others.iter().all(|path| path.exists()));
}

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

#[test]
fn another_model_another_folder_and_a_second_writer_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(5, 3));
    run(&index, &input, false).unwrap();
    let held = IndexStore::open_or_create(&index, model()).unwrap();
    assert!(matches!(IndexStore::open(&index, model()), Err(IndexError::Locked { .. })));
    drop(held);
    let other = Some(ModelBinding { path: "x".into(), fingerprint: "sha256:other".into() });
    assert!(matches!(IndexStore::open(&index, other), Err(IndexError::ModelMismatch { .. })));
    assert!(matches!(IndexStore::open(&index, None), Err(IndexError::ModelMismatch { .. })));
    std::fs::write(folder.path().join("note"), "mine").unwrap();
    let refused = IndexStore::open_or_create(folder.path(), model());
    assert!(matches!(refused, Err(IndexError::NotEmpty { .. })));
}

fn files(index: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(index).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// An index on a read-only mount can be searched: reading takes no lock and writes nothing.
#[test]
fn reading_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(100, 7));
    run(&index, &input, false).unwrap();
    for lock in files(&index).iter().filter(|file| file.extension().is_some_and(|e| e == "lock")) {
        std::fs::remove_file(lock).unwrap();
    }
    let before = files(&index);
    let served = Index::open(&index).unwrap();
    served.refresh().unwrap();
    let query = vector("w1");
    served.snapshot().search(&request(&query, 5, Some("tag:t1")), &|_| None).unwrap();
    assert_eq!(files(&index), before);
}

#[test]
fn an_index_without_its_list_is_damaged_not_absent() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(10, 7));
    run(&index, &input, false).unwrap();
    std::fs::remove_file(index.join("meta.json")).unwrap();
    assert!(Index::open(&index).err().unwrap().is_damage());
    assert!(!Index::open(folder.path()).err().unwrap().is_damage());
}

#[test]
fn a_model_that_moved_is_recorded_where_it_is_now() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(10, 7));
    run(&index, &input, false).unwrap();
    let moved = model().map(|model| ModelBinding { path: "elsewhere".to_owned(), ..model });
    let mut store = IndexStore::open(&index, moved).unwrap();
    let encoders: Vec<Box<dyn DocumentEncoder>> = vec![Box::new(WordCounts)];
    ingest(&mut store, &[input], encoders, &options(false, OnError::Fail), &mut |_| {}).unwrap();
    drop(store);
    let manifest = Index::open(&index).unwrap().snapshot().manifest().clone();
    assert_eq!(manifest.model.unwrap().path, "elsewhere");
}

/// `meta.json` has no checksum of its own: every bit of it is tried, with every kind of search.
#[test]
fn a_damaged_commit_list_never_changes_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(60, 77));
    run(&index, &input, false).unwrap();
    write_corpus(&input, &corpus(9, 78));
    run(&index, &input, false).unwrap();
    let query = vector("w1 w2 w3");
    let answers = || -> Result<_, gleaner_searcher::SearchError> {
        let snapshot = Index::open(&index)?.snapshot();
        let fields = ["text".to_owned()];
        let sparse = request(&query, 20, Some("tag:t1 OR year:>2000"));
        let words =
            SearchRequest { text: Some("w1 w2 w2"), fields: &fields, ..request(&query, 20, None) };
        let lexical = SearchRequest { rank: &Rank::BM25, ..words };
        let hits = [sparse, lexical]
            .map(|request| snapshot.search(&request, &|_| None).map(|answer| answer.hits));
        let [sparse, lexical] = hits;
        let manifest = snapshot.manifest().clone();
        Ok((sparse?, lexical?, manifest, snapshot.live_docs()))
    };
    let truth = answers().unwrap();
    let meta = index.join("meta.json");
    let sound = std::fs::read(&meta).unwrap();
    let mut errors = 0;
    for at in 0..sound.len() {
        let mut damaged = sound.clone();
        damaged[at] ^= 1 << (at % 7);
        std::fs::write(&meta, &damaged).unwrap();
        match answers() {
            Ok(found) => assert_eq!(found, truth, "byte {at}: {:?}", damaged[at] as char),
            Err(_) => errors += 1,
        }
    }
    assert!(errors > sound.len() / 2, "{errors} of {}", sound.len());
}

/// A reader meets commits, merges and removed files at any moment, and never calls them damage.
#[test]
fn reading_while_another_process_commits_is_never_damage() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(3000, 7));
    run(&index, &input, false).unwrap();
    let writing = AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..6 {
                run(&index, &input, false).unwrap();
                IndexStore::open(&index, model()).unwrap().merge().unwrap();
            }
            writing.store(false, Ordering::Relaxed);
        });
        let query = vector("w1 w2");
        let served = Index::open(&index).unwrap();
        let mut reads = 0;
        while writing.load(Ordering::Relaxed) || reads == 0 {
            for snapshot in [served.refresh().unwrap(), Index::open(&index).unwrap().snapshot()] {
                let answer = snapshot.search(&request(&query, 5, None), &|_| None).unwrap();
                assert_eq!(answer.hits.len(), 5);
            }
            reads += 1;
        }
    });
}

/// Damage anywhere is an error or leaves the answer alone; it never changes an answer, and never
/// panics.
#[test]
fn damaged_files_never_change_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(1200, 77));
    run(&index, &input, false).unwrap();
    write_corpus(&input, &corpus(30, 78));
    run(&index, &input, false).unwrap();
    let query = vector("w1 w2 w3");
    let truth = found(&search(&index, &query, 20, None));
    let (mut errors, mut same) = (0, 0);
    for file in files(&index) {
        let sound = std::fs::read(&file).unwrap();
        let step = (sound.len() / 40).max(1);
        let flips = (0..sound.len()).step_by(step).map(|at| {
            let mut damaged = sound.clone();
            damaged[at] ^= 0x11;
            damaged
        });
        let cuts =
            [0, sound.len() / 2, sound.len().saturating_sub(1)].map(|len| sound[..len].to_vec());
        for damaged in flips.chain(cuts).filter(|damaged| *damaged != sound) {
            std::fs::write(&file, damaged).unwrap();
            let answer = Index::open(&index)
                .and_then(|index| index.snapshot().search(&request(&query, 20, None), &|_| None));
            match answer {
                Ok(answer) => {
                    same += 1;
                    assert_eq!(found(&answer), truth, "{} changed the answer", file.display());
                }
                Err(_) => errors += 1,
            }
        }
        std::fs::write(&file, sound).unwrap();
    }
    assert!(errors > 100 && same < errors, "{errors} errors, {same} answers unchanged");
}

#[test]
fn a_merge_is_seen_by_refresh_and_the_old_snapshot_stays_readable() {
    let folder = tempfile::tempdir().unwrap();
    let (path, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(3000, 4));
    run(&path, &input, false).unwrap();
    let index = Index::open(&path).unwrap();
    let before = index.snapshot();
    IndexStore::open(&path, model()).unwrap().merge().unwrap();
    let after = index.refresh().unwrap();
    assert_eq!((before.segments().len(), after.segments().len()), (3, 1));
    let query = vector("w2 w4");
    let answer = |snapshot: &gleaner_searcher::Snapshot| {
        found(&snapshot.search(&request(&query, 30, None), &|_| None).unwrap())
    };
    assert_eq!(answer(&before), answer(&after));
}

/// The cache of filters outlives commits: its rows must be those of the commit that is read.
#[test]
fn a_filter_answers_alike_from_the_cache_and_after_commits() {
    let folder = tempfile::tempdir().unwrap();
    let (path, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    let mut documents: BTreeMap<String, String> = corpus(2500, 21).into_iter().collect();
    write_corpus(&input, &documents.clone().into_iter().collect::<Vec<_>>());
    run(&path, &input, false).unwrap();
    let index = Index::open(&path).unwrap();
    let query = vector("w1 w2 w3 w17");
    let check = |documents: &BTreeMap<String, String>, cached: [bool; 2]| {
        for is_cached in cached {
            let snapshot = index.refresh().unwrap();
            let request = SearchRequest {
                profile: true,
                ..request(&query, 40, Some("tag:t1 AND year:>1995"))
            };
            let answer = snapshot.search(&request, &|_| None).unwrap();
            let keep = |text: &str| 1990 + text.len() % 30 > 1995 && text.len() % 3 == 1;
            assert_eq!(found(&answer), expected(documents, &query, 40, keep));
            assert_eq!(answer.profile.unwrap().filter_cached, is_cached);
        }
    };
    check(&documents, [false, true]);
    // Replaced documents delete rows of segments that are cached, and add a segment.
    let changed: Vec<_> = corpus(700, 22).into_iter().step_by(3).collect();
    write_corpus(&input, &changed);
    documents.extend(changed);
    run(&path, &input, false).unwrap();
    check(&documents, [false, true]);
    IndexStore::open(&path, model()).unwrap().merge().unwrap();
    check(&documents, [false, true]);
    let unknown = request(&query, 5, Some("nothing:1"));
    for _ in 0..2 {
        assert!(index.snapshot().search(&unknown, &|_| None).is_err(), "errors are not cached");
    }
}

#[test]
fn less_effort_is_said_and_scores_stay_true() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(4000, 11));
    run(&index, &input, false).unwrap();
    let snapshot = Index::open(&index).unwrap().snapshot();
    let mut state = 5;
    for _ in 0..20 {
        let query = vector(&words(&mut state, 8));
        let ask = |k, effort| {
            let request = SearchRequest { effort, ..request(&query, k, None) };
            snapshot.search(&request, &|_| None).unwrap()
        };
        let all = ask(4000, 1.0);
        assert!(all.exact && all.certificate.complete);
        let truth: BTreeMap<String, u32> = found(&all).into_iter().collect();
        for effort in [0.1, 0.5, 0.9] {
            let answer = ask(10, effort);
            let certificate = &answer.certificate;
            let kind = if answer.exact { "rank_safe" } else { "approximate" };
            assert_eq!((certificate.kind.name(), certificate.effort), (kind, effort));
            assert!(certificate.complete && answer.hits.len() <= 10);
            let hits = found(&answer);
            assert!(hits.iter().all(|(id, score)| truth[id] == *score), "scores are true scores");
            let missed = all.hits.iter().find(|hit| !answer.hits.iter().any(|h| h.id == hit.id));
            if answer.exact {
                assert_eq!(hits, found(&ask(10, 1.0)));
            } else if let Some(missed) = missed.filter(|hit| hit.score > certificate.threshold) {
                let bound = certificate.highest_bound_not_scored.unwrap();
                assert!(f64::from(missed.score) <= bound * (1.0 + 1e-6), "{missed:?} {bound}");
            }
        }
    }
}

#[test]
fn a_deadline_that_has_passed_is_an_incomplete_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(3000, 12));
    run(&index, &input, false).unwrap();
    let snapshot = Index::open(&index).unwrap().snapshot();
    let query = vector("w1 w2 w3");
    for rank in &[Rank::SPARSE, Rank::BM25] {
        let ask = |deadline| {
            let exact = request(&query, 10, None);
            let request = SearchRequest { rank, text: Some("w1 w2 w3"), deadline, ..exact };
            snapshot.search(&request, &|_| None).unwrap()
        };
        let late = ask(Some(Instant::now()));
        assert!(!late.exact && !late.certificate.complete);
        assert_eq!((late.certificate.kind.name(), late.hits.len()), ("approximate", 0));
        let whole = ask(None);
        let bound = late.certificate.highest_bound_not_scored;
        assert!(bound.is_none_or(|bound| bound >= f64::from(whole.hits[0].score)));
        let early = ask(Some(Instant::now() + Duration::from_secs(3600)));
        assert!(early.exact && early.certificate == whole.certificate);
        assert_eq!(found(&early), found(&whole));
    }
}

#[test]
fn effort_outside_its_range_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(20, 3));
    run(&index, &input, false).unwrap();
    let snapshot = Index::open(&index).unwrap().snapshot();
    let query = vector("w1");
    for effort in [0.0, -0.5, 1.0001, f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let request = SearchRequest { effort, ..request(&query, 5, None) };
        let error = snapshot.search(&request, &|_| None).unwrap_err();
        assert!(matches!(error, SearchError::Effort { .. }), "{effort}: {error}");
    }
}
