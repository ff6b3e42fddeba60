//! Vectors in and out of the binary without a model: every format round trips, is searched end to
//! end, and is refused by file, place and reason where it is bad.

mod folder_files;

use std::{fs, path::Path};

use gleaner::{SparseVector, exchange::write_vectors};
use serde_json::Value;

use crate::harness::{Desk, fails, hits, model, ok, ok_json, run, runtime_is_here, text};

/// Indexes a file and returns the path of the index.
fn indexed(desk: &Desk, index: &str, input: &str, format: &str) -> String {
    let (index, input) = (desk.path(index), desk.path(input));
    ok(&["index", "--index", &index, "--input", &input, "--format", format]);
    index
}

/// The run of a query file over an index.
fn searched(desk: &Desk, index: &str, queries: &str) -> String {
    let (index, queries, run) = (desk.path(index), desk.path(queries), desk.path("out.trec"));
    ok(&["batch-search", "--index", &index, "--queries", &queries, "--run", &run]);
    fs::read_to_string(run).unwrap()
}

fn binary(vectors: &[SparseVector]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_vectors(vectors, 0, &mut bytes).unwrap();
    bytes
}

/// Weights with at most two decimals, as far as f32 has them.
fn random(rows: usize, seed: u64) -> Vec<SparseVector> {
    let mut state = seed;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % below
    };
    (0..rows)
        .map(|_| {
            let pairs: std::collections::BTreeMap<u32, f32> =
                (0..next(40)).map(|_| (next(300) as u32, (next(300) + 1) as f32 / 100.0)).collect();
            SparseVector::from_pairs(pairs).unwrap()
        })
        .collect()
}

/// `(query, document)` and score of every line.
fn scores(run: &str) -> std::collections::BTreeMap<(String, String), f64> {
    let line = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        ((fields[0].to_owned(), fields[2].to_owned()), fields[4].parse().unwrap())
    };
    run.lines().map(line).collect()
}

#[test]
fn an_export_indexes_to_the_same_answers() {
    let desk = Desk::new();
    desk.write("docs.bin", binary(&random(800, 1)));
    desk.write("queries.bin", binary(&random(20, 2)));
    let index = indexed(&desk, "first", "docs.bin", "vectors");
    let expected = searched(&desk, "first", "queries.bin");
    assert!(expected.lines().count() > 5000);
    for format in ["vectors", "vectors-jsonl", "ciff"] {
        let (out, again) = (desk.path(format), format!("again-{format}"));
        ok(&["export", "--index", &index, "--format", format, "--out", &out]);
        indexed(&desk, &again, format, format);
        let found = searched(&desk, &again, "queries.bin");
        if format != "ciff" {
            assert_eq!(found, expected, "{format}");
            continue;
        }
        let (found, expected) = (scores(&found), scores(&expected));
        assert!(found.keys().eq(expected.keys()));
        for (key, score) in &expected {
            assert!((found[key] / 100.0 - score).abs() < 1e-3 * score, "{key:?}");
        }
    }
    let report = ok_json(&["inspect", "--index", &index, "--json"]);
    assert_eq!((&report["documents"], &report["manifest"]["model"]), (&800.into(), &Value::Null));
    ok(&["doctor", "--index", &index, "--level", "full"]);
}

#[test]
fn queries_in_every_form_give_the_same_hits() {
    let desk = Desk::new();
    desk.write("docs.bin", binary(&random(300, 3)));
    // Recognised by its counts.
    let index = indexed(&desk, "i", "docs.bin", "auto");
    let query = SparseVector::from_pairs([(5, 1.5), (70, 0.5), (299, 2.0)]).unwrap();
    desk.write("q.bin", binary(std::slice::from_ref(&query)));
    let lines = r#"{"id": 0, "vector": {"70": 0.5, "5": 1.5, "299": 2}}"#;
    let lines = desk.write("q.jsonl", lines);
    let binary = searched(&desk, "i", "q.bin");
    let run_file = desk.path("r");
    let batch = ["batch-search", "--index", &index, "--queries", &lines, "--run", &run_file];
    ok(&[&batch[..], &["--format", "vectors-jsonl"]].concat());
    assert_eq!(fs::read_to_string(&run_file).unwrap(), binary);
    let tokens = r#"{"5": 1.5, "70": 0.5, "299": 2}"#;
    let search = ["search", "--index", &index, "--tokens", tokens, "--explain", "-k", "1000"];
    let answer = ok_json(&[&search[..], &["--json"]].concat());
    let ids = answer["hits"].as_array().unwrap().iter().map(|hit| hit["id"].as_str().unwrap());
    assert!(ids.eq(binary.lines().map(|line| line.split(' ').nth(2).unwrap())));
    assert!(ok(&search).contains("#299"), "terms without a vocabulary show their ids");
    // JSONL of texts is what a file of lines is unless it is said otherwise; the likely format is named.
    fails(&batch, 2, "q.jsonl is not JSONL of texts: its first line has a \"vector\"");
    fails(&batch, 2, "--format vectors-jsonl");
    let cut = desk.write("cut.bin", &fs::read(desk.path("docs.bin")).unwrap()[..500]);
    fails(&["index", "--index", &desk.path("n"), "--input", &cut], 2, "--format vectors");
    fails(&["index", "--index", &desk.path("n"), "--input", &lines], 2, "--format vectors-jsonl");
    fails(&["search", "--index", &index, "--tokens", "{\"dog\": 1}"], 2, "\"dog\" is no term id");
    fails(&["search", "--index", &index, "--tokens", "{"], 2, "not JSON");
    for (tokens, says) in [
        ("{\"4294967296\": 1}", "\"4294967296\" is above the largest term id, 4294967295"),
        ("{\"5\": 1, \"5\": 1}", "the token \"5\" is given twice"),
        ("{\"5\": -1}", "the token \"5\" has the negative weight -1"),
        ("{\"5\": NaN}", "the weight of \"5\""),
    ] {
        fails(&["search", "--index", &index, "--tokens", tokens], 2, says);
    }
    // A text may stand beside: it is for other legs.
    ok(&["search", "--index", &index, "q", "--tokens", "{}"]);
    fails(&["search", "--index", &index, "--like", "1", "--tokens", "{}"], 2, "--tokens");
    fails(&["search", "--index", &index], 2, "needs a text to search for");
    fails(
        &["search", "--index", &index, "--tokens", "{}", "--rank", "bm25"],
        2,
        "--tokens is of no use",
    );
    let bad = desk.write("bad.jsonl", "\n{\"id\": 1, \"vector\": {\"1\": -1}}\n");
    let batch = ["batch-search", "--index", &index, "--queries", &bad, "--run", &run_file];
    fails(
        &[&batch[..], &["--format", "vectors-jsonl"]].concat(),
        3,
        "bad.jsonl:2: the token \"1\" ",
    );
}

#[test]
fn people_see_the_heaviest_terms_and_the_sum_of_the_others() {
    let desk = Desk::new();
    let vector = SparseVector::from_pairs((1..=12).map(|term| (term, term as f32))).unwrap();
    desk.write("docs.bin", binary(std::slice::from_ref(&vector)));
    let index = indexed(&desk, "i", "docs.bin", "vectors");
    let tokens: Vec<String> = (1..=12).map(|term| format!("\"{term}\": 1")).collect();
    let tokens = format!("{{{}}}", tokens.join(", "));
    let search = ["search", "--index", &index, "--tokens", &tokens, "--explain"];
    let shown = ok(&search);
    assert_eq!(shown.lines().filter(|line| line.contains(" × ")).count(), 8, "{shown}");
    let others = shown.lines().find(|line| line.contains("4 more")).unwrap();
    assert!(others.ends_with(" 10.0000"), "1 + 2 + 3 + 4: {others}");
    let all = ok_json(&[&search[..], &["--json"]].concat());
    let contributions = &all["hits"][0]["explanation"]["contributions"];
    assert_eq!(contributions.as_array().unwrap().len(), 12);
}

#[test]
fn an_index_without_a_model_says_what_it_needs() {
    let desk = Desk::new();
    desk.write("docs.bin", binary(&random(30, 4)));
    let index = indexed(&desk, "i", "docs.bin", "vectors");
    let texts = desk.write("t.jsonl", "{\"_id\": 1, \"text\": \"x\"}\n");
    fails(&["search", "--index", &index, "violin"], 1, "--model");
    fails(&["search", "--index", &index, "violin"], 1, "search --tokens");
    let queries = desk.write("q.jsonl", "{\"_id\": 1, \"text\": \"x\"}\n");
    let run_file = desk.path("r");
    let batch = ["batch-search", "--index", &index, "--queries", &queries, "--run", &run_file];
    for bm25 in [&["search", "--index", &index, "violin"][..], &batch] {
        fails(&[bm25, &["--rank", "bm25"]].concat(), 2, "ranks by sparse");
    }
    fails(&["index", "--index", &index, "--input", &texts], 1, "an index of their own");
    fails(&["index", "--index", &desk.path("j"), "--input", &texts], 2, "--model DIR");
}

/// Indexing `bytes` fails with exit code 3, and says so.
fn refused(format: &str, bytes: impl AsRef<[u8]>, says: &str) {
    let desk = Desk::new();
    let (index, input) = (desk.path("i"), desk.write("input", bytes));
    fails(&["index", "--index", &index, "--input", &input, "--format", format], 3, says);
    // An index is left only where a document before the error was committed.
    if Path::new(&index).exists() {
        assert!(!ok(&["inspect", "--index", &index, "--json"]).contains("\"documents\": 0"));
    }
    assert!(fs::read_dir(desk.folder()).unwrap().count() <= 2, "nothing else is left");
}

#[test]
fn a_first_run_that_indexes_nothing_leaves_nothing() {
    let desk = Desk::new();
    let bad = desk.write("bad.jsonl", "{\"id\": 1}\n");
    let half = desk.write("half.jsonl", "{\"id\": 1, \"vector\": {\"1\": 1}}\n{\"id\": 2}\n");
    let index = desk.path("i");
    let args = ["index", "--index", &index, "--format", "vectors-jsonl", "--input"];
    fails(&[&args[..], &[&bad]].concat(), 3, "bad.jsonl:1");
    fails(&[&args[..], &[&bad, "--on-error", "skip"]].concat(), 1, "all 1 lines");
    assert!(!Path::new(&index).exists());
    // An empty folder that was there before stays, and stays empty.
    fs::create_dir(&index).unwrap();
    fails(&[&args[..], &[&bad]].concat(), 3, "bad.jsonl:1");
    assert_eq!(fs::read_dir(&index).unwrap().count(), 0);
    // What was committed before the error stays, and so does an index that was there before.
    fails(&[&args[..], &[&half]].concat(), 3, "half.jsonl:2");
    for _ in 0..2 {
        let report = ok_json(&["inspect", "--index", &index, "--json"]);
        assert_eq!(report["documents"], 1);
        fails(&[&args[..], &[&bad]].concat(), 3, "bad.jsonl:1");
    }
    assert_eq!(fs::read_dir(desk.folder()).unwrap().count(), 3, "two inputs and the index");
}

#[test]
fn bad_binary_files_are_named_with_row_and_reason() {
    let sound = binary(&[
        SparseVector::from_pairs([(1, 1.0), (2, 2.0)]).unwrap(),
        SparseVector::from_pairs([(3, 3.0), (4, 4.0)]).unwrap(),
    ]);
    let with = |at: usize, bytes: &[u8]| {
        let mut file = sound.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    // 20: starts; 44: terms; 60: weights.
    refused("vectors", &sound[..70], "by its own counts");
    refused("vectors", &sound[..10], "has 10 bytes, the shortest file of vectors has 28");
    refused("vectors", &sound[..20], "should have 76 bytes by its own counts, but has 20");
    let lines = "{\"id\": 1, \"vector\": {\"1\": 0.5}}\n";
    refused("vectors", lines, "is not a sound vectors file: it is something else");
    refused("vectors", lines, "lines of JSON are --format vectors-jsonl or jsonl");
    refused("vectors", [&sound[..], &[0]].concat(), "by its own counts");
    refused("vectors", with(0, &3u64.to_le_bytes()), "by its own counts");
    refused("vectors", with(8, &u64::MAX.to_le_bytes()), "18446744073709551615 postings");
    refused("vectors", with(28, &5u64.to_le_bytes()), "row 0 runs from posting 0 to 5");
    refused("vectors", with(20, &1u64.to_le_bytes()), "row 0 runs");
    refused("vectors", with(36, &3u64.to_le_bytes()), "to 3");
    refused("vectors", with(68, &f32::NAN.to_le_bytes()), "input: row 1: term 3 has weight NaN");
    refused("vectors", with(60, &(-1f32).to_le_bytes()), "input: row 0: term 1 has the negative");
    refused("vectors", with(64, &2e12f32.to_le_bytes()), "input: row 0: term 2 has weight");
    refused("vectors", with(52, &4u32.to_le_bytes()), "input: row 1: term");
    refused("vectors", with(16, &4u32.to_le_bytes()), "row 1: term 4 lies outside");
    refused("vectors", with(16, &1u32.to_le_bytes()), "row 0: 2 entries, more than");
}

#[test]
fn bad_lines_are_named_with_line_and_reason() {
    let line = |vector: &str| format!("\n{{\"id\": \"a\", \"vector\": {vector}}}\n");
    refused("vectors-jsonl", line("{\"dog\": 1}"), "input:2: the token \"dog\" is no term id");
    refused(
        "vectors-jsonl",
        line("{\"1\": 1, \"1\": 2}"),
        "input:2: the token \"1\" is given twice",
    );
    refused("vectors-jsonl", line("{\"1\": NaN}"), "input:2: cannot read the weight of \"1\"");
    refused("vectors-jsonl", line("{\"1\": -2}"), "input:2: the token \"1\" has the negative");
    refused("vectors-jsonl", line("{\"1\": 1e39}"), "input:2: the token \"1\" has weight inf");
    refused("vectors-jsonl", line("7"), "input:2: it is the number 7");
    refused("vectors-jsonl", "{\"id\": 1}", "input:1: the key \"vector\"");
}

#[test]
fn bad_ciff_files_are_named_with_part_and_reason() {
    let desk = Desk::new();
    desk.write("docs.bin", binary(&random(20, 6)));
    let (index, out) = (indexed(&desk, "i", "docs.bin", "vectors"), desk.path("c"));
    ok(&["export", "--index", &index, "--format", "ciff", "--out", &out]);
    let sound = fs::read(&out).unwrap();
    refused("ciff", &sound[..sound.len() - 2], "the file ends in document 20 of 20");
    refused("ciff", &sound[..sound.len() / 2], "the file ends in postings list");
    refused("ciff", [&sound[..], b"x"].concat(), "after the last of 20 documents");
    refused("ciff", b"plain text, not CIFF at all", "is not a sound CIFF file");
    // The header's third field is the number of documents.
    let at = sound.windows(2).position(|pair| pair == [0x18, 20]).unwrap() + 1;
    for (count, says) in [(21, "the file ends in document 21 of 21"), (5, "of 5")] {
        let mut lying = sound.clone();
        lying[at] = count;
        refused("ciff", lying, says);
    }
}

#[test]
fn vectors_of_a_model_are_searched_with_its_texts() {
    if !runtime_is_here() {
        return;
    }
    let model = model();
    let model = model.to_str().unwrap();
    let desk = Desk::new();
    let texts = desk.write(
        "t.jsonl",
        "{\"_id\": \"a\", \"text\": \"how to tune a violin\"}\n\
         {\"_id\": \"b\", \"text\": \"income tax in 2019\"}\n\
         {\"_id\": \"c\", \"text\": \"rivers and floods\"}\n",
    );
    let search = |index: &str| -> Vec<(String, f64)> {
        let args = ["search", "--index", index, "violin lessons", "--json"];
        hits(&ok_json(&args))
    };
    let direct = desk.path("direct");
    ok(&["index", "--index", &direct, "--input", &texts, "--model", model]);
    let expected = search(&direct);
    assert_eq!(expected[0].0, "a");
    for format in ["vectors-jsonl", "ciff"] {
        let (out, index) = (desk.path(&format!("{format}.v")), desk.path(format));
        ok(&["encode", "--model", model, "--input", &texts, "--format", format, "--out", &out]);
        let args = ["index", "--index", &index, "--input", &out, "--format", format];
        fails(&args, 3, "--model");
        ok(&[&args[..], &["--model", model]].concat());
        let found = search(&index);
        assert_eq!(found[0].0, "a");
        if format == "vectors-jsonl" {
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                assert!(found.0 == expected.0 && (found.1 - expected.1).abs() < 1e-4);
            }
        }
        // The document's text came along with the vector.
        let bm25 = ["search", "--index", &index, "violins", "--rank", "bm25"];
        match format {
            "ciff" => fails(&bm25, 2, "no document has a word of text"),
            _ => assert!(!ok(&bm25).contains("no document")),
        }
        let tokens = ["search", "--index", &index, "--tokens", "{\"violin\": 1}", "--explain"];
        assert!(ok(&[&tokens[..], &["--model", model]].concat()).contains("violin"));
    }
    // Vectors that nobody says are the model's go in with a note.
    let given = desk.write("given.jsonl", "{\"id\": \"d\", \"vector\": {\"7\": 1}}\n");
    let args = ["index", "--index", &direct, "--input", &given, "--format", "vectors-jsonl"];
    let noted = run(&args);
    let stderr = text(&noted.stderr);
    assert!(
        noted.status.success() && stderr.contains("given.jsonl must come from that same model")
    );
    // An index without a model answers to texts once one is named.
    let (out, bare) = (desk.path("v.bin"), desk.path("bare"));
    ok(&["encode", "--model", model, "--input", &texts, "--format", "vectors", "--out", &out]);
    let unbound = run(&["index", "--index", &bare, "--input", &out]);
    assert!(unbound.status.success() && !text(&unbound.stderr).contains("note:"));
    let found = ok(&["search", "--index", &bare, "violin lessons", "--model", model]);
    assert!(found.trim_start().starts_with("1.") && found.lines().next().unwrap().contains(" 0 "));
}

/// More rows than one window holds, so that threads have windows to share.
#[test]
fn threads_share_windows_and_queries_and_change_nothing() {
    let desk = Desk::new();
    desk.write("docs.bin", binary(&random(40_000, 11)));
    desk.write("queries.bin", binary(&random(30, 12)));
    let index = indexed(&desk, "i", "docs.bin", "vectors");
    let run_with = |threads: &str| {
        let (queries, out) = (desk.path("queries.bin"), desk.path("out"));
        let args = ["batch-search", "--index", &index, "--queries", &queries, "--run", &out];
        ok(&[&args[..], &["--threads", threads, "-k", "50"]].concat());
        fs::read_to_string(&out).unwrap()
    };
    let expected = run_with("1");
    assert_eq!(expected.lines().count(), 29 * 50, "one query of this seed is empty");
    assert_eq!(run_with("3"), expected);
    let search = |threads: &str| -> Value {
        let tokens = r#"{"5": 1.5, "70": 0.5, "299": 2}"#;
        let args = ["search", "--index", &index, "--tokens", tokens, "--profile", "--json"];
        ok_json(&[&args[..], &["--threads", threads]].concat())
    };
    let (one, two) = (search("1"), search("2"));
    assert_eq!((&one["hits"], &one["exact"]), (&two["hits"], &two["exact"]));
    assert_eq!(two["profile"]["windows_total"], 2);
    assert_eq!(two["profile"]["plan"], "block_max");
    fails(&["search", "--index", &index, "--tokens", "{}", "--threads", "0"], 2, "from 1 to 64");
}

#[test]
fn inspect_measures_what_less_effort_costs() {
    let desk = Desk::new();
    desk.write("docs.bin", binary(&random(3_000, 13)));
    let queries = desk.write("queries.bin", binary(&random(40, 14)));
    let index = indexed(&desk, "i", "docs.bin", "vectors");
    let inspect = ["inspect", "--index", &index, "--queries", &queries];
    let report = ok_json(&[&inspect[..], &["--json"]].concat());
    let curve = report["effort"].as_array().unwrap();
    let recalls: Vec<f64> = curve.iter().map(|point| point["recall"].as_f64().unwrap()).collect();
    assert_eq!((curve[0]["effort"].as_f64(), recalls[0]), (Some(1.0), 1.0));
    assert!(recalls.windows(2).all(|pair| pair[0] >= pair[1] - 0.02), "{recalls:?}");
    assert!(*recalls.last().unwrap() < 1.0, "half the effort loses something: {recalls:?}");
    assert!(ok(&inspect).contains("recall@10"));
    let nothing = desk.write("nothing.bin", binary(&[]));
    fails(&["inspect", "--index", &index, "--queries", &nothing], 2, "no query");
}

#[test]
fn terms_have_the_names_of_the_model_named() {
    if !runtime_is_here() {
        return;
    }
    let desk = Desk::new();
    let vector = SparseVector::from_pairs([(5, 1.0)]).unwrap();
    desk.write("docs.bin", binary(&[vector]));
    let index = indexed(&desk, "i", "docs.bin", "vectors");
    let search = ["search", "--index", &index, "--explain", "--model", model().to_str().unwrap()]
        .map(str::to_owned);
    let search: Vec<&str> = search.iter().map(String::as_str).collect();
    let by_token = ok(&[&search[..], &["--tokens", r#"{"[unused4]": 1}"#]].concat());
    assert!(by_token.contains("[unused4]"), "{by_token}");
}
