//! The shipped model, and where they are at hand its other graphs, against the golden vectors.

use gleaner_encoder::{BATCH_TOLERANCE, Layout, Model};

use super::model;
use crate::harness::{SHIPPED_HEAD, exported, root, runtime, shipped_sparse};

#[test]
fn the_shipped_model_reproduces_its_golden_vectors() {
    let Some(model) = model() else { return };
    let report = model.selftest().unwrap();
    assert!(report.passed, "{report:?}");
    assert_eq!((report.texts, report.tolerance), (28, 5e-3));
    assert!(report.largest_error > 0.0 && report.largest_error <= 5e-3, "{report:?}");
    eprintln!("{}", serde_json::to_string(&report).unwrap());
}

#[test]
fn the_card_says_what_was_opened() {
    let Some(model) = model() else { return };
    let card = model.card();
    assert_eq!((card.layout, card.vocabulary_size), (Layout::Hidden, 30_522));
    assert_eq!((card.max_length.query, card.max_length.document), (256, 256));
    assert_eq!(card.weights_output, "hidden");
    assert_eq!(card.fingerprint, model.fingerprint());
    assert_eq!((card.inputs.len(), card.outputs.len()), (2, 3));
    assert!(model.folder().ends_with("splade-tiny"));
    assert_eq!((model.token(7592), model.term("hello")), (Some("hello"), Some(7592)));
    assert!(serde_json::to_string(card).unwrap().contains("\"layout\":\"hidden\""));
}

#[test]
fn other_graphs_of_the_model_agree_within_float32() {
    let Some(runtime) = runtime() else { return };
    for (graph, layout) in [("logits_fp32", Layout::Logits), ("pooled_fp32", Layout::Pooled)] {
        let graph = format!("{graph}.onnx");
        let Some(source) = exported(&graph) else { continue };
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(source, folder.path().join(&graph)).unwrap();
        for file in ["tokenizer.json", "config.json"] {
            std::fs::copy(shipped_sparse().join(file), folder.path().join(file)).unwrap();
        }
        let golden = root().join("data/models/splade-tiny/golden.json");
        std::fs::copy(golden, folder.path().join("golden.json")).unwrap();
        // No graph named and no steps stated: detection has to find out.
        let settings = "golden = { file = 'golden.json', tolerance = 1e-4 }";
        std::fs::write(folder.path().join("gleaner.toml"), settings).unwrap();
        let model = Model::open(folder.path(), &runtime).unwrap();
        assert_eq!(model.card().layout, layout);
        let report = model.selftest().unwrap();
        assert!(report.passed, "{graph}: {report:?}");
        eprintln!("{graph}: {}", serde_json::to_string(&report).unwrap());
    }
}

#[test]
fn without_golden_vectors_batches_are_tested() {
    let Some(runtime) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    for file in ["tokenizer.json", "hidden_fp16.onnx"] {
        std::fs::copy(shipped_sparse().join(file), folder.path().join(file)).unwrap();
    }
    std::fs::write(folder.path().join("gleaner.toml"), SHIPPED_HEAD).unwrap();
    let bare = Model::open(folder.path(), &runtime).unwrap();
    let report = bare.selftest().unwrap();
    assert!(report.passed && !report.has_golden && report.texts > 0, "{report:?}");
    assert!(report.largest_batch_difference <= BATCH_TOLERANCE, "{report:?}");
    // The defaults are what the shipped settings say, so the fingerprint is the same: neither
    // names nor the golden file are part of it.
    assert_eq!(bare.fingerprint(), Model::open(&shipped_sparse(), &runtime).unwrap().fingerprint());
    let settings = format!("max_length = {{ query = 255 }}\n{SHIPPED_HEAD}");
    std::fs::write(folder.path().join("gleaner.toml"), settings).unwrap();
    let shorter = Model::open(folder.path(), &runtime).unwrap();
    assert_ne!(bare.fingerprint(), shorter.fingerprint());
}
