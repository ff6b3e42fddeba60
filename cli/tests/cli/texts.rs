//! Words of every script, conditions of every kind, weights of every span: what is found is what is
//! asked for. HTTP has the same cases.

use serde_json::{Value, json};

use crate::harness::{Desk, fails, hits, ok, ok_json};

fn cases() -> Value {
    serde_json::from_str(include_str!("../../../engine/tests/cases/texts.json")).unwrap()
}

/// An index of the cases' documents.
fn index(desk: &Desk, cases: &Value) -> String {
    let documents = cases["documents"].as_array().unwrap();
    let lines: String = documents.iter().map(|document| format!("{document}\n")).collect();
    desk.write("docs.jsonl", lines);
    let (index, input) = (desk.path("texts"), desk.path("docs.jsonl"));
    ok(&["index", "--index", &index, "--input", &input, "--format", "vectors-jsonl"]);
    index
}

/// Ids that a search finds, in their order.
fn found(index: &str, more: &[&str]) -> Vec<String> {
    let args = [&["search", "--index", index, "--json", "-k", "50"], more].concat();
    let mut ids: Vec<String> = hits(&ok_json(&args)).into_iter().map(|hit| hit.0).collect();
    ids.sort();
    ids
}

#[test]
fn words_of_every_script_are_found() {
    let (desk, cases) = (Desk::new(), cases());
    let index = index(&desk, &cases);
    for case in cases["words"].as_array().unwrap() {
        let text = case[0].as_str().unwrap();
        let search = ["search", "--index", &index, "--json", "-k", "50", "--rank", "bm25", text];
        let answer = ok_json(&search);
        let mut ids: Vec<String> = hits(&answer).into_iter().map(|hit| hit.0).collect();
        ids.sort();
        assert_eq!(json!(ids), case[1], "{text}");
        check_note(&answer, &case[2], &case[0]);
    }
}

#[test]
fn conditions_mean_what_they_say() {
    let (desk, cases) = (Desk::new(), cases());
    let index = index(&desk, &cases);
    // A query that every document with a text answers to.
    let all: serde_json::Map<String, Value> =
        (1..20).map(|term| (term.to_string(), json!(1))).collect();
    let all = Value::Object(all).to_string();
    for case in cases["filters"].as_array().unwrap() {
        let filter = case[0].as_str().unwrap();
        let found = found(&index, &["--tokens", &all, "--filter", filter]);
        assert_eq!(json!(found), case[1], "{filter}");
    }
    for case in cases["jointly"].as_array().unwrap() {
        let filter = case[0].as_str().unwrap();
        let search = ["search", "--index", &index, "--json", "--tokens", &all, "--filter", filter];
        check_note(&ok_json(&search), &case[1], &case[0]);
    }
    for case in cases["refused"].as_array().unwrap() {
        let (filter, says) = (case[0].as_str().unwrap(), case[1].as_str().unwrap());
        fails(&["search", "--index", &index, "--tokens", &all, "--filter", filter], 2, says);
    }
}

/// Whether an answer has just the note that is expected, or none.
fn check_note(answer: &Value, expected: &Value, case: &Value) {
    let notes = answer["notes"].to_string();
    match expected.as_str() {
        Some(expected) => assert!(notes.contains(expected), "{case}: {notes}"),
        None => assert_eq!(answer["notes"].as_array().map_or(0, Vec::len), 0, "{case}: {notes}"),
    }
}

#[test]
fn keys_and_terms_that_nothing_has_are_noted() {
    let (desk, cases) = (Desk::new(), cases());
    let index = index(&desk, &cases);
    let search = ["search", "--index", &index, "--json"];
    for case in cases["fields"].as_array().unwrap() {
        let keys: Vec<&str> =
            case[0].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
        let more = ["--tokens", "{\"4\": 1}", "--fields", &keys.join(",")];
        let answer = ok_json(&[&search[..], &more].concat());
        for (key, value) in case[1].as_object().unwrap() {
            assert_eq!(answer["hits"][0]["fields"][key], *value, "{case}");
        }
        check_note(&answer, &case[2], case);
    }
    for case in cases["terms"].as_array().unwrap() {
        let answer = ok_json(&[&search[..], &["--tokens", &case[0].to_string()]].concat());
        let ids: Vec<String> = hits(&answer).into_iter().map(|hit| hit.0).collect();
        assert_eq!(json!(ids), case[1], "{case}");
        check_note(&answer, &case[2], case);
    }
}

#[test]
fn a_weight_is_kept_whatever_else_the_document_holds() {
    let (desk, cases) = (Desk::new(), cases());
    let index = index(&desk, &cases);
    for case in cases["weights"].as_array().unwrap() {
        let tokens = case[0].to_string();
        let answer = ok_json(&["search", "--index", &index, "--json", "--tokens", &tokens]);
        let (found, expected) = (hits(&answer), case[1].as_array().unwrap());
        assert_eq!(found.len(), expected.len(), "{tokens}: {found:?}");
        for (hit, expected) in found.iter().zip(expected) {
            let weight = expected[1].as_f64().unwrap();
            assert_eq!(json!(hit.0), expected[0], "{tokens}");
            assert!((hit.1 - weight).abs() <= weight / 131_072.0, "{tokens}: {hit:?}, {weight}");
        }
        assert_eq!(answer["exact"], true);
    }
    let report = ok_json(&["inspect", "--index", &index, "--json"]);
    let rows = &report["segments"][0]["rows_by_weight"];
    assert_eq!(*rows, json!({"bits_16": 20, "bits_20": 1, "bits_24": 2}));
}
