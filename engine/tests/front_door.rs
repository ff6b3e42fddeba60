//! The promise of the front door: what is written, replaced and deleted through it is what is found,
//! by models as by vectors, and what cannot be done is refused with the part it is about.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use gleaner::{
    Analyzer, BatchSearch, Document, Error, GivenField, Index, InputFormat, InputKind,
    LongTextsAsked, Metric, Models, Part, Query, Search, SideEncoder, SparseVector, TokenError,
};
use proptest::prelude::*;

fn vector(pairs: &[(u32, f32)]) -> SparseVector {
    SparseVector::from_pairs(pairs.iter().copied()).unwrap()
}

fn ids(index: &Index, search: impl Into<Search>) -> Vec<String> {
    index.search(search).unwrap().hits.into_iter().map(|hit| hit.id).collect()
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("data").join(name)
}

/// Whether models can be opened here; in CI they must.
fn has_runtime() -> bool {
    let opened = Models::new().open_sparse(&data("models/splade-tiny"));
    assert!(opened.is_ok() || std::env::var_os("CI").is_none(), "run make setup");
    if opened.is_err() {
        eprintln!("SKIPPED: the ONNX Runtime is missing; run make setup");
    }
    opened.is_ok()
}

/// One step of a random history of an index.
#[derive(Debug, Clone)]
enum Step {
    Upsert(u8, u32),
    Delete(u8),
    Commit,
    Reopen,
    Merge,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0u8..8, 1u32..50).prop_map(|(id, weight)| Step::Upsert(id, weight)),
        3 => (0u8..8).prop_map(Step::Delete),
        2 => Just(Step::Commit),
        1 => Just(Step::Reopen),
        1 => Just(Step::Merge),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// What is found is what a map would hold, after every commit, in the order of scores and ids.
    #[test]
    fn an_index_holds_what_a_map_would(history in steps()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("i");
        let mut index = Index::create(&path).open().unwrap();
        let mut written: BTreeMap<String, u32> = BTreeMap::new();
        let mut committed = written.clone();
        for step in history {
            match step {
                Step::Upsert(id, weight) => {
                    let document = Document::bare(id.to_string());
                    index.upsert([document.vector(vector(&[(7, weight as f32)]))]).unwrap();
                    written.insert(id.to_string(), weight);
                }
                Step::Delete(id) => {
                    index.delete(&id.to_string()).unwrap();
                    written.remove(&id.to_string());
                }
                Step::Commit => {
                    index.commit().unwrap();
                    committed.clone_from(&written);
                }
                Step::Reopen => {
                    // What was not committed is gone.
                    drop(index);
                    index = Index::open(&path).unwrap();
                    written.clone_from(&committed);
                }
                Step::Merge => {
                    index.commit().unwrap();
                    committed.clone_from(&written);
                    index.merge().unwrap();
                }
            }
            let mut expected: Vec<(&String, &u32)> = committed.iter().collect();
            expected.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
            let expected: Vec<&String> = expected.into_iter().map(|(id, _)| id).collect();
            let found = ids(&index, Query::vector(vector(&[(7, 1.0)])));
            prop_assert_eq!(found.iter().collect::<Vec<_>>(), expected);
        }
    }
}

#[test]
fn texts_are_encoded_by_the_index_s_models_wherever_they_are_opened() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("i");
    let mut index = Index::create(&path)
        .model(data("models/splade-tiny"))
        .dense_model(data("models/minilm"))
        .threads(2)
        .open()
        .unwrap();
    let texts = ["Fleming discovered penicillin.", "The flight was late.", "Kittens like milk."];
    let documents = |range: std::ops::Range<usize>| {
        range.map(|at| Document::new(at.to_string(), texts[at])).collect::<Vec<_>>()
    };
    index.upsert(documents(0..2)).unwrap();
    index.commit().unwrap();
    drop(index);
    // A later program names no model; the index knows them.
    let mut index = Index::open(&path).unwrap();
    index.upsert(documents(2..3)).unwrap();
    index.commit().unwrap();
    for rank in ["sparse", "dense", "bm25", "rrf:sparse,bm25,dense"] {
        let search = Search::new("who discovered penicillin").rank(rank.parse().unwrap());
        assert_eq!(ids(&index, search)[0], "0", "{rank}");
    }
    let encoded = index.encode(gleaner::Side::Document, &texts[2..]).unwrap();
    let stored: BTreeMap<String, SparseVector> = index.snapshot().sparse_vectors().collect();
    assert_eq!(stored["2"].terms(), encoded[0].terms());
}

#[test]
fn a_batch_answers_as_single_searches_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut index = Index::create(folder.path().join("i")).open().unwrap();
    let row = |n: u32| vector(&[(n % 5, 1.0 + n as f32), (5 + n % 3, 2.0)]);
    index.upsert((0..60).map(|n| Document::bare(n.to_string()).vector(row(n)))).unwrap();
    index.commit().unwrap();
    let queries: Vec<Query> = (0..8).map(|n| Query::vector(vector(&[(n, 1.0)]))).collect();
    let snapshot = index.snapshot();
    for threads in [1, 3, 64] {
        let mut batch =
            BatchSearch::new(&snapshot, index.models(), Search::new("")).threads(threads);
        let answers = batch.search(queries.clone()).unwrap();
        for (query, answer) in queries.iter().zip(answers) {
            assert_eq!(answer.hits, index.search(query.clone()).unwrap().hits);
        }
    }
}

#[test]
fn what_has_no_leg_or_no_term_is_refused_with_its_part() {
    let folder = tempfile::tempdir().unwrap();
    let field = GivenField::new("emb", 2).metric(Metric::Dot);
    let mut index = Index::create(folder.path().join("i")).dense_field(field).open().unwrap();
    let document = Document::new("a", "word").vector(vector(&[(1, 1.0)]));
    index.upsert([document.dense("emb", vec![1.0, 0.0])]).unwrap();
    index.commit().unwrap();
    let refused = |query: Query, rank: &str| {
        let search = Search::new(query).rank(rank.parse().unwrap());
        let early = search.check().err().map(|error| error.to_string());
        let error = index.search(search).unwrap_err();
        assert!(early.is_none_or(|early| early == error.to_string()), "{error}");
        error
    };
    let part = |error: Error| match error {
        Error::NoLeg { part, .. } => part,
        other => panic!("{other:?}"),
    };
    let sparse = || Query::vector(vector(&[(1, 1.0)]));
    assert_eq!(part(refused(sparse().and_text("word"), "bm25")), Part::Vector);
    assert_eq!(part(refused(Query::text("word").boost("1", 2.0), "bm25")), Part::Boost);
    assert_eq!(part(refused(Query::text("word").mute("1"), "bm25")), Part::Mute);
    assert_eq!(part(refused(Query::dense(vec![1.0, 0.0]), "bm25")), Part::Dense);
    let two_numbers = || Query::dense(vec![1.0, f32::NAN]);
    assert!(matches!(refused(two_numbers(), "dense"), Error::DenseVector(_)));
    assert!(matches!(refused(Query::text(" "), "bm25"), Error::BlankQuery));
    assert!(matches!(refused(Query::text("word"), "sparse"), Error::NoModel));
    assert!(matches!(refused(Query::text("word"), "dense"), Error::NoDenseModel { .. }));
    assert!(matches!(refused(sparse(), "dense"), Error::NoLeg { part: Part::Vector, .. }));
    assert!(matches!(refused(Query::default(), "dense:emb"), Error::NoDenseInput { .. }));
    let unknown = sparse().and_dense("other", vec![1.0, 0.0]);
    assert!(matches!(refused(unknown, "rrf:sparse,dense"), Error::UnknownField { .. }));
    let token = |query: Query| match refused(query, "sparse") {
        Error::Token { reason, .. } => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(token(sparse().boost("word", 2.0)), TokenError::NotATermId);
    assert_eq!(token(sparse().mute("4294967296")), TokenError::TooLarge);
}

/// A vector without a name goes to the ranking's only dense leg, or to the index's only field.
#[test]
fn a_vector_without_a_name_goes_where_it_is_said_to() {
    let folder = tempfile::tempdir().unwrap();
    let create = |name: &str, fields: &[&str]| {
        let builder = Index::create(folder.path().join(name));
        let with =
            |it: gleaner::IndexBuilder, name: &&str| it.dense_field(GivenField::new(*name, 2));
        let mut index = fields.iter().fold(builder, with).open().unwrap();
        let document = Document::bare("a").vector(vector(&[(1, 1.0)]));
        let dense = |it: Document, name: &&str| it.dense(*name, vec![1.0, 0.0]);
        index.upsert([fields.iter().fold(document, dense)]).unwrap();
        index.commit().unwrap();
        index
    };
    let (one, two) = (create("one", &["emb"]), create("two", &["emb", "other"]));
    let search = |query: Query| Search::new(query).rank("dense:emb".parse().unwrap());
    let of_leg = || search(Query::dense(vec![1.0, 0.0]));
    let of_field = || search(Query::default().and_dense_of_only_field(vec![1.0, 0.0]));
    for search in [of_leg(), of_field()] {
        assert_eq!(ids(&one, search), ["a"]);
    }
    assert_eq!(ids(&two, of_leg()), ["a"]);
    let refused = two.search(of_field()).unwrap_err();
    assert!(matches!(refused, Error::UnknownField { part: Part::Dense, field: None, .. }));
}

#[test]
fn an_index_that_cannot_be_what_is_asked_for_is_not_created() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("i");
    let passages = LongTextsAsked::Passages { length: None, overlap: None };
    let spans = Index::create(&path).long_texts(passages).open();
    assert!(matches!(spans, Err(Error::SpansWithoutModel)));
    let mut index = Index::create(folder.path().join("texts")).open().unwrap();
    assert!(matches!(index.upsert([Document::new("a", "text")]), Err(Error::TextsNeedModel)));
    assert!(matches!(Index::open(&path), Err(Error::Catalog(_))));
    assert!(!path.exists());
}

#[test]
fn a_second_writer_is_told_that_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("i");
    let first = Index::create(&path).open().unwrap();
    let second = Index::create(&path).open().map(|_| ()).unwrap_err();
    assert!(second.to_string().contains("another"), "{second}");
    // A reader needs no lock.
    assert_eq!(Index::open(&path).unwrap().snapshot().documents(), 0);
    drop(first);
    Index::create(&path).open().unwrap();
}

#[test]
fn an_unused_index_made_anew_is_searched_as_it_is_now() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("i");
    drop(Index::create(&path).open().unwrap());
    let simple: Analyzer = "simple".parse().unwrap();
    let mut index = Index::create(&path).analyzer(simple).open().unwrap();
    let document = Document::new("1", "the running dogs").vector(vector(&[(7, 1.0)]));
    index.upsert([document]).unwrap();
    index.commit().unwrap();
    assert_eq!(index.snapshot().analyzer(), simple);
    let by_words = |text: &str| Search::new(text).rank("bm25".parse().unwrap());
    assert_eq!(ids(&index, by_words("running")), ["1"]);
    assert_eq!(ids(&index, by_words("the")), ["1"], "no stop words");
    assert_eq!(ids(&index, by_words("run")), Vec::<String>::new(), "no stems");
}

/// A copy of the shipped model.
fn moved_model(to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(data("models/splade-tiny")).unwrap().map(|it| it.unwrap()) {
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn handles_of_models_look_where_each_was_told_to() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    drop(Index::create(path("b")).model(data("models/splade-tiny")).open().unwrap());
    let shared = Models::new();
    let b = Index::open_with(path("b"), &shared).unwrap();
    // Another index names another model. The first one must not look for its own there.
    let other = data("fixtures/splade-max");
    drop(Index::create(path("a")).models(&shared).model(other).open().unwrap());
    assert!(!shared.names_sparse());
    assert_eq!(ids(&b, "hello"), Vec::<String>::new());
}

#[test]
fn the_builder_looks_where_its_models_were_told_to() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    moved_model(&path("old"));
    drop(Index::create(path("i")).model(path("old")).open().unwrap());
    std::fs::rename(path("old"), path("new")).unwrap();
    std::fs::write(path("texts.jsonl"), "{\"_id\": \"1\", \"text\": \"kittens\"}\n").unwrap();
    let moved = Models::new().sparse_folder(path("new"));
    for index in ["i", "made of it"] {
        let files = [path("texts.jsonl")];
        let indexing = Index::create(path(index)).models(&moved).files(&files, InputFormat::Auto);
        assert_eq!(indexing.unwrap().run().unwrap().progress.indexed, 1);
        let index = Index::open_with(path(index), &moved).unwrap();
        assert_eq!(ids(&index, "kittens"), ["1"]);
    }
}

#[test]
fn what_models_are_told_late_counts_from_then_on() {
    if !has_runtime() {
        return;
    }
    let shipped = data("models/splade-tiny");
    let models = Models::new();
    models.open_sparse(&shipped).unwrap();
    let refused = models.clone().query_encoder(SideEncoder::Embedding).open_sparse(&shipped);
    assert!(refused.is_err(), "the folder has no table of embeddings");
    let refused = models.clone().runtime_library("/nowhere.so").open_sparse(&shipped);
    let reason = gleaner::chain(&refused.map(drop).unwrap_err());
    assert!(reason.contains("/nowhere.so"), "{reason}");
    models.open_sparse(&shipped).unwrap();
}

#[test]
fn spans_of_an_index_are_kept_without_naming_its_model_again() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("i");
    let asked = |length| LongTextsAsked::Max { length, overlap: None };
    let shipped = data("models/splade-tiny");
    let first = Index::create(&path).model(shipped).long_texts(asked(Some(64))).open().unwrap();
    let long = first.snapshot().manifest().long;
    drop(first);
    let again = Index::create(&path).long_texts(asked(None)).open().unwrap();
    assert_eq!(again.snapshot().manifest().long, long);
}

#[test]
fn a_run_over_files_reads_the_files_of_an_index_once() {
    let folder = tempfile::tempdir().unwrap();
    let (path, file) = (folder.path().join("index"), folder.path().join("vectors.jsonl"));
    let write = |ids: std::ops::Range<u32>| {
        let lines =
            ids.map(|id| format!("{{\"id\": {id}, \"vector\": {{\"{}\": 1.5}}}}\n", id % 9));
        std::fs::write(&file, lines.collect::<String>()).unwrap();
    };
    let indexing = || {
        let format = InputFormat::Files(InputKind::VectorsJsonl);
        Index::create(&path).files(std::slice::from_ref(&file), format).unwrap()
    };
    write(0..60);
    indexing().run().unwrap();
    let stored = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
    let stored = stored.filter(|file| file.extension().is_some_and(|name| name == "store"));
    let stored = stored.collect::<Vec<_>>().remove(0);
    // So few that the run leaves the segment as it is.
    write(60..62);
    let opened = indexing();
    let mut damaged = std::fs::read(&stored).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x11;
    std::fs::write(&stored, &damaged).unwrap();
    // Reading the files again would find the damage, as the next opening does.
    assert_eq!(opened.run().unwrap().progress.indexed, 2);
    assert!(Index::open(&path).err().unwrap().is_damage());
}

#[test]
fn legs_that_a_text_cannot_feed_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut index = Index::create(folder.path().join("index")).open().unwrap();
    let vector = SparseVector::from_pairs([(7, 1.0)]).unwrap();
    index.upsert([Document::new("a", "red wine").vector(vector.clone())]).unwrap();
    index.commit().unwrap();
    let by_text = index.search("wine").unwrap();
    assert_eq!(by_text.ranking, "bm25");
    assert!(by_text.notes[0].starts_with("hybrid left out sparse: "), "{:?}", by_text.notes);
    // What was chosen is no accident.
    for search in [
        Search::new("wine").rank("bm25".parse().unwrap()),
        Search::new(Query::vector(vector.clone())),
        Search::new(Query::vector(vector).and_text("wine")),
    ] {
        let chosen = index.search(search).unwrap();
        assert!(chosen.notes.is_empty(), "{:?}", chosen.notes);
    }
}
