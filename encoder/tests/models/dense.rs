//! Dense models on fixtures: golden vectors of an independent reference (numpy, by
//! `scripts/dense_fixtures.py`), the law of batches, and what is refused; and all-MiniLM-L6-v2,
//! which ships.

mod refused;

use std::fs;

use gleaner_encoder::{BATCH_TOLERANCE, Batching, DenseModel, DensePooling, ModelKind, Side};

use crate::harness::{
    copy, fixture, largest_difference, runtime, say, shipped_dense, strange_texts,
};

/// The fixtures, and what is to be found out about each: pooling, whether it is normalised by us,
/// and the lengths of queries and documents.
const FIXTURES: [(&str, DensePooling, bool, [usize; 2]); 4] = [
    ("dense-mean", DensePooling::Mean, true, [12, 12]),
    ("dense-cls", DensePooling::Cls, true, [512, 20]),
    ("dense-max", DensePooling::Max, false, [512, 512]),
    ("dense-pooled", DensePooling::Graph, false, [512, 512]),
];

/// A fixture, opened, or nothing where there is no ONNX Runtime.
fn model(name: &str) -> Option<DenseModel> {
    let runtime = runtime()?;
    Some(DenseModel::open(&fixture(name), &runtime).unwrap_or_else(|e| panic!("{name}: {e:?}")))
}

/// Texts of every length, and strange ones.
fn texts() -> Vec<String> {
    std::iter::once(String::new()).chain(strange_texts()).collect()
}

/// The largest difference between a text's vector alone and beside others, in batches of each size.
fn batch_noise(model: &DenseModel, side: Side, texts: &[&str], sizes: &[usize]) -> f32 {
    let mut encoder = model.encoder(1).unwrap();
    let alone: Vec<Vec<f32>> =
        texts.iter().map(|text| encoder.encode(side, &[text]).unwrap().into_values()).collect();
    let mut largest = 0.0f32;
    for &size in sizes {
        for (chunk, alone) in texts.chunks(size).zip(alone.chunks(size)) {
            let together = encoder.encode(side, chunk).unwrap();
            assert_eq!((together.len(), together.dims()), (chunk.len(), model.dims()));
            for (row, alone) in together.rows().zip(alone) {
                largest = largest.max(largest_difference(row, alone));
            }
        }
    }
    largest
}

#[test]
fn every_fixture_reproduces_its_golden_vectors() {
    for (name, pooling, normalize, [query, document]) in FIXTURES {
        let Some(model) = model(name) else { return };
        let card = model.card();
        assert_eq!((card.dims, card.pooling, card.normalize), (8, pooling, normalize), "{name}");
        assert_eq!((card.max_length.query, card.max_length.document), (query, document), "{name}");
        let report = model.selftest().unwrap();
        assert!(report.passed && report.texts >= 13, "{name}: {report:?}");
        // The reference computes in float64.
        assert!(report.largest_error < 1e-6, "{name}: {report:?}");
        assert!(model.selftest().unwrap().passed, "{name}: a second time");
    }
}

#[test]
fn a_vector_does_not_depend_on_its_batch() {
    let texts = texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for (name, ..) in FIXTURES {
        let Some(model) = model(name) else { return };
        for side in [Side::Query, Side::Document] {
            let noise = batch_noise(&model, side, &texts, &[3, 7, texts.len()]);
            assert!(noise <= BATCH_TOLERANCE, "{name} {side:?}: {noise:e}");
        }
    }
}

#[test]
fn normalised_vectors_have_length_one() {
    let texts = texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for (name, _, _, _) in FIXTURES.iter().filter(|fixture| fixture.0 != "dense-max") {
        let Some(model) = model(name) else { return };
        let vectors = model.encoder(1).unwrap().encode(Side::Document, &texts).unwrap();
        for row in vectors.rows() {
            let length = row.iter().map(|value| value * value).sum::<f32>().sqrt();
            assert!((length - 1.0).abs() < 1e-5, "{name}: {length}");
        }
    }
}

#[test]
fn a_folder_says_what_kind_of_model_it_is() {
    for (name, kind) in [
        ("dense-mean", ModelKind::Dense),
        ("dense-cls", ModelKind::Dense),
        ("splade-max", ModelKind::Sparse),
        ("codes", ModelKind::Sparse),
        // Says nothing, so its graph decides when it is opened.
        ("dense", ModelKind::Sparse),
    ] {
        assert_eq!(ModelKind::of(&fixture(name)).unwrap(), kind, "{name}");
    }
    let spoilt = copy(&fixture("dense-mean"));
    fs::write(spoilt.path().join("modules.json"), "{").unwrap();
    assert!(ModelKind::of(spoilt.path()).is_err());
}

#[test]
fn a_pooled_graph_needs_no_settings() {
    let Some(model) = model("dense") else { return };
    assert_eq!((model.dims(), model.card().pooling), (8, DensePooling::Graph));
    assert_eq!(model.card().output, "sentence_embedding");
}

#[test]
fn texts_run_alone_where_a_batch_is_quantised_together() {
    let Some(runtime) = runtime() else { return };
    let folder = copy(&fixture("dense-max"));
    let path = folder.path().join("model.onnx");
    let operator = b"DynamicQuantizeLinear";
    // A field of the model's own that is there for remarks.
    let remark = [&[0x32, operator.len() as u8][..], operator].concat();
    fs::write(&path, [fs::read(&path).unwrap(), remark].concat()).unwrap();
    let batching = || DenseModel::open(folder.path(), &runtime).unwrap().card().batching;
    assert_eq!(batching(), Batching::Single);
    let settings = "kind = \"dense\"\npooling = \"max\"\nbatching = \"padded\"";
    fs::write(folder.path().join("gleaner.toml"), settings).unwrap();
    assert_eq!(batching(), Batching::Padded);
}

#[test]
fn fingerprints_are_of_a_side() {
    let Some(runtime) = runtime() else { return };
    let folder = copy(&fixture("dense-cls"));
    let card = || DenseModel::open(folder.path(), &runtime).unwrap().card().clone();
    let before = card();
    assert_eq!(before.fingerprint, model("dense-cls").unwrap().fingerprint());
    assert_ne!(before.query.fingerprint, before.document.fingerprint);
    let edit = |from: &str, to: &str| {
        let path = folder.path().join("gleaner.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(&path, text.replace(from, to)).unwrap();
    };
    edit("\"light \"", "\"dark \"");
    let darker = card();
    assert_eq!(darker.query.template, "dark {text}");
    assert_ne!(darker.query.fingerprint, before.query.fingerprint);
    assert_eq!(darker.fingerprint, before.fingerprint);
    for (from, to) in [("\"cls\"", "\"mean\""), ("= true", "= false"), ("= 20", "= 19")] {
        let before = card().fingerprint;
        edit(from, to);
        assert_ne!(card().fingerprint, before, "{from}");
    }
}

#[test]
fn prompts_of_sentence_transformers_are_prefixes() {
    let Some(runtime) = runtime() else { return };
    let folder = copy(&fixture("dense-mean"));
    let prompts = r#"{"prompts": {"query": "query: ", "passage": "passage: "}}"#;
    fs::write(folder.path().join("config_sentence_transformers.json"), prompts).unwrap();
    let model = DenseModel::open(folder.path(), &runtime).unwrap();
    let (query, document) = (&model.card().query, &model.card().document);
    assert_eq!((&query.template[..], &document.template[..]), ("query: {text}", "passage: {text}"));
    fs::write(folder.path().join("gleaner.toml"), "query = { prefix = \"\" }").unwrap();
    let model = DenseModel::open(folder.path(), &runtime).unwrap();
    assert_eq!(model.card().query.template, "{text}");
}

#[test]
fn the_shipped_model_reproduces_its_golden_vectors() {
    let Some(runtime) = runtime() else { return };
    assert_eq!(ModelKind::of(&shipped_dense()).unwrap(), ModelKind::Dense);
    let model = DenseModel::open(&shipped_dense(), &runtime).unwrap();
    let card = model.card();
    assert_eq!((card.dims, card.pooling, card.normalize), (384, DensePooling::Graph, true));
    assert_eq!((card.max_length.document, card.batching), (256, Batching::Padded));
    let report = model.selftest().unwrap();
    let (error, noise) = (report.largest_error, report.largest_batch_difference);
    say(&format!("minilm: largest error {error:e}, between batches {noise:e}"));
    assert!(report.passed && report.texts == 3, "{report:?}");
    let texts: Vec<String> = (1..24).map(|n| "an old song of rain, wine ".repeat(n)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let noise = batch_noise(&model, Side::Document, &texts, &[4, texts.len()]);
    say(&format!("minilm: largest difference between batches of long texts {noise:e}"));
    assert!(noise <= BATCH_TOLERANCE, "{noise:e}");
}
