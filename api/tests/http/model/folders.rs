//! Model folders behind the interface: what they state, blank texts, and models that have moved.

use std::fs;

use crate::{
    model::{TEXTS, data, folder, model},
    *,
};

/// The graph of a fixture with files of another library beside it.
fn copy(to: &Path, files: &[(&str, &str)]) {
    fs::create_dir_all(to).unwrap();
    for file in ["model.onnx", "weights.bin", "tokenizer.json"] {
        let from = root().join("data/fixtures/splade-max").join(file);
        fs::copy(from, to.join(file)).unwrap();
    }
    for (name, text) in files {
        let path = to.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn serving(data: &Path, model: &Path) -> Result<Server, gleaner_api::ServeError> {
    open(ServeOptions { models: Models::new().sparse_folder(model), ..options(data) })
}

async fn encoded(model: &Path) -> Value {
    let data = tempfile::tempdir().unwrap();
    let app = router(&serving(data.path(), model).unwrap());
    let body = json!({"inputs": ["the old cat of the harbour", "red wine"]});
    let answer = post(&app, "/embed_sparse", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

#[tokio::test]
async fn a_served_model_does_what_its_folder_states() {
    if model().is_none() {
        return;
    }
    let folders = tempfile::tempdir().unwrap();
    let pooling = "1_SpladePooling/config.json";
    let sums = r#"{"pooling_strategy": "sum", "activation_function": "log1p_relu"}"#;
    let length = ("sentence_bert_config.json", r#"{"max_seq_length": 5}"#);
    let [said, stated, plain] = ["said", "stated", "plain"].map(|name| folders.path().join(name));
    copy(&said, &[(pooling, sums), length]);
    let settings = "pooling = 'sum'\nactivation = 'log1p_log1p_relu'\n\
                    max_length = { query = 5, document = 5 }";
    copy(&stated, &[("gleaner.toml", settings)]);
    copy(&plain, &[]);
    let found = encoded(&said).await;
    assert_eq!(found, encoded(&stated).await);
    assert_ne!(found, encoded(&plain).await);
    for (file, text, says) in [
        (pooling, r#"{"pooling_strategy": "mean"}"#, "`pooling_strategy` as \"mean\""),
        (pooling, r#"{"activation_function": 1}"#, "`activation_function` as 1"),
        ("sentence_bert_config.json", r#"{"max_seq_length": -1}"#, "`max_seq_length` as -1"),
        (
            "modules.json",
            r#"[{"type": "a.Transformer"}, {"type": "a.Other"}]"#,
            "`type` as a.Other",
        ),
    ] {
        let wrong = tempfile::tempdir().unwrap();
        copy(wrong.path(), &[(file, text)]);
        let data = tempfile::tempdir().unwrap();
        let error = serving(data.path(), wrong.path()).err().unwrap();
        let said = gleaner::chain(&error);
        assert!(said.contains(says) && said.contains(file), "{said}");
    }
}

#[tokio::test]
async fn blank_texts_have_no_vector() {
    if model().is_none() {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let app = router(&serving(data.path(), &folder()).unwrap());
    let inputs = json!(["", " \n\t", "\u{a0}\u{3000}", "\u{200b}"]);
    let rows = post(&app, "/embed_sparse", &json!({"inputs": inputs})).await;
    assert_eq!((rows.status.as_u16(), &rows.body), (200, &json!([[], [], [], []])));
    for side in ["query", "document"] {
        let answer = post(&app, "/v1/encode", &json!({"inputs": inputs, "side": side})).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let vectors = answer.body["embeddings"].as_array().unwrap();
        assert_eq!(vectors.len(), 4);
        for vector in vectors {
            assert_eq!(vector["tokens"], json!([]), "{side}: {vector}");
        }
    }
    let one = post(&app, "/embed_sparse", &json!({"inputs": ["", "train"]})).await;
    assert!(
        one.body[0].as_array().unwrap().is_empty() && !one.body[1].as_array().unwrap().is_empty()
    );
}

#[tokio::test]
async fn a_served_index_finds_its_model_beside_it() {
    let Some(model) = model() else { return };
    let made = data(&model);
    let expected = get(&app(made.path()), "/v1/indexes/science/search?q=penicillin").await;
    let documents: Vec<Value> = TEXTS
        .iter()
        .enumerate()
        .map(|(at, text)| json!({"_id": format!("s{at}"), "text": text}))
        .collect();
    for (place, is_right) in
        [("splade-tiny", true), ("models/splade-tiny", true), ("splade-tiny", false)]
    {
        let data = tempfile::tempdir().unwrap();
        let gone = binding("/gone/models/splade-tiny", model.fingerprint());
        let encoder = super::model::Documents(model.encoder(1).unwrap());
        add(&data.path().join("science"), &documents, gone, encoder);
        let beside = data.path().join(place);
        match is_right {
            true => {
                fs::create_dir_all(&beside).unwrap();
                for entry in fs::read_dir(folder()).unwrap() {
                    let file = entry.unwrap().path();
                    fs::copy(&file, beside.join(file.file_name().unwrap())).unwrap();
                }
            }
            false => copy(&beside, &[]),
        }
        let server = open(options(data.path())).unwrap();
        let found = format!("the same model was found at {}", beside.display());
        let said = server.warnings().iter().filter(|warning| warning.contains(&found)).count();
        assert_eq!(said, usize::from(is_right), "{:?}", server.warnings());
        let app = router(&server);
        let answer = get(&app, "/v1/indexes/science/search?q=penicillin").await;
        match is_right {
            true => assert_eq!(answer.body["hits"], expected.body["hits"]),
            false => assert_eq!((answer.status.as_u16(), answer.code()), (424, "model_not_found")),
        }
        let ready = get(&app, "/readyz").await.status.as_u16();
        assert_eq!(ready == 200, is_right);
    }
}
