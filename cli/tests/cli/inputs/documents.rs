//! Documents one by one: `get`, `delete`, lines that delete, and lines that change nothing.

use std::{fs, process::Stdio, time::Duration};

use serde_json::{Value, json};

use crate::harness::{Desk, fails, gleaner, model, ok, ok_json, runtime_is_here, succeeds, text};

/// An index of ten documents with vectors, `d0` to `d9`, of the years 2000 to 2009.
fn index(desk: &Desk) -> String {
    let lines: Vec<Value> = (0..10)
        .map(|i| json!({"_id": format!("d{i}"), "vector": {"7": i + 1}, "year": 2000 + i}))
        .collect();
    let (index, input) = (desk.path("index"), desk.lines("docs.jsonl", &lines));
    ok(&["index", "--index", &index, "--input", &input, "--format", "vectors-jsonl"]);
    index
}

fn documents(index: &str) -> Value {
    ok_json(&["inspect", "--index", index, "--json"])["documents"].clone()
}

/// What a command says on stderr.
fn said(args: &[&str]) -> String {
    text(&succeeds(gleaner(args)).stderr)
}

/// These counts of an indexing run, of its last event.
fn counts<const N: usize>(args: &[&str], names: [&str; N]) -> [u64; N] {
    let told = said(&[args, &["--progress", "json"]].concat());
    let mut events = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let last = events.rfind(|event| event["event"] == "finished").unwrap();
    names.map(|name| last[name].as_u64().unwrap())
}

#[test]
fn documents_are_shown_as_they_were_given() {
    let desk = Desk::new();
    let index = index(&desk);
    let shown = ok(&["get", "--index", &index, "d3", "d4"]);
    let shown: Vec<Value> = shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(shown, [json!({"_id": "d3", "year": 2003}), json!({"_id": "d4", "year": 2004})]);
    let whole = ok_json(&["get", "--index", &index, "d3", "--vectors"]);
    assert_eq!(whole["_vectors"]["sparse"], json!({"7": 4.0}));
    fails(&["get", "--index", &index, "d3", "x", "y"], 1, "no document has the _id \"x\", \"y\"");
    fails(&["get", "--index", &index], 2, "ID");
}

#[test]
fn documents_are_deleted_by_id_by_list_and_by_filter() {
    let desk = Desk::new();
    let index = index(&desk);
    let delete = ["delete", "--index", &index];
    let by = |more: &[&str]| said(&[&delete[..], more].concat());
    let dry = by(&["--filter", "year:<2003", "--id", "d2", "--id", "d9", "--id", "x", "--dry-run"]);
    assert!(dry.contains("4 of 10 documents would be deleted"), "{dry}");
    assert!(dry.contains("no document has the _id \"x\""), "{dry}");
    assert_eq!(documents(&index), 10);
    let by_id = by(&["--id", "d0", "--id", "x"]);
    assert!(by_id.contains("deleted 1 of 10 documents") && by_id.contains("\"x\""), "{by_id}");
    let ids = desk.write("ids", "\u{feff}d1\n\n d2 \nd1\n");
    assert!(by(&["--ids", &ids]).contains("deleted 2 of 9 documents"));
    assert!(by(&["--filter", "year:>=2008"]).contains("deleted 2 of 7 documents"));
    let none = by(&["--filter", "year:>2050"]);
    assert!(none.contains("deleted 0 of 5") && none.contains("no document meets"), "{none}");
    let answer = ok_json(&["search", "--index", &index, "--json", "--tokens", "{\"7\": 1}"]);
    let ids: Vec<&Value> =
        answer["hits"].as_array().unwrap().iter().map(|hit| &hit["id"]).collect();
    assert_eq!(ids, ["d7", "d6", "d5", "d4", "d3"]);
    fails(&delete, 2, "--id");
    fails(&[&delete[..], &["--filter", "year:>abc"]].concat(), 2, "year holds numbers");
    fails(&[&delete[..], &["--ids", "/no/such/file"]].concat(), 1, "/no/such/file");
    fails(&["delete", "--index", "/no/such", "--id", "a"], 1, "no index at /no/such");
}

#[test]
fn a_line_deletes_and_order_counts() {
    let desk = Desk::new();
    let index = index(&desk);
    let lines = [
        json!({"_id": "d1", "_deleted": true}),
        json!({"_id": "new", "vector": {"7": 50}}),
        json!({"_id": "d2", "vector": {"7": 60}}),
        json!({"_id": "d2", "_deleted": true}),
        json!({"_id": "d3", "_deleted": true}),
        json!({"_id": "d3", "vector": {"7": 70}}),
        json!({"_id": "x", "_deleted": true}),
    ];
    let input = desk.lines("changes.jsonl", &lines);
    let names = ["added", "replaced", "deleted", "missing"];
    let run = ["index", "--index", &index, "--input", &input, "--format", "vectors-jsonl"];
    assert_eq!(counts(&run, names), [2, 1, 3, 1]);
    let answer =
        ok_json(&["search", "--index", &index, "--json", "-k", "3", "--tokens", "{\"7\": 1}"]);
    let ids: Vec<&Value> =
        answer["hits"].as_array().unwrap().iter().map(|hit| &hit["id"]).collect();
    assert_eq!(ids, ["d3", "new", "d9"]);
    // In a new index, where nothing is looked up, the counts are the same.
    let fresh = desk.path("fresh");
    let run = ["index", "--index", &fresh, "--input", &input, "--format", "vectors-jsonl"];
    assert_eq!(counts(&run, names), [3, 0, 1, 3]);
    let input = desk.lines("bad.jsonl", &[json!({"_id": "d4", "_deleted": 1})]);
    let bad = ["index", "--index", &index, "--input", &input, "--format", "vectors-jsonl"];
    fails(&bad, 3, "\"_deleted\" is true, or it is not there");
}

#[test]
fn the_same_file_twice_encodes_nothing() {
    if !runtime_is_here() {
        return;
    }
    let desk = Desk::new();
    let line = |i: usize, text: &str| json!({"_id": format!("d{i}"), "text": text, "n": i});
    let mut lines: Vec<Value> = (0..20).map(|i| line(i, "boats on the river")).collect();
    let (index, model) = (desk.path("index"), model().to_str().unwrap().to_owned());
    let index_lines = |lines: &[Value]| {
        let input = desk.lines("docs.jsonl", lines);
        let run = ["index", "--index", &index, "--input", &input, "--model", &model];
        counts(&run, ["added", "replaced", "unchanged"])
    };
    assert_eq!(index_lines(&lines), [20, 0, 0]);
    assert_eq!(index_lines(&lines), [0, 0, 20]);
    // Another text, another key, and two lines of one document, of which the last is the old one.
    lines[3] = line(3, "trains in the valley");
    lines[4]["n"] = json!(5);
    lines.insert(0, line(7, "planes"));
    assert_eq!(index_lines(&lines), [0, 4, 17]);
    let found = ok_json(&["search", "--index", &index, "--json", "--rank", "bm25", "trains"]);
    assert_eq!(found["hits"][0]["id"], "d3");
    let found = ok_json(&["search", "--index", &index, "--json", "--rank", "bm25", "planes"]);
    assert_eq!(found["hits"], json!([]), "the last line of a document counts");
}

/// What is stored of a line does not have its vectors, so it does not say that they are the same.
#[test]
fn a_document_that_brought_a_vector_is_not_taken_for_its_text() {
    let desk = Desk::new();
    let index = desk.path("index");
    let text = json!({"_id": "a", "text": "boats"});
    let mut with_vector = text.clone();
    with_vector["emb"] = json!([1, 0]);
    let index_line = |line: &Value| {
        let input = desk.lines("docs.jsonl", std::slice::from_ref(line));
        let run = ["index", "--index", &index, "--input", &input, "--dense-field", "emb=2"];
        counts(&run, ["added", "replaced", "unchanged"])
    };
    assert_eq!(index_line(&with_vector), [1, 0, 0]);
    assert_eq!(index_line(&with_vector), [0, 1, 0]);
    assert_eq!(index_line(&text), [0, 1, 0]);
    assert_eq!(
        ok_json(&["get", "--index", &index, "a", "--vectors"])["_vectors"]["emb"],
        json!(null)
    );
    assert_eq!(index_line(&text), [0, 0, 1]);
    assert_eq!(index_line(&with_vector), [0, 1, 0]);
    let shown = ok_json(&["get", "--index", &index, "a", "--vectors"]);
    assert_eq!((&shown["text"], &shown["_vectors"]["emb"]), (&json!("boats"), &json!([1.0, 0.0])));
}

#[test]
fn a_writer_waits_for_another_one() {
    let desk = Desk::new();
    let index = index(&desk);
    // It reads its documents from a pipe, so it holds the lock until that is closed.
    let mut holder =
        gleaner(&["index", "--index", &index, "--input", "-", "--format", "vectors-jsonl"]);
    holder.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut holder = holder.spawn().unwrap();
    let lock = std::path::Path::new(&index).join(".tantivy-writer.lock");
    while !lock.exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(300));
    let delete = ["delete", "--index", &index, "--id", "d1"];
    fails(&delete, 1, "--wait SECONDS");
    fails(&["merge", "--index", &index], 1, "another program is writing to");
    let mut waiting = gleaner(&[&delete[..], &["--wait", "60"]].concat());
    let waiting = waiting.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let line = json!({"_id": "late", "vector": {"7": 1}}).to_string();
    std::io::Write::write_all(holder.stdin.as_mut().unwrap(), line.as_bytes()).unwrap();
    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
    let waited = waiting.wait_with_output().unwrap();
    assert!(waited.status.success(), "{}", text(&waited.stderr));
    assert!(text(&waited.stderr).contains("deleted 1 of 11 documents"));
    assert_eq!(documents(&index), 10);
    assert!(fs::read_dir(&index).unwrap().count() < 40);
}
