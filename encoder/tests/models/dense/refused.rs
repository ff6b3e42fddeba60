//! What is no dense model, or not one that can be used: every case has a name and a remedy.

use std::fs;
use std::path::Path;

use gleaner_encoder::{DenseModel, DensePooling, EncodeError, Model, Side};

use crate::harness::graphs::Graph;
use crate::harness::{copy, fixture, runtime};

/// What opening a spoilt copy of a fixture as dense says.
fn error(name: &str, spoil: impl FnOnce(&Path)) -> Option<EncodeError> {
    let runtime = runtime()?;
    let folder = copy(&fixture(name));
    spoil(folder.path());
    let opened = DenseModel::open(folder.path(), &runtime);
    let text = fs::read_to_string(folder.path().join("gleaner.toml"));
    Some(opened.err().unwrap_or_else(|| panic!("{name} is to be refused with {text:?}")))
}

#[test]
fn the_newer_name_of_pooling_is_read() {
    let Some(runtime) = runtime() else { return };
    for (mode, expected) in [
        (r#""cls""#, DensePooling::Cls),
        (r#"["max"]"#, DensePooling::Max),
        (r#""mean""#, DensePooling::Mean),
    ] {
        let folder = copy(&fixture("dense-mean"));
        let config = format!(r#"{{"embedding_dimension": 8, "pooling_mode": {mode}}}"#);
        fs::write(folder.path().join("1_Pooling/config.json"), config).unwrap();
        let model = DenseModel::open(folder.path(), &runtime).unwrap();
        assert_eq!(model.card().pooling, expected);
        assert_eq!(model.card().from["pooling"], "1_Pooling/config.json (pooling_mode)");
    }
}

fn settings(text: &'static str) -> impl FnOnce(&Path) {
    move |folder| fs::write(folder.join("gleaner.toml"), text).unwrap()
}

#[test]
fn sparse_folders_are_no_dense_models() {
    let nothing = |_: &Path| ();
    let Some(weights) = error("splade-max", nothing) else { return };
    assert!(matches!(weights, EncodeError::SparseWeights { columns: 51, .. }), "{weights:?}");
    assert!(weights.to_string().contains("kind = \"dense\""), "{weights}");
    for name in ["unicoil", "deepimpact"] {
        // Two graphs, or terms of its own: it is refused before any graph is opened.
        assert!(error(name, nothing).is_some(), "{name}");
    }
    let codes = error("codes", nothing).unwrap();
    assert!(matches!(codes, EncodeError::OtherKind { found: "sparse", .. }), "{codes:?}");
    let stated = error("dense-mean", settings("kind = \"sparse\"")).unwrap();
    assert!(matches!(stated, EncodeError::OtherKind { asked: "dense", .. }), "{stated:?}");
}

#[test]
fn dense_folders_are_no_sparse_models() {
    let Some(runtime) = runtime() else { return };
    let error = |name: &str| Model::open(&fixture(name), &runtime).err().unwrap();
    let stated = error("dense-cls");
    assert!(
        matches!(stated, EncodeError::OtherKind { found: "dense", asked: "sparse", .. }),
        "{stated:?}"
    );
    let pooled = error("dense");
    assert!(matches!(pooled, EncodeError::DenseEmbedding { columns: 8, .. }), "{pooled:?}");
    assert!(pooled.to_string().contains("kind = \"dense\""), "{pooled}");
    let rows = error("dense-mean");
    assert!(matches!(rows, EncodeError::TokenVectors { columns: 8, .. }), "{rows:?}");
}

#[test]
fn nobody_guesses_how_to_pool() {
    let key = |error: EncodeError| match error {
        EncodeError::InvalidSetting { key, reason, .. } => (key, reason),
        other => panic!("{other:?}"),
    };
    let Some(silent) =
        error("dense-max", settings("kind = \"dense\"\noutputs.embedding = \"last_hidden_state\""))
    else {
        return;
    };
    assert!(key(silent).1.contains("1_Pooling"));
    let modules = r#"[{"path": "", "type": "a.Transformer"}, {"path": "1_Pooling", "type": "a.Pooling"},
                      {"path": "2_Dense", "type": "a.Dense"}]"#;
    let projected =
        error("dense-mean", |folder| fs::write(folder.join("modules.json"), modules).unwrap());
    assert!(key(projected.unwrap()).1.contains("Dense after it"));
    for modes in [
        r#"{"pooling_mode_weightedmean_tokens": true}"#,
        r#"{"pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": true}"#,
        r#"{"pooling_mode": "lasttoken"}"#,
        r#"{"pooling_mode": ["mean", "max"]}"#,
        r#"{"pooling_mode": 1, "pooling_mode_mean_tokens": true}"#,
        r#"{"include_prompt": "no"}"#,
        "[]",
    ] {
        let file = |folder: &Path| fs::write(folder.join("1_Pooling/config.json"), modes).unwrap();
        let unknown = error("dense-mean", file).unwrap();
        let is_named = match &unknown {
            EncodeError::NotUnderstood { key, .. } => modes.contains(&**key),
            EncodeError::InvalidFile { .. } => modes == "[]",
            _ => false,
        };
        assert!(is_named, "{modes}: {unknown:?}");
    }
    let escapes = r#"[{"path": "../1_Pooling", "type": "a.Pooling"}]"#;
    let escapes =
        error("dense-mean", |folder| fs::write(folder.join("modules.json"), escapes).unwrap());
    assert!(key(escapes.unwrap()).1.contains("leaves the model folder"));
}

#[test]
fn settings_that_contradict_the_graph_are_named() {
    for (text, says) in [
        ("pooling = \"graph\"", "wants it"),
        ("dims = 9", "stated are 9"),
        ("outputs.embedding = \"logits\"", "no output `logits`"),
        ("outputs.embedding = \"last_hidden_state\"\npooling = \"graph\"", "does not fit"),
        ("dims = 0", "at least one"),
        ("query = { prefix = \"the cat\", max_length = 3 }", "none is left"),
        ("max_length = { query = 3 }\nquery = { max_length = 3 }", "stated twice"),
        ("golden = { file = \"golden.json\", tolerance = -1 }", "not a tolerance"),
        ("activation = \"relu\"", "sparse"),
        ("norm = true", "settings file"),
        ("pooling = \"median\"", "settings file"),
        ("kind = \"thick\"", "settings file"),
    ] {
        let Some(found) = error("dense-mean", settings(text)) else { return };
        let message = found.to_string();
        assert!(message.contains(says), "{text}: {message}");
    }
}

/// A graph of words' rows, as a dense model of six dimensions.
fn small(graph: &Graph, settings: &str) -> Option<(tempfile::TempDir, DenseModel)> {
    let runtime = runtime()?;
    let folder = tempfile::tempdir().unwrap();
    graph.write(folder.path(), settings);
    let model = DenseModel::open(folder.path(), &runtime).unwrap();
    Some((folder, model))
}

#[test]
fn what_is_no_number_names_its_text() {
    let mut rows = [[0.5; 6]; 6];
    rows[2][4] = f32::NAN;
    let settings = "kind = \"dense\"\npooling = \"mean\"\nnormalize = true";
    let Some((_folder, model)) = small(&Graph::logits(rows), settings) else { return };
    let mut encoder = model.encoder(1).unwrap();
    let error = encoder.encode(Side::Query, &["b", "c a", "d"]).unwrap_err();
    assert!(matches!(error, EncodeError::NonFiniteEmbedding { text: 1, .. }), "{error:?}");
    // This tokenizer adds no specials: a text without tokens has zeros.
    let vectors = encoder.encode(Side::Query, &["", "b c"]).unwrap();
    assert_eq!(vectors.rows().next().unwrap(), [0.0; 6]);
    assert!((vectors.values()[6] - 1.0 / 6.0f32.sqrt()).abs() < 1e-6);
    assert!(encoder.encode(Side::Query, &[]).unwrap().is_empty());
}

#[test]
fn another_shape_than_declared_is_named() {
    let graph = Graph { pooled: true, ..Graph::logits([[0.5; 6]; 6]) };
    let Some((folder, _)) = small(&graph, "kind = \"dense\"\ndims = 6") else { return };
    // Its table is made to have three numbers in each of twice as many rows.
    let path = folder.path().join("model.onnx");
    let mut bytes = fs::read(&path).unwrap();
    let shape = bytes.windows(4).position(|bytes| bytes == [0x08, 6, 0x08, 6]).unwrap();
    (bytes[shape + 1], bytes[shape + 3]) = (12, 3);
    fs::write(&path, bytes).unwrap();
    let open = || DenseModel::open(folder.path(), &runtime().unwrap());
    let model = open().unwrap();
    let error = model.encoder(1).unwrap().encode(Side::Query, &["a"]).unwrap_err();
    assert!(matches!(error, EncodeError::OutputShape { .. }), "{error:?}");
    settings("kind = \"dense\"")(folder.path());
    let open = open().err().unwrap();
    assert!(open.to_string().contains("state `dims`"), "{open}");
}

#[test]
fn the_selftest_finds_a_graph_that_sees_its_batch() {
    let golden = r#"[{"text": "a b", "input_ids": [2, 3], "vector": [1, 1, 1, 1, 1, 1]},
                     {"text": "c d", "input_ids": [4, 5], "vector": [1, 1, 1, 1, 1, 1]}]"#;
    let graph = Graph { noise: 1e-3, ..Graph::logits([[1.0; 6]; 6]) };
    for (batching, passes) in [("padded", false), ("single", true)] {
        let settings = format!(
            "kind = \"dense\"\npooling = \"mean\"\nbatching = \"{batching}\"\n\
             golden = {{ file = \"golden.json\" }}"
        );
        let Some((folder, model)) = small(&graph, &settings) else { return };
        fs::write(folder.path().join("golden.json"), golden).unwrap();
        let report = model.selftest().unwrap();
        assert_eq!(report.passed, passes, "{report:?}");
        assert_eq!(report.failures.iter().any(|said| said.contains("batching = ")), !passes);
        fs::write(folder.path().join("golden.json"), golden.replace("1, 1]", "1]")).unwrap();
        let short = model.selftest().unwrap_err();
        assert!(matches!(short, EncodeError::InvalidFile { .. }), "{short:?}");
    }
}
