//! `optimize`: the same vectors from another graph, or an error and nothing changed.

use std::path::Path;

use gleaner_encoder::{EncodeError, Layout, Model, OptimizeOptions, Side, optimize};

use crate::harness::graphs::Graph;
use crate::harness::{SHIPPED_HEAD, assert_same, exported, root, runtime, shipped_sparse};

/// Names and contents of a folder's files.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let read = |entry: std::fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())
    };
    let mut files: Vec<(String, Vec<u8>)> = entries.map(read).collect();
    files.sort();
    files
}

/// A folder with a graph as it was exported, or nothing where that is not at hand.
fn exported_folder(graph: &str, settings: &str) -> Option<tempfile::TempDir> {
    let source = exported(graph)?;
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(source, folder.path().join("model.onnx")).unwrap();
    for file in ["tokenizer.json", "config.json"] {
        std::fs::copy(shipped_sparse().join(file), folder.path().join(file)).unwrap();
    }
    std::fs::write(folder.path().join("gleaner.toml"), settings).unwrap();
    Some(folder)
}

const TEXTS: [&str; 4] =
    ["the harbour of a small town", "", "penicillin", "how tall is the tower, and who built it?"];

#[test]
fn an_exported_graph_gives_the_same_vectors_faster() {
    let Some(runtime) = runtime() else { return };
    for graph in ["logits_fp32.onnx", "pooled_fp32.onnx"] {
        let Some(folder) = exported_folder(graph, "max_length = { query = 64 }  # kept") else {
            return;
        };
        let out = folder.path().join("out");
        let original = Model::open(folder.path(), &runtime).unwrap();
        let options = OptimizeOptions { out: Some(out.clone()), is_half: false };
        let made = optimize(folder.path(), &options, &runtime).unwrap();
        assert!(made.largest_difference < 1e-5, "{made:?}");
        let faster = Model::open(&out, &runtime).unwrap();
        assert_eq!((faster.card().layout, faster.card().max_length.query), (Layout::Hidden, 64));
        assert_eq!(faster.fingerprint(), made.fingerprint);
        assert_ne!(faster.fingerprint(), original.fingerprint());
        let encode =
            |model: &Model| model.encoder(1).unwrap().encode(Side::Document, &TEXTS).unwrap();
        for (found, expected) in encode(&faster).iter().zip(&encode(&original)) {
            assert_eq!(found.terms(), expected.terms());
            let pairs = found.weights().iter().zip(expected.weights());
            assert!(pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) < 1e-5);
        }
        let error = optimize(folder.path(), &options, &runtime).unwrap_err();
        assert!(matches!(error, EncodeError::CannotOptimize { .. }), "{error}");
        let error = optimize(&out, &OptimizeOptions { out: None, is_half: true }, &runtime);
        assert!(matches!(error, Err(EncodeError::CannotOptimize { .. })), "{error:?}");
    }
}

#[test]
fn in_place_the_original_graph_stays() {
    let Some(runtime) = runtime() else { return };
    let Some(folder) = exported_folder("logits_fp32.onnx", "") else { return };
    let before = contents(folder.path());
    let fingerprint = Model::open(folder.path(), &runtime).unwrap().fingerprint().to_owned();
    let options = OptimizeOptions { out: None, is_half: true };
    let made = optimize(folder.path(), &options, &runtime).unwrap();
    assert!(made.graph_bytes < 9_000_000 && made.largest_difference < 5e-3, "{made:?}");
    let after = contents(folder.path());
    let names: Vec<&str> = after.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "config.json",
        "gleaner.toml",
        "gleaner.toml.before",
        "hidden_fp16.onnx",
        "model.onnx",
        "tokenizer.json",
    ];
    assert_eq!(names, expected);
    let is_kept = |file: &(String, Vec<u8>)| file.0 == "gleaner.toml" || after.contains(file);
    assert!(before.iter().all(is_kept));
    assert_eq!(Model::open(folder.path(), &runtime).unwrap().card().layout, Layout::Hidden);
    let again = optimize(folder.path(), &options, &runtime).unwrap_err().to_string();
    assert!(again.contains("put `gleaner.toml.before` in the place of"), "{again}");
    // What the way back says is so.
    let before = made.before.unwrap();
    assert_eq!(before.fingerprint, fingerprint);
    std::fs::rename(&before.settings, folder.path().join("gleaner.toml")).unwrap();
    assert_eq!(Model::open(folder.path(), &runtime).unwrap().fingerprint(), fingerprint);
}

#[test]
fn what_the_settings_say_of_the_old_graph_is_dropped() {
    let Some(runtime) = runtime() else { return };
    for settings in [
        "layout = 'logits'\n",
        "outputs = { weights = 'logits' }\n",
        "layout = 'logits'\n[outputs]\nweights = 'logits'\n[query]\nmax_length = 64\n",
    ] {
        let Some(folder) = exported_folder("logits_fp32.onnx", settings) else { return };
        let options = OptimizeOptions { out: None, is_half: false };
        optimize(folder.path(), &options, &runtime).unwrap();
        let card = Model::open(folder.path(), &runtime).unwrap().card().clone();
        assert_eq!(card.layout, Layout::Hidden, "{settings}");
        assert_eq!(card.max_length.query == 64, settings.contains("64"));
    }
}

#[test]
fn a_new_folder_has_its_own_golden_vectors() {
    let Some(runtime) = runtime() else { return };
    let golden = "golden = { file = '../golden.json', tolerance = 1e-4 }\n";
    let Some(folder) = exported_folder("logits_fp32.onnx", "") else { return };
    let model = folder.path().join("model");
    std::fs::create_dir(&model).unwrap();
    for (name, bytes) in contents_of_files(folder.path()) {
        std::fs::write(model.join(name), bytes).unwrap();
    }
    std::fs::write(model.join("gleaner.toml"), golden).unwrap();
    let from = root().join("data/models/splade-tiny/golden.json");
    std::fs::copy(from, folder.path().join("golden.json")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let out = elsewhere.path().join("far/away");
    std::fs::create_dir(elsewhere.path().join("far")).unwrap();
    let options = OptimizeOptions { out: Some(out.clone()), is_half: true };
    optimize(&model, &options, &runtime).unwrap();
    let report = Model::open(&out, &runtime).unwrap().selftest().unwrap();
    assert!(report.passed && report.has_golden, "{report:?}");
    let options = OptimizeOptions { out: None, is_half: true };
    optimize(&model, &options, &runtime).unwrap();
    let report = Model::open(&model, &runtime).unwrap().selftest().unwrap();
    assert!(report.passed && report.has_golden, "in place it is where it was: {report:?}");
}

#[test]
fn two_graphs_are_refused_before_anything_is_written() {
    let Some(runtime) = runtime() else { return };
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("model");
    std::fs::create_dir(&folder).unwrap();
    for (name, bytes) in contents_of_files(&root().join("data/fixtures/unicoil")) {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    let before = contents(&folder);
    let options = OptimizeOptions { out: None, is_half: false };
    let error = optimize(&folder, &options, &runtime).unwrap_err().to_string();
    assert!(error.contains("have a graph each"), "{error}");
    assert_eq!(contents(&folder), before);
    assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_that_is_hidden_already_says_what_to_do() {
    let Some(runtime) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    for file in ["tokenizer.json", "hidden_fp16.onnx"] {
        std::fs::copy(shipped_sparse().join(file), folder.path().join(file)).unwrap();
    }
    let settings = format!("graph = 'hidden_fp16.onnx'\n{SHIPPED_HEAD}");
    std::fs::write(folder.path().join("gleaner.toml"), settings).unwrap();
    let options = OptimizeOptions { out: None, is_half: true };
    let refused = || optimize(folder.path(), &options, &runtime).unwrap_err().to_string();
    let error = refused();
    assert!(error.contains("which is not in this folder"), "{error}");
    std::fs::write(folder.path().join("model.onnx"), "").unwrap();
    let error = refused();
    assert!(error.contains("`graph = \"model.onnx\"`") && error.contains("--half"), "{error}");
}

/// Like [`contents`], of a folder that may hold folders too.
fn contents_of_files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.path().is_file());
    files
        .map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap()))
        .collect()
}

#[test]
fn an_unknown_graph_is_refused_and_nothing_changes() {
    let Some(runtime) = runtime() else { return };
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("model");
    std::fs::create_dir(&folder).unwrap();
    // It looks logits up: there is no product with a matrix.
    Graph::logits([[1.0; 6]; 6]).write(&folder, "");
    let before = contents(&folder);
    for out in [None, Some(parent.path().join("out"))] {
        let error = optimize(&folder, &OptimizeOptions { out, is_half: false }, &runtime);
        assert!(matches!(error, Err(EncodeError::CannotOptimize { .. })), "{error:?}");
        assert_eq!(contents(&folder), before);
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 1);
    }
}

#[test]
fn hidden_states_without_their_output_layer_are_refused() {
    let Some(runtime) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    for file in ["tokenizer.json", "hidden_fp16.onnx"] {
        std::fs::copy(shipped_sparse().join(file), folder.path().join(file)).unwrap();
    }
    let open = |settings: &str| {
        std::fs::write(folder.path().join("gleaner.toml"), settings).unwrap();
        Model::open(folder.path(), &runtime).err().unwrap()
    };
    // Another model's tokenizer, with the right output layer.
    let other = root().join("data/fixtures/splade-max/tokenizer.json");
    std::fs::copy(other, folder.path().join("tokenizer.json")).unwrap();
    let error = open(SHIPPED_HEAD);
    assert!(matches!(error, EncodeError::VocabularyMismatch { columns: 30_522, .. }), "{error:?}");
    std::fs::copy(shipped_sparse().join("tokenizer.json"), folder.path().join("tokenizer.json"))
        .unwrap();
    let error = open("");
    assert!(matches!(error, EncodeError::TokenVectors { columns: 128, .. }), "{error:?}");
    assert!(error.to_string().contains("gleaner model optimize"), "{error}");
    for (from, to) in [
        ("cls.predictions.bias", "no.such"),
        ("cls.predictions.bias", "bert.encoder.layer.0.output.dense.bias"),
        ("word_embeddings", "position_embeddings"),
        ("bert.embeddings.word_embeddings.weight", "cls.predictions.bias"),
    ] {
        let error = open(&SHIPPED_HEAD.replace(from, to));
        let is_named = matches!(error, EncodeError::InvalidFile { what: "output layer", .. });
        assert!(is_named, "{from} as {to}: {error:?}");
    }
}

/// In any order and company, the bits of the weights are those of the text alone or next to them.
#[test]
fn summed_and_single_vectors_agree_with_the_plain_graph() {
    let Some(runtime) = runtime() else { return };
    for settings in ["pooling = 'sum'", "activation = 'log1p_log1p_relu'", "batching = 'single'"] {
        let Some(folder) = exported_folder("logits_fp32.onnx", settings) else { return };
        let original = Model::open(folder.path(), &runtime).unwrap();
        let plain = original.encoder(1).unwrap().encode(Side::Document, &TEXTS).unwrap();
        let options = OptimizeOptions { out: None, is_half: false };
        optimize(folder.path(), &options, &runtime).unwrap();
        let faster = Model::open(folder.path(), &runtime).unwrap();
        let found = faster.encoder(1).unwrap().encode(Side::Document, &TEXTS).unwrap();
        for (found, plain) in found.iter().zip(&plain) {
            assert_same(found, plain, settings);
        }
    }
}
