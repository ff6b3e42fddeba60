//! Models other than the shipped one, through the binary: encoders of queries, provenance, and
//! terms that are no tokens.

use std::{fs, path::Path};

use serde_json::Value;

use crate::harness::{fixture, ok, ok_json, run, runtime_is_here, text};

/// An index of four documents made by a fixture.
fn index(folder: &Path, family: &str) -> String {
    let texts = ["red wine and bread", "immunization", "old songs of the sea", "black tea"];
    // An id has no spaces.
    let line =
        |text: &str| format!("{{\"_id\": \"{}\", \"text\": \"{text}\"}}\n", text.replace(' ', "_"));
    let lines: String = texts.into_iter().map(line).collect();
    let corpus = folder.join("corpus.jsonl");
    fs::write(&corpus, lines).unwrap();
    let index = folder.join(format!("{family}.index")).to_str().unwrap().to_owned();
    let model = fixture(family);
    ok(&["index", "--index", &index, "--input", corpus.to_str().unwrap(), "--model", &model]);
    index
}

#[test]
fn an_index_answers_to_every_query_encoder_of_its_model() {
    if !runtime_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path(), "opensearch-v3");
    let search = |more: &[&str]| {
        let args = [&["search", "--index", &index, "red wine", "--json"], more].concat();
        ok_json(&args)
    };
    let scores: Vec<f64> = ["graph", "idf", "ones"]
        .iter()
        .map(|kind| search(&["--query-encoder", kind])["hits"][0]["score"].as_f64().unwrap())
        .collect();
    assert_eq!(search(&[])["hits"][0]["score"].as_f64().unwrap(), scores[1], "the stated one");
    assert!(scores[0] != scores[1] && scores[1] != scores[2], "{scores:?}");
    let refused = run(&["search", "--index", &index, "red wine", "--query-encoder", "embedding"]);
    let error = text(&refused.stderr);
    assert!(!refused.status.success() && error.contains("does not offer `embedding`"), "{error}");
}

#[test]
fn explanations_name_the_words_of_the_query() {
    if !runtime_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path(), "splade-max");
    let args = ["search", "--index", &index, "immunization", "--explain"];
    assert!(ok(&args).contains("← immunization"));
    let answer = ok_json(&[&args[..], &["--json"]].concat());
    let words = answer["query_words"].as_object().unwrap();
    assert!(!words.is_empty() && words.values().all(|word| word == "immunization"), "{words:?}");
    // In the order of the words, whatever the ids of their terms.
    let asked = "wine immunization red";
    let said = ok(&["search", "--index", &index, asked, "--explain", "--json"]);
    let listed = &said[said.find("\"query_words\"").unwrap()..];
    let places: Vec<usize> =
        asked.split(' ').filter_map(|word| listed.find(&format!("\"{word}\""))).collect();
    assert!(places.len() >= 2 && places.is_sorted(), "{listed}");
    let corpus = folder.path().join("corpus.jsonl");
    let model = fixture("splade-max");
    let lines =
        ok(&["encode", "--model", &model, "--input", corpus.to_str().unwrap(), "--provenance"]);
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["id"], "red_wine_and_bread");
    for term in first["terms"].as_array().unwrap().iter().filter(|term| !term["word"].is_null()) {
        let (start, end) = (&term["bytes"]["start"], &term["bytes"]["end"]);
        let bytes = start.as_u64().unwrap() as usize..end.as_u64().unwrap() as usize;
        assert_eq!(term["word"], &"red wine and bread"[bytes]);
    }
}

#[test]
fn terms_beyond_65536_are_indexed_and_found() {
    if !runtime_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path(), "codes");
    let args =
        ["search", "--index", &index, "black tea", "--json", "--explain", "--rank", "sparse"];
    let answer = ok_json(&args);
    assert_eq!(answer["hits"][0]["explanation"]["contributions"][0]["token"], Value::Null);
    let term = answer["hits"][0]["explanation"]["contributions"][0]["id"].as_u64().unwrap();
    assert!(term > 65_536);
    let model = fixture("codes");
    let tokens = format!("{{\"{term}\": 1.0}}");
    let args = ["search", "--index", &index, "--tokens", &tokens, "--model", &model, "--json"];
    let answer = ok_json(&args);
    assert!(!answer["hits"].as_array().unwrap().is_empty());
}

#[test]
fn inspect_says_how_each_side_encodes_a_text() {
    if !runtime_is_here() {
        return;
    }
    let model = fixture("opensearch-v3");
    let args = ["model", "inspect", &model, "--text", "red wine"];
    let shown = ok(&args);
    for part in ["idf", "Log1pLog1pRelu", "Logits", "2 terms of", "wine"] {
        assert!(shown.contains(part), "{shown}");
    }
    let card = ok_json(&[&args[..], &["--json"]].concat());
    assert_eq!(
        (&card["query"]["encoder"], &card["document"]["layout"]),
        (&"idf".into(), &"logits".into())
    );
    assert_eq!(card["sparsity"][0][1]["terms"], 2);
    let verdict = ok(&["model", "selftest", &model]);
    assert!(verdict.starts_with("passed: 26 texts"), "{verdict}");
    let side = shown.split("queries").nth(1).and_then(|rest| rest.split("documents").next());
    let side = side.unwrap();
    assert!(side.contains("idf.json") && !side.contains("layout"), "a table has none: {side}");
    let folder = tempfile::tempdir().unwrap();
    for file in ["model.onnx", "weights.bin", "tokenizer.json"] {
        fs::copy(fixture(&format!("splade-max/{file}")), folder.path().join(file)).unwrap();
    }
    let verdict = ok(&["model", "selftest", folder.path().to_str().unwrap()]);
    let says = "no golden vectors: only batches were checked";
    assert!(verdict.starts_with("passed: ") && verdict.contains(says), "{verdict}");
}
