//! Blank texts have no vector, whatever encodes them.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Desk, fixture, hits, model, ok, ok_json, runtime_is_here};

/// Texts that say nothing, by their ids.
const BLANKS: [(&str, &str); 5] = [
    ("empty", ""),
    ("space", " "),
    ("lines", "\n\t \r\n"),
    ("wide", "\u{a0}\u{2003}\u{3000}"),
    ("zero", "\u{200b}\u{feff}"),
];

fn corpus(desk: &Desk) -> String {
    let mut lines: Vec<Value> =
        BLANKS.iter().map(|(id, text)| json!({"_id": id, "text": text})).collect();
    lines.push(json!({"_id": "titled", "title": " \t", "text": "\n"}));
    lines.push(json!({"_id": "wine", "text": "red wine"}));
    lines.push(json!({"_id": "cat", "title": "the cat", "text": "  "}));
    desk.lines("corpus.jsonl", &lines)
}

#[test]
fn blank_texts_have_empty_vectors() {
    if !runtime_is_here() {
        return;
    }
    let desk = Desk::new();
    let input = corpus(&desk);
    for family in [
        "splade-max",
        "splade-v1",
        "sparse-outputs",
        "unicoil",
        "binarised",
        "decoder",
        "opensearch-v3",
    ] {
        let model = fixture(family);
        for side in ["query", "document"] {
            let lines = ok(&["encode", "--model", &model, "--input", &input, "--side", side]);
            assert_eq!(lines.lines().count(), 8);
            for line in lines.lines() {
                let line: Value = serde_json::from_str(line).unwrap();
                let is_blank = line["vector"].as_object().unwrap().is_empty();
                let says = line["id"] == "wine" || line["id"] == "cat";
                assert_eq!(is_blank, !says, "{family} {side}: {line}");
            }
        }
    }
    let shipped = model();
    let traced =
        ok(&["encode", "--model", shipped.to_str().unwrap(), "--input", &input, "--provenance"]);
    let first: Value = serde_json::from_str(traced.lines().next().unwrap()).unwrap();
    assert_eq!(first["terms"], json!([]), "{first}");
}

#[test]
fn blank_documents_are_found_by_no_vector() {
    if !runtime_is_here() {
        return;
    }
    let desk = Desk::new();
    let input = corpus(&desk);
    let (shipped, dense) = (model(), fixture("dense-cls"));
    for long in ["cut", "max", "passages"] {
        let index = desk.path(long);
        ok(&[
            "index",
            "--index",
            &index,
            "--input",
            &input,
            "--model",
            shipped.to_str().unwrap(),
            "--dense-model",
            &dense,
            "--long",
            long,
        ]);
        let vectors = desk.path(&format!("{long}.jsonl"));
        ok(&["export", "--index", &index, "--dense", "dense", "--out", &vectors]);
        let vectors = fs::read_to_string(vectors).unwrap();
        for (id, _) in BLANKS.iter().filter(|(id, _)| *id != "zero") {
            assert!(!vectors.contains(&format!("\"{id}\"")), "{long}: {vectors}");
        }
        // The terms that this model gives to special tokens alone.
        for query in ["the", "red wine", ". , ! a of in"] {
            let args =
                ["search", "--index", &index, query, "--rank", "sparse", "--k", "20", "--json"];
            for (id, _) in hits(&ok_json(&args)) {
                assert!(id == "wine" || id == "cat", "{long}, {query}: {id}");
            }
        }
    }
}
