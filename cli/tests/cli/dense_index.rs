//! Dense fields through the binary: documents that bring vectors, a dense model, what an index
//! fixes when it is created, and what is refused or damaged.

use std::{fs, path::Path};

use gleaner::{SparseVector, exchange::write_vectors};
use serde_json::{Value, json};

use crate::harness::{Desk, copy_folder, fails, fixture, ok, ok_json, run, runtime_is_here, text};

/// The arguments that index a file.
fn indexing<'a>(index: &'a str, input: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["index", "--index", index, "--input", input], more].concat()
}

/// What `inspect --json` says.
fn inspect(index: &str) -> Value {
    ok_json(&["inspect", "--index", index, "--json"])
}

/// The vectors of a dense field by `_id`.
fn export(desk: &Desk, index: &str, field: &str) -> Vec<(String, Vec<f64>)> {
    let out = desk.path("export.jsonl");
    ok(&["export", "--index", index, "--dense", field, "--out", &out]);
    let lines = fs::read_to_string(out).unwrap();
    let read = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let numbers = line["vector"].as_array().unwrap().iter();
        (line["id"].to_string(), numbers.map(|number| number.as_f64().unwrap()).collect())
    };
    let mut vectors: Vec<(String, Vec<f64>)> = lines.lines().map(read).collect();
    vectors.sort_by(|a, b| a.0.cmp(&b.0));
    vectors
}

/// Documents with vectors: one without, one without a text.
fn given() -> [Value; 4] {
    [
        json!({"_id": "a", "text": "red wine", "emb": [1, 0, 0.1], "year": 2001}),
        json!({"_id": "b", "text": "white wine", "emb": [0.25, 1, -3e-3]}),
        json!({"_id": "c", "text": "rain", "emb": null}),
        json!({"_id": "d", "emb": [0, 2, 2]}),
    ]
}

const GIVEN: [&str; 2] = ["--dense-field", "emb=3:dot:f32"];

#[test]
fn documents_bring_their_vectors() {
    let desk = Desk::new();
    let (input, index) = (desk.lines("docs.jsonl", &given()), desk.path("index"));
    let output = run(&indexing(&index, &input, &GIVEN));
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("note: the index has no sparse model"));
    let search = ["search", "--index", &index, "--rank", "dense", "--dense-vector", "[1, 0.5, 0]"];
    let found = ok_json(&[&search[..], &["--json"]].concat());
    let hits = found["hits"].as_array().unwrap().iter();
    let hits: Vec<_> = hits.map(|hit| (hit["id"].as_str(), hit["score"].as_f64())).collect();
    assert_eq!(hits[..2], [(Some("a"), Some(1.0)), (Some("d"), Some(1.0))]);
    assert_eq!(hits.len(), 3);
    let said = ok(&["inspect", "--index", &index]);
    for line in ["emb (3 dimensions, dot, f32): 3 vectors, 36 bytes", "given by documents"] {
        assert!(said.contains(line), "{line:?} is not in {said}");
    }
    let field = &inspect(&index)["dense"][0];
    let [name, vectors, bytes] = ["name", "vectors", "vector_bytes"].map(|key| field[key].clone());
    assert_eq!((name, vectors, bytes), (json!("emb"), json!(3), json!(36)));
    let exported = fs::read_to_string({
        export(&desk, &index, "emb");
        desk.path("export.jsonl")
    });
    assert!(exported.unwrap().contains("{\"id\":\"b\",\"vector\":[0.25,1.0,-0.003]}\n"));
    let doctor = ok(&["doctor", "--index", &index, "--level", "full"]);
    assert!(doctor.contains("3 vectors read"), "{doctor}");
    // A second run says nothing of the field, and one that repeats it in part means the same.
    let more = desk.lines("more.jsonl", &[json!({"_id": "a", "text": "", "emb": [5, 5, 5]})]);
    ok(&indexing(&index, &more, &[]));
    ok(&indexing(&index, &more, &["--dense-field", "emb=3"]));
    ok(&["merge", "--index", &index]);
    assert_eq!(export(&desk, &index, "emb")[0].1, [5.0, 5.0, 5.0]);
    let export = ["export", "--index", &index, "--out", &desk.path("x"), "--dense", "others"];
    fails(&export, 2, "there is no dense field \"others\"; the index has emb");
}

#[test]
fn bad_vectors_are_rejected_by_line_and_field() {
    let desk = Desk::new();
    let index = desk.path("index");
    for (vector, says) in [
        ("[1, 2]", "docs.jsonl:2: dense field emb has 3 dimensions, the vector has 2"),
        ("[1, 2, \"3\"]", "docs.jsonl:2: cannot read dimension 2 of the dense field \"emb\""),
        ("[1, 1e39, 1]", "docs.jsonl:2: dimension 1 for dense field emb is inf"),
        ("\"1\"", "docs.jsonl:2: it is the text \"1\", and must be an array of numbers"),
    ] {
        let line = format!("{{\"_id\": \"x\", \"text\": \"x\", \"emb\": {vector}}}\n");
        let input = desk.write("docs.jsonl", format!("{}\n{line}{}\n", given()[0], given()[1]));
        fails(&indexing(&index, &input, &GIVEN), 3, says);
        let skip = ["--on-error", "skip", "--max-errors", "1"];
        ok(&indexing(&index, &input, &[&GIVEN[..], &skip].concat()));
        assert_eq!(export(&desk, &index, "emb").len(), 2);
    }
}

#[test]
fn what_no_index_can_have_is_a_usage_error() {
    let desk = Desk::new();
    let (input, index) = (desk.lines("docs.jsonl", &given()), desk.path("index"));
    for (flags, says) in [
        (&["--dense-field", "emb"][..], "give NAME=DIMS"),
        (&["--dense-field", "emb=3:l2"], "\"l2\" is no metric"),
        (&["--dense-field", "emb=3:dot:f8"], "\"f8\" is no storage"),
        (&["--dense-field", "emb=0"], "dense field emb has 0 dimensions"),
        (&["--dense-field", "emb=16385"], "allowed are 1 to 16384"),
        (&["--dense-field", "a b=3"], "\"a b\" names no dense field"),
        (&["--dense-field", "text=3"], "cannot bring a dense field \"text\""),
        (&["--dense-field", "a=3", "--dense-field", "a=4"], "there are two dense fields a"),
        (&["--dense-field", "a=3", "--dense-storage", "f32"], "--dense-model"),
        (&["--dense-field", "a=3", "--dense-metric", "dot"], "--dense-model"),
        (&["--dense-field", "a=3", "--analyzer", "klingon"], "give one of arabic"),
        (&["--dense-field", "a=3", "--fusion-depth", "0"], "the depth of fusion is 0"),
        (&["--dense-field", "a=3", "--fusion-depth", "100001"], "at most 100000"),
        (&[], "--dense-model DIR, --dense-field NAME=DIMS"),
    ] {
        fails(&indexing(&index, &input, flags), 2, says);
        assert!(!Path::new(&index).exists());
    }
}

#[test]
fn what_an_index_was_created_with_stays() {
    let desk = Desk::new();
    let (input, index) = (desk.lines("docs.jsonl", &given()), desk.path("index"));
    let fixed = ["--analyzer", "german", "--fusion-window", "50"];
    ok(&indexing(&index, &input, &[&GIVEN[..], &fixed].concat()));
    let said = ok(&["inspect", "--index", &index]);
    assert!(
        said.contains("analyzer    german\nfusion      of the first 50 of each leg\n"),
        "{said}"
    );
    let report = inspect(&index);
    assert_eq!((&report["analyzer"], &report["fusion_window"]), (&json!("german"), &json!(50)));
    for (flags, says) in [
        (&["--dense-field", "emb=4"][..], "the dense fields emb (3 dimensions, dot, f32) given by"),
        (&["--dense-field", "emb=3:cosine"], "not emb (3 dimensions, cosine, f32)"),
        (&["--dense-field", "emb=3::f16"], "leave them out to take those it has"),
        (&["--dense-field", "other=3"], "not other (3 dimensions, cosine, f16)"),
        (&["--analyzer", "english"], "the index analyses text as german, not english"),
        (&["--fusion-window", "1000"], "the first 50 hits of each leg, not 1000"),
    ] {
        fails(&indexing(&index, &input, flags), 1, says);
    }
    ok(&indexing(&index, &input, &[&GIVEN[..], &fixed].concat()));
    // Without dense fields nothing is there to add them to.
    let bare = desk.write("bare.jsonl", "{\"id\": \"a\", \"vector\": {\"1\": 2}}");
    let plain = desk.path("plain");
    ok(&indexing(&plain, &bare, &["--format", "vectors-jsonl"]));
    fails(&indexing(&plain, &input, &GIVEN), 1, "has the dense fields none, not emb (3");
    fails(&indexing(&plain, &input, &[]), 1, "neither a model nor dense fields");
}

#[test]
fn damage_to_dense_vectors_is_found_by_every_command() {
    let desk = Desk::new();
    let (input, index) = (desk.lines("docs.jsonl", &given()), desk.path("index"));
    ok(&indexing(&index, &input, &GIVEN));
    let mut files = fs::read_dir(&index).unwrap().map(|entry| entry.unwrap().path());
    let file = files.find(|path| path.extension().is_some_and(|name| name == "vec")).unwrap();
    let sound = fs::read(&file).unwrap();
    let mut flipped = sound.clone();
    flipped[sound.len() - 5] ^= 4;
    for damaged in [&flipped[..], &sound[..sound.len() - 1], &[]] {
        fs::write(&file, damaged).unwrap();
        let search =
            ["search", "--index", &index, "--rank", "dense", "--dense-vector", "[1, 1, 1]"];
        for args in [
            &search[..],
            &["inspect", "--index", &index],
            &["doctor", "--index", &index],
            &["merge", "--index", &index],
            &["export", "--index", &index, "--dense", "emb", "--out", &desk.path("x")],
            &indexing(&index, &input, &[]),
        ] {
            fails(args, 4, "the index is damaged");
        }
    }
}

#[test]
fn a_dense_model_makes_vectors_of_texts() {
    if !runtime_is_here() {
        return;
    }
    let desk = Desk::new();
    let lines = [
        json!({"_id": "a", "text": "red wine"}),
        json!({"_id": "b", "title": "cat", "text": "and dog"}),
        json!({"_id": "c", "text": "  "}),
    ];
    let (input, index) = (desk.lines("docs.jsonl", &lines), desk.path("index"));
    let (model, sparse) = (fixture("dense-mean"), fixture("splade-max"));
    let flags = ["--model", &sparse, "--dense-model", &model, "--dense-storage", "f32"];
    ok(&indexing(&index, &input, &flags));
    let encoded = desk.path("encoded.jsonl");
    ok(&["encode", "--model", &model, "--input", &input, "--out", &encoded]);
    let encoded = fs::read_to_string(encoded).unwrap();
    let exported = export(&desk, &index, "dense");
    assert_eq!(exported.len(), 2, "a blank text has no vector");
    for (line, (_, vector)) in encoded.lines().zip(&exported) {
        let line: Value = serde_json::from_str(line).unwrap();
        for (a, b) in line["vector"].as_array().unwrap().iter().zip(vector) {
            assert!((a.as_f64().unwrap() - b).abs() < 1e-6, "{line}: {vector:?}");
        }
    }
    let found = ok(&["search", "--index", &index, "--rank", "dense", "red wine", "--json"]);
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found["hits"][0]["id"], "a");
    assert!((found["hits"][0]["score"].as_f64().unwrap() - 1.0).abs() < 1e-6);
    let said = ok(&["inspect", "--index", &index]);
    assert!(said.contains("dense (8 dimensions, cosine, f32): 2 vectors, 64 bytes"), "{said}");
    assert!(said.contains("dense-mean\n") && said.contains("splade-max\n"), "{said}");
    // Given sparse vectors with a text are encoded, too; rows of a binary file have none.
    let given = desk.write(
        "given.jsonl",
        "{\"id\": \"d\", \"content\": \"red wine\", \"vector\": {\"1\": 2}}\n\
         {\"id\": \"e\", \"vector\": {\"1\": 2}}",
    );
    ok(&indexing(&index, &given, &["--format", "vectors-jsonl"]));
    let mut rows = Vec::new();
    write_vectors(&[SparseVector::from_pairs([(3, 1.0)]).unwrap()], 0, &mut rows).unwrap();
    ok(&indexing(&index, &desk.write("rows.bin", rows), &[]));
    let vectors = export(&desk, &index, "dense");
    let ids: Vec<_> = vectors.iter().map(|(id, _)| &id[..]).collect();
    assert_eq!(ids, ["\"a\"", "\"b\"", "\"d\""]);
    assert_eq!(vectors[0].1, vectors[2].1);
}

#[test]
fn a_dense_field_belongs_to_its_model() {
    if !runtime_is_here() {
        return;
    }
    let desk = Desk::new();
    let lines = [json!({"_id": "a", "text": "red wine"})];
    let (input, index) = (desk.lines("docs.jsonl", &lines), desk.path("index"));
    let (model, moved) = (desk.path("model"), desk.path("moved"));
    copy_folder(fixture("dense-cls"), &model);
    ok(&indexing(&index, &input, &["--dense-model", &model]));
    ok(&indexing(&index, &input, &[]));
    fs::rename(&model, &moved).unwrap();
    fails(&indexing(&index, &input, &[]), 1, "model_not_found: no model at");
    fails(&indexing(&index, &input, &[]), 1, "name it with --dense-model");
    let other = fixture("dense-max");
    let flags = |model| vec!["--dense-model", model];
    fails(&indexing(&index, &input, &flags(&other)), 1, "model_mismatch: the dense field dense");
    ok(&indexing(&index, &input, &flags(&moved)));
    assert_eq!(inspect(&index)["dense"][0]["model"]["path"], moved);
    ok(&indexing(&index, &input, &[]));
    let storage = ["--dense-model", &moved, "--dense-storage", "int8"];
    fails(&indexing(&index, &input, &storage), 1, "dense (8 dimensions, cosine, f16) made by");
    let added = ["--dense-field", "emb=3"];
    fails(&indexing(&index, &input, &added), 1, "made by a model, emb (3 dimensions");
    let (sparse, dense) = (fixture("splade-max"), fixture("dense-cls"));
    let fresh = desk.path("fresh");
    let as_dense = flags(&sparse);
    fails(&indexing(&fresh, &input, &as_dense), 2, "is a sparse model: name it with --model");
    let as_sparse = ["--model", &dense];
    fails(&indexing(&fresh, &input, &as_sparse), 2, "a dense model: name it with --dense-model");
    let silent = fixture("dense");
    fails(&indexing(&fresh, &input, &["--model", &silent]), 1, "index --dense-model");
    let gone = desk.path("gone");
    fails(&indexing(&fresh, &input, &flags(&gone)), 1, &gone);
    assert!(!Path::new(&fresh).exists());
    // Both kinds of fields, one after the other.
    let both = ["--dense-model", &moved, "--dense-field", "emb=3", "--long", "cut"];
    ok(&indexing(&fresh, &input, &both));
    let fields = inspect(&fresh)["dense"].clone();
    assert_eq!((&fields[0]["name"], &fields[1]["name"]), (&json!("dense"), &json!("emb")));
    assert_eq!((&fields[0]["vectors"], &fields[1]["vectors"]), (&json!(1), &json!(0)));
}

#[test]
fn a_vector_that_no_leg_uses_is_refused() {
    let desk = Desk::new();
    let document = json!({"_id": "a", "one": [1, 0], "two": [0, 1, 0]});
    let (input, index) = (desk.lines("docs.jsonl", &[document]), desk.path("index"));
    let fields = ["--dense-field", "one=2", "--dense-field", "two=3"];
    ok(&indexing(&index, &input, &fields));
    let search = |rank, vectors| {
        ["search", "--index", &index, "--rank", rank, "--dense-vector", vectors].map(str::to_owned)
    };
    let both = r#"{"one": [1, 0], "two": [0, 1, 0]}"#;
    let refused = search("dense:one", both);
    fails(&refused.each_ref().map(String::as_str), 2, "dense:one has no leg dense:two");
    let refused = search("rrf:dense:one,dense:two", "[1, 0]");
    fails(&refused.each_ref().map(String::as_str), 2, "several dense legs");
    let answered = search("rrf:dense:one,dense:two", both);
    ok(&answered.each_ref().map(String::as_str));
}
