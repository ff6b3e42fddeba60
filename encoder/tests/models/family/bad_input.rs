//! Folders and texts that are wrong in ways that only some families meet.

use std::path::Path;

use gleaner_encoder::{EncodeError, Side};

use super::{FAMILIES, model, open};
use crate::harness::{copy, fixture};

/// The error of a fixture after `spoil` has been at its copy.
fn error(family: &str, spoil: impl FnOnce(&Path)) -> Option<EncodeError> {
    let folder = copy(&fixture(family));
    spoil(folder.path());
    open(folder.path()).map(|model| model.err().expect("a spoilt folder was opened"))
}

fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn tables_with_impossible_weights_are_named() {
    let Some(negative) = error("opensearch-v3", |folder| {
        edit(folder, "idf.json", "\"cat\": ", "\"cat\": -");
    }) else {
        return;
    };
    assert!(matches!(&negative, EncodeError::TableWeight { token, weight, .. }
        if token == "cat" && *weight < 0.0));
    assert!(negative.to_string().contains("idf.json"), "{negative}");
    let nan = error("opensearch-v3", |folder| {
        edit(folder, "idf.json", "\"cat\": ", "\"cat\": NaN, \"x\": ");
    });
    assert!(matches!(nan, Some(EncodeError::InvalidFile { what: "table of weights", .. })));
    for (weight, token) in [("NaN", "of"), ("-1", "of"), ("inf", "of")] {
        let lines = error("opensearch-v3", |folder| {
            let settings = "[query]\nencoder = 'idf'\nweights = 'query_token_weights.txt'";
            std::fs::write(folder.join("gleaner.toml"), settings).unwrap();
            edit(folder, "query_token_weights.txt", "of\t", &format!("of\t{weight}\nthe\t"));
        });
        let Some(EncodeError::TableWeight { token: found, .. }) = lines else {
            panic!("{lines:?}")
        };
        assert_eq!(found, token);
    }
    let text = error("opensearch-v3", |folder| {
        let settings = "[query]\nencoder = 'idf'\nweights = 'query_token_weights.txt'";
        std::fs::write(folder.join("gleaner.toml"), settings).unwrap();
        std::fs::write(folder.join("query_token_weights.txt"), "cat 1.0\ndog\n").unwrap();
    });
    assert!(matches!(text, Some(EncodeError::InvalidFile { what: "table of weights", .. })));
}

#[test]
fn tables_of_another_vocabulary_are_named() {
    let Some(unknown) = error("opensearch-v3", |folder| {
        edit(folder, "idf.json", "\"cat\": ", "\"feline\": 1.0, \"cat\": ");
    }) else {
        return;
    };
    assert!(matches!(&unknown, EncodeError::UnknownTokens { count: 1, first, .. }
        if first == &["feline"]));
    let rows = error("static-embedding", |folder| {
        edit(folder, "query_embeddings.json", "\"cat\": {", "\"feline\": {}, \"cat\": {");
    });
    assert!(matches!(rows, Some(EncodeError::UnknownTokens { .. })));
    let missing = error("opensearch-v3", |folder| {
        std::fs::remove_file(folder.join("idf.json")).unwrap();
        std::fs::remove_file(folder.join("query_token_weights.txt")).unwrap();
    });
    assert!(matches!(missing, Some(EncodeError::MissingFile { what: "table of weights", .. })));
    let binary = error("opensearch-v3", |folder| {
        std::fs::write(folder.join("idf.json"), [0xff, 0xfe, 0x7b]).unwrap();
    });
    assert!(matches!(binary, Some(EncodeError::InvalidFile { what: "table of weights", .. })));
}

#[test]
fn weights_that_leave_the_folder_are_refused() {
    let beside = "weights.bin";
    for (location, reason) in
        [("../weights0", "leaves"), ("/etc/passwd", "leaves"), ("no-such-fil", "no such file")]
    {
        let Some(error) = error("splade-max", |folder| {
            let path = folder.join("model.onnx");
            let bytes = std::fs::read(&path).unwrap();
            // The same number of bytes, so that the lengths before them stay right.
            let found = bytes.windows(beside.len()).position(|part| part == beside.as_bytes());
            let mut bytes = bytes.clone();
            let at = found.unwrap();
            bytes[at..at + beside.len()].copy_from_slice(location.as_bytes());
            std::fs::write(path, bytes).unwrap();
        }) else {
            return;
        };
        assert!(matches!(error, EncodeError::ExternalData { .. }), "{error:?}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    #[cfg(unix)]
    {
        let elsewhere = tempfile::tempdir().unwrap();
        std::fs::copy(fixture("splade-max").join(beside), elsewhere.path().join("w.bin")).unwrap();
        let error = error("splade-max", |folder| {
            let path = folder.join("model.onnx");
            let mut bytes = std::fs::read(&path).unwrap();
            let places: Vec<usize> = (0..bytes.len() - beside.len())
                .filter(|&at| bytes[at..].starts_with(beside.as_bytes()))
                .collect();
            for at in places {
                bytes[at..at + beside.len()].copy_from_slice(b"linked/w.bi");
            }
            std::fs::write(path, bytes).unwrap();
            std::fs::copy(elsewhere.path().join("w.bin"), elsewhere.path().join("w.bi")).unwrap();
            std::os::unix::fs::symlink(elsewhere.path(), folder.join("linked")).unwrap();
        });
        assert!(matches!(error, Some(EncodeError::ExternalData { .. })), "{error:?}");
    }
}

#[test]
fn settings_that_contradict_the_graph_are_named() {
    for (family, settings, key) in [
        ("splade-max", "[query]\ngraph = '../x.onnx'", "query.graph"),
        ("splade-max", "[document]\nprune = { ratio = 2.0 }", "prune"),
        ("splade-max", "[document]\ntemplate = 'no text'", "template"),
        ("splade-max", "[query]\nprefix = 'a'\ntemplate = '{text}'", "template"),
        ("splade-max", "max_length = { query = 9 }\n[query]\nmax_length = 8", "max_length.query"),
        ("splade-max", "pooling = 'sum'\nactivation = 'binary'", "activation"),
        ("splade-max", "gate = nan", "gate"),
        ("splade-max", "[terms]\nunit = 'word'", "terms.names"),
        ("splade-max", "[terms]\nfirst = 3", "terms.first"),
        ("splade-max", "[terms]\ncount = 3", "terms.count"),
        ("splade-max", "[terms]\ndrop = ['nothing']", "terms.drop"),
        ("codes", "pooling = 'max'\n[terms]\nunit = 'code'", "pooling"),
    ] {
        let error = error(family, |folder| {
            std::fs::write(folder.join("gleaner.toml"), settings).unwrap();
        });
        let Some(error) = error else { return };
        let EncodeError::InvalidSetting { key: found, .. } = error else { panic!("{error:?}") };
        assert_eq!(found, key, "{settings}");
    }
    for settings in ["[query]\nencodr = 'idf'", "[document]\nalso = ['ones']", "layout = 'lookup'"]
    {
        let error = error("splade-max", |folder| {
            std::fs::write(folder.join("gleaner.toml"), settings).unwrap();
        });
        assert!(matches!(error, Some(EncodeError::InvalidFile { what: "settings file", .. })));
    }
}

#[test]
fn a_wrong_layout_or_vocabulary_is_named() {
    let Some(stated) = error("splade-max", |folder| {
        std::fs::write(folder.join("gleaner.toml"), "layout = 'sparse'").unwrap();
    }) else {
        return;
    };
    assert!(matches!(stated, EncodeError::UnknownLayout { .. }), "{stated:?}");
    let named = error("splade-max", |folder| {
        std::fs::write(folder.join("gleaner.toml"), "outputs = { weights = 'x' }").unwrap();
    });
    assert!(matches!(named, Some(EncodeError::UnknownLayout { .. })), "{named:?}");
    let columns = error("phrases", |folder| {
        std::fs::write(folder.join("gleaner.toml"), "").unwrap();
    });
    let Some(error) = columns else { panic!() };
    assert!(matches!(error, EncodeError::VocabularyMismatch { .. }), "{error:?}");
    assert!(error.to_string().contains("[terms]"), "{error}");
}

/// Ids that the graph makes up are found when they come.
#[test]
fn a_sparse_graph_of_another_vocabulary_is_found_at_the_first_text() {
    let folder = copy(&fixture("sparse-outputs"));
    let path = folder.path().join("tokenizer.json");
    let mut tokenizer: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let vocabulary = tokenizer["model"]["vocab"].as_object_mut().unwrap();
    vocabulary.retain(|_, id| id.as_u64().unwrap() < 8);
    std::fs::write(&path, tokenizer.to_string()).unwrap();
    let Some(model) = open(folder.path()) else { return };
    let mut encoder = model.unwrap().encoder(1).unwrap();
    let error = encoder.encode(Side::Document, &["the of"]).unwrap_err();
    assert!(matches!(error, EncodeError::UnknownTerm { text: 0, terms: 8, .. }), "{error:?}");
}

#[test]
fn no_family_minds_empty_and_enormous_texts() {
    let enormous = ["cat ".repeat(1 << 18), "x".repeat(1 << 20), "\u{fffd}".repeat(1 << 14)];
    for (family, _) in FAMILIES {
        let Some(model) = model(family) else { return };
        let mut encoder = model.encoder(1).unwrap();
        for side in [Side::Query, Side::Document] {
            let texts = ["", " ", &enormous[0], &enormous[1], &enormous[2]];
            let vectors = encoder.encode(side, &texts).unwrap();
            assert_eq!(vectors[0], vectors[1], "{family}");
        }
    }
}

#[test]
fn weights_that_are_no_numbers_name_the_text() {
    let folder = copy(&fixture("splade-max"));
    let path = folder.path().join("weights.bin");
    let mut bytes = std::fs::read(&path).unwrap();
    for number in bytes.chunks_exact_mut(4) {
        number.copy_from_slice(&f32::NAN.to_le_bytes());
    }
    std::fs::write(&path, bytes).unwrap();
    let Some(model) = open(folder.path()) else { return };
    let error = model.unwrap().encoder(1).unwrap().encode(Side::Query, &["cat"]).unwrap_err();
    assert!(matches!(error, EncodeError::NonFinite { text: 0, .. }), "{error:?}");
    assert!(error.to_string().contains("export it again"), "{error}");
}

#[test]
fn files_that_are_no_text_are_named() {
    for (family, file) in [
        ("splade-max", "gleaner.toml"),
        ("phrases", "phrases.txt"),
        ("splade-max", "tokenizer.json"),
        ("opensearch-v3", "idf.json"),
        ("static-embedding", "query_embeddings.json"),
    ] {
        let error = error(family, |folder| {
            std::fs::write(folder.join(file), b"\xff\xfe\xfd invalid").unwrap();
        });
        let Some(error) = error else { return };
        let (EncodeError::InvalidFile { path, .. } | EncodeError::Read { path, .. }) = &error
        else {
            panic!("{file}: {error:?}")
        };
        assert!(path.ends_with(file), "{error:?}");
    }
}
