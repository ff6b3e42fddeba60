//! Loading ONNX Runtime: once, by any number of callers, and never something else than asked for.

use gleaner_encoder::{EncodeError, Runtime};

use crate::harness::runtime;

#[test]
fn loading_twice_gives_the_same_library() {
    let Some(first) = runtime() else { return };
    let second = Runtime::load(None).unwrap();
    let third = Runtime::load(Some(first.path())).unwrap();
    assert_eq!(first.path(), second.path());
    assert_eq!(first.path(), third.path());
    assert!(first.path().is_absolute());
    let version = first.version();
    assert_eq!(version.split('.').next(), Some("1"), "{version}");
}

#[test]
fn a_named_library_that_cannot_be_used_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("libonnxruntime.so");
    std::fs::write(&text, "not a library").unwrap();
    for path in [text.as_path(), "/no/such/library.so".as_ref(), folder.path()] {
        match Runtime::load(Some(path)) {
            Err(error @ EncodeError::RuntimeLoad { .. }) => {
                assert!(error.to_string().contains("scripts/fetch-onnxruntime.sh"), "{error}");
            }
            Err(EncodeError::RuntimeInUse { requested, .. }) => assert_eq!(requested, path),
            other => panic!("{other:?}"),
        }
    }
}
