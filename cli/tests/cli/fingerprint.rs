//! Every way into an index with another model than its own is refused, and changes nothing.

use std::{fs, path::Path};

use crate::harness::{change_model, copy_folder, model, ok, run, runtime_is_here, sample, text};

fn mismatch(args: &[&str]) {
    let output = run(args);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {stderr}");
    let says_what_to_do = stderr.contains("; name the index's own model with --model, or build");
    assert!(stderr.contains("model_mismatch") && says_what_to_do, "{args:?}: {stderr}");
}

/// A place with an index of the sample, made with the model `own`; nothing without the runtime.
fn place() -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    if !runtime_is_here() {
        return None;
    }
    let own = folder.path().join("own");
    copy_folder(model(), &own);
    let index = folder.path().join("index");
    let corpus = sample();
    let [index, corpus, own] = [&index, &corpus, &own].map(|path| path.to_str().unwrap());
    ok(&["index", "--index", index, "--input", corpus, "--model", own]);
    Some(folder)
}

#[test]
fn every_command_refuses_another_model() {
    let Some(folder) = place() else { return };
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (index, other, run_file) = (path("index"), path("other"), path("run"));
    copy_folder(model(), Path::new(&other));
    change_model(Path::new(&other));
    let sample = sample();
    let (sample, queries) = (
        sample.to_str().unwrap().to_owned(),
        sample.join("queries.jsonl").to_str().unwrap().to_owned(),
    );
    let vectors = path("vectors.jsonl");
    fs::write(&vectors, "{\"id\": 1, \"vector\": {\"vitamin\": 1.5}}\n").unwrap();
    let binary = path("queries.bin");
    let encode = ["encode", "--model", &other, "--side", "query", "--input", &queries];
    ok(&[&encode[..], &["--format", "vectors", "--out", &binary]].concat());
    let before = ok(&["inspect", "--index", &index, "--json"]);
    let common = ["--index", &index, "--model", &other];
    for more in [
        &["search", "vitamin d"][..],
        &["search", "--tokens", "{\"vitamin\": 1}"],
        &["batch-search", "--queries", &queries, "--run", &run_file],
        &["batch-search", "--queries", &vectors, "--format", "vectors-jsonl", "--run", &run_file],
        &["batch-search", "--queries", &binary, "--format", "vectors", "--run", &run_file],
        &["inspect", "--queries", &binary],
        &["eval", "--dataset", &sample],
        &["index", "--input", &sample],
        &["index", "--input", &sample, "--resume"],
        &["index", "--input", &vectors, "--format", "vectors-jsonl"],
    ] {
        mismatch(&[more, &common].concat());
    }
    assert!(!Path::new(&run_file).exists());
    assert_eq!(ok(&["inspect", "--index", &index, "--json"]), before, "nothing was written");
    // Words need no model.
    assert!(ok(&["search", "--index", &index, "vitamin", "--rank", "bm25"]).contains('1'));
}

#[test]
fn a_model_that_changed_in_its_place_is_another_one() {
    let Some(folder) = place() else { return };
    let index = folder.path().join("index").to_str().unwrap().to_owned();
    ok(&["search", "--index", &index, "vitamin d"]);
    change_model(&folder.path().join("own"));
    let sample = sample().to_str().unwrap().to_owned();
    mismatch(&["search", "--index", &index, "vitamin d"]);
    mismatch(&["eval", "--index", &index, "--dataset", &sample]);
    mismatch(&["index", "--index", &index, "--input", &sample]);
    // The same model under another name is the same.
    let moved = folder.path().join("moved");
    copy_folder(model(), &moved);
    ok(&["search", "--index", &index, "vitamin d", "--model", moved.to_str().unwrap()]);
}
