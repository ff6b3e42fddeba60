//! First mistakes of the command line: what is said, with which exit code, and that the words are ours.

use std::process::Command;

use crate::harness::{Desk, fails, gleaner, ok, ok_json, refuses, run, text};

/// What clap, std and serde say, and nobody should read.
const FOREIGN: [&str; 16] = [
    "invalid digit",
    "invalid float",
    "number too large to fit",
    "expected value",
    "expected usize",
    "expected f32",
    "invalid type",
    "invalid value",
    "unexpected argument",
    "unrecognized subcommand",
    "required arguments were not provided",
    "cannot be used with",
    "cannot be used multiple times",
    "socket address syntax",
    "was not a boolean",
    "try '--help'",
];

/// Each command line, its words by blanks, is refused with exit code 2 and says this.
fn refused(table: &[(&str, &str)]) {
    for (line, says) in table {
        let args: Vec<&str> = line.split(' ').collect();
        fails(&args, 2, says);
        ours(&text(&run(&args).stderr));
    }
}

fn ours(said: &str) {
    for foreign in FOREIGN {
        assert!(!said.contains(foreign), "{foreign:?} in {said}");
    }
}

#[test]
fn values_that_are_no_numbers_are_named_with_what_to_give() {
    refused(&[
        ("search --index i x -k ten", "-k ten: give a whole number of 1 or more"),
        ("search --index i x -k 0", "-k 0: give a whole number of 1 or more"),
        ("search --index i x -k -1", "-k -1: give a whole number of 1 or more"),
        ("search --index i x --k=1.5", "-k 1.5: give a whole number of 1 or more"),
        ("search --index i x -k 99999999999999999999", "too large; give at most"),
        ("search --index i x --offset x", "--offset x: give a whole number of 0 or more"),
        ("search --index i x --min-score much", "--min-score much: give a number, such as 0.5"),
        ("search --index i x --effort 2", "--effort 2: give a number above 0 and at most 1"),
        ("search --index i x --threads 0", "--threads 0: give a whole number from 1 to 64"),
        ("search --index i x --timeout-ms 0", "--timeout-ms 0: give a whole number of 1 or more"),
        ("batch-search --index i --queries q --run r -k x", "-k x: give a whole number"),
        ("index --index i --input x --max-errors few", "--max-errors few: give a whole number"),
        ("index --index i --input x --threads 0", "--threads 0: give a whole number of 1 or more"),
        ("index --index i --input x --dense-field emb", "give NAME=DIMS, such as emb=768"),
        ("compare a b --qrels q --seed x", "--seed x: give a whole number of 0 or more"),
        ("compare a b --qrels q --permutations 0", "--permutations 0: give a whole number"),
        ("serve --data d --addr here", "--addr here: give an IP address and a port"),
        ("serve --data d --batch-wait-us 1ms", "--batch-wait-us 1ms: give a whole number"),
    ]);
}

#[test]
fn values_that_are_no_choice_are_named_with_the_choices() {
    refused(&[
        ("encode --model m --side docs", "--side docs: give one of query, document"),
        ("encode --model m --format jsonl", "--format jsonl: give one of tei, anserini"),
        ("index --index i --input x --analyzer englisch", "english is the nearest"),
        ("index --index i --input x --on-error ignore", "give one of fail, skip"),
        ("index --index i --input x --dense-model m --dense-metric l2", "give one of"),
        ("doctor --index i --level deep", "--level deep: give one of fast, full"),
    ]);
}

#[test]
fn json_that_cannot_be_read_is_explained() {
    let desk = Desk::new();
    let index = desk.path("index");
    let vectors = desk.write("v", "{\"id\": 1, \"vector\": {\"3\": 1.5}}\n");
    ok(&["index", "--index", &index, "--input", &vectors, "--format", "vectors-jsonl"]);
    for (flag, json, says) in [
        ("--tokens", "abc", "at column 1; give an object"),
        ("--tokens", "{3: 1}", "names stand in double quotes, and the whole in single quotes"),
        ("--tokens", "{\"3\": \"x\"}", "--tokens: the weight of \"3\" is \"x\"; give a number"),
        ("--tokens", "[1, 2]", "--tokens: 1 is none: an entry of a list is written"),
        ("--tokens", "7", "--tokens: 7 is no vector; give an object"),
        ("--dense-vector", "[1, 2", "--dense-vector: not JSON: it ends too early, at column 5"),
        ("--dense-vector", "[\"x\"]", "--dense-vector: give an array of numbers"),
        ("--dense-vector", "x", "--dense-vector: not JSON"),
        ("--boost", "vaccine", "--boost vaccine: give TOKEN=FACTOR, such as vaccine=2"),
    ] {
        let args = ["search", "--index", &index, "text", flag, json];
        fails(&args, 2, says);
        ours(&text(&run(&args).stderr));
    }
}

#[test]
fn flags_of_other_programs_lead_to_ours() {
    refused(&[
        ("search --index i x --topk 5", "gleaner search has no flag --topk; give -k N"),
        ("search --index i x --top-k 5", "has no flag --top-k; give -k N"),
        ("search --index i x --limit 5", "has no flag --limit; give -k N"),
        ("search --index i x -n 5", "has no flag -n; give -k N"),
        ("batch-search --index i --queries q --run r --topk=5", "give -k N"),
        ("batch-search --index i --queries q --output r", "has no flag --output; give --run FILE"),
        ("eval --index i --dataset d --metric AP", "has no flag --metric; give --metrics M,…"),
        ("eval --index i --dataset d --measure AP", "has no flag --measure; give --metrics M,…"),
        (
            "compare a b --qrels q --metric AP",
            "gleaner compare has no flag --metric; give --metrics",
        ),
        ("export --index i --format ciff --output o", "has no flag --output; give --out FILE"),
        ("encode --model m --output o", "has no flag --output; give --out FILE"),
        (
            "search --index i --query x",
            "the text stands without a flag: gleaner search --index DIR",
        ),
        ("batch-search --index i --query q --run r", "has no flag --query; give --queries FILE"),
        ("index --index i --input x --model-path m", "has no flag --model-path; give --model DIR"),
        ("encode --model-path m", "has no flag --model-path; give --model DIR"),
        ("index --index i --corpus x", "has no flag --corpus; give --input PATH"),
        ("search --index i x --explian", "has no flag --explian; --explain is the nearest"),
        ("search --index i x --dataset d", "it is a flag of gleaner eval, gleaner compare"),
    ]);
    refused(&[("search --index i -5°", "a text that begins with a dash stands behind --")]);
}

#[test]
fn a_run_to_read_and_a_run_to_write_are_told_apart() {
    refused(&[
        ("eval --run r --dataset d", "give --from-run FILE in place of --run FILE"),
        ("eval --index i --qrels q", "--qrels has judgements and no queries: give --queries FILE"),
        ("eval --index i --qrels q --dataset d", "both name the judgements"),
        ("eval --index i --queries q --dataset d", "--queries"),
        ("batch-search --index i --queries q --out r", "has no flag --out; give --run FILE"),
        ("index --index i --data d", "has no flag --data; give --input"),
        ("search --index i x --hybrid", "has no flag --hybrid; give --rank RANK"),
        ("doctor --index i --full", "has no flag --full; give --level LEVEL"),
        ("eval --index i --from-run r --dataset d", "to write a run, give --run FILE"),
        (
            "eval --from-run r --rank bm25 --dataset d",
            "--from-run measures a run, whose order is fixed",
        ),
        (
            "batch-search --index i --queries q --from-run r",
            "has no flag --from-run; give --run FILE",
        ),
        (
            "eval --dataset d",
            "gleaner eval needs --index DIR, the index to search; or --from-run FILE",
        ),
    ]);
}

#[test]
fn what_is_missing_is_named_with_an_example() {
    refused(&[
        ("search --index i", "gleaner search needs a text to search for"),
        ("search --index i --json", "a vector with --tokens or --dense-vector"),
        ("search x", "gleaner search needs --index DIR. For example: gleaner search --index"),
        ("index --index i", "gleaner index needs --input PATH. For example: gleaner index"),
        ("export --index i --out o", "gleaner export needs --format FORMAT, or --dense FIELD"),
        ("compare a b", "gleaner compare needs --qrels FILE, or --dataset DIR"),
        ("compare a --qrels q", "gleaner compare needs two runs or more"),
        ("index --index i --input x --window 5", "--window is for --long MODE, which is missing"),
        (
            "index --index i --input x --dense-metric dot",
            "is for --dense-model DIR, which is missing",
        ),
        ("search x --index", "--index needs a value: --index DIR"),
        ("model inspect", "gleaner model inspect needs DIR. For example: gleaner model inspect"),
    ]);
    let desk = Desk::new();
    let (index, input) =
        (desk.path("index"), desk.write("x", "{\"_id\": \"1\", \"text\": \"a\"}\n"));
    let args = ["index", "--index", &index, "--input", &input];
    fails(&args, 2, "a new index of texts needs --model DIR (for example data/models/splade-tiny)");
    let text = ["search", "--index", &index, "text"];
    fails(&text, 1, "create one with `gleaner index --index");
}

#[test]
fn what_is_too_much_is_named() {
    refused(&[
        (
            "encode a",
            "gleaner encode takes no text \"a\"; it reads texts from a file or from stdin",
        ),
        ("encode --model m word", "| gleaner encode --model DIR --input -"),
        ("index docs.jsonl", "inputs stand behind --input"),
        ("merge my.index", "every value stands behind its flag, such as --index DIR"),
        ("inspect my.index", "every value stands behind its flag, such as --index DIR"),
        ("search --index i x --json=true", "--json is a switch and takes no value"),
        ("search --index i --index j x", "--index is given twice; give it once"),
        ("search --index i x --like d", "--like and TEXT cannot stand together"),
        ("compare a b --qrels q --dataset d", "both name the judgements"),
        ("encode --model m --provenance --resume", "cannot stand together; leave one of them out"),
    ]);
}

#[test]
fn commands_that_do_not_exist_lead_to_ours() {
    refused(&[
        ("serach x", "there is no command `gleaner serach`; the nearest is `gleaner search`"),
        ("indx", "there is no command `gleaner indx`; the nearest is `gleaner index`"),
        ("query x", "there is no command `gleaner query`; the command is `gleaner search`"),
        ("evaluate", "the command is `gleaner eval`"),
        ("download m", "the command is `gleaner model pull`"),
        ("xyzzy", "the commands are demo, index, search"),
        ("model lst", "the nearest is `gleaner model list`"),
    ]);
}

#[test]
fn a_variable_that_is_wrong_is_named() {
    let with = |name: &str, value: &str| -> Command {
        let mut command = gleaner(&["search", "--index", "i", "x"]);
        command.env(name, value);
        command
    };
    for (name, value, says) in [
        ("GLEANER_K", "ten", "GLEANER_K (the variable of -k) ten: give a whole number"),
        (
            "GLEANER_JSON",
            "maybe",
            "GLEANER_JSON (the variable of --json) maybe: give true or false",
        ),
        ("GLEANER_MODEL", "", "GLEANER_MODEL (the variable of --model) is empty; give a value"),
        ("GLEANER_EFFORT", "3", "GLEANER_EFFORT (the variable of --effort) 3: give a number"),
        ("GLEANER_QUERY_ENCODER", "x", "GLEANER_QUERY_ENCODER (the variable of --query-encoder) x"),
    ] {
        refuses(with(name, value), 2, says);
        ours(&text(&with(name, value).output().unwrap().stderr));
    }
}

/// An index of three documents for bm25.
fn words_index(desk: &Desk) -> String {
    let index = desk.path("index");
    let lines = [
        serde_json::json!({"_id": "a", "title": "Cats", "text": "kittens need a box", "year": 2001}),
        serde_json::json!({"_id": "b", "title": "Ships", "text": "the harbour is full", "year": 2002}),
        serde_json::json!({"_id": "c", "title": "Box", "text": "a box of tea", "year": 2003}),
    ];
    let input = desk.lines("docs", &lines);
    ok(&["index", "--index", &index, "--input", &input, "--dense-field", "emb=2"]);
    index
}

#[test]
fn words_without_quotes_are_one_text() {
    let desk = Desk::new();
    let index = words_index(&desk);
    let search = |words: &[&str]| {
        let args = [&["search", "--index", &index, "--json", "--rank", "bm25"][..], words];
        ok_json(&args.concat())["hits"].clone()
    };
    let expected = search(&["kittens need a box"]);
    assert_eq!(expected.as_array().unwrap().len(), 2);
    assert_eq!(search(&["kittens", "need", "a", "box"]), expected);
    assert_eq!(search(&["kittens", "need", "--effort", "1", "a", "box"]), expected);
    assert_eq!(search(&["--", "kittens", "-need", "a", "box"]), expected);
    fails(&["search", "--index", &index, " ", ""], 2, "the query is blank");
}

#[test]
fn fields_are_shown_to_people_too() {
    let desk = Desk::new();
    let index = words_index(&desk);
    let search = ["search", "--index", &index, "kittens", "--rank", "bm25", "--fields"];
    for (fields, says) in
        [("year", "year: 2001"), ("text", "text: \"kittens"), ("_id,year", "year: 2001")]
    {
        let said = ok(&[&search[..], &[fields]].concat());
        assert!(said.contains("Cats") && said.contains(says), "{said}");
    }
}

#[test]
fn a_folder_of_indexes_a_port_in_use_and_a_table_as_lines_name_the_way_out() {
    let desk = Desk::new();
    let index = words_index(&desk);
    let inside = format!("so name one of them, such as --index {index}");
    let folder = desk.folder().to_str().unwrap();
    for args in [
        &["search", "--index", folder, "x"][..],
        &["inspect", "--index", folder],
        &["doctor", "--index", folder],
        &["merge", "--index", folder],
        &["export", "--index", folder, "--format", "vectors", "--out", "x.vec"],
    ] {
        fails(args, 1, &inside);
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let says = "another program listens there; give another port, such as --addr 127.0.0.1:";
    fails(&["serve", "--data", folder, "--addr", &addr], 1, says);
    let queries = desk.path("queries.txt");
    std::fs::write(&queries, "q1\tred wine\n").unwrap();
    let batch = ["batch-search", "--index", &index, "--queries", &queries, "--run", "x.run"];
    fails(&batch, 3, "a file that ends in .csv or .tsv");
}
