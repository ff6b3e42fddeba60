//! Settings files, defaults and the errors of both.
#![allow(clippy::unwrap_used)]

use crate::error::EncodeError;
use crate::family::choices::{Activation, Batching, Pooling};
use crate::family::layout::Layout;
use crate::family::lengths::MaxLength;
use crate::family::settings::sparse::Settings;
use crate::side::Side;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn read(files: &[(&str, &str)]) -> Result<Settings, EncodeError> {
    Settings::read(folder(files).path(), None)
}

#[test]
fn an_empty_folder_with_one_graph_gets_the_documented_defaults() {
    let settings = read(&[("model.onnx", "")]).unwrap();
    assert_eq!(settings.lengths.max, MaxLength { query: 256, document: 256 });
    assert_eq!(settings.batching, Batching::Padded);
    assert_eq!(settings.golden, None);
    let steps = settings.steps(Side::Document, Layout::Logits).unwrap();
    assert_eq!(steps, (Pooling::Max, Activation::Log1pRelu));
    let steps = settings.steps(Side::Document, Layout::Pooled).unwrap();
    assert_eq!(steps, (Pooling::Graph, Activation::Graph));
}

#[test]
fn a_graph_in_the_onnx_subfolder_is_found() {
    let settings = read(&[("onnx/model.onnx", "")]).unwrap();
    assert!(settings.document.graph.unwrap().ends_with("onnx/model.onnx"));
}

#[test]
fn every_key_is_read() {
    let toml = "graph = 'b.onnx'\npooling = 'sum'\nactivation = 'relu'\nbatching = 'single'\n\
                max_length = { query = 32, document = 128 }\n\
                [golden]\nfile = 'g.json'\ntolerance = 0.5\n";
    let settings = read(&[("a.onnx", ""), ("b.onnx", ""), ("gleaner.toml", toml)]).unwrap();
    assert!(settings.query.graph.as_ref().unwrap().ends_with("b.onnx"));
    assert_eq!(settings.batching, Batching::Single);
    assert_eq!(settings.lengths.max.of(Side::Query), 32);
    assert_eq!(settings.lengths.max.of(Side::Document), 128);
    assert_eq!(settings.golden.as_ref().unwrap().tolerance, 0.5);
    let steps = settings.steps(Side::Document, Layout::Logits).unwrap();
    assert_eq!(steps, (Pooling::Sum, Activation::Relu));
    assert!(settings.steps(Side::Document, Layout::Pooled).is_err());
}

#[test]
fn unknown_keys_and_names_are_errors() {
    for toml in [
        "max_len = 3",
        "max_length = { passage = 3 }",
        "pooling = 'mean'",
        "graph = 3",
        "max_length = { query = -1 }",
        "[golden]\nfile = 'x'\ntol = 1.0",
        "[golden]\ntolerance = 1.0",
        "not toml",
    ] {
        let error = read(&[("model.onnx", ""), ("gleaner.toml", toml)]).unwrap_err();
        let EncodeError::InvalidFile { what: "settings file", .. } = error else {
            panic!("{toml}: {error}");
        };
    }
}

#[test]
fn values_that_do_not_fit_are_errors() {
    let config = r#"{"max_position_embeddings": 512}"#;
    for (toml, wanted) in [
        ("max_length = { query = 513 }", "max_length.query"),
        ("max_length = { document = 100000 }", "max_length.document"),
        ("graph = '/model.onnx'", "graph"),
        ("[golden]\nfile = 'g'\ntolerance = nan", "golden.tolerance"),
        ("[golden]\nfile = 'g'\ntolerance = -1.0", "golden.tolerance"),
    ] {
        let files = [("model.onnx", ""), ("config.json", config), ("gleaner.toml", toml)];
        let error = read(&files).unwrap_err();
        let EncodeError::InvalidSetting { key, .. } = error else { panic!("{toml}: {error}") };
        assert_eq!(key, wanted);
    }
}

#[test]
fn a_short_model_lowers_the_default_length() {
    let config = r#"{"max_position_embeddings": 128, "model_type": "bert"}"#;
    let settings = read(&[("model.onnx", ""), ("config.json", config)]).unwrap();
    assert_eq!(settings.lengths.max, MaxLength { query: 128, document: 128 });
    let error = read(&[("model.onnx", ""), ("config.json", "{")]).unwrap_err();
    assert!(matches!(error, EncodeError::InvalidFile { what: "config.json", .. }));
}

#[test]
fn graphs_that_cannot_be_named_are_errors() {
    let missing = read(&[("readme.md", "")]).unwrap_err();
    assert!(matches!(missing, EncodeError::MissingFile { what: "graph", .. }));
    let missing = read(&[("gleaner.toml", "graph = 'x.onnx'")]).unwrap_err();
    assert!(matches!(missing, EncodeError::MissingFile { what: "graph", .. }));
    let several = read(&[("b.onnx", ""), ("a.onnx", ""), ("onnx/c.onnx", "")]).unwrap_err();
    let EncodeError::AmbiguousGraph { candidates, .. } = several else { panic!("{several}") };
    assert_eq!(candidates, ["a.onnx", "b.onnx", "onnx/c.onnx"]);
}

#[test]
fn steps_the_graph_has_done_cannot_be_asked_for_again() {
    for (toml, layout, wanted) in [
        ("pooling = 'max'", Layout::Pooled, "pooling"),
        ("activation = 'relu'", Layout::Pooled, "activation"),
        ("pooling = 'graph'", Layout::Logits, "pooling"),
        ("activation = 'graph'", Layout::Logits, "activation"),
    ] {
        let settings = read(&[("model.onnx", ""), ("gleaner.toml", toml)]).unwrap();
        let error = settings.steps(Side::Document, layout).unwrap_err();
        let EncodeError::InvalidSetting { key, .. } = error else { panic!("{toml}: {error}") };
        assert_eq!(key, wanted);
    }
}
