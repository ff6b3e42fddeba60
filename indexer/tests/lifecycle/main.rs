//! The life of an index: upserts, deletes, merges, several segments, interruption, damage.
//! Searches are compared with the oracle over the documents that should be there.
#![allow(clippy::unwrap_used, missing_docs)]

mod damage;
mod deletes;
mod opened_once;
mod runs;
mod searches;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use gleaner_catalog::{CatalogError, FileSeal, IndexSettings, LongTexts, ModelBinding};
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
fn what_becomes_of_long_texts_is_fixed_once_something_is_indexed() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    let max = |overlap| Some(LongTexts::Max { length: 64, overlap });
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
