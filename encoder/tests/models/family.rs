//! Every model family on a fixture: golden vectors of an independent reference (numpy, by
//! `scripts/fixtures.py`), the law of batches, where weights come from, and what is refused.
mod bad_input;
mod real;
mod sides;

use std::path::Path;

use gleaner_encoder::{EncodeError, Layout, Model, Side, SparseVector};
use serde::Deserialize;

use crate::harness::{assert_same, copy, fixture, largest_difference, runtime, strange_texts};

/// Families with golden vectors, and the layout that is to be detected.
const FAMILIES: [(&str, Layout); 15] = [
    ("splade-v1", Layout::Logits),
    ("splade-max", Layout::Logits),
    ("splade-fixed", Layout::Pooled),
    ("sparse-outputs", Layout::Sparse),
    ("splade-doc", Layout::Logits),
    ("opensearch-v3", Layout::Logits),
    ("static-embedding", Layout::Logits),
    ("unicoil", Layout::TokenWeights),
    ("deepimpact", Layout::TokenWeights),
    ("sparterm", Layout::Gated),
    ("decoder", Layout::Logits),
    ("binarised", Layout::Logits),
    ("codes", Layout::Pooled),
    ("phrases", Layout::Pooled),
    ("pruning", Layout::Logits),
];

/// A golden text, as the fixture script writes it.
#[derive(Deserialize)]
struct Golden {
    text: String,
    side: Side,
    indices: Vec<u32>,
    weights: Vec<f32>,
}

/// A fixture, opened, or nothing where there is no ONNX Runtime.
fn model(family: &str) -> Option<Model> {
    let runtime = runtime()?;
    Some(Model::open(&fixture(family), &runtime).unwrap_or_else(|e| panic!("{family}: {e:?}")))
}

fn open(folder: &Path) -> Option<Result<Model, EncodeError>> {
    runtime().map(|runtime| Model::open(folder, &runtime))
}

fn goldens(family: &str) -> Vec<Golden> {
    serde_json::from_slice(&std::fs::read(fixture(family).join("golden.json")).unwrap()).unwrap()
}

#[test]
fn every_family_reproduces_its_golden_vectors() {
    for (family, layout) in FAMILIES {
        let Some(model) = model(family) else { return };
        assert_eq!(model.card().layout, layout, "{family}");
        let report = model.selftest().unwrap();
        assert!(report.passed && report.texts >= 13, "{family}: {report:?}");
    }
}

/// The self-test lets a small term come or go; here the sets must be the same too.
#[test]
fn terms_are_those_of_the_reference() {
    for (family, _) in FAMILIES {
        let Some(model) = model(family) else { return };
        let tolerance = model.card().golden_tolerance.unwrap();
        let mut encoder = model.encoder(1).unwrap();
        for golden in goldens(family) {
            let found = encoder.encode(golden.side, &[&golden.text]).unwrap().remove(0);
            let what = format!("{family}, {:?} {:?}", golden.side, golden.text);
            if golden.text.trim().is_empty() {
                assert!(found.is_empty(), "{what}: a blank text has no vector");
                continue;
            }
            assert_eq!(found.terms(), golden.indices, "{what}");
            let off = largest_difference(found.weights(), &golden.weights);
            assert!(off <= tolerance, "{what}: off by {off:e}");
        }
    }
}

#[test]
fn a_vector_does_not_depend_on_its_batch_in_any_family() {
    for (family, _) in FAMILIES {
        let Some(model) = model(family) else { return };
        let mut encoder = model.encoder(1).unwrap();
        let mut texts: Vec<String> =
            goldens(family).into_iter().map(|golden| golden.text).collect();
        texts.push("immunization of the fisherman ".repeat(30));
        texts.extend(strange_texts());
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        for side in [Side::Query, Side::Document] {
            let alone: Vec<SparseVector> =
                texts.iter().map(|text| encoder.encode(side, &[text]).unwrap().remove(0)).collect();
            for size in [3, 7, texts.len()] {
                for (part, chunk) in texts.chunks(size).enumerate() {
                    let together = encoder.encode(side, chunk).unwrap();
                    for (at, found) in together.iter().enumerate() {
                        let expected = &alone[part * size + at];
                        let start: String = chunk[at].chars().take(40).collect();
                        let what = format!("{family} {side:?}: {start:?}");
                        assert_same(found, expected, &what);
                    }
                }
            }
        }
    }
}

#[test]
fn token_vectors_and_embeddings_are_refused_by_name() {
    let Some(coil) = open(&fixture("coil")) else { return };
    let coil = coil.err().unwrap();
    assert!(matches!(coil, EncodeError::TokenVectors { columns: 8, .. }), "{coil:?}");
    let dense = open(&fixture("dense")).unwrap().err().unwrap();
    assert!(matches!(dense, EncodeError::DenseEmbedding { columns: 8, .. }), "{dense:?}");
    let signed = model("signed").unwrap();
    let mut encoder = signed.encoder(1).unwrap();
    let error = encoder.encode(Side::Document, &["red wine", "the cat"]).unwrap_err();
    assert!(matches!(error, EncodeError::NotSparse { columns: 45.., .. }), "{error:?}");
}

#[test]
fn names_cover_terms_that_are_no_tokens() {
    let Some(phrases) = model("phrases") else { return };
    let tokens = phrases.card().vocabulary_size - 6;
    let wine = phrases.term("red wine").unwrap();
    assert_eq!((wine as usize, phrases.token(wine)), (tokens, Some("red wine")));
    assert_eq!(phrases.token(phrases.term("cat").unwrap()), Some("cat"));
    let codes = model("codes").unwrap();
    assert_eq!((codes.card().vocabulary_size, codes.token(5)), (70_000, None));
    assert_eq!(
        (codes.term("69999"), codes.term("70000"), codes.term("cat")),
        (Some(69_999), None, None)
    );
    let words = model("deepimpact").unwrap();
    assert_eq!(words.token(words.term("immunization").unwrap()), Some("immunization"));
    assert_eq!(words.term("##ing"), None);
}

#[test]
fn weights_outside_the_graph_change_the_fingerprint() {
    let folder = copy(&fixture("splade-max"));
    let Some(model) = open(folder.path()) else { return };
    let before = model.unwrap().fingerprint().to_owned();
    assert_eq!(before, open(&fixture("splade-max")).unwrap().unwrap().fingerprint());
    let weights = folder.path().join("weights.bin");
    let mut bytes = std::fs::read(&weights).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    assert_ne!(before, open(folder.path()).unwrap().unwrap().fingerprint());
}
