//! Dense vectors in segments: whatever was upserted, replaced and merged, every row holds what its
//! document brought or a model made, bit for bit as it was stored first; and what is refused, by name.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::Duration,
};

use gleaner_catalog::{Analyzer, CatalogError, DenseField, IndexSettings, LongTexts, ModelBinding};
use gleaner_format::{DenseBuilder, DenseFile, DenseSpec, DenseStorage, Metric, SparseVector};
use gleaner_indexer::{
    DocumentEncoder, EncodedRow, EncodedText, IndexError, IndexStore, IngestOptions, IngestReport,
    InputFile, InputKind, OnError, ingest,
};
use gleaner_searcher::{Index, Rank, SearchRequest, Snapshot};
use proptest::prelude::*;
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error + Send + Sync>;
/// By row, by field: the vector as it is stored.
type Rows = Vec<Vec<Option<Vec<f32>>>>;

const PASSAGES: LongTexts = LongTexts::Passages { length: 8, overlap: 1 };

static NEVER: AtomicBool = AtomicBool::new(false);

fn field(name: &str, dims: usize, metric: Metric, storage: DenseStorage) -> DenseField {
    DenseField { spec: DenseSpec { name: name.to_owned(), dims, metric, storage }, model: None }
}

/// A field of every kind: two that documents bring, one that a model makes between them.
fn fields() -> Vec<DenseField> {
    let binding = ModelBinding { path: "m".to_owned(), fingerprint: "sha256:m".to_owned() };
    let made = field("made", 2, Metric::Dot, DenseStorage::F32);
    vec![
        field("emb", 3, Metric::Cosine, DenseStorage::F16),
        DenseField { model: Some(binding), ..made },
        field("codes", 5, Metric::Dot, DenseStorage::Int8WithF32),
    ]
}

fn settings(dense: Vec<DenseField>) -> IndexSettings {
    IndexSettings { dense: Some(dense), ..IndexSettings::default() }
}

/// Passages end with a bar. No term is found, and vectors are of lengths and first letters.
struct Bars {
    is_passages: bool,
}

fn made(text: &str) -> Vec<f32> {
    vec![text.len() as f32 / 7.0, f32::from(text.bytes().next().unwrap_or_default())]
}

fn passages(text: &str, is_passages: bool) -> Vec<&str> {
    if is_passages { text.split_inclusive('|').collect() } else { vec![text] }
}

impl DocumentEncoder for Bars {
    fn encode(&mut self, _: &[&str]) -> Result<Vec<SparseVector>, Failure> {
        Err("rows are asked for".into())
    }

    fn encode_texts(&mut self, texts: &[&str]) -> Result<Vec<EncodedText>, Failure> {
        let encode = |text: &&str| {
            let mut start = 0;
            let mut row = |passage: &str| {
                let bytes = start..start + passage.len();
                start = bytes.end;
                let bytes = self.is_passages.then_some(bytes);
                EncodedRow { vector: SparseVector::default(), dense: Vec::new(), bytes }
            };
            let rows = passages(text, self.is_passages).into_iter().map(&mut row).collect();
            EncodedText { rows, is_longer: false }
        };
        Ok(texts.iter().map(encode).collect())
    }

    fn encode_dense(&mut self, texts: &[&str]) -> Result<Vec<Vec<Vec<f32>>>, Failure> {
        assert!(texts.iter().all(|text| !text.trim().is_empty()), "blank texts are not asked for");
        Ok(vec![texts.iter().map(|text| made(text)).collect()])
    }
}

fn index_lines(
    index: &Path,
    settings: &IndexSettings,
    (lines, kind): (&str, InputKind),
    on_error: OnError,
) -> Result<IngestReport, IndexError> {
    let input = index.with_extension("jsonl");
    fs::write(&input, lines).unwrap();
    let is_passages = settings.long == Some(PASSAGES);
    let encoders: Vec<Box<dyn DocumentEncoder>> =
        vec![Box::new(Bars { is_passages }), Box::new(Bars { is_passages })];
    let options =
        IngestOptions { on_error, commit_interval: Duration::ZERO, resume: false, stop: &NEVER };
    let mut store = IndexStore::open_or_create_with(index, None, settings)?;
    ingest(&mut store, &[InputFile::new(input, kind)], encoders, &options, &mut |_| {})
}

fn add(index: &Path, settings: &IndexSettings, lines: &[Value]) {
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    index_lines(index, settings, (&lines, InputKind::Texts), OnError::Fail).unwrap();
}

/// What a field stores of a vector.
fn stored(spec: &DenseSpec, vector: &[f32]) -> Vec<f32> {
    let prepared = spec.prepare(vector).unwrap();
    let mut builder = DenseBuilder::new(std::slice::from_ref(spec));
    builder.push(&[Some(&prepared)]).unwrap();
    let mut bytes = Vec::new();
    builder.write(&mut bytes).unwrap();
    let file = DenseFile::open(bytes).unwrap();
    let mut read = Vec::new();
    file.view().fields().next().unwrap().read(0, &mut read);
    read
}

/// The rows that a document is to have.
fn expected(line: &Value, is_passages: bool) -> Rows {
    let text = line["text"].as_str().unwrap_or_default().trim();
    let given = |name: &str| -> Option<Vec<f32>> {
        let numbers = line.get(name)?.as_array()?.iter();
        Some(numbers.map(|number| number.as_f64().unwrap() as f32).collect())
    };
    let row = |(at, passage): (usize, &str)| -> Vec<Option<Vec<f32>>> {
        let vector = |field: &DenseField| match field.model {
            Some(_) => (!passage.trim().is_empty()).then(|| made(passage)),
            None => given(&field.spec.name).filter(|_| at == 0),
        };
        fields().iter().map(|field| Some(stored(&field.spec, &vector(field)?))).collect()
    };
    // A text without passages still is a row.
    let passages = passages(text, is_passages);
    let passages = if passages.is_empty() { vec![""] } else { passages };
    passages.into_iter().enumerate().map(row).collect()
}

/// The rows of every living document, from the segments' files.
fn held(snapshot: &Snapshot) -> BTreeMap<String, Rows> {
    let mut held: BTreeMap<String, Rows> = BTreeMap::new();
    for segment in snapshot.segments() {
        let view = segment.impacts();
        for row in 0..view.rows() {
            if segment.alive().is_some_and(|alive| !alive.contains(row)) {
                continue;
            }
            let vectors = segment.dense_fields().map(|field| {
                let mut vector = Vec::new();
                field.read(field.ordinal(row)?, &mut vector);
                Some(vector)
            });
            let id = segment.id(view.doc(row)).to_owned();
            held.entry(id).or_default().push(vectors.collect());
        }
    }
    held
}

fn number(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

fn document(id: u8, state: &mut u64) -> Value {
    let mut words = |count: u64| -> String {
        (0..count).map(|_| ["wine ", "rain ", "|", "ärger "][number(state, 4) as usize]).collect()
    };
    let text = words(3);
    let mut line = json!({"_id": format!("d{id}"), "text": text, "tag": "t"});
    for (name, dims) in [("emb", 3), ("codes", 5)] {
        let numbers = (0..dims).map(|_| number(state, 2001) as f32 / 8.0 - 100.0);
        let vector: Vec<f32> = numbers.collect();
        match number(state, 4) {
            0 => {}
            1 => line[name] = Value::Null,
            _ if vector.iter().all(|value| *value == 0.0) => {}
            _ => line[name] = json!(vector),
        }
    }
    line
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_history_leaves_every_row_its_vectors(
        batches in prop::collection::vec(prop::collection::vec(0u8..30, 0..25), 1..7),
        merges in any::<u8>(), seed in 1u64..9999, is_passages in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let index = folder.path().join("index");
        let long = is_passages.then_some(PASSAGES);
        let settings = IndexSettings { long, ..settings(fields()) };
        let (mut documents, mut state) = (BTreeMap::new(), seed);
        for (step, batch) in batches.iter().enumerate() {
            let batch: Vec<Value> = batch.iter().map(|&id| document(id, &mut state)).collect();
            add(&index, &settings, &batch);
            for line in batch {
                documents.insert(line["_id"].as_str().unwrap().to_owned(), expected(&line, is_passages));
            }
            if merges >> step & 1 == 1 {
                IndexStore::open(&index, None).unwrap().merge().unwrap();
            }
            let snapshot = Index::open(&index).unwrap().snapshot();
            prop_assert_eq!(held(&snapshot), documents.clone(), "step {}", step);
        }
    }
}

#[test]
fn vectors_are_no_part_of_the_stored_document() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let lines = [
        json!({"_id": "a", "text": "wine", "emb": [1, 2, 3], "year": 7, "made": [1], "other": [1, 2]}),
        json!({"_id": "b", "emb": [1, 2, 3]}),
        json!({"_id": "c", "emb": null, "text": "", "codes": [0, 0, 0, 0, 0]}),
    ];
    add(&index, &settings(fields()), &lines);
    let snapshot = Index::open(&index).unwrap().snapshot();
    let source = |doc| Value::Object(snapshot.stored(0, doc).unwrap());
    // A field that a model makes is no key of documents.
    let a = json!({"_id": "a", "text": "wine", "year": 7, "made": [1], "other": [1, 2]});
    assert_eq!(source(0), a);
    assert_eq!(source(1), json!({"_id": "b"}));
    assert_eq!(source(2), json!({"_id": "c", "text": ""}));
    let held = held(&snapshot);
    assert_eq!(held["b"][0][1], None, "no text, nothing for the model");
    assert_eq!(held["c"], [vec![None, None, Some(vec![0.0; 5])]]);
}

#[test]
fn given_sparse_vectors_come_with_dense_ones() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let lines = r#"{"id": "a", "content": "rain", "vector": {"7": 1.5}, "emb": [0, 0, 2]}
        {"id": "b", "vector": {"7": 2}}"#;
    let lines = (lines, InputKind::VectorsJsonl);
    index_lines(&index, &settings(fields()), lines, OnError::Fail).unwrap();
    let snapshot = Index::open(&index).unwrap().snapshot();
    let held = held(&snapshot);
    assert_eq!(held["a"], [vec![Some(vec![0.0, 0.0, 1.0]), Some(made("rain")), None]]);
    assert_eq!(held["b"], [vec![None, None, None]]);
    assert_eq!(
        Value::Object(snapshot.stored(0, 0).unwrap()),
        json!({"id": "a", "content": "rain"})
    );
}

#[test]
fn bad_vectors_are_refused_with_field_position_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let bad = |key: &str, value: &str, reason: &str| {
        let line = format!(r#"{{"_id": "x", "text": "rain", "{key}": {value}}}"#);
        let lines = (&line[..], InputKind::Texts);
        let refused = index_lines(&index, &settings(fields()), lines, OnError::Fail);
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(&format!("index.jsonl:1: {reason}")), "{value}: {refused}");
    };
    bad("emb", "[1, 2]", "dense field emb has 3 dimensions, the vector has 2");
    bad("emb", "[1, 2, 3, 4]", "dense field emb has 3 dimensions, the vector has 4");
    bad("emb", "[]", "dense field emb has 3 dimensions, the vector has 0");
    bad("emb", "[0, 0, -0.0]", "the vector for dense field emb is all zeros");
    bad("codes", "[0, 1, 1e39, 0, 0]", "dimension 2 for dense field codes is inf");
    let read = |dimension: usize, what: &str| {
        format!("cannot read dimension {dimension} of the dense field \"emb\": {what}")
    };
    bad("emb", "[1, 2, 1e999]", &read(2, "the number is too large, at column"));
    bad("emb", "[1, \"2\", 3]", &read(1, "it is the text \"2\", and must be a number, at column"));
    bad("emb", "[null, 2, 3]", &read(0, "it is null, and must be a number, at column"));
    bad("emb", "[[1], 2, 3]", &read(0, "it is a list"));
    bad("emb", "[1, NaN, 3]", &read(1, "there is no value of JSON"));
    let array = "and must be an array of numbers for the dense field \"emb\", at column";
    bad("emb", "\"1 2 3\"", &format!("it is the text \"1 2 3\", {array}"));
    bad("emb", "{\"0\": 1}", &format!("it is an object, {array}"));
    bad("emb", "true", &format!("it is true, {array}"));
    bad("emb", "7", &format!("it is the number 7, {array}"));
}

#[test]
fn refused_vectors_are_skipped_with_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let lines =
        "{\"_id\": \"a\", \"emb\": [1, 2]}\n{\"_id\": \"b\", \"emb\": [1, 2, 3]}\n{\"_id\": \"c\"}";
    let skip = OnError::Skip { max_errors: 2 };
    let report = index_lines(&index, &settings(fields()), (lines, InputKind::Texts), skip).unwrap();
    assert_eq!((report.progress.indexed, report.progress.rejected), (1, 2));
    assert_eq!(held(&Index::open(&index).unwrap().snapshot()).len(), 1);
}

#[test]
fn what_is_fixed_with_an_index_is_named_when_it_differs() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    add(&index, &settings(fields()), &[json!({"_id": "a", "text": "wine"})]);
    let error = |settings: IndexSettings| {
        let opened = IndexStore::open_or_create_with(&index, None, &settings);
        opened.err().unwrap_or_else(|| panic!("{settings:?} is to be refused"))
    };
    for (at, change) in [
        (0, |field: &mut DenseField| field.spec.dims = 4),
        (0, |field: &mut DenseField| field.spec.metric = Metric::Dot),
        (2, |field: &mut DenseField| field.spec.storage = DenseStorage::Int8),
        (2, |field: &mut DenseField| field.spec.name = "others".to_owned()),
        (1, |field: &mut DenseField| field.model = None),
    ] as [(usize, fn(&mut DenseField)); 5]
    {
        let mut asked = fields();
        change(&mut asked[at]);
        let refused = error(settings(asked));
        assert!(
            matches!(refused, IndexError::Catalog(CatalogError::DenseMismatch { .. })),
            "{refused:?}"
        );
    }
    let fewer = error(settings(fields()[..2].to_vec())).to_string();
    let both = "emb (3 dimensions, cosine, f16) given by documents, made (2 dimensions, dot, f32) \
                made by a model";
    assert!(fewer.contains(both) && fewer.contains("codes (5"), "{fewer}");
    assert!(error(settings(Vec::new())).to_string().contains("not none"));
    let mut other = fields();
    other[1].model.as_mut().unwrap().fingerprint = "sha256:n".to_owned();
    other[1].spec.dims = 7;
    let other = error(settings(other));
    assert!(
        matches!(&other, IndexError::Catalog(CatalogError::DenseModelMismatch { field, .. }) if field == "made")
    );
    let german = Analyzer::all().find(|analyzer| analyzer.name() == "german");
    let german = error(IndexSettings { analyzer: german, ..IndexSettings::default() });
    assert!(german.to_string().contains("analyses text as english, not german"), "{german}");
    let window = error(IndexSettings { fusion_depth: Some(7), ..IndexSettings::default() });
    assert!(matches!(
        window,
        IndexError::Catalog(CatalogError::FusionDepthMismatch { index: 1000, asked: 7 })
    ));
    // The same, in any order, is no difference, and the model may have moved.
    let mut moved = fields();
    moved[1].model.as_mut().unwrap().path = "elsewhere".to_owned();
    moved.reverse();
    let settings = IndexSettings {
        analyzer: Some(Analyzer::ENGLISH),
        fusion_depth: Some(1000),
        ..settings(moved)
    };
    let store = IndexStore::open_or_create_with(&index, None, &settings).unwrap();
    let names = store.manifest().dense.iter().map(|field| &field.spec.name[..]);
    assert_eq!(names.collect::<Vec<_>>(), ["emb", "made", "codes"]);
    assert_eq!(store.manifest().dense[1].model.as_ref().unwrap().path, "elsewhere");
}

#[test]
fn an_index_never_written_to_takes_other_settings() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let german = Analyzer::all().find(|analyzer| analyzer.name() == "german");
    let first = IndexSettings { fusion_depth: Some(50), ..settings(fields()) };
    drop(IndexStore::open_or_create_with(&index, None, &first).unwrap());
    let second = IndexSettings { analyzer: german, ..settings(fields()[..1].to_vec()) };
    let mut store = IndexStore::open_or_create_with(&index, None, &second).unwrap();
    let line = json!({"_id": "a", "text": "Häuser"}).to_string();
    let document = gleaner_indexer::Document::parse(line.as_bytes()).unwrap();
    let row = |dense| EncodedRow { vector: SparseVector::default(), dense, bytes: None };
    let mut refused = |dense| store.upsert_rows(&document, &[row(dense)]).unwrap_err();
    assert!(matches!(refused(vec![None, None]), IndexError::DenseCount { expected: 1, found: 2 }));
    assert!(matches!(refused(vec![Some(vec![1.0])]), IndexError::Dense(_)));
    assert!(matches!(refused(vec![Some(vec![1.0, 0.0, f32::NAN])]), IndexError::Dense(_)));
    store.upsert_rows(&document, &[row(vec![Some(vec![0.0, 1.0, 0.0])])]).unwrap();
    store.commit(Vec::new()).unwrap();
    let snapshot = Index::open(&index).unwrap().snapshot();
    assert_eq!(snapshot.analyzer().name(), "german");
    assert_eq!((snapshot.manifest().fusion_depth, snapshot.manifest().dense.len()), (50, 1));
    assert_eq!(held(&snapshot)["a"], [vec![Some(vec![0.0, 1.0, 0.0])]]);
}

#[test]
fn settings_that_no_index_can_have_make_none() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let (metric, storage) = (Metric::Dot, DenseStorage::F32);
    let dense = |name: &str, dims| settings(vec![field(name, dims, metric, storage)]);
    let twice = vec![field("a", 1, metric, storage), field("a", 2, metric, storage)];
    let window = |size| IndexSettings { fusion_depth: Some(size), ..IndexSettings::default() };
    for (settings, says) in [
        (dense("a b", 3), "\"a b\" names no dense field"),
        (dense("", 3), "names no dense field"),
        (dense("a", 0), "dense field a has 0 dimensions"),
        (dense("a", 16_385), "dense field a has 16385 dimensions"),
        (settings(twice), "there are two dense fields a"),
        (dense("text", 3), "cannot bring a dense field \"text\""),
        (dense("vector", 3), "cannot bring a dense field \"vector\""),
        (dense("_id", 3), "cannot bring a dense field \"_id\""),
        (window(0), "the depth of fusion is 0"),
        (window(100_001), "at most 100000"),
    ] {
        let refused = IndexStore::open_or_create_with(&index, None, &settings);
        let refused = refused.err().unwrap().to_string();
        assert!(refused.contains(says), "{refused}");
        assert!(!index.exists());
    }
    let mut made = fields()[1].clone();
    made.spec.name = "text".to_owned();
    IndexStore::open_or_create_with(&index, None, &settings(vec![made])).unwrap();
}

/// The dense vector file of the only segment.
fn dense_file(index: &Path) -> PathBuf {
    let files = fs::read_dir(index).unwrap().map(|entry| entry.unwrap().path());
    let mut files = files.filter(|path| path.extension().is_some_and(|name| name == "vec"));
    let file = files.next().unwrap();
    assert!(files.next().is_none());
    file
}

#[test]
fn a_damaged_dense_file_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let mut state = 5;
    let lines: Vec<Value> = (0..70).map(|id| document(id, &mut state)).collect();
    add(&index, &settings(fields()), &lines);
    let file = dense_file(&index);
    let sound = fs::read(&file).unwrap();
    let is_damage = |bytes: &[u8], what: &str| {
        fs::write(&file, bytes).unwrap();
        let error = Index::open(&index).err().unwrap_or_else(|| panic!("{what} opens"));
        assert!(error.is_damage(), "{what}: {error}");
    };
    for at in (0..sound.len()).step_by(97) {
        let mut flipped = sound.clone();
        flipped[at] ^= 0x11;
        is_damage(&flipped, &format!("byte {at} changed"));
        is_damage(&sound[..at], &format!("cut at {at}"));
    }
    is_damage(&[&sound[..], &[0]].concat(), "a byte too many");
    let rows = |specs: &[DenseSpec], rows: usize| {
        let mut builder = DenseBuilder::new(specs);
        (0..rows).for_each(|_| builder.push(&vec![None; specs.len()]).unwrap());
        let mut bytes = Vec::new();
        builder.write(&mut bytes).unwrap();
        bytes
    };
    let mut specs: Vec<DenseSpec> = fields().into_iter().map(|field| field.spec).collect();
    is_damage(&rows(&specs, 69), "a row too few");
    is_damage(&rows(&specs[..2], 70), "a field too few");
    is_damage(&rows(&[], 70), "no fields");
    specs.swap(0, 1);
    is_damage(&rows(&specs, 70), "fields in another order");
    fs::remove_file(&file).unwrap();
    // What is not there can be put back.
    assert!(!Index::open(&index).err().unwrap().is_damage());
    fs::write(&file, &sound).unwrap();
    Index::open(&index).unwrap();
}

#[test]
fn text_is_analysed_in_the_language_of_the_index() {
    let folder = tempfile::tempdir().unwrap();
    for (name, found) in [("german", 1), ("english", 0), ("simple", 0)] {
        let index = folder.path().join(name);
        let analyzer = Some(name.parse().unwrap());
        let settings = IndexSettings { analyzer, ..IndexSettings::default() };
        add(&index, &settings, &[json!({"_id": "a", "text": "die alten Häuser"})]);
        let snapshot = Index::open(&index).unwrap().snapshot();
        let rank = Rank::BM25;
        let asked = SearchRequest { text: Some("altes haus"), ..SearchRequest::exact(&rank, 10) };
        assert_eq!(snapshot.search(&asked, &|_| None).unwrap().hits.len(), found, "{name}");
    }
}
