//! Every way a model folder can be wrong is an error that says what is wrong.

use std::path::Path;

use gleaner_encoder::{EncodeError, Model};

use crate::harness::graphs::{Graph, WORDS, tokenizer};
use crate::harness::{SHIPPED_HEAD, runtime, shipped_sparse};

/// Opens a good small folder after `spoil` has been at it.
fn open(spoil: impl FnOnce(&Path)) -> Option<Result<Model, EncodeError>> {
    let runtime = runtime()?;
    let folder = tempfile::tempdir().unwrap();
    Graph::logits([[1.0; 6]; 6]).write(folder.path(), "");
    spoil(folder.path());
    Some(Model::open(folder.path(), &runtime))
}

fn error(spoil: impl FnOnce(&Path)) -> Option<EncodeError> {
    open(spoil).map(|model| model.err().expect("a spoilt folder was opened"))
}

macro_rules! assert_error {
    ($pattern:pat, $spoil:expr) => {
        let Some(error) = error($spoil) else { return };
        assert!(matches!(error, $pattern), "{error:?}");
    };
}

#[test]
fn the_folder_that_is_spoilt_below_is_good() {
    let Some(model) = open(|_| {}) else { return };
    model.unwrap();
}

#[test]
fn a_missing_folder_is_named() {
    let Some(runtime) = runtime() else { return };
    for path in ["/no/such/folder", "", file!()] {
        let error = Model::open(path.as_ref(), &runtime).err().unwrap();
        let EncodeError::ModelNotFound { path: found } = error else { panic!("{error:?}") };
        assert_eq!(found, Path::new(path));
    }
}

#[test]
fn missing_files_are_named() {
    assert_error!(EncodeError::MissingFile { what: "graph", .. }, |folder| {
        std::fs::remove_file(folder.join("model.onnx")).unwrap();
    });
    assert_error!(EncodeError::MissingFile { what: "tokenizer", .. }, |folder| {
        std::fs::remove_file(folder.join("tokenizer.json")).unwrap();
    });
}

#[test]
fn two_graphs_need_a_choice() {
    let second = |folder: &Path| {
        std::fs::copy(folder.join("model.onnx"), folder.join("other.onnx")).unwrap();
    };
    let Some(error) = error(second) else { return };
    let EncodeError::AmbiguousGraph { candidates, .. } = &error else { panic!("{error:?}") };
    assert_eq!(candidates, &["model.onnx", "other.onnx"]);
    assert!(error.to_string().contains("gleaner.toml"));
    open(|folder| {
        second(folder);
        std::fs::write(folder.join("gleaner.toml"), "graph = 'other.onnx'").unwrap();
    })
    .unwrap()
    .unwrap();
}

#[test]
fn garbage_and_truncated_files_are_named() {
    for garbage in [&b""[..], b"garbage", &[0xff; 4096]] {
        assert_error!(EncodeError::InvalidFile { what: "graph", .. }, |folder| {
            std::fs::write(folder.join("model.onnx"), garbage).unwrap();
        });
        assert_error!(EncodeError::InvalidFile { what: "tokenizer", .. }, |folder| {
            std::fs::write(folder.join("tokenizer.json"), garbage).unwrap();
        });
    }
    assert_error!(EncodeError::InvalidFile { what: "graph", .. }, |folder| {
        let bytes = std::fs::read(folder.join("model.onnx")).unwrap();
        std::fs::write(folder.join("model.onnx"), &bytes[..bytes.len() / 2]).unwrap();
    });
    assert_error!(EncodeError::InvalidFile { what: "tokenizer", .. }, |folder| {
        let text = std::fs::read(shipped_sparse().join("tokenizer.json")).unwrap();
        std::fs::write(folder.join("tokenizer.json"), &text[..text.len() / 2]).unwrap();
    });
}

#[test]
fn a_tokenizer_of_another_vocabulary_is_refused() {
    for words in [&["[PAD]", "[UNK]", "a"][..], &["0", "[UNK]", "2", "3", "4", "5", "6"]] {
        assert_error!(EncodeError::VocabularyMismatch { columns: 6, .. }, |folder| {
            std::fs::write(folder.join("tokenizer.json"), tokenizer(words)).unwrap();
        });
    }
    assert_error!(EncodeError::InvalidFile { what: "tokenizer", .. }, |folder| {
        let huge = tokenizer(&WORDS).replace("\"d\": 5", "\"d\": 4000000000");
        std::fs::write(folder.join("tokenizer.json"), huge).unwrap();
    });
}

#[test]
fn settings_that_do_not_fit_are_refused() {
    let settings = |text: &'static str| {
        move |folder: &Path| std::fs::write(folder.join("gleaner.toml"), text).unwrap()
    };
    assert_error!(EncodeError::InvalidFile { what: "settings file", .. }, settings("poling = 1"));
    assert_error!(
        EncodeError::InvalidSetting { key: "max_length.query", .. },
        settings("max_length = { query = 0 }")
    );
    assert_error!(
        EncodeError::InvalidSetting { key: "pooling", .. },
        settings("pooling = 'graph'")
    );
}

#[test]
fn a_length_without_room_beside_the_specials_is_refused() {
    let Some(runtime) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    for file in ["tokenizer.json", "hidden_fp16.onnx"] {
        std::fs::copy(shipped_sparse().join(file), folder.path().join(file)).unwrap();
    }
    for (length, fits) in [(2, false), (3, true)] {
        let settings = format!("max_length = {{ document = {length} }}\n{SHIPPED_HEAD}");
        std::fs::write(folder.path().join("gleaner.toml"), settings).unwrap();
        assert_eq!(Model::open(folder.path(), &runtime).is_ok(), fits);
    }
}

#[test]
fn an_unknown_layout_lists_what_was_found() {
    let Some(error) = error(|folder| {
        let graph = Graph { inputs: &["pixels"], ..Graph::logits([[0.0; 6]; 6]) };
        graph.write(folder, "");
    }) else {
        return;
    };
    assert!(matches!(error, EncodeError::UnknownLayout { .. }), "{error:?}");
    let message = error.to_string();
    for part in ["pixels", "input_ids", "weights"] {
        assert!(message.contains(part), "{message}");
    }
}
