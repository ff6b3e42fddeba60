//! Every program in `examples/` runs, one after the other on the same data, and says what it should.
//!
//! `cargo test` builds the examples; they lie beside the test binaries.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().unwrap().parent().unwrap().join("examples").join(name);
    assert!(built.is_file(), "{} is not built; run cargo test --workspace", built.display());
    built
}

/// Runs an example in the repository, where the shipped models are.
fn run(name: &str, args: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let output = Command::new(example(name)).args(args).current_dir(root).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} failed: {complained}\n{said}");
    said
}

#[test]
fn the_examples_say_what_they_should() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).to_string_lossy().into_owned();

    let own = run("bring_your_own_vectors", &[&place("own.index")]);
    assert!(own.contains("sparse: bird, cat"), "{own}");
    assert!(own.contains("\ndense: cat, bird"), "{own}");

    let inspected = run("inspect_an_index", &[&place("own.index")]);
    assert!(inspected.contains("3 documents"), "{inspected}");
    assert!(inspected.contains("ok bounds") && !inspected.contains("DAMAGED"), "{inspected}");

    if !has_runtime() {
        assert!(std::env::var_os("CI").is_none(), "the ONNX Runtime is missing; run make setup");
        eprintln!("SKIPPED the examples with models: the ONNX Runtime is missing; run make setup");
        return;
    }
    let texts = place("texts");
    fs::create_dir(&texts).unwrap();
    for (name, text) in [
        ("penicillin.txt", "Penicillin\nThe first antibiotic was discovered by Alexander Fleming."),
        ("flight.txt", "Compensation\nThe airline pays for a flight that is late."),
        ("notes.md", "No text file, so no document."),
    ] {
        fs::write(Path::new(&texts).join(name), text).unwrap();
    }
    let index = place("texts.index");
    let question = "who discovered antibiotics";
    let indexed = run("index_a_folder", &[&texts, &index, question]);
    assert!(indexed.contains("2 documents") && indexed.contains("1. "), "{indexed}");
    assert!(indexed.lines().nth(1).unwrap().ends_with("penicillin"), "{indexed}");

    let fused = run("search_and_fuse", &[&index, question]);
    assert!(fused.contains("rrf:sparse,bm25 (exact: true)"), "{fused}");
    assert!(fused.contains("1. penicillin \"Penicillin\""), "{fused}");

    let followed = run("follow_a_query", &[&index, question]);
    assert!(followed.contains("needs encoding: true"), "{followed}");
    assert!(followed.contains("from antibiotics"), "{followed}");

    let evaluated = run("evaluate_a_run", &["data/sample", &place("sample.index")]);
    assert!(evaluated.contains("sparse") && evaluated.contains("nDCG@10"), "{evaluated}");
}

fn has_runtime() -> bool {
    gleaner::Models::new().open_sparse(data("models/splade-tiny").as_ref()).is_ok()
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("data").join(name)
}
