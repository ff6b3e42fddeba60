//! The public promises of the crate, checked with a real ONNX Runtime.
//!
//! Where the library is missing these tests skip and say so on stderr; with `CI=true` they fail.
#![allow(clippy::unwrap_used)]

mod errors;
mod golden;
mod graphs;
mod independence;
mod long;
mod optimizing;
mod robustness;
mod runtime;
mod small;

use std::io::Write;
use std::path::{Path, PathBuf};

use gleaner_encoder::{Model, Runtime, SparseVector};

/// The workspace's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The folder of the model that ships.
fn shipped() -> PathBuf {
    root().join("data/models/splade-tiny")
}

/// What the settings of the shipped model say of its output layer.
const SHIPPED_HEAD: &str = "[head]\nmatrix = 'bert.embeddings.word_embeddings.weight'\n\
                            bias = 'cls.predictions.bias'\n";

/// ONNX Runtime, or nothing where it is missing and that is allowed.
fn runtime() -> Option<Runtime> {
    match Runtime::load(None) {
        Ok(runtime) => Some(runtime),
        Err(error) => {
            let required = std::env::var_os("CI").is_some_and(|value| value == "true");
            assert!(!required, "CI needs ONNX Runtime: {error}");
            say(&format!("SKIPPED, no ONNX Runtime: {error}"));
            None
        }
    }
}

/// Says something on stderr that the test harness does not swallow.
fn say(message: &str) {
    let line = format!("gleaner-encoder: {message}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// The shipped model, or nothing as above.
fn model() -> Option<Model> {
    runtime().map(|runtime| Model::open(&shipped(), &runtime).unwrap())
}

/// Asserts the law: the same terms, and weights within 1e-6. Returns the largest difference.
fn assert_same(found: &SparseVector, expected: &SparseVector, what: &str) -> f32 {
    assert_eq!(found.terms(), expected.terms(), "terms of {what}");
    let differences = found.weights().iter().zip(expected.weights()).map(|(a, b)| (a - b).abs());
    let largest = differences.fold(0.0, f32::max);
    assert!(largest <= 1e-6, "{what}: off by {largest:e}");
    largest
}

#[test]
fn handles_cross_threads() {
    fn sendable<T: Send + 'static>() {}
    fn shareable<T: Send + Sync + Clone + 'static>() {}
    shareable::<Runtime>();
    shareable::<Model>();
    sendable::<gleaner_encoder::Encoder>();
    sendable::<gleaner_encoder::EncodeError>();
}
