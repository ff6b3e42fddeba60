//! Requests that need a model, with the one that ships.

mod folders;

use std::io::Write;

use gleaner_api::ServeError;
use gleaner_encoder::{Encoder, Model, Runtime, Side};
use gleaner_searcher::{Index, Rank, SearchRequest};

use super::*;

pub(super) struct Documents(pub(super) Encoder);

impl DocumentEncoder for Documents {
    fn encode(
        &mut self,
        texts: &[&str],
    ) -> Result<Vec<SparseVector>, Box<dyn Error + Send + Sync>> {
        Ok(self.0.encode(Side::Document, texts)?)
    }
}

pub(super) fn folder() -> PathBuf {
    root().join("data/models/splade-tiny")
}

/// The shipped model, or nothing where the runtime is missing and that is allowed.
pub(super) fn model() -> Option<Model> {
    let opened = Runtime::load(None).and_then(|runtime| Model::open(&folder(), &runtime));
    match opened {
        Ok(model) => Some(model),
        Err(error) => {
            let required = std::env::var_os("CI").is_some_and(|value| value == "true");
            assert!(!required, "CI needs ONNX Runtime and the model: {error}");
            let line = format!("gleaner-api: SKIPPED, no model: {error}\n");
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            None
        }
    }
}

pub(super) const TEXTS: [&str; 6] = [
    "Penicillin was discovered by Alexander Fleming in 1928.",
    "Vaccines train the immune system to recognise a virus.",
    "The steam engine drove the industrial revolution.",
    "Antibiotics such as penicillin kill bacteria.",
    "Tariffs are taxes on imported goods.",
    "A locomotive is a vehicle that pulls a train.",
];

/// `science` belongs to the model, `foreign` to another one.
pub(super) fn data(model: &Model) -> TempDir {
    let data = tempfile::tempdir().unwrap();
    let documents: Vec<Value> = TEXTS
        .iter()
        .enumerate()
        .map(|(i, text)| json!({"_id": format!("s{i}"), "text": text}))
        .collect();
    let path = folder().display().to_string();
    let ours = binding(&path, model.fingerprint());
    let encoder = Documents(model.encoder(1).unwrap());
    add(&data.path().join("science"), &documents, ours, encoder);
    add(&data.path().join("foreign"), &documents, binding(&path, "sha256:other"), WordCounts);
    data
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_encoded_and_searched() {
    let Some(model) = model() else { return };
    let data = data(&model);
    let app = app(data.path());
    let text = "who discovered penicillin?";
    let body = json!({"query": {"text": text}, "k": 3, "explain": true, "rank": "sparse"});
    let by_post = post(&app, "/v1/indexes/science/search", &body).await;
    let path = "/v1/indexes/science/search?q=who%20discovered%20penicillin%3F&k=3&explain=true\
                &rank=sparse";
    let by_get = get(&app, path).await;
    assert_eq!(by_post.body["hits"], by_get.body["hits"]);
    assert_eq!(by_post.hits()[0].0, "s0");
    assert!(by_post.body["encode_us"].is_u64());
    let contribution = &by_post.body["hits"][0]["explanation"]["contributions"][0];
    assert!(contribution["token"].is_string(), "{contribution}");

    let vector = model.encoder(1).unwrap().encode(Side::Query, &[text]).unwrap().remove(0);
    let rank = Rank::SPARSE;
    let request = SearchRequest {
        vector: Some(&vector),
        text: Some(text),
        explain: true,
        ..SearchRequest::exact(&rank, 3)
    };
    let snapshot = Index::open(&data.path().join("science")).unwrap().snapshot();
    let token = |term| model.token(term).map(str::to_owned);
    let expected = snapshot.search(&request, &token).unwrap();
    let expected: Value = serde_json::from_str(&serde_json::to_string(&expected).unwrap()).unwrap();
    assert_eq!(by_post.body["hits"], expected["hits"]);
    assert_eq!(by_post.body["certificate"], expected["certificate"]);
}

#[tokio::test]
async fn tokens_are_the_same_as_their_ids() {
    let Some(model) = model() else { return };
    let data = data(&model);
    let app = app(data.path());
    let mut pairs = [("train", 2.0), ("vehicle", 0.5)].map(|(t, w)| (model.term(t).unwrap(), w));
    pairs.sort_by_key(|pair| pair.0);
    let (indices, values): (Vec<u32>, Vec<f64>) = pairs.into_iter().unzip();
    let tokens = json!({"query": {"tokens": {"train": 2.0, "vehicle": 0.5}}});
    let by_tokens = post(&app, "/v1/indexes/science/search", &tokens).await;
    let ids = json!({"query": {"indices": indices, "values": values}});
    let by_ids = post(&app, "/v1/indexes/science/search", &ids).await;
    assert_eq!(by_tokens.hits()[0].0, "s5");
    assert_eq!(by_tokens.body["hits"], by_ids.body["hits"]);
    let unknown = json!({"query": {"tokens": {"train": 1, "zzzzqqq": 1}}});
    let answer = post(&app, "/v1/indexes/science/search", &unknown).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (422, "unknown_token"));
    assert!(answer.body["detail"].as_str().unwrap().contains("zzzzqqq"));
}

#[tokio::test]
async fn an_index_of_another_model_is_refused_only_where_it_matters() {
    let Some(model) = model() else { return };
    let data = data(&model);
    let server = server(data.path());
    let app = router(&server);
    for body in [json!({"query": {"text": "train"}}), json!({"query": {"tokens": {"train": 1}}})] {
        let answer = post(&app, "/v1/indexes/foreign/search", &body).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (409, "model_mismatch"));
        assert!(answer.body["detail"].as_str().unwrap().contains("sha256:other"));
    }
    let encode = json!({"inputs": "train", "index": "foreign"});
    assert_eq!(post(&app, "/v1/encode", &encode).await.code(), "model_mismatch");
    let vector = json!({"query": query("Tariffs are"), "explain": true});
    assert_eq!(post(&app, "/v1/indexes/foreign/search", &vector).await.hits()[0].0, "s4");
    assert_eq!(get(&app, "/v1/indexes/foreign/search?q=tariffs&rank=bm25").await.hits()[0].0, "s4");
    let ready = get(&app, "/readyz").await;
    assert_eq!(ready.status, 503);
    let failed: Vec<_> = ready.body["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["outcome"] == "fail")
        .collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(
        (&failed[0]["check"], &failed[0]["subject"]),
        (&json!("model_matches"), &json!("foreign"))
    );
    assert!(server.warnings().iter().any(|warning| warning.starts_with("foreign: model_matches")));
}

#[tokio::test]
async fn encoding_shows_the_heaviest_tokens_first() {
    let Some(model) = model() else { return };
    let data = data(&model);
    let app = app(data.path());
    let one = post(&app, "/v1/encode", &json!({"inputs": TEXTS[0]})).await;
    assert_eq!(one.status, 200, "{}", one.body);
    assert_eq!(one.body["model"], model.fingerprint());
    let tokens = one.body["embeddings"][0]["tokens"].as_array().unwrap();
    let weights: Vec<f64> = tokens.iter().map(|token| token["weight"].as_f64().unwrap()).collect();
    assert!(weights.is_sorted_by(|a, b| a >= b) && !weights.is_empty());
    for token in tokens {
        let id = token["id"].as_u64().unwrap() as u32;
        assert_eq!(token["token"].as_str(), model.token(id));
    }
    let body = json!({"inputs": [TEXTS[0], "", TEXTS[1]], "side": "document", "index": "science"});
    let many = post(&app, "/v1/encode", &body).await;
    assert_eq!(many.body["embeddings"].as_array().unwrap().len(), 3);
    let none = post(&app, "/v1/encode", &json!({"inputs": []})).await;
    assert_eq!(none.body["embeddings"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn encoders_are_shared_by_more_requests_than_there_are() {
    let Some(model) = model() else { return };
    let data = data(&model);
    let app = app(data.path());
    let body = json!({"query": {"text": "steam engine"}});
    let expected = post(&app, "/v1/indexes/science/search", &body).await.hits();
    let tasks: Vec<_> = (0..7)
        .map(|_| {
            let (app, body) = (app.clone(), body.clone());
            tokio::spawn(
                async move { post(&app, "/v1/indexes/science/search", &body).await.hits() },
            )
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_named_model_stands_in_for_the_recorded_path() {
    let Some(model) = model() else { return };
    let data = tempfile::tempdir().unwrap();
    let moved = binding("nowhere/model", model.fingerprint());
    let document = json!({"_id": "a", "text": TEXTS[2]});
    add(&data.path().join("moved"), &[document], moved, Documents(model.encoder(1).unwrap()));
    let path = "/v1/indexes/moved/search?q=steam";
    assert_eq!(get(&app(data.path()), path).await.code(), "model_not_found");
    let named =
        ServeOptions { models: Models::new().sparse_folder(folder()), ..options(data.path()) };
    let server = open(named.clone()).unwrap();
    assert_eq!(server.warnings(), [] as [String; 0]);
    let app = router(&server);
    assert_eq!(get(&app, path).await.hits().len(), 1);
    let ready = get(&app, "/readyz").await;
    assert_eq!((ready.status.as_u16(), &ready.body["status"]), (200, &json!("ready")));
    let missing = ServeOptions {
        models: Models::new().sparse_folder("nowhere/else"),
        ..options(data.path())
    };
    assert!(matches!(open(missing), Err(ServeError::Model { .. })));
}

/// A copy of the model whose golden file is what `change` makes of the shipped one; without such a
/// file where it returns `false`.
fn copy_with_golden(to: &Path, change: impl FnOnce(&mut Value) -> bool) -> PathBuf {
    let copy = to.join("models/copy");
    std::fs::create_dir_all(&copy).unwrap();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let file = entry.unwrap().path();
        std::fs::copy(&file, copy.join(file.file_name().unwrap())).unwrap();
    }
    let golden = std::fs::read(root().join("data/models/splade-tiny/golden.json")).unwrap();
    let mut golden: Value = serde_json::from_slice(&golden).unwrap();
    match change(&mut golden) {
        true => std::fs::write(copy.join("golden.json"), golden.to_string()).unwrap(),
        false => std::fs::remove_file(copy.join("golden.json")).unwrap(),
    }
    copy
}

/// An index whose model was replaced must not take the other indexes' model away.
#[tokio::test]
async fn a_model_that_no_index_matches_is_not_a_second_one() {
    let Some(model) = model() else { return };
    let data = data(&model);
    std::fs::remove_dir_all(data.path().join("foreign")).unwrap();
    let other = root().join("data/fixtures/splade-max").display().to_string();
    add(&data.path().join("stale"), &documents(0, 3), binding(&other, "sha256:old"), WordCounts);
    let app = app(data.path());
    let answer = post(&app, "/embed_sparse", &json!({"inputs": "train"})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let info = get(&app, "/info").await;
    assert_eq!(info.status, 200, "{}", info.body);
    let answer = get(&app, "/v1/indexes/stale/search?q=train").await;
    assert_eq!(answer.code(), "model_mismatch");
    let runtime = Runtime::load(None).unwrap();
    let second = Model::open(std::path::Path::new(&other), &runtime).unwrap();
    let second = binding(&other, second.fingerprint());
    add(&data.path().join("second"), &documents(0, 3), second, WordCounts);
    let answer = post(&self::app(data.path()), "/v1/encode", &json!({"inputs": "train"})).await;
    assert_eq!(answer.code(), "model_ambiguous", "two that are used are two");
}

/// Without golden vectors batches are checked, and that suffices for silence.
#[tokio::test]
async fn a_model_without_golden_vectors_is_no_warning() {
    let Some(model) = model() else { return };
    let data = data(&model);
    std::fs::remove_dir_all(data.path().join("foreign")).unwrap();
    let copies = tempfile::tempdir().unwrap();
    let copy = copy_with_golden(copies.path(), |_| false);
    let settings = std::fs::read_to_string(copy.join("gleaner.toml")).unwrap();
    let (before, rest) = settings.split_once("[golden]").unwrap();
    let (_, head) = rest.split_once("[head]").unwrap();
    std::fs::write(copy.join("gleaner.toml"), format!("{before}[head]{head}")).unwrap();
    let server =
        open(ServeOptions { models: Models::new().sparse_folder(copy), ..options(data.path()) })
            .unwrap();
    assert_eq!(server.warnings(), [] as [String; 0]);
    assert_eq!(get(&router(&server), "/v1/indexes/science/search?q=steam").await.status, 200);
}

#[tokio::test]
async fn a_model_that_fails_its_test_encodes_nothing() {
    let Some(model) = model() else { return };
    let data = data(&model);
    std::fs::remove_dir_all(data.path().join("foreign")).unwrap();
    let text = "/v1/indexes/science/search?q=steam";
    for wrong in [true, false] {
        let copies = tempfile::tempdir().unwrap();
        let copy = copy_with_golden(copies.path(), |golden| {
            golden[0]["weights"][0] = json!(9.5);
            wrong
        });
        let server = open(ServeOptions {
            models: Models::new().sparse_folder(copy),
            ..options(data.path())
        })
        .unwrap();
        assert!(server.warnings().iter().any(|warning| warning.contains("model_selftest")));
        let app = router(&server);
        // A file that is missing proves nothing, a weight that differs does.
        let expected = if wrong { (503, "model_untrusted", 503) } else { (200, "", 200) };
        let answer = get(&app, text).await;
        let ready = get(&app, "/readyz").await.status.as_u16();
        assert_eq!((answer.status.as_u16(), answer.code(), ready), expected, "{}", answer.body);
        assert_eq!(get(&app, &format!("{text}&rank=bm25")).await.hits()[0].0, "s2");
    }
}
