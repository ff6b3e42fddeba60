//! Dense model folders through the binary: inspected, tested, encoded with, and never taken for
//! sparse ones. Indexing with them is `dense_index`'s.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::harness::{fails, fixture, ok, runtime_is_here};

#[test]
fn a_dense_folder_is_recognised_and_tested() {
    if !runtime_is_here() {
        return;
    }
    let said = ok(&["model", "inspect", &fixture("dense-mean"), "--text", "red wine"]);
    for line in ["dimensions    8", "pooling       mean", "normalised    yes", "documents 12"] {
        assert!(said.contains(line), "{line:?} is not in {said}");
    }
    let json = ok(&["model", "inspect", &fixture("dense-cls"), "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["kind"], &json["dims"]), (&"dense".into(), &8.into()));
    assert_eq!(json["query"]["template"], "light {text}");
    assert_eq!(json["vectors"][1]["vector"].as_array().unwrap().len(), 8);
    assert!(ok(&["model", "selftest", &fixture("dense-pooled")]).starts_with("passed: 13 texts"));
    let flag = ["model", "inspect", &fixture("dense-cls"), "--query-encoder", "idf"];
    fails(&flag, 2, "this one is dense");
}

#[test]
fn a_dense_folder_encodes_to_json_lines() {
    if !runtime_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (input, out) = (path("texts.jsonl"), path("out.jsonl"));
    let golden = fs::read(PathBuf::from(fixture("dense-max")).join("golden.json")).unwrap();
    let golden: Vec<Value> = serde_json::from_slice(&golden).unwrap();
    let lines: Vec<String> = golden
        .iter()
        .enumerate()
        .map(|(at, golden)| format!("{{\"_id\": \"t{at}\", \"text\": {}}}\n", golden["text"]))
        .collect();
    fs::write(&input, lines.concat()).unwrap();
    let model = fixture("dense-max");
    let encode = ["encode", "--model", &model, "--input", &input, "--threads", "2"];
    let close = |a: &Value, b: &Value| (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 1e-6;
    let same = |a: &Value, b: &Value| {
        let (a, b) = (a.as_array().unwrap(), b.as_array().unwrap());
        a.len() == 8 && a.iter().zip(b).all(|(a, b)| close(a, b))
    };
    ok(&[&encode[..], &["--out", &out]].concat());
    let written = fs::read_to_string(&out).unwrap();
    assert_eq!(written.lines().count(), golden.len());
    for (at, (line, golden)) in written.lines().zip(&golden).enumerate() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["id"], format!("t{at}"));
        assert!(same(&line["vector"], &golden["vector"]), "{line}");
    }
    let bare = ok(&[&encode[..], &["--format", "tei"]].concat());
    assert!(same(
        &serde_json::from_str(bare.lines().next().unwrap()).unwrap(),
        &golden[0]["vector"]
    ));
    fails(&[&encode[..], &["--format", "ciff"]].concat(), 2, "this model is dense");
    fails(
        &[&encode[..], &["--resume", "--out", &out]].concat(),
        2,
        "--resume is for sparse models",
    );
}

#[test]
fn a_dense_folder_is_no_sparse_model() {
    if !runtime_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("texts.jsonl");
    fs::write(&input, "{\"_id\": \"1\", \"text\": \"red wine\"}\n").unwrap();
    let index = folder.path().join("index");
    let (input, index) = (input.to_str().unwrap(), index.to_str().unwrap());
    let args = ["index", "--index", index, "--input", input, "--model", &fixture("dense-cls")];
    fails(&args, 2, "is a dense model: name it with --dense-model");
}
