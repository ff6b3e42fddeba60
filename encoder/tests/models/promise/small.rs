//! Layouts, pooling and the independence of batches on graphs small enough to compute by hand.

use gleaner_encoder::{BATCH_TOLERANCE, EncodeError, Layout, Model, Side};

use crate::harness::graphs::{Graph, Row, WORDS};
use crate::harness::runtime;

/// Rows for `[PAD] [UNK] a b c d`. Padding and the unknown word would show as 9 and 8.
const TABLE: [Row; WORDS.len()] = [
    [9.0; 6],
    [8.0; 6],
    [0.0, 0.0, 2.0, -1.0, 0.5, 0.0],
    [0.0, 0.0, 1.0, 3.0, -5.0, 0.0],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [0.0, 0.0, f32::NAN, 0.0, 0.0, 1.0],
];

fn open(graph: &Graph, settings: &str) -> Option<(tempfile::TempDir, Result<Model, EncodeError>)> {
    let runtime = runtime()?;
    let folder = tempfile::tempdir().unwrap();
    graph.write(folder.path(), settings);
    let model = Model::open(folder.path(), &runtime);
    Some((folder, model))
}

fn encode(graph: &Graph, settings: &str, texts: &[&str]) -> Option<Vec<Vec<(u32, f32)>>> {
    let (_folder, model) = open(graph, settings)?;
    let vectors = model.unwrap().encoder(1).unwrap().encode(Side::Document, texts).unwrap();
    Some(vectors.iter().map(|vector| vector.iter().collect()).collect())
}

#[test]
fn logits_are_pooled_over_real_tokens_only() {
    let texts = ["a", "a b b", "b", "", "c"];
    let Some(found) = encode(&Graph::logits(TABLE), "", &texts) else { return };
    let (one, two, three, half) =
        (1.0_f32.ln_1p(), 2.0_f32.ln_1p(), 3.0_f32.ln_1p(), 0.5_f32.ln_1p());
    assert_eq!(found[0], [(2, two), (4, half)]);
    assert_eq!(found[1], [(2, two), (3, three), (4, half)]);
    assert_eq!(found[2], [(2, one), (3, three)]);
    assert_eq!(found[3], [], "a text without tokens");
    assert_eq!(found[4], [], "a text that activates nothing");
}

#[test]
fn settings_choose_pooling_activation_and_length() {
    let settings = "pooling = 'sum'\nactivation = 'relu'\nmax_length = { document = 2 }";
    let Some(found) = encode(&Graph::logits(TABLE), settings, &["a b b", "a"]) else { return };
    assert_eq!(found[0], [(2, 3.0), (3, 3.0), (4, 0.5)], "the third word is cut");
    assert_eq!(found[1], [(2, 2.0), (4, 0.5)]);
}

#[test]
fn a_pooled_graph_is_read_as_it_is() {
    let mut table = TABLE;
    table[0] = [0.0; 6];
    let graph = Graph { pooled: true, inputs: &["attention_mask"], ..Graph::logits(table) };
    let Some((_folder, model)) = open(&graph, "") else { return };
    let model = model.unwrap();
    assert_eq!(model.card().layout, Layout::Pooled);
    assert_eq!((model.token(3), model.token(6)), (Some("b"), None));
    assert_eq!((model.term("b"), model.term("zebra")), (Some(3), None));
    let vectors = model.encoder(1).unwrap().encode(Side::Query, &["a b", "b"]).unwrap();
    assert_eq!(vectors[0].iter().collect::<Vec<_>>(), [(2, 2.0), (3, 3.0), (4, 0.5)]);
    assert_eq!(vectors[1].iter().collect::<Vec<_>>(), [(2, 1.0), (3, 3.0)]);
}

#[test]
fn a_weight_that_is_not_a_number_names_its_text() {
    for settings in ["", "pooling = 'sum'"] {
        let Some((_folder, model)) = open(&Graph::logits(TABLE), settings) else { return };
        let mut encoder = model.unwrap().encoder(1).unwrap();
        let error = encoder.encode(Side::Query, &["a a a", "b", "b d"]).unwrap_err();
        assert!(matches!(error, EncodeError::NonFinite { text: 2, term: 2, .. }), "{error}");
        assert!(encoder.encode(Side::Query, &["a"]).is_ok(), "the worker lives on");
    }
}

/// `b` alone weighs 0.99e-6 for term 2, just below the threshold; in a batch, noise lifts it above.
#[test]
fn noise_at_the_threshold_does_not_decide_about_terms() {
    let mut table = [[0.0; 6]; 6];
    table[2] = [0.0, 0.0, 1.0, 1.01e-6, 0.0, 0.0];
    table[3] = [0.0, 0.0, 0.99e-6, 1.0, 0.0, 0.0];
    let noise = 2e-8;
    for pooled in [false, true] {
        let graph = Graph { pooled, noise, inputs: &["attention_mask"], ..Graph::logits(table) };
        let settings = if pooled { "" } else { "activation = 'relu'" };
        let Some(alone_a) = encode(&graph, settings, &["a"]) else { return };
        let alone_b = encode(&graph, settings, &["b"]).unwrap();
        assert_eq!(alone_b[0], [(3, 1.0)]);
        let found = encode(&graph, settings, &["a", "b", "c", "a", "b", "c"]).unwrap();
        assert_eq!((&found[0], &found[3]), (&alone_a[0], &alone_a[0]));
        assert_eq!((&found[1], &found[4]), (&alone_b[0], &alone_b[0]));
    }
}

#[test]
fn selftest_finds_a_graph_whose_results_depend_on_the_batch() {
    let graph = Graph { noise: 1e-3, ..Graph::logits(TABLE) };
    let golden = r#"[
        {"text": "a", "input_ids": [2], "indices": [2, 4], "weights": [1.0986123, 0.4054651]},
        {"text": "b", "input_ids": [3], "indices": [2, 3], "weights": [0.6931472, 1.3862944]}]"#;
    for (batching, passes) in [("padded", false), ("single", true)] {
        let settings = format!("batching = '{batching}'\ngolden = {{ file = 'g.json' }}");
        let Some((folder, model)) = open(&graph, &settings) else { return };
        std::fs::write(folder.path().join("g.json"), golden).unwrap();
        let report = model.unwrap().selftest().unwrap();
        assert_eq!(report.passed, passes, "{report:?}");
        assert_eq!(report.largest_batch_difference > BATCH_TOLERANCE, !passes, "{report:?}");
        assert!(report.largest_error < 1e-6, "alone, every text is right: {report:?}");
        // The same is found out without golden vectors.
        let Some((_folder, model)) = open(&graph, &format!("batching = '{batching}'")) else {
            return;
        };
        let report = model.unwrap().selftest().unwrap();
        assert_eq!((report.passed, report.has_golden), (passes, false), "{report:?}");
    }
}

#[test]
fn selftest_names_what_is_off() {
    let settings = "golden = { file = 'g.json', tolerance = 0.01 }";
    let Some((folder, model)) = open(&Graph::logits(TABLE), settings) else { return };
    let model = model.unwrap();
    assert!(matches!(model.selftest(), Err(EncodeError::MissingFile { what: "golden file", .. })));
    for broken in ["", "[]", "{}", r#"[{"text": "a", "input_ids": [2], "indices": [9, 2]}]"#] {
        std::fs::write(folder.path().join("g.json"), broken).unwrap();
        let error = model.selftest().unwrap_err();
        assert!(matches!(error, EncodeError::InvalidFile { what: "golden file", .. }), "{error}");
    }
    let golden = r#"[
        {"text": "a", "input_ids": [2], "indices": [2, 4], "weights": [1.0986123, 0.5]},
        {"text": "b", "input_ids": [3, 3], "indices": [2, 3], "weights": [0.6931472, 1.3862944]}]"#;
    std::fs::write(folder.path().join("g.json"), golden).unwrap();
    let report = model.selftest().unwrap();
    assert!(!report.passed && report.texts == 2 && report.failures.len() == 2, "{report:?}");
    assert!(report.failures[0].contains("term 4"), "{report:?}");
    assert!(report.failures[1].contains("tokenized"), "{report:?}");
}
