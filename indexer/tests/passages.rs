//! Documents of several rows: whatever was upserted, replaced and merged, searches answer with
//! distinct documents, each by its best passage, as an oracle over all passages grouped by `_id`.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use gleaner_catalog::IndexSettings;
use gleaner_catalog::LongTexts;
use gleaner_format::{ImpactBuilder, ImpactFile, SparseVector};
use gleaner_indexer::{
    DocumentEncoder, EncodedRow, EncodedText, IndexError, IndexStore, IngestOptions, OnError,
    ingest,
};
use gleaner_searcher::{Hit, Index, Rank, SearchRequest, SearchResponse, Snapshot, exhaustive};
use proptest::prelude::*;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const PASSAGES: LongTexts = LongTexts::Passages { length: 8, overlap: 1 };

static NEVER: AtomicBool = AtomicBool::new(false);

/// One weight per word of a passage; passages end with a bar.
struct Bars;

fn vector(text: &str) -> SparseVector {
    let mut counts = BTreeMap::new();
    for word in text.split_whitespace().filter_map(|word| word.strip_prefix('w')) {
        *counts.entry(word.parse::<u32>().unwrap()).or_insert(0f32) += 1.0;
    }
    SparseVector::from_pairs(counts).unwrap()
}

fn rows(text: &str) -> Vec<EncodedRow> {
    let mut start = 0;
    let row = |passage: &str| {
        let bytes = start..start + passage.len();
        start = bytes.end;
        let vector = vector(passage.trim_end_matches('|'));
        EncodedRow { vector, dense: Vec::new(), bytes: Some(bytes) }
    };
    text.split_inclusive('|').map(row).collect()
}

impl DocumentEncoder for Bars {
    fn encode(&mut self, _: &[&str]) -> Result<Vec<SparseVector>, Failure> {
        Err("passages are asked for".into())
    }

    fn encode_texts(&mut self, texts: &[&str]) -> Result<Vec<EncodedText>, Failure> {
        Ok(texts.iter().map(|text| EncodedText { rows: rows(text), is_longer: false }).collect())
    }
}

fn open(index: &Path, long: LongTexts) -> Result<IndexStore, IndexError> {
    let settings = IndexSettings { long: Some(long), ..IndexSettings::default() };
    IndexStore::open_or_create_with(index, None, &settings)
}

fn add(index: &Path, documents: &[(String, String)]) {
    let input = index.with_extension("jsonl");
    let lines = documents.iter().map(|(id, text)| {
        let tag = format!("t{}", text.len() % 3);
        format!("{}\n", serde_json::json!({"_id": id, "text": text, "tag": tag}))
    });
    std::fs::write(&input, lines.collect::<String>()).unwrap();
    let encoders: Vec<Box<dyn DocumentEncoder>> = vec![Box::new(Bars), Box::new(Bars)];
    let on_error = OnError::Fail;
    let options =
        IngestOptions { on_error, commit_interval: Duration::ZERO, resume: false, stop: &NEVER };
    let mut store = open(index, PASSAGES).unwrap();
    ingest(&mut store, &[input], encoders, &options, &mut |_| {}).unwrap();
}

fn request(query: &SparseVector) -> SearchRequest<'_> {
    SearchRequest { vector: Some(query), ..SearchRequest::exact(&Rank::SPARSE, 10) }
}

fn search(snapshot: &Snapshot, request: &SearchRequest<'_>) -> SearchResponse {
    snapshot.search(request, &|_| None).unwrap()
}

fn found(hits: &[Hit]) -> Vec<(String, u32)> {
    hits.iter().map(|hit| (hit.id.clone(), hit.score.to_bits())).collect()
}

/// The best passage of every document that is kept, best first: id, score, bytes.
fn oracle(
    documents: &BTreeMap<String, String>,
    query: &SparseVector,
    keep: impl Fn(&str) -> bool,
) -> Vec<(String, f32, (u64, u64))> {
    let mut best = Vec::new();
    for (id, text) in documents.iter().filter(|(_, text)| keep(text)) {
        let (rows, mut builder) = (rows(text), ImpactBuilder::new());
        rows.iter().for_each(|row| builder.push(&row.vector).unwrap());
        let mut bytes = Vec::new();
        builder.write(&mut bytes).unwrap();
        let file = ImpactFile::open(bytes).unwrap();
        let mut highest = (0f32, (0, 0));
        for (at, row) in rows.iter().enumerate() {
            let score = exhaustive::score(query, file.view().row(at));
            let bytes = row.bytes.clone().unwrap();
            if score > highest.0 {
                highest = (score, (bytes.start as u64, bytes.end as u64));
            }
        }
        if highest.0 > 0.0 {
            best.push((id.clone(), highest.0, highest.1));
        }
    }
    best.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    best
}

fn number(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

/// One to twelve passages of up to seven words.
fn story(state: &mut u64) -> String {
    let passages = 1 + number(state, 12) * number(state, 2);
    let mut passage = |_| {
        let words = 1 + number(state, 7);
        (0..words).map(|_| format!("w{} ", number(state, 40))).collect::<String>()
    };
    (0..passages).map(&mut passage).collect::<Vec<_>>().join("|").trim().to_owned()
}

fn check(snapshot: &Snapshot, documents: &BTreeMap<String, String>, query: &SparseVector) {
    assert_eq!(snapshot.live_docs(), documents.len() as u64);
    let all = oracle(documents, query, |_| true);
    for (k, offset) in [(1, 0), (3, 0), (3, 2), (10, 5), (200, 0), (5, 300)] {
        for threads in [1, 3] {
            let asked = SearchRequest { k, offset, threads, explain: true, ..request(query) };
            let response = search(snapshot, &asked);
            let page: Vec<_> = all.iter().skip(offset).take(k).collect();
            let expected: Vec<_> = page.iter().map(|it| (it.0.clone(), it.1.to_bits())).collect();
            assert_eq!(found(&response.hits), expected, "k {k}, offset {offset}");
            let certificate = &response.certificate;
            let kth = all.get(k + offset - 1).map_or(0.0, |it| it.1);
            assert_eq!((response.exact, certificate.threshold), (true, kth));
            let bound = certificate.highest_bound_not_scored;
            assert!(bound.is_none_or(|bound| bound <= f64::from(kth)), "{certificate:?}");
            for (hit, (_, score, bytes)) in response.hits.iter().zip(page) {
                let passage = hit.passage.unwrap();
                assert_eq!((passage.start, passage.end), *bytes);
                let products = hit.explanation.as_ref().unwrap().contributions.iter();
                assert_eq!(products.map(|it| it.product).sum::<f64>() as f32, *score);
            }
        }
    }
    for (filter, keep) in [("tag:t1", true), ("NOT tag:t1", false)] {
        let asked = SearchRequest { filter: Some(filter), ..request(query) };
        let expected = oracle(documents, query, |text| (text.len() % 3 == 1) == keep);
        let expected: Vec<_> = expected.into_iter().map(|it| (it.0, it.1.to_bits())).collect();
        let hits = search_if_known(snapshot, &asked);
        assert_eq!(hits, expected[..expected.len().min(10)], "{filter}");
    }
    check_words(snapshot, documents, query);
}

/// Filters of words and BM25 see whole documents, whichever passage has the word.
fn check_words(snapshot: &Snapshot, documents: &BTreeMap<String, String>, query: &SparseVector) {
    let has = |text: &str| text.split(['|', ' ']).any(|word| word == "w3");
    for (filter, keep) in [("w3", true), ("NOT w3", false)] {
        let asked = SearchRequest { filter: Some(filter), ..request(query) };
        let expected = oracle(documents, query, |text| has(text) == keep);
        let expected: Vec<_> = expected.into_iter().map(|it| (it.0, it.1.to_bits())).collect();
        let hits = found(&search(snapshot, &asked).hits);
        assert_eq!(hits, expected[..expected.len().min(10)], "{filter}");
    }
    let asked = SearchRequest { rank: &Rank::BM25, text: Some("w3"), k: 200, ..request(query) };
    let hits = search(snapshot, &asked).hits;
    let mut ids: Vec<_> = hits.iter().map(|hit| hit.id.clone()).collect();
    ids.sort();
    let with = documents.iter().filter(|(_, text)| has(text)).map(|(id, _)| id.clone());
    assert_eq!(ids, with.collect::<Vec<_>>());
    assert!(hits.iter().all(|hit| hit.passage.is_none()));
}

/// A key that no document has is an error, and here it may be in none.
fn search_if_known(snapshot: &Snapshot, asked: &SearchRequest<'_>) -> Vec<(String, u32)> {
    snapshot.search(asked, &|_| None).map_or_else(|_| Vec::new(), |response| found(&response.hits))
}

fn snapshot(index: &Path) -> Arc<Snapshot> {
    Index::open(index).unwrap().snapshot()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_history_answers_with_the_best_passages(
        batches in prop::collection::vec(prop::collection::vec(0u8..30, 1..25), 1..7),
        merges in any::<u8>(), seed in 1u64..9999,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let index = folder.path().join("index");
        let (mut documents, mut state) = (BTreeMap::new(), seed);
        for (step, batch) in batches.iter().enumerate() {
            let batch: Vec<_> =
                batch.iter().map(|id| (format!("d{id}"), story(&mut state))).collect();
            add(&index, &batch);
            documents.extend(batch);
            if merges >> step & 1 == 1 {
                IndexStore::open(&index, None).unwrap().merge().unwrap();
            }
        }
        let words: String = (0..6).map(|_| format!("w{} ", number(&mut state, 40))).collect();
        check(&snapshot(&index), &documents, &vector(&words));
    }
}

/// A document goes with all its passages, comes back, and goes again with what it was replaced by.
#[test]
fn a_deleted_document_takes_all_its_passages_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let mut state = 11;
    let stories = |state: &mut u64, ids: std::ops::Range<u32>| -> Vec<(String, String)> {
        ids.map(|at| (format!("d{at}"), format!("w1 |w2 w1 |{}", story(state)))).collect()
    };
    let first = stories(&mut state, 0..40);
    add(&index, &first);
    let mut documents: BTreeMap<String, String> = first.into_iter().collect();
    let query = vector("w1 w2 w3 w4 w5 w6");
    let commit = |documents: &mut BTreeMap<String, String>, ids: &[&str]| {
        let mut store = open(&index, PASSAGES).unwrap();
        for id in ids {
            store.delete(id).unwrap();
            documents.remove(*id);
        }
        store.commit(Vec::new()).unwrap();
        drop(store);
        check(&snapshot(&index), documents, &query);
    };
    commit(&mut documents, &["d0", "d7", "d39", "d7", "nobody"]);
    let again = stories(&mut state, 5..9);
    add(&index, &again);
    documents.extend(again);
    check(&snapshot(&index), &documents, &query);
    commit(&mut documents, &["d7", "d8"]);
    IndexStore::open(&index, None).unwrap().merge().unwrap();
    check(&snapshot(&index), &documents, &query);
    let rows = snapshot(&index).live_rows();
    let expected: usize = documents.values().map(|text| rows_of(text)).sum();
    assert_eq!(rows, expected as u64);
}

fn rows_of(text: &str) -> usize {
    text.split_inclusive('|').count()
}

#[test]
fn ranking_by_words_is_that_of_an_index_of_whole_documents() {
    let folder = tempfile::tempdir().unwrap();
    let (passages, whole) = (folder.path().join("passages"), folder.path().join("whole"));
    let mut state = 7;
    let documents: Vec<_> = (0..60).map(|at| (format!("d{at}"), story(&mut state))).collect();
    add(&passages, &documents);
    let mut store = open(&whole, LongTexts::Cut).unwrap();
    for (id, text) in &documents {
        let line = serde_json::json!({"_id": id, "text": text}).to_string();
        let document = gleaner_indexer::Document::parse(line.as_bytes()).unwrap();
        store.upsert(&document, &vector("w1")).unwrap();
        if text.contains('|') {
            let refused = store.upsert_rows(&document, &rows(text));
            assert!(matches!(refused, Err(IndexError::Rows { found: 2.., .. })));
        }
        let refused = store.upsert_rows(&document, &[]);
        assert!(matches!(refused, Err(IndexError::Rows { found: 0, .. })));
    }
    store.commit(Vec::new()).unwrap();
    let empty = SparseVector::default();
    let fields = ["text".to_owned()];
    for text in ["w3", "w1 w2 w2", "w39 w17 w5 w8"] {
        let asked = SearchRequest {
            rank: &Rank::BM25,
            text: Some(text),
            fields: &fields,
            explain: true,
            ..request(&empty)
        };
        let hits = |index: &Path| search(&snapshot(index), &asked).hits;
        assert_eq!(hits(&passages), hits(&whole), "{text}");
        assert!(!hits(&passages).is_empty());
    }
    // The stored document comes with whichever passage is found.
    let query = vector("w3 w5 w7");
    let response =
        search(&snapshot(&passages), &SearchRequest { fields: &fields, ..request(&query) });
    for hit in &response.hits {
        let text = &documents.iter().find(|document| document.0 == hit.id).unwrap().1;
        assert_eq!(hit.fields.as_ref().unwrap()["text"], **text);
    }
    assert!(response.hits.iter().any(|hit| hit.passage.unwrap().start > 0));
}
