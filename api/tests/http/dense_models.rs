//! Texts against dense fields, with the dense model that ships and a small one beside it.

use gleaner_api::ServeError;
use gleaner_catalog::DenseField;
use gleaner_encoder::{DenseEncoder, DenseModel, Encoder, Model, Runtime, Side};
use gleaner_format::{DenseSpec, DenseStorage, Metric};
use gleaner_searcher::{DenseQuery, Index, Rank, SearchRequest};

use super::{
    encoding::{metric, page},
    model::{TEXTS, folder as sparse_folder, model as sparse_model},
    searching::stable,
    *,
};

const SCIENCE: &str = "/v1/indexes/science/search";

fn folder() -> PathBuf {
    root().join("data/models/minilm")
}

fn small() -> PathBuf {
    root().join("data/fixtures/dense-mean")
}

fn open_model(folder: &Path) -> DenseModel {
    DenseModel::open(folder, &Runtime::load(None).unwrap()).unwrap()
}

/// Makes sparse vectors, if it has a model for that, and dense ones.
struct Both(Option<Encoder>, DenseEncoder);

type Cause = Box<dyn Error + Send + Sync>;

impl DocumentEncoder for Both {
    fn encode(&mut self, texts: &[&str]) -> Result<Vec<SparseVector>, Cause> {
        match &mut self.0 {
            Some(encoder) => Ok(encoder.encode(Side::Document, texts)?),
            None => WordCounts.encode(texts),
        }
    }

    fn encode_dense(&mut self, texts: &[&str]) -> Result<Vec<Vec<Vec<f32>>>, Cause> {
        let vectors = self.1.encode(Side::Document, texts)?;
        Ok(vec![vectors.rows().map(<[f32]>::to_vec).collect()])
    }
}

/// Settings of one dense field, `name`, whose model is said to be at `path`.
fn settings(name: &str, model: &DenseModel, path: &Path, fingerprint: &str) -> IndexSettings {
    let (metric, storage) = (Metric::Cosine, DenseStorage::F32);
    let spec = DenseSpec { name: name.to_owned(), dims: model.dims(), metric, storage };
    let model = binding(&path.display().to_string(), fingerprint);
    IndexSettings { dense: Some(vec![DenseField { spec, model }]), ..IndexSettings::default() }
}

fn lines() -> Vec<Value> {
    let line = |(i, text): (usize, &&str)| json!({"_id": format!("s{i}"), "text": text});
    TEXTS.iter().enumerate().map(line).collect()
}

/// `science` has the models that ship, `small` a dense one of its own and no sparse one.
fn add_sound(data: &Path, sparse: &Model) {
    let (dense, other) = (open_model(&folder()), open_model(&small()));
    let sparse_binding = binding(&sparse_folder().display().to_string(), sparse.fingerprint());
    let encoder = Both(Some(sparse.encoder(1).unwrap()), dense.encoder(1).unwrap());
    let of_dense = settings("dense", &dense, &folder(), dense.fingerprint());
    add_with(&data.join("science"), &lines(), sparse_binding, encoder, &of_dense);
    let of_other = settings("emb", &other, &small(), other.fingerprint());
    let encoder = Both(None, other.encoder(1).unwrap());
    add_with(&data.join("small"), &lines(), None, encoder, &of_other);
}

/// `lost` has a model that is nowhere, `stale` one that is not what lies in its place.
fn add_broken(data: &Path) {
    let model = open_model(&small());
    for (name, path) in [("lost", "nowhere/dense".into()), ("stale", small())] {
        let settings = settings("emb", &model, &path, "sha256:other");
        let encoder = Both(None, model.encoder(1).unwrap());
        add_with(&data.join(name), &lines(), None, encoder, &settings);
    }
}

/// The two sound indexes, where the runtime is there.
fn sound() -> Option<(TempDir, Model)> {
    let sparse = sparse_model()?;
    let data = tempfile::tempdir().unwrap();
    add_sound(data.path(), &sparse);
    Some((data, sparse))
}

/// What the engine says to vectors that were encoded alone.
fn engine(index: &Path, rank: &str, text: &str, sparse: &Model) -> Value {
    let dense = open_model(&folder());
    let dense = dense.encoder(1).unwrap().encode(Side::Query, &[text]).unwrap().into_values();
    let vector = sparse.encoder(1).unwrap().encode(Side::Query, &[text]).unwrap().remove(0);
    let rank: Rank = rank.parse().unwrap();
    let request = SearchRequest {
        vector: Some(&vector),
        text: Some(text),
        dense: &[DenseQuery { field: "dense", vector: &dense }],
        ..SearchRequest::exact(&rank, 10)
    };
    let response = Index::open(index).unwrap().snapshot().search(&request, &|_| None).unwrap();
    let text = serde_json::to_string(&response).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["hits"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_encoded_for_every_leg() {
    let Some((data, sparse)) = sound() else { return };
    let server = server(data.path());
    assert_eq!(server.warnings(), [] as [String; 0]);
    let app = router(&server);
    let text = "medicine against germs";
    for rank in ["dense", "rrf:sparse,bm25,dense", "convex:sparse,dense:dense=2"] {
        let answer = post(&app, SCIENCE, &json!({"query": {"text": text}, "rank": rank})).await;
        let expected = engine(&data.path().join("science"), rank, text, &sparse);
        assert_eq!(stable(&answer)["hits"], expected, "{rank}");
        assert!(answer.body["encode_us"].is_u64());
        let path = format!("{SCIENCE}?q=medicine+against+germs&rank={rank}");
        assert_eq!(stable(&get(&app, &path).await), stable(&answer), "{rank}");
    }
    let dense = get(&app, &format!("{SCIENCE}?q=railway&rank=dense&k=1")).await;
    assert_eq!(dense.hits()[0].0, "s5", "a locomotive, though no word is shared");
}

#[tokio::test]
async fn indexes_have_dense_models_of_their_own() {
    let Some((data, _)) = sound() else { return };
    let app = app(data.path());
    for (index, rank, folder) in
        [("science", "dense", folder()), ("small", "rrf:bm25,dense:emb", small())]
    {
        let path = format!("/v1/indexes/{index}/search");
        let body = json!({"query": {"text": TEXTS[3]}, "rank": rank});
        assert_eq!(post(&app, &path, &body).await.hits()[0].0, "s3", "{index}");
        let model = open_model(&folder);
        let list = get(&app, "/v1/indexes").await.body;
        let listed = list["indexes"].as_array().unwrap().iter().find(|list| list["name"] == index);
        let field = &listed.unwrap()["dense"][0];
        assert_eq!(field["model"], model.fingerprint());
        assert_eq!(field["dims"], model.dims());
        assert_eq!(field["metric"], "cosine");
    }
    let ready = get(&app, "/readyz").await;
    assert_eq!(ready.status, 200, "{}", ready.body);
    let checks = ready.body["checks"].as_array().unwrap();
    let subjects = |name: &str| {
        let of = |check: &&Value| check["check"] == name;
        checks.iter().filter(of).filter_map(|check| check["subject"].as_str()).collect::<Vec<_>>()
    };
    assert_eq!(subjects("model_matches"), ["science", "science/dense", "small/emb"]);
    assert_eq!(subjects("model_selftest").len(), 3);
}

/// The vector that `/v1/encode` gives is the one a text is searched with.
#[tokio::test]
async fn given_vectors_stand_in_for_the_texts() {
    let Some((data, _)) = sound() else { return };
    let mut options = options(data.path());
    options.limits.body_bytes = 1 << 16;
    let app = router(&open(options).unwrap());
    let encode = json!({"inputs": ["steam train"], "index": "science", "field": "dense"});
    let encoded = post(&app, "/v1/encode", &encode).await;
    assert_eq!(encoded.status, 200, "{}", encoded.body);
    let vector = &encoded.body["embeddings"][0]["vector"];
    assert_eq!(vector.as_array().unwrap().len(), 384);
    for (rank, given) in [
        ("dense", json!({"dense": vector})),
        ("dense", json!({"dense": {"dense": vector}, "text": "something else"})),
        ("rrf:sparse,dense", json!({"dense": vector, "text": "steam train"})),
    ] {
        let body = json!({"query": {"text": "steam train"}, "rank": rank});
        let by_text = post(&app, SCIENCE, &body).await;
        let by_vector = post(&app, SCIENCE, &json!({"query": given, "rank": rank})).await;
        assert_eq!(stable(&by_text), stable(&by_vector), "{rank}");
    }
    let tokens =
        json!({"query": {"tokens": {"train": 1.5}, "dense": vector}, "rank": "rrf:sparse,dense"});
    let answer = post(&app, SCIENCE, &tokens).await;
    assert_eq!(answer.hits()[0].0, "s5");
    assert!(answer.body.get("encode_us").is_none(), "nothing was encoded");
    let mixed = json!({"query": {"tokens": {"train": 1.5}, "text": "railway",
        "boost": {"train": 2}, "mute": ["##s"]}, "rank": "rrf:sparse,bm25,dense"});
    assert_eq!(post(&app, SCIENCE, &mixed).await.hits()[0].0, "s5");
    let unknown = json!({"query": {"text": "railway", "mute": ["zzzzqqq"]}});
    let unknown = post(&app, SCIENCE, &unknown).await;
    assert_eq!((unknown.code(), &unknown.body["field"]), ("unknown_token", &json!("query.mute")));
}

#[tokio::test]
async fn encoding_for_a_field_needs_one_with_a_model() {
    let Some((data, _)) = sound() else { return };
    let field = super::hybrid::field("given", 2, Metric::Dot, DenseStorage::F32);
    let settings = IndexSettings { dense: Some(vec![field]), ..IndexSettings::default() };
    add_with(&data.path().join("given"), &lines(), None, WordCounts, &settings);
    let app = app(data.path());
    for (body, status, code, field) in [
        (json!({"inputs": "a", "field": "dense"}), 422, "invalid_request", "index"),
        (json!({"inputs": "a", "field": "emb", "index": "science"}), 422, "unknown_field", "field"),
        (json!({"inputs": "a", "field": "dense", "index": "none"}), 404, "index_not_found", ""),
        (json!({"inputs": "a", "field": "given", "index": "given"}), 424, "model_not_found", ""),
        (json!({"inputs": "a", "field": ["dense"]}), 422, "invalid_request", "field"),
    ] {
        let answer = post(&app, "/v1/encode", &body).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{}", answer.body);
        assert_eq!(answer.body["field"].as_str().unwrap_or_default(), field, "{}", answer.body);
    }
    let many =
        json!({"inputs": ["a", "", "b"], "field": "emb", "index": "small", "side": "document"});
    let many = post(&app, "/v1/encode", &many).await;
    assert_eq!(many.body["model"], open_model(&small()).fingerprint());
    assert_eq!(many.body["embeddings"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn only_the_models_that_a_ranking_needs_are_asked() {
    let Some((data, sparse)) = sound() else { return };
    let mut options = options(data.path());
    options.limits.body_bytes = 1 << 16;
    let app = router(&open(options).unwrap());
    let dense = open_model(&folder());
    let runs = async |model: &str| {
        let label = format!("model=\"{model}\",lane=\"search\"");
        metric(&page(&app).await, "gleaner_encoder_run_texts_count{", &label) as usize
    };
    let mut expected = (0, 0);
    for (query, rank, more) in [
        (json!({"text": "train"}), "bm25", (0, 0)),
        (json!({"text": "train"}), "sparse", (1, 0)),
        (json!({"text": "train"}), "dense", (0, 1)),
        (json!({"text": "train"}), "rrf:bm25,dense", (0, 1)),
        (json!({"text": "train"}), "rrf:sparse,bm25,dense", (1, 1)),
        (json!({"text": "train", "tokens": {"train": 1}}), "rrf:sparse,dense", (0, 1)),
        (json!({"text": "train", "dense": vec![0.5; 384]}), "rrf:sparse,dense", (1, 0)),
        (json!({"like": "s0"}), "rrf:sparse,bm25,dense", (0, 0)),
        (json!({"text": "train"}), "rrf:sparse,dense:none", (0, 0)),
    ] {
        let answer = post(&app, SCIENCE, &json!({"query": query, "rank": rank})).await;
        assert!([200, 422].contains(&answer.status.as_u16()), "{}", answer.body);
        expected = (expected.0 + more.0, expected.1 + more.1);
        let found = (runs(sparse.fingerprint()).await, runs(dense.fingerprint()).await);
        assert_eq!(found, expected, "{query} {rank}");
    }
}

#[tokio::test]
async fn models_that_are_missing_or_others_are_refused_only_where_they_matter() {
    if sparse_model().is_none() {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    add_broken(data.path());
    let server = server(data.path());
    let app = router(&server);
    for (index, status, code, check) in [
        ("lost", 424, "model_not_found", "model_loaded"),
        ("stale", 409, "model_mismatch", "model_matches"),
    ] {
        let path = format!("/v1/indexes/{index}/search");
        for rank in ["dense", "rrf:bm25,dense"] {
            let answer =
                post(&app, &path, &json!({"query": {"text": "train"}, "rank": rank})).await;
            assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{}", answer.body);
            assert!(answer.body["hint"].as_str().unwrap().contains("--dense-model"));
        }
        let text = get(&app, &format!("{path}?q=train&rank=bm25")).await;
        assert_eq!(text.hits()[0].0, "s5", "{index}");
        let like = get(&app, &format!("{path}?like=s0&rank=dense")).await;
        assert_eq!(like.hits().len(), 5, "{index}");
        let ready = get(&app, "/readyz").await;
        assert_eq!(ready.status, 503);
        let subject = format!("{index}/emb");
        let failed = ready.body["checks"]
            .as_array()
            .unwrap()
            .iter()
            .find(|found| found["subject"] == subject.as_str() && found["outcome"] == "fail");
        assert_eq!(failed.unwrap()["check"], check);
        let warning = format!("{subject}: {check}");
        assert!(server.warnings().iter().any(|warned| warned.starts_with(&warning)));
    }
}

#[tokio::test]
async fn a_named_dense_model_stands_in_for_the_recorded_path() {
    if sparse_model().is_none() {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let model = open_model(&small());
    let settings = settings("emb", &model, Path::new("nowhere/dense"), model.fingerprint());
    let encoder = Both(None, model.encoder(1).unwrap());
    add_with(&data.path().join("moved"), &lines(), None, encoder, &settings);
    let path = "/v1/indexes/moved/search?q=steam&rank=dense";
    assert_eq!(get(&app(data.path()), path).await.code(), "model_not_found");
    let named = |folder: PathBuf| {
        let models = Models::new().dense_folder(folder);
        open(ServeOptions { models, ..options(data.path()) })
    };
    let server = named(small()).unwrap();
    assert_eq!(server.warnings(), [] as [String; 0]);
    assert_eq!(get(&router(&server), path).await.hits().len(), 6);
    for folder in [PathBuf::from("nowhere/else"), sparse_folder()] {
        let error = named(folder).err().expect("it is no dense model");
        assert!(matches!(error, ServeError::Model { .. }), "{error:?}");
        assert!(error.to_string().contains("--dense-model"), "{error}");
    }
}

#[tokio::test]
async fn a_dense_model_that_fails_its_test_encodes_nothing() {
    let Some((data, _)) = sound() else { return };
    let copies = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(small()).unwrap() {
        let file = entry.unwrap().path();
        if file.is_file() {
            std::fs::copy(&file, copies.path().join(file.file_name().unwrap())).unwrap();
        }
    }
    let pooling = copies.path().join("1_Pooling");
    std::fs::create_dir(&pooling).unwrap();
    let config = small().join("1_Pooling/config.json");
    std::fs::copy(config, pooling.join("config.json")).unwrap();
    let golden = copies.path().join("golden.json");
    let mut vectors: Value = serde_json::from_slice(&std::fs::read(&golden).unwrap()).unwrap();
    vectors[0]["vector"][0] = json!(9.5);
    std::fs::write(&golden, vectors.to_string()).unwrap();
    std::fs::remove_dir_all(data.path().join("science")).unwrap();
    let models = Models::new().dense_folder(copies.path());
    let server = open(ServeOptions { models, ..options(data.path()) }).unwrap();
    assert!(server.warnings().iter().any(|warning| warning.contains("model_selftest")));
    let app = router(&server);
    let refused = get(&app, "/v1/indexes/small/search?q=steam&rank=rrf:bm25,dense").await;
    assert_eq!((refused.status.as_u16(), refused.code()), (503, "model_untrusted"));
    assert_eq!(get(&app, "/readyz").await.status, 503);
    assert_eq!(get(&app, "/v1/indexes/small/search?q=steam&rank=bm25").await.hits()[0].0, "s2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_encoded_together_and_answered_as_alone() {
    let Some((data, _)) = sound() else { return };
    let app = app(data.path());
    let search = |text: &str, rank: &str| json!({"query": {"text": text}, "rank": rank, "k": 5});
    let searches = [
        search("steam train", "rrf:sparse,bm25,dense"),
        search("medicine against germs", "dense"),
        search("steam train", "dense"),
        search("taxes", "sparse"),
        search(" ", "dense"),
    ];
    let batch = post(&app, &format!("{SCIENCE}/batch"), &json!({"searches": searches})).await;
    assert_eq!(batch.status, 200, "{}", batch.body);
    let responses = batch.body["responses"].as_array().unwrap();
    for (response, search) in responses.iter().zip(&searches).take(4) {
        let alone = post(&app, SCIENCE, search).await;
        assert_eq!(response["hits"], alone.body["hits"], "{search}");
        assert_eq!(response["encode_us"], responses[0]["encode_us"], "the time of all of them");
    }
    assert_eq!(responses[4]["code"], "invalid_query");
    // Two texts for the sparse model and two for the dense one; one of them is asked for twice.
    let metrics = page(&app).await;
    let dense = open_model(&folder());
    let label = format!("model=\"{}\",lane=\"search\"", dense.fingerprint());
    let texts = metric(&metrics, "gleaner_encoder_run_texts_sum{", &label);
    assert_eq!(texts, 2.0 + 3.0, "two of the batch, three of the searches alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_hybrid_searches_have_the_answers_of_lone_ones() {
    let Some((data, _)) = sound() else { return };
    let mut options = options(data.path());
    options.limits.concurrency = 24;
    let app = router(&open(options).unwrap());
    let body = |i: usize| json!({"query": {"text": TEXTS[i % 6]}, "rank": "rrf:sparse,bm25,dense"});
    let mut expected = Vec::new();
    for i in 0..6 {
        expected.push(stable(&post(&app, SCIENCE, &body(i)).await));
    }
    let tasks: Vec<_> = (0..24)
        .map(|i| {
            let (app, body) = (app.clone(), body(i));
            tokio::spawn(async move { (i, post(&app, SCIENCE, &body).await) })
        })
        .collect();
    for task in tasks {
        let (i, answer) = task.await.unwrap();
        assert_eq!(stable(&answer), expected[i % 6], "to the bit, whoever else asks");
    }
}
