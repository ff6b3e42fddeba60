//! All graphs of the shipped model, where they lie in `../shared`, against its golden vectors.

use gleaner_encoder::{EncodeError, Layout, Model, Side, SideEncoder};

use crate::harness::{exported, root, runtime, say, shipped_sparse};

/// A folder with one of the graphs, and nothing stated but the golden file.
fn folder(graph: &str, tolerance: f32) -> Option<tempfile::TempDir> {
    let source = exported(graph)?;
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(source, folder.path().join(graph)).unwrap();
    for file in ["tokenizer.json", "config.json", "idf.json"] {
        std::fs::copy(shipped_sparse().join(file), folder.path().join(file)).unwrap();
    }
    let golden = root().join("data/models/splade-tiny/golden.json");
    std::fs::copy(golden, folder.path().join("golden.json")).unwrap();
    let settings = format!("golden = {{ file = 'golden.json', tolerance = {tolerance} }}");
    std::fs::write(folder.path().join("gleaner.toml"), settings).unwrap();
    Some(folder)
}

#[test]
fn every_graph_of_the_model_agrees_with_its_golden_vectors() {
    let Some(runtime) = runtime() else { return };
    for (graph, layout, tolerance) in [
        ("logits_fp32.onnx", Layout::Logits, 1e-4),
        ("pooled_fp32.onnx", Layout::Pooled, 1e-4),
        ("pooled_screen_fp16.onnx", Layout::Pooled, 5e-3),
        ("sparse_screen_fp16.onnx", Layout::Sparse, 5e-3),
        // The largest difference measured is 0.0638.
        ("pooled_int8_weights.onnx", Layout::Pooled, 6.5e-2),
    ] {
        let Some(folder) = folder(graph, tolerance) else { continue };
        let model = Model::open(folder.path(), &runtime).unwrap();
        assert_eq!(model.card().layout, layout);
        let report = model.selftest().unwrap();
        assert!(report.passed, "{graph}: {report:?}");
        say(&format!("{graph}: largest error {:e}", report.largest_error));
    }
}

#[test]
fn hidden_states_alone_are_refused_with_a_remedy() {
    let Some(runtime) = runtime() else { return };
    let Some(folder) = folder("hidden_fp32.onnx", 1e-4) else { return };
    let error = Model::open(folder.path(), &runtime).err().unwrap();
    assert!(matches!(error, EncodeError::TokenVectors { columns: 128, .. }), "{error:?}");
    assert!(error.to_string().contains("output layer"), "{error}");
}

#[test]
fn provenance_of_real_logits_names_a_word() {
    let Some(runtime) = runtime() else { return };
    let Some(folder) = folder("logits_fp32.onnx", 1e-4) else { return };
    let model = Model::open(folder.path(), &runtime).unwrap();
    let mut encoder = model.encoder(1).unwrap();
    let text = "Immunisation of children against measles";
    let traced = encoder.encode_with_provenance(Side::Query, text).unwrap();
    let heaviest = traced.vector.iter().zip(&traced.sources).max_by(|a, b| a.0.1.total_cmp(&b.0.1));
    let ((term, _), source) = heaviest.unwrap();
    let word = &text[source.word.clone().unwrap()];
    say(&format!("{:?} ← {word}", model.token(term)));
    assert!(text.split(' ').any(|part| part == word), "{word}");
}

#[test]
fn the_shipped_model_offers_its_idf_table() {
    let Some(runtime) = runtime() else { return };
    let plain = Model::open(&shipped_sparse(), &runtime).unwrap();
    assert_eq!(plain.card().query.encoder, SideEncoder::Graph);
    let free = Model::open_with(&shipped_sparse(), &runtime, Some(SideEncoder::Idf)).unwrap();
    assert_eq!(plain.fingerprint(), free.fingerprint());
    let vector = free.encoder(1).unwrap().encode(Side::Query, &["hello hello world"]).unwrap();
    let terms: Vec<_> = vector[0].iter().map(|(term, _)| free.token(term).unwrap()).collect();
    assert_eq!(terms, ["world", "hello"]);
}
