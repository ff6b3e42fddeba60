//! Where data come from and go to: stdin and stdout, packed files, folders, zips and tables; and
//! what is refused.

mod documents;
mod vectors;

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process::Stdio,
};

use crate::harness::{Desk, fails, gleaner, ok, ok_json, read_json, refuses, succeeds, text};

/// Three documents; the first two are about kittens.
const DOCUMENTS: [[&str; 4]; 3] = [
    ["a", "Kittens", "kittens need a litter box", "2001"],
    ["b", "Cats", "a kitten sleeps", "2002"],
    ["c", "Ships", "the harbour is full", "2003"],
];

fn line([id, title, text, year]: [&str; 4]) -> String {
    format!(
        "{{\"_id\": \"{id}\", \"title\": \"{title}\", \"text\": \"{text}\", \"year\": {year}}}\n"
    )
}

fn jsonl() -> String {
    DOCUMENTS.map(line).concat()
}

/// The documents as a table with this between the cells.
fn table(between: &str) -> String {
    let rows = DOCUMENTS.map(|row| row.join(between) + "\n").concat();
    ["_id", "title", "text", "year"].join(between) + "\n" + &rows
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn zip(path: &Path, files: &[(&str, &str)]) {
    let mut zip = zip::ZipWriter::new(File::create(path).unwrap());
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, text) in files {
        zip.start_file(*name, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
}

/// Runs a command with something on its stdin, and returns its stdout.
fn ok_reading(args: &[&str], stdin: &[u8]) -> String {
    let mut child = gleaner(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads a file in place of stdin may have ended before.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The arguments that index texts without a model.
fn indexing<'a>(index: &'a str, input: &'a str) -> Vec<&'a str> {
    vec!["index", "--index", index, "--input", input, "--dense-field", "emb=2"]
}

/// What a search for kittens of 2002 or later finds, and what is stored of it.
fn found(index: &str) -> String {
    let args = ["--rank", "bm25", "--fields", "title", "--json"];
    let answer = ok_json(&[&["search", "--index", index, "kitten"][..], &args].concat());
    let filter = ["--filter", "year:2002", "--rank", "bm25", "--json"];
    let filtered = ok_json(&[&["search", "--index", index, "kitten"][..], &filter].concat());
    format!("{} {}", answer["hits"], filtered["hits"])
}

#[test]
fn the_same_documents_are_indexed_from_wherever_they_come() {
    let desk = Desk::new();
    let folder = desk.folder();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
    };
    let lines = DOCUMENTS.map(line);
    file("plain.jsonl", jsonl().as_bytes());
    file("packed.jsonl.gz", &gzip(jsonl().as_bytes()));
    file("packed.jsonl.zst", &zstd(jsonl().as_bytes()));
    file("unnamed", &zstd(jsonl().as_bytes()));
    file("table.csv", table(",").as_bytes());
    file("table.tsv.gz", &gzip(table("\t").as_bytes()));
    file("several/1.jsonl", lines[0].as_bytes());
    file("several/2.jsonl.gz", &gzip((lines[1].clone() + &lines[2]).as_bytes()));
    file("several/notes.txt", b"not a document");
    file("beir/corpus.jsonl.zst", &zstd(jsonl().as_bytes()));
    zip(&folder.join("set.zip"), &[("set/queries.jsonl", ""), ("set/corpus.jsonl", &jsonl())]);
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let expected = {
        ok(&indexing(&path("index"), &path("plain.jsonl")));
        found(&path("index"))
    };
    assert!(expected.contains("\"b\"") && expected.contains("Cats"), "{expected}");
    for name in [
        "packed.jsonl.gz",
        "packed.jsonl.zst",
        "unnamed",
        "table.csv",
        "table.tsv.gz",
        "several",
        "beir",
        "set.zip",
        "set.zip/set/corpus.jsonl",
    ] {
        let index = path(&format!("index of {}", name.replace('/', "-")));
        ok(&indexing(&index, &path(name)));
        assert_eq!(found(&index), expected, "{name}");
    }
    for (at, bytes) in [jsonl().into_bytes(), gzip(jsonl().as_bytes())].iter().enumerate() {
        let index = path(&format!("index of stdin {at}"));
        ok_reading(&indexing(&index, "-"), bytes);
        assert_eq!(found(&index), expected);
        // A pipe with a name, or of a shell's `<(…)`, is read once, too.
        let piped = path(&format!("index of pipe {at}"));
        ok_reading(&indexing(&piped, "/dev/stdin"), bytes);
        assert_eq!(found(&piped), expected);
        // What was read is proved by the same bytes again.
        ok_reading(&[&indexing(&index, "-")[..], &["--resume"]].concat(), bytes);
    }
}

#[test]
fn vectors_are_read_packed_and_from_stdin() {
    let desk = Desk::new();
    let file = |name: &str| desk.folder().join(name).to_str().unwrap().to_owned();
    let lines =
        "{\"id\": 0, \"vector\": {\"3\": 1.5}}\n{\"id\": 1, \"vector\": {\"3\": 1, \"7\": 2}}\n";
    fs::write(file("v.jsonl"), lines).unwrap();
    let jsonl = ["--format", "vectors-jsonl"];
    ok(&[&["index", "--index", &file("first"), "--input", &file("v.jsonl")][..], &jsonl].concat());
    let exported =
        |index: &str| ok(&["export", "--index", index, "--format", "vectors-jsonl", "--out", "-"]);
    let expected = exported(&file("first"));
    for (format, out) in [("vectors", "v.bin"), ("ciff", "v.ciff")] {
        ok(&["export", "--index", &file("first"), "--format", format, "--out", &file(out)]);
        let bytes = fs::read(file(out)).unwrap();
        fs::write(file("packed"), gzip(&bytes)).unwrap();
        fs::write(file("packed.zst"), zstd(&bytes)).unwrap();
        let exports = ["packed", "packed.zst", "-"].map(|input| {
            let index = file(&format!("{format} of {input}"));
            let input = if input == "-" { input.to_owned() } else { file(input) };
            ok_reading(
                &["index", "--index", &index, "--input", &input, "--format", format],
                &bytes,
            );
            exported(&index)
        });
        assert!(exports.iter().all(|export| export == &exports[0]), "{format}");
        // CIFF has rounded weights: 100 times as large.
        assert!(format == "ciff" || exports[0] == expected, "{}", exports[0]);
    }
}

/// A BEIR folder with an index of its documents, all under `folder`.
fn beir(folder: &Path) -> [String; 2] {
    let set = folder.join("set");
    fs::create_dir_all(set.join("qrels")).unwrap();
    fs::write(set.join("corpus.jsonl"), jsonl()).unwrap();
    fs::write(set.join("queries.jsonl"), QUERIES).unwrap();
    fs::write(set.join("qrels/test.tsv"), QRELS).unwrap();
    let [set, index] = [set, folder.join("index")].map(|path| path.to_str().unwrap().to_owned());
    ok(&indexing(&index, &set));
    [set, index]
}

const QUERIES: &str =
    "{\"_id\": \"q1\", \"text\": \"kittens\"}\n{\"_id\": \"q2\", \"text\": \"harbour\"}\n";
const QRELS: &str = "query-id\tcorpus-id\tscore\nq1\tb\t1\nq2\tc\t1\n";

#[test]
fn queries_runs_and_judgements_come_from_anywhere_and_go_to_stdout() {
    let desk = Desk::new();
    let [set, index] = beir(desk.folder());
    let file = |name: &str| desk.folder().join(name).to_str().unwrap().to_owned();
    let search = |queries: &str, run: &str, stdin: &[u8]| {
        let args = ["batch-search", "--index", &index, "--queries", queries, "--run", run];
        ok_reading(&[&args[..], &["--rank", "bm25"]].concat(), stdin)
    };
    let queries = format!("{set}/queries.jsonl");
    assert_eq!(search(&queries, &file("run"), b""), "");
    let run = fs::read_to_string(file("run")).unwrap();
    assert_eq!(run.lines().count(), 3);
    fs::write(file("q.gz"), gzip(QUERIES.as_bytes())).unwrap();
    fs::write(file("q.csv"), "id,text\nq1,kittens\nq2,harbour\n").unwrap();
    for queries in [&file("q.gz"), &file("q.csv"), "-"] {
        assert_eq!(search(queries, "-", QUERIES.as_bytes()), run, "{queries}");
    }

    let eval =
        ["eval", "--dataset", &set, "--rank", "bm25", "--metrics", "nDCG@10", "--index", &index];
    let table = ok(&eval);
    let output = succeeds(gleaner(&[&eval[..], &["--json", "-"]].concat()));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(text(&output.stderr).contains(&table), "{}", text(&output.stderr));
    ok(&[&eval[..], &["--json", &file("json")]].concat());
    assert_eq!(read_json(file("json")), json);
    fails(&[&eval[..], &["--json", "-", "--run", "-"]].concat(), 2, "cannot both be `-`");

    fs::write(file("run.zst"), zstd(run.as_bytes())).unwrap();
    zip(
        &desk.folder().join("set.zip"),
        &[("x/queries.jsonl", QUERIES), ("x/qrels/test.tsv", QRELS)],
    );
    for from in [&file("run.zst"), "-"] {
        let args =
            ["eval", "--from-run", from, "--dataset", &file("set.zip"), "--metrics", "nDCG@10"];
        assert_eq!(ok_reading(&args, run.as_bytes()), table, "{from}");
    }
    let zip = file("set.zip");
    fails(
        &["eval", "--from-run", &file("run"), "--dataset", &zip, "--split", "dev"],
        1,
        "splits found beside it: test",
    );
    let compare = ["compare", &file("run"), "-", "--qrels", &file("q")];
    fs::write(file("q"), gzip(format!("# ours\nqid 0 doc rel\n{}", "q1 0 b 1\n").as_bytes()))
        .unwrap();
    assert!(ok_reading(&compare, run.as_bytes()).contains("nDCG@10"));
    fails(&["compare", "-", "-", "--qrels", &file("q")], 1, "stdin is read once");
}

#[test]
fn exported_vectors_and_their_ids_are_told_apart() {
    let desk = Desk::new();
    let file = |name: &str| desk.folder().join(name).to_str().unwrap().to_owned();
    fs::write(file("v"), "{\"id\": \"x\", \"vector\": {\"3\": 1.5}}\n").unwrap();
    let index = file("index");
    ok(&["index", "--index", &index, "--input", &file("v"), "--format", "vectors-jsonl"]);
    let export = ["export", "--index", &index, "--format", "vectors"];
    ok(&[&export[..], &["--out", &file("v.bin")]].concat());
    let mut command = gleaner(&[&export[..], &["--out", "-", "--ids", &file("ids")]].concat());
    command.current_dir(desk.folder());
    assert_eq!(succeeds(command).stdout, fs::read(file("v.bin")).unwrap());
    assert_eq!(fs::read_to_string(file("ids")).unwrap(), "x\n");
    assert!(!desk.folder().join("-.ids").exists());
    fails(&[&export[..], &["--out", "-"]].concat(), 2, "name it with --ids");
    fails(&[&export[..], &["--out", "-", "--ids", "-"]].concat(), 2, "cannot both be `-`");
    let other = ["export", "--index", &index, "--format", "ciff", "--out", "-", "--ids", "x"];
    fails(&other, 2, "--ids is for --format vectors");
    let names = fs::read_dir(desk.folder()).unwrap();
    let parts =
        names.filter(|name| name.as_ref().unwrap().path().to_string_lossy().ends_with(".part"));
    assert_eq!(parts.count(), 0);
}

#[test]
fn what_is_not_read_is_named_with_what_to_do() {
    let desk = Desk::new();
    let [set, index] = beir(desk.folder());
    let file = |name: &str| desk.folder().join(name).to_str().unwrap().to_owned();
    fs::write(file("x.parquet"), b"PAR1\x15\x04\x15\x10PAR1").unwrap();
    let parquet = file("x.parquet");
    let says = "it is a Parquet file, which is not read; convert it to JSONL";
    fails(&indexing(&file("new"), &parquet), 3, says);
    fails(&[&indexing(&file("new"), &parquet)[..], &["--format", "jsonl"]].concat(), 3, says);
    let search = ["batch-search", "--index", &index, "--run", "-", "--queries"];
    fails(&[&search[..], &[&parquet]].concat(), 3, says);
    fails(&["eval", "--dataset", &set, "--from-run", &parquet], 3, says);
    fails(&["compare", &parquet, &parquet, "--qrels", &parquet], 3, says);
    for (bytes, says) in [
        (&b"BZh91AY&SY"[..], "packed by bzip2"),
        (b"\xfd7zXZ\x00\x00", "packed by xz"),
        (b"%PDF-1.7\n", "a PDF"),
    ] {
        fs::write(file("x"), bytes).unwrap();
        fails(&indexing(&file("new"), &file("x")), 3, says);
    }
    let packed = gzip(jsonl().repeat(100).as_bytes());
    fs::write(file("cut.gz"), &packed[..packed.len() / 2]).unwrap();
    refuses(gleaner(&indexing(&file("new"), &file("cut.gz"))), 1, "cannot read");
    fs::create_dir(file("empty")).unwrap();
    fails(&indexing(&file("new"), &file("empty")), 2, "nor files named .jsonl");
    zip(&desk.folder().join("other.zip"), &[("readme.txt", "no documents")]);
    fails(&indexing(&file("new"), &file("other.zip")), 2, "a zip without corpus.jsonl");
    assert!(!desk.folder().join("new").exists());
}

#[test]
fn a_key_given_twice_is_refused_wherever_it_stands() {
    let desk = Desk::new();
    let [_, index] = beir(desk.folder());
    let file = |name: &str| desk.folder().join(name).to_str().unwrap().to_owned();
    let check = |args: &[&str], line: &str, key: &str| {
        fs::write(file("x"), line).unwrap();
        fails(args, 3, &format!("the key \"{key}\" is given twice"));
    };
    let (new, x) = (file("new"), file("x"));
    let documents = indexing(&new, &x);
    check(&documents, "{\"_id\": \"a\", \"_id\": \"b\", \"text\": \"\"}\n", "_id");
    check(&documents, "{\"_id\": \"a\", \"text\": \"\", \"text\": \"\"}\n", "text");
    check(&documents, "{\"_id\": \"a\", \"text\": \"\", \"m\": {\"k\": 1, \"k\": 1}}\n", "k");
    check(&documents, "{\"_id\": \"a\", \"emb\": [1, 0], \"emb\": [0, 1]}\n", "emb");
    let vectors = ["index", "--index", &new, "--input", &x, "--format", "vectors-jsonl"];
    check(&vectors, "{\"id\": 1, \"vector\": {\"1\": 1}, \"vector\": {}}\n", "vector");
    let queries = ["batch-search", "--index", &index, "--queries", &x, "--run", "-"];
    check(&queries, "{\"_id\": \"a\", \"text\": \"\", \"text\": \"b\"}\n", "text");
    let table = "id,text,id\n1,a,2\n";
    fs::write(file("x.csv"), table).unwrap();
    fails(&indexing(&new, &file("x.csv")), 3, "the column \"id\" is there twice");
}

#[test]
fn a_line_that_is_too_long_is_rejected_by_its_number() {
    let desk = Desk::new();
    let file = |name: &str| desk.folder().join(name).to_str().unwrap().to_owned();
    let long = line(["long", "x", &"y".repeat(1000), "1"]);
    fs::write(file("x"), line(DOCUMENTS[0]) + &long + &line(DOCUMENTS[2])).unwrap();
    let (index, x) = (file("index"), file("x"));
    let args = [&indexing(&index, &x)[..], &["--max-line-bytes", "500"]].concat();
    fails(&args, 3, "x:2: longer than 500 bytes");
    let skip = [&args[..], &["--on-error", "skip"]].concat();
    let output = succeeds(gleaner(&skip));
    assert!(text(&output.stderr).contains("1 rejected"), "{}", text(&output.stderr));
    let packed = gzip(long.as_bytes());
    fs::write(file("x.gz"), [packed, gzip(line(DOCUMENTS[1]).as_bytes())].concat()).unwrap();
    let packed = file("x.gz");
    let args = [&indexing(&index, &packed)[..], &["--max-line-bytes", "500"]].concat();
    fails(&args, 3, "x.gz:1: longer than 500 bytes");
}

#[test]
fn added_replaced_blank_and_missing_are_counted() {
    let desk = Desk::new();
    let file = |name: &str| desk.folder().join(name).to_str().unwrap().to_owned();
    let (index, x) = (file("index"), file("x"));
    let last = |lines: &str, more: &[&str]| -> serde_json::Value {
        fs::write(&x, lines).unwrap();
        let args = [&indexing(&index, &x)[..], &["--progress", "json"], more].concat();
        let stderr = text(&succeeds(gleaner(&args)).stderr);
        let mut events =
            stderr.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        events.rfind(|event| event["event"] == "finished").unwrap()
    };
    let counts = |event: &serde_json::Value| {
        ["added", "replaced", "unchanged", "rejected", "blank"]
            .map(|key| event[key].as_u64().unwrap())
    };
    let three = line(DOCUMENTS[0]) + "\n" + &line(DOCUMENTS[0]) + " \n" + &line(DOCUMENTS[0]);
    assert_eq!(counts(&last(&three, &[])), [1, 2, 0, 0, 2]);
    assert_eq!(counts(&last(&jsonl(), &[])), [2, 0, 1, 0, 0]);
    assert_eq!(counts(&last(&(jsonl() + "{}\n"), &["--on-error", "skip"])), [0, 0, 3, 1, 0]);
    let with = "{\"_id\": \"d\", \"text\": \"\", \"emb\": [1, 0]}\n";
    assert_eq!(last(&(jsonl() + with), &[])["without_dense"], serde_json::json!([3]));
    fs::write(&x, line(DOCUMENTS[0]) + with).unwrap();
    let stderr = text(&succeeds(gleaner(&indexing(&index, &x))).stderr);
    assert!(stderr.contains("2 documents, 0 added, 1 replaced"), "{stderr}");
    assert!(stderr.contains("1 unchanged"), "{stderr}");
    assert!(
        stderr.contains("1 of 2 documents have no vector in the dense field \"emb\""),
        "{stderr}"
    );
}

#[test]
fn answers_of_encode_are_queries_as_they_are() {
    let desk = Desk::new();
    let file = |name: &str| desk.folder().join(name).to_str().unwrap().to_owned();
    let vectors = "{\"id\": \"a\", \"vector\": {\"3\": 1.5}}\n{\"id\": \"b\", \"vector\": \
                   [{\"token\": \"x\", \"id\": 7, \"weight\": 2}]}\n";
    fs::write(file("v"), vectors).unwrap();
    let index = file("index");
    ok(&["index", "--index", &index, "--input", &file("v"), "--format", "vectors-jsonl"]);
    let tokens = "[{\"token\": \"x\", \"id\": 7, \"weight\": 0.5}, {\"token\": null, \"id\": 3, \"weight\": 0.1}]";
    let embedding = format!("{{\"tokens\": {tokens}}}");
    let answer = format!("{{\"model\": \"m\", \"embeddings\": [{embedding}, {{\"tokens\": []}}]}}");
    let one = format!("{{\"model\": \"m\", \"embeddings\": [{embedding}]}}");
    let search = |tokens: &str| {
        ok_json(&["search", "--index", &index, "--tokens", tokens, "--rank", "sparse", "--json"])["hits"]
            .clone()
    };
    let expected = search("{\"7\": 0.5, \"3\": 0.1}");
    assert_eq!(expected[0]["id"], "b");
    for query in
        [tokens, &embedding, &one, &tokens.replace("id", "index").replace("weight", "value")]
    {
        assert_eq!(search(query), expected, "{query}");
    }
    let tokens = ["search", "--index", &index, "--rank", "sparse", "--tokens"];
    fails(&[&tokens[..], &[&answer]].concat(), 2, "it has 2 embeddings; give one of them");
    fails(&[&tokens[..], &["[{\"id\": 1}]"]].concat(), 2, "an entry of a list is");
    let run = |format: &[&str]| {
        let args =
            ["batch-search", "--index", &index, "--rank", "sparse", "--queries", "-", "--run", "-"];
        ok_reading(&[&args[..], format].concat(), answer.as_bytes())
    };
    let lines = run(&[]);
    assert_eq!(lines, run(&["--format", "vectors-jsonl"]));
    let found: Vec<&str> = lines.lines().map(|line| line.split(' ').nth(2).unwrap()).collect();
    assert_eq!((found, lines.starts_with("0 Q0 ")), (vec!["b", "a"], true));
}

#[test]
fn a_page_past_the_end_says_so() {
    let desk = Desk::new();
    let [_, index] = beir(desk.folder());
    let search = ["search", "--index", &index, "kitten", "--rank", "bm25", "--offset"];
    let answer = ok_json(&[&search[..], &["2", "--json"]].concat());
    assert_eq!(answer["notes"][0], "the offset 2 is past the end: the list has 2 hits");
    let output = succeeds(gleaner(&[&search[..], &["50"]].concat()));
    assert!(text(&output.stderr).contains("note: the offset 50 is past the end"));
    assert!(text(&output.stdout).contains("no document on this page"));
    let within = ok_json(&[&search[..], &["1", "--json"]].concat());
    assert_eq!((within.get("notes"), within["hits"].as_array().unwrap().len()), (None, 1));
}

#[test]
fn judgements_of_another_collection_are_refused() {
    let desk = Desk::new();
    let [set, index] = beir(desk.folder());
    let qrels = |lines: &str| {
        fs::write(format!("{set}/qrels/test.tsv"), lines).unwrap();
    };
    let eval = ["eval", "--dataset", &set, "--rank", "bm25", "--index", &index];
    qrels("q1\tx1\t1\nq2\tx2\t1\n");
    fails(&eval, 3, "none of the 2 judged documents is in the index");
    qrels("q1\tx1\t1\nq1\tx2\t0\nq2\tc\t1\n");
    let stderr = text(&succeeds(gleaner(&eval)).stderr);
    assert!(stderr.contains("only 1 of 3 judged documents are in the index"), "{stderr}");
    qrels("q1\tx1\t1\nq2\tc\t1\n");
    let stderr = text(&succeeds(gleaner(&eval)).stderr);
    assert!(!stderr.contains("judged documents"), "{stderr}");
    let run = desk.folder().join("run");
    fs::write(&run, "q1 Q0 z 1 2.5 x\n").unwrap();
    let from_run = ["eval", "--dataset", &set, "--from-run", run.to_str().unwrap()];
    let stderr = text(&succeeds(gleaner(&from_run)).stderr);
    assert!(stderr.contains("no document that"), "{stderr}");
}
