//! Texts longer than the model reads, as a user meets them: `--long`, what it finds, what it
//! refuses.

use std::path::Path;

use serde_json::Value;

use crate::harness::{fails, gleaner, hits, model, ok, ok_json, runtime_is_here, succeeds, text};

/// What a command that must succeed prints, and what it says beside it.
fn both(args: &[&str]) -> (String, String) {
    let output = succeeds(gleaner(args));
    (text(&output.stdout), text(&output.stderr))
}

/// A corpus whose first document speaks of penicillin where the model no longer reads.
fn corpus(folder: &Path) -> String {
    let harbour = "The ships lay in the harbour and waited for the wind to turn. ".repeat(40);
    let lines = [
        serde_json::json!({"_id": "long", "text": format!("{harbour} Fleming found penicillin, an antibiotic.")}),
        serde_json::json!({"_id": "ships", "text": "Ships in a harbour."}),
        serde_json::json!({"_id": "cats", "text": "Cats sleep for most of the day."}),
    ];
    let path = folder.join("corpus.jsonl");
    std::fs::write(&path, lines.map(|line| format!("{line}\n")).concat()).unwrap();
    path.to_str().unwrap().to_owned()
}

fn found(index: &str, query: &str) -> Vec<(String, f64)> {
    hits(&ok_json(&["search", "--index", index, query, "--rank", "sparse", "--json"]))
}

#[test]
fn the_end_of_a_long_text_is_found_where_it_is_kept() {
    if !runtime_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let input = corpus(folder.path());
    let (binding, at) = (model(), |name: &str| folder.path().join(name).display().to_string());
    let model = binding.to_str().unwrap();
    let (cut, max) = (at("cut"), at("max"));
    let (_, said) = both(&["index", "--index", &cut, "--input", &input, "--model", model]);
    assert!(said.contains("1 longer than the model reads"), "{said}");
    assert!(said.contains("was dropped"), "{said}");
    let index = ["index", "--index", &max, "--input", &input, "--model", model, "--long", "max"];
    let (_, said) = both(&[&index[..], &["--progress", "json"]].concat());
    let last: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!((&last["event"], &last["longer"]), (&"finished".into(), &1.into()), "{said}");

    let query = "who discovered penicillin";
    assert!(found(&cut, query).iter().all(|hit| hit.0 != "long"));
    assert_eq!(found(&max, query)[0].0, "long");
    // Short texts are what they were.
    let of = |index: &str| {
        found(index, "cats sleep most of the day").into_iter().find(|hit| hit.0 == "cats")
    };
    assert!(of(&cut).is_some() && of(&cut) == of(&max));

    let inspected = ok(&["inspect", "--index", &max]);
    assert!(inspected.contains("long texts  max, windows of 256 tokens that overlap by 32"));
    let inspected = ok(&["inspect", "--index", &max, "--json"]);
    let inspected: Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!(inspected["manifest"]["long"]["mode"], "max");
    // The index knows: again without the flag, and with it, but not with another.
    ok(&index[..7]);
    ok(&index);
    fails(&[&index[..], &["--overlap", "8"]].concat(), 1, "long_mismatch");
    fails(&[&index[..7], &["--long", "cut"]].concat(), 1, "long_mismatch");
}

#[test]
fn every_passage_is_searched_and_documents_are_found() {
    if !runtime_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (input, index) = (corpus(folder.path()), folder.path().join("index"));
    let (index, binding) = (index.to_str().unwrap(), model());
    let args = ["index", "--index", index, "--input", &input, "--model", binding.to_str().unwrap()];
    let args = [&args[..], &["--long", "passages", "--window", "64"]].concat();
    ok(&args);
    // Again: every passage of the documents that are replaced is gone.
    ok(&args);
    let json = |args: &[&str]| -> Value { ok_json(args) };
    let inspected = json(&["inspect", "--index", index, "--json"]);
    assert_eq!((&inspected["documents"], &inspected["deleted"]), (&3.into(), &0.into()));
    assert_eq!(inspected["manifest"]["long"]["mode"], "passages");
    let rows = inspected["segments"][0]["living_rows"].as_u64().unwrap();
    assert!(rows > 10, "{rows}");

    let query = ["search", "--index", index, "--json", "--fields", "text"];
    let response = json(&[&query[..], &["who discovered penicillin"]].concat());
    let best = &response["hits"][0];
    assert_eq!(best["id"], "long");
    let at = |end: &str| best["passage"][end].as_u64().unwrap() as usize;
    let passage = &best["fields"]["text"].as_str().unwrap()[at("start")..at("end")];
    assert!(at("start") > 0 && passage.contains("penicillin"), "{passage}");
    let ids: Vec<String> =
        found(index, "ships in the harbour").into_iter().map(|hit| hit.0).collect();
    assert_eq!(ids.iter().filter(|id| **id == "long").count(), 1, "{ids:?}");

    let doctor = ok(&["doctor", "--index", index, "--level", "full"]);
    assert!(doctor.contains("3 stored documents read, every _id unique"), "{doctor}");
    let out = folder.path().join("out.jsonl");
    let (_, said) = both(&[
        "export",
        "--index",
        index,
        "--format",
        "vectors-jsonl",
        "--out",
        out.to_str().unwrap(),
    ]);
    assert!(said.contains(&format!("{rows} passages of 3 documents")), "{said}");
    let exported = std::fs::read_to_string(&out).unwrap();
    assert_eq!(exported.lines().count() as u64, rows);
    for id in ["long#0", "long#1", "cats#0"] {
        assert!(exported.contains(&format!("\"{id}\"")), "{id} is missing");
    }
}

#[test]
fn windows_without_a_meaning_are_refused() {
    if !runtime_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (input, index) = (corpus(folder.path()), folder.path().join("index"));
    let index = index.to_str().unwrap();
    let binding = model();
    let args = ["index", "--index", index, "--input", &input, "--model", binding.to_str().unwrap()];
    let with = |more: &[&'static str], code, says| fails(&[&args[..], more].concat(), code, says);
    with(&["--long", "cut", "--window", "64"], 2, "--long cut has no windows");
    with(&["--window", "64"], 2, "--long");
    with(&["--long", "max", "--window", "257"], 1, "reads 256 tokens at once");
    with(&["--long", "max", "--window", "64", "--overlap", "40"], 1, "half of that at most");
    assert!(!Path::new(index).exists());
}
