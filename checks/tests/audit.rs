//! The audit finds what is wrong, and finds nothing wrong with Gleaner.
#![allow(clippy::unwrap_used)]

use std::{path::Path, process::Command};

use serde_json::Value;

/// Fails, with what to do, where Gleaner's own peer was not built: it is a program of another
/// crate.
fn require_peer() {
    let audit = Path::new(env!("CARGO_BIN_EXE_gleaner-audit"));
    let peer = audit.with_file_name(format!("gleaner-peer{}", std::env::consts::EXE_SUFFIX));
    assert!(peer.exists(), "there is no {}: build it, or test with --workspace", peer.display());
}

/// Runs the audit and returns whether the promise was kept, and the outcome.
fn audit(args: &[&str]) -> (bool, Value) {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("outcome.json");
    let output = Command::new(env!("CARGO_BIN_EXE_gleaner-audit"))
        .args(["run", "--json", json.to_str().unwrap()])
        .args(args)
        .output()
        .unwrap();
    let outcome = std::fs::read(&json)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.success(), serde_json::from_slice(&outcome).unwrap())
}

fn sum(outcome: &Value, truth: &str, field: &str) -> u64 {
    let cases = outcome["cases"].as_array().unwrap();
    cases.iter().map(|case| case[truth][field].as_u64().unwrap()).sum()
}

fn not_offered(outcome: &Value) -> usize {
    let cases = outcome["cases"].as_array().unwrap();
    cases.iter().filter(|case| !case["not_offered"].is_null()).count()
}

/// The windows' cases are left to `make audit`: they are the large ones.
const SMALL: [&str; 12] = [
    "ties",
    "boundary: 1",
    "boundary: 6",
    "boundary: 257",
    "block",
    "slope",
    "accumulators",
    "weights",
    "near",
    "empty",
    "term",
    "segments",
];

#[test]
fn the_product_and_the_bare_engine_lose_nothing() {
    require_peer();
    for record in ["product", "bare"] {
        let build = format!("{{\"record\": \"{record}\"}}");
        for cases in SMALL.iter().chain(&["deletes", "filter", "splade"]) {
            let (kept, outcome) = audit(&["--build", &build, "--cases", cases]);
            assert!(kept, "{record}, {cases}: {outcome:#}");
            let answers: u64 = outcome["cases"]
                .as_array()
                .unwrap()
                .iter()
                .map(|case| case["answers"].as_u64().unwrap())
                .sum();
            assert!(answers > 0 || not_offered(&outcome) > 0, "{record}, {cases}");
            assert!(record == "bare" || not_offered(&outcome) == 0, "{cases}");
        }
    }
}

fn fake(fault: &str, cases: &str) -> (bool, Value) {
    let engine = format!("{} fake", env!("CARGO_BIN_EXE_gleaner-audit"));
    let build = format!("{{\"fault\": \"{fault}\"}}");
    audit(&["--engine", &engine, "--build", &build, "--cases", cases])
}

#[test]
fn an_engine_without_fault_is_cleared() {
    for cases in ["boundary: 6", "ties: binary", "segments", "filter", "empty"] {
        assert!(fake("none", cases).0, "{cases}");
    }
}

#[test]
fn every_fault_is_found_and_named() {
    let faults = [
        ("last_block", "boundary: 65", "lost"),
        ("wrap", "accumulators: queries of 260", "wrong_scores"),
        ("strict_ties", "ties: one document", "missing"),
        ("order", "splade", "misordered"),
        ("scores", "splade", "wrong_scores"),
        ("duplicate", "splade", "duplicates"),
        ("invent", "boundary: 8", "bad_ids"),
        ("deletes", "deletes", "bad_ids"),
        ("late_filter", "filter", "missing"),
    ];
    for (fault, cases, kind) in faults {
        let (kept, outcome) = fake(fault, cases);
        assert!(!kept, "{fault} was not found");
        assert!(sum(&outcome, "own", kind) > 0, "{fault} is not {kind}: {outcome:#}");
    }
    let (kept, outcome) = fake("crash", "empty");
    assert!(!kept && outcome["cases"][0]["crashes"].as_u64().unwrap() > 0);
    assert!(outcome["cases"][0]["reasons"][0].as_str().unwrap().contains("an empty document"));
}
