//! What all tests here share: fixtures, ONNX Runtime, graphs of a few words, comparing vectors.

pub(crate) mod graphs;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use gleaner_encoder::{BATCH_TOLERANCE, Runtime, SparseVector};

/// What the settings of the shipped sparse model say of its output layer.
pub(crate) const SHIPPED_HEAD: &str = "[head]\n\
                                       matrix = 'bert.embeddings.word_embeddings.weight'\n\
                                       bias = 'cls.predictions.bias'\n";

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The folder of a fixture.
pub(crate) fn fixture(name: &str) -> PathBuf {
    root().join("data/fixtures").join(name)
}

/// The folder of the sparse model that ships.
pub(crate) fn shipped_sparse() -> PathBuf {
    root().join("data/models/splade-tiny")
}

/// The folder of the dense model that ships.
pub(crate) fn shipped_dense() -> PathBuf {
    root().join("data/models/minilm")
}

/// A graph of the shipped sparse model as it was exported, or nothing where it is not at hand.
pub(crate) fn exported(graph: &str) -> Option<PathBuf> {
    let name = format!("../shared/data/models/splade-tiny/{graph}");
    let path = root().join(&name);
    if path.is_file() {
        return Some(path);
    }
    say(&format!("SKIPPED, no {name}"));
    None
}

/// ONNX Runtime, or nothing where it is missing and that is allowed.
pub(crate) fn runtime() -> Option<Runtime> {
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

/// Says something on stderr that the test runner does not swallow.
pub(crate) fn say(message: &str) {
    std::io::stderr().write_all(format!("gleaner-encoder: {message}\n").as_bytes()).unwrap();
}

/// A copy of a folder, to be spoilt.
pub(crate) fn copy(folder: &Path) -> tempfile::TempDir {
    fn into(from: &Path, to: &Path) {
        for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
            let target = to.join(entry.file_name());
            if entry.path().is_dir() {
                fs::create_dir(&target).unwrap();
                into(&entry.path(), &target);
            } else {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }
    let copy = tempfile::tempdir().unwrap();
    into(folder, copy.path());
    copy
}

/// Texts that fit no golden vector but any model: of every length, repeated, of strange characters.
pub(crate) fn strange_texts() -> Vec<String> {
    let mut texts = vec![
        "cat ".repeat(400),
        "x".repeat(3000),
        "\u{0}\u{1}\t".to_owned(),
        "日本語 ärger \u{301}".to_owned(),
    ];
    texts.extend((1..40).map(|n| "the old song of rain and red wine ".repeat(n)));
    texts
}

/// The largest difference between numbers at the same place; no number where one is none.
pub(crate) fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, |largest, off| if off > largest || off.is_nan() { off } else { largest })
}

/// Asserts the law of batches: the same terms, and weights within the tolerance. Returns the
/// largest difference.
pub(crate) fn assert_same(found: &SparseVector, expected: &SparseVector, what: &str) -> f32 {
    assert_eq!(found.terms(), expected.terms(), "terms of {what}");
    let largest = largest_difference(found.weights(), expected.weights());
    assert!(largest <= BATCH_TOLERANCE, "{what}: off by {largest:e}");
    largest
}
