//! The binary as a user meets it: the sample corpus end to end, errors and their exit codes,
//! death by SIGKILL and `--resume`, and HTTP answering as the command line does.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::harness::{
    BINARY, Desk, change_model, copy_folder, fails, fixture, gleaner, hits, model, ok, ok_json,
    read_json, root, run, runtime_is_here, sample, text,
};

/// The sample corpus, indexed once for all tests.
fn sample_index() -> Option<&'static Path> {
    static INDEX: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    if !runtime_is_here() {
        return None;
    }
    let (_, path) = INDEX.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let index = folder.path().join("sample.index");
        index_into(&index, &sample());
        (folder, index)
    });
    Some(path)
}

fn index_args<'a>(index: &'a Path, input: &'a Path, model: &'a Path) -> Vec<&'a str> {
    let path = |path: &'a Path| path.to_str().unwrap();
    vec!["index", "--index", path(index), "--input", path(input), "--model", path(model)]
}

fn index_into(index: &Path, input: &Path) {
    ok(&index_args(index, input, &model()));
}

fn search(index: &Path, query: &str, more: &[&str]) -> Value {
    let mut args = vec!["search", "--index", index.to_str().unwrap(), query, "--json"];
    args.extend(more);
    ok_json(&args)
}

#[test]
fn explanations_sum_to_the_score() {
    let Some(index) = sample_index() else { return };
    let answer = search(
        index,
        "pink eye contagious",
        &["--explain", "--profile", "-k", "5", "--rank", "sparse"],
    );
    assert_eq!(answer["exact"], true);
    assert_eq!(answer["ranking"], "sparse");
    assert!(answer["notes"][0].as_str().unwrap().contains("hybrid"), "{answer}");
    assert_eq!(answer["hits"].as_array().unwrap().len(), 5);
    for hit in answer["hits"].as_array().unwrap() {
        let explanation = &hit["explanation"];
        let contributions = explanation["contributions"].as_array().unwrap();
        let product = |c: &Value| c["product"].as_f64().unwrap();
        let sum: f64 = contributions.iter().map(product).sum();
        let score = hit["score"].as_f64().unwrap();
        assert!((sum - score).abs() < 1e-5 * score, "{sum} {score}");
        assert_eq!(explanation["score"], hit["score"]);
        assert!(contributions.iter().all(|c| c["token"].is_string()));
    }
    assert_eq!(answer["hits"][0]["id"], "sense-04");
    assert!(answer["profile"]["groups_total"].as_u64().unwrap() > 0);
}

#[test]
fn the_sample_measures_as_documented_and_thresholds_set_the_exit_code() {
    let Some(index) = sample_index() else { return };
    let (index, dataset) = (index.to_str().unwrap(), sample());
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("eval.json");
    let eval = ["eval", "--index", index, "--dataset", dataset.to_str().unwrap()];
    let with = |more: &[&'static str]| [&eval[..], more].concat();
    ok(&[&eval[..], &["--rank", "sparse", "--json", json.to_str().unwrap()]].concat());
    let report: Value = read_json(&json);
    let ndcg = report["metrics"]["nDCG@10"].as_f64().unwrap();
    assert!((ndcg - 0.7337).abs() < 0.002, "{ndcg}");
    assert_eq!(report["per_query"].as_object().unwrap().len(), 231);
    fails(&with(&["--fail-if", "nDCG@10<0.99"]), 5, "nDCG@10<0.99");
    ok(&with(&["--fail-if", "nDCG@10<0.5", "--rank", "bm25"]));
    fails(&with(&["--metrics", "nDCG@ten"]), 2, "nDCG@ten");
    fails(&with(&["--fail-if", "nDCG@10 is bad"]), 2, "nDCG@10 is bad");
}

#[test]
fn queries_and_judgements_may_be_files_of_any_form() {
    let Some(index) = sample_index() else { return };
    let (index, dataset, desk) = (index.to_str().unwrap(), sample(), Desk::new());
    let (queries, qrels) = (dataset.join("queries.jsonl"), dataset.join("qrels/test.tsv"));
    let (run_file, dataset) = (desk.path("bm25.run"), dataset.to_str().unwrap());
    let eval = ["eval", "--index", index, "--rank", "bm25"];
    let by_folder = ok(&[&eval[..], &["--dataset", dataset, "--run", &run_file]].concat());
    // The same as TREC and TSV write them.
    let (trec, tsv) = (desk.path("sample.qrels"), desk.path("queries.tsv"));
    let lines = fs::read_to_string(&qrels).unwrap();
    let judged = lines.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        format!("{} 0 {} {}\n", fields[0], fields[1], fields[2])
    });
    fs::write(&trec, judged.collect::<String>()).unwrap();
    let lines = fs::read_to_string(&queries).unwrap();
    let texts = lines.lines().map(|line| {
        let query: Value = serde_json::from_str(line).unwrap();
        format!("{}\t{}\n", query["_id"].as_str().unwrap(), query["text"].as_str().unwrap())
    });
    fs::write(&tsv, format!("_id\ttext\n{}", texts.collect::<String>())).unwrap();
    for queries in [queries.to_str().unwrap(), &tsv] {
        for qrels in [qrels.to_str().unwrap(), &trec] {
            let by_file = ok(&[&eval[..], &["--queries", queries, "--qrels", qrels]].concat());
            assert_eq!(by_file, by_folder, "{queries} {qrels}");
        }
    }
    assert_eq!(ok(&["eval", "--from-run", &run_file, "--qrels", &trec]), by_folder);
    let asked = ["eval", "--from-run", &run_file, "--qrels", &trec, "--queries", &tsv];
    fails(&asked, 2, "--queries");
    // Judgements of other queries would make every measure 0.
    fs::write(&trec, "other-1 0 travel-03 1\n").unwrap();
    let mixed = [&eval[..], &["--queries", &tsv, "--qrels", &trec]].concat();
    fails(&mixed, 3, "none of the 1 judged queries has a text");
}

#[test]
fn tokens_are_named_by_the_model_of_the_index() {
    let Some(index) = sample_index() else { return };
    let search = ["search", "--index", index.to_str().unwrap(), "--json", "--tokens"];
    let named = ok_json(&[&search[..], &["{\"flight\": 2, \"late\": 1}"]].concat());
    assert_eq!(named["hits"][0]["id"], "travel-03", "{named}");
    assert_eq!(named["ranking"], "sparse");
    fails(&[&search[..], &["{\"flihgt\": 2}"]].concat(), 2, "flihgt");
}

#[test]
fn the_word_help_shows_the_help_of_a_command() {
    assert_eq!(ok(&["help", "search"]), ok(&["search", "--help"]));
    assert_eq!(ok(&["help", "model", "list"]), ok(&["model", "list", "--help"]));
    assert_eq!(ok(&["help"]), ok(&["--help"]));
    fails(&["help", "serach"], 2, "gleaner search");
}

#[test]
fn a_run_file_measures_as_the_search_that_wrote_it() {
    let Some(index) = sample_index() else { return };
    let folder = tempfile::tempdir().unwrap();
    let run_file = folder.path().join("out.trec");
    let (run_file, dataset) = (run_file.to_str().unwrap(), sample());
    let dataset = dataset.to_str().unwrap();
    let index = index.to_str().unwrap();
    let searched =
        ok(&["eval", "--index", index, "--dataset", dataset, "--rank", "bm25", "--run", run_file]);
    let read = ok(&["eval", "--from-run", run_file, "--dataset", dataset]);
    assert_eq!(searched, read);
    // An output that is also the input is replaced only once it is complete.
    let again = ok(&["eval", "--from-run", run_file, "--dataset", dataset, "--run", run_file]);
    assert_eq!(again, read);
    let before = fs::read(run_file).unwrap();
    fails(&["eval", "--index", "/no/such", "--dataset", dataset, "--run", run_file], 1, "/no/such");
    assert_eq!(fs::read(run_file).unwrap(), before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no partial file is left");
}

#[test]
fn the_demo_builds_its_index_anew_for_other_models() {
    if !runtime_is_here() {
        return;
    }
    let desk = Desk::new();
    let (data, index) = (desk.path("data"), desk.path("index"));
    copy_folder(sample().join("qrels"), Path::new(&data).join("sample/qrels"));
    std::os::unix::fs::symlink(root().join("data/models"), format!("{data}/models")).unwrap();
    let corpus = Path::new(&data).join("sample/corpus.jsonl");
    fs::copy(sample().join("queries.jsonl"), corpus.with_file_name("queries.jsonl")).unwrap();
    // So few that the demo is quick.
    let whole = fs::read_to_string(sample().join("corpus.jsonl")).unwrap();
    fs::write(&corpus, whole.split_inclusive('\n').take(3).collect::<String>()).unwrap();
    let (model, dense) = (format!("{data}/models/splade-tiny"), fixture("dense-mean"));
    let corpus = corpus.to_str().unwrap();
    ok(&[
        "index",
        "--index",
        &index,
        "--input",
        corpus,
        "--model",
        &model,
        "--dense-model",
        &dense,
    ]);
    let said = ok(&["demo", "--data", &data, "--demo-index", &index]);
    assert!(said.contains("3 documents encoded"), "{said}");
    let said = ok(&["demo", "--data", &data, "--demo-index", &index]);
    assert!(said.contains("3 found from before"), "{said}");
}

#[test]
fn the_demo_refuses_an_index_that_is_not_its_own() {
    if !runtime_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("mine"), folder.path().join("c.jsonl"));
    write_corpus(&input, 10);
    index_into(&index, &input);
    let data = root().join("data");
    let demo = ["demo", "--data", data.to_str().unwrap(), "--demo-index", index.to_str().unwrap()];
    fails(&demo, 2, "other documents");
    assert_eq!(documents_in(&index), 10);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let Some(index) = sample_index() else { return };
    let args = ["search", "--index", index.to_str().unwrap(), "the", "--rank", "bm25"];
    let args = [&args[..], &["-k", "500", "--json", "--explain"]].concat();
    let words = args.iter().map(|arg| if *arg == "the" { "water cat car money" } else { arg });
    let mut child = gleaner(&words.collect::<Vec<_>>())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Long before the first byte is written.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "");
    assert!(output.status.success());
}

#[test]
fn batch_search_keeps_the_order_of_search() {
    let Some(index) = sample_index() else { return };
    let folder = tempfile::tempdir().unwrap();
    let run_file = folder.path().join("out.trec");
    let queries = sample().join("queries.jsonl");
    let index_arg = index.to_str().unwrap();
    ok(&[
        "batch-search",
        "--index",
        index_arg,
        "--queries",
        queries.to_str().unwrap(),
        "--run",
        run_file.to_str().unwrap(),
        "-k",
        "20",
    ]);
    let run = fs::read_to_string(run_file).unwrap();
    let query = fs::read_to_string(queries).unwrap();
    let query: Value = serde_json::from_str(query.lines().next().unwrap()).unwrap();
    let hits = search(index, query["text"].as_str().unwrap(), &["-k", "20"]);
    let ids: Vec<&str> = run
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .filter(|line| line[0] == query["_id"].as_str().unwrap())
        .map(|line| line[2])
        .collect();
    let expected: Vec<&str> =
        hits["hits"].as_array().unwrap().iter().map(|hit| hit["id"].as_str().unwrap()).collect();
    assert_eq!(ids, expected);
}

#[test]
fn blank_queries_of_a_batch_find_nothing_and_are_named() {
    let Some(index) = sample_index() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (queries, run_file) = (folder.path().join("q.jsonl"), folder.path().join("out.trec"));
    let lines = "{\"_id\": \"b1\", \"text\": \"\"}\n{\"_id\": \"a\", \"text\": \"water\"}\n\
                 {\"_id\": \"b2\", \"text\": \" \"}\n";
    let batch = |lines: &str| {
        fs::write(&queries, lines).unwrap();
        let paths = [index, &queries, &run_file].map(|path| path.to_str().unwrap());
        let [index, queries, out] = paths;
        let output = run(&["batch-search", "--index", index, "--queries", queries, "--run", out]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        (fs::read_to_string(&run_file).unwrap(), text(&output.stderr))
    };
    let (found, said) = batch(lines);
    assert!(!found.is_empty() && found.lines().all(|line| line.starts_with("a ")), "{found}");
    assert!(said.contains("2 queries are blank and find nothing, first \"b1\""), "{said}");
    assert_eq!(batch("{\"_id\": \"b1\", \"text\": \"\"}\n").0, "");
}

#[test]
fn encode_writes_what_other_engines_read() {
    if !runtime_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let queries = sample().join("queries.jsonl");
    let out = folder.path().join("out");
    let (model, input) = (model(), queries.to_str().unwrap());
    let encode = |format: &str| {
        let model = model.to_str().unwrap();
        ok(&[
            "encode",
            "--model",
            model,
            "--side",
            "query",
            "--input",
            input,
            "--format",
            format,
            "--out",
            out.to_str().unwrap(),
        ]);
        fs::read(&out).unwrap()
    };
    let first = |bytes: Vec<u8>| -> Value {
        serde_json::from_str(text(&bytes).lines().next().unwrap()).unwrap()
    };
    assert!(first(encode("tei"))[0]["value"].is_f64());
    assert!(first(encode("anserini"))["vector"].as_object().unwrap().values().all(Value::is_u64));
    let seismic = first(encode("vectors-jsonl"));
    assert!(seismic["vector"].as_object().unwrap().len() > 3 && seismic["content"].is_string());
    assert_eq!(encode("vectors")[..8], 231u64.to_le_bytes());
}

#[test]
fn inspect_export_and_doctor_agree_on_a_sound_index() {
    let Some(index) = sample_index() else { return };
    let index = index.to_str().unwrap();
    let report = ok_json(&["inspect", "--index", index, "--json"]);
    assert_eq!(report["documents"], 848);
    assert_eq!(report["manifest"]["inputs"][0]["complete"], true);
    ok(&["doctor", "--index", index]);
    let full = ok(&["doctor", "--index", index, "--level", "full", "--json"]);
    let full: Value = serde_json::from_str(&full).unwrap();
    assert_eq!((full["ok"].as_bool(), full["findings"].as_array().unwrap().len()), (Some(true), 3));
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("docs.bin");
    ok(&["export", "--index", index, "--format", "vectors", "--out", out.to_str().unwrap()]);
    assert_eq!(fs::read(&out).unwrap()[..8], 848u64.to_le_bytes());
    assert_eq!(
        fs::read_to_string(folder.path().join("docs.bin.ids")).unwrap().lines().count(),
        848
    );
}

#[test]
fn usage_errors_exit_with_2() {
    fails(&["search", "--no-such-flag"], 2, "--no-such-flag");
    fails(&["frobnicate"], 2, "frobnicate");
    fails(&["index", "--index", "x", "--input", "/no/such/file"], 2, "no such file");
    fails(&["search", "--index", "x", "q", "--rank", "random"], 2, "random");
    fails(&["eval", "--dataset", "x"], 2, "--index");
    fails(&["search", "--index", "x", "q", "--timeout-ms", "0"], 2, "1 or more");
    if let Some(index) = sample_index() {
        let index = index.to_str().unwrap();
        fails(&["search", "--index", index, "q", "--rank", "bm25", "-k", "0"], 2, "-k 0");
        fails(&["search", "--index", index, "q", "--filter", "no_such_key:1"], 2, "no_such_key");
        for blank in ["", " \t"] {
            fails(&["search", "--index", index, blank], 2, "the query is blank");
            fails(&["search", "--index", index, blank, "--rank", "bm25"], 2, "the query is blank");
        }
        fails(&["demo", "--demo-index", index, "--data", "/no/such/data"], 1, "/no/such/data");
    }
}

#[test]
fn failures_exit_with_1_and_name_the_remedy() {
    fails(&["search", "--index", "/no/such/index", "q"], 1, "gleaner index --index");
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("new.index");
    let empty = folder.path().join("empty.jsonl");
    fs::write(&empty, "\n \n").unwrap();
    let model = model();
    fails(&index_args(&index, &empty, &model), 1, "no document");
    assert!(!index.exists(), "an empty corpus creates nothing");
    let corpus = sample();
    let missing = Path::new("/no/such/model");
    let library = ["--ort-lib", "/no/such/libonnxruntime.so"];
    let args = index_args(&index, &corpus, &model);
    fails(&[&args[..], &library].concat(), 1, "/no/such/libonnxruntime.so");
    if runtime_is_here() {
        fails(&index_args(&index, &corpus, missing), 1, "/no/such/model");
    }
}

#[test]
fn a_missing_runtime_names_the_script() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("new.index");
    let (corpus, model) = (sample(), model());
    // A bare copy of the binary, so that no library lies beside it; an empty home, so that no
    // cache is found.
    let binary = folder.path().join("gleaner");
    fs::copy(BINARY, &binary).unwrap();
    let output = Command::new(&binary)
        .args(index_args(&index, &corpus, &model))
        .env("HOME", folder.path())
        .env_remove("XDG_CACHE_HOME")
        .env_remove("ORT_DYLIB_PATH")
        .env_remove("LD_LIBRARY_PATH")
        .env_remove("GLEANER_ORT_LIB")
        .output()
        .unwrap();
    if output.status.success() {
        eprintln!("SKIPPED: an ONNX Runtime is installed system-wide");
        return;
    }
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("make setup"), "{}", text(&output.stderr));
}

#[test]
fn bad_lines_exit_with_3_and_name_file_line_and_reason() {
    if !runtime_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("i"), folder.path().join("bad.jsonl"));
    fs::write(&input, "{\"_id\":\"a\",\"text\":\"sound\"}\n{\"_id\":\"b\", \"text\": 7}\n")
        .unwrap();
    let model = model();
    let args = index_args(&index, &input, &model);
    fails(&args, 3, "bad.jsonl:2: \"text\" is not a string");
    let skip = [&args[..], &["--on-error", "skip"]].concat();
    let output = run(&skip);
    assert!(output.status.success() && text(&output.stderr).contains("bad.jsonl:2"));
    fails(&[&skip[..], &["--max-errors", "0"]].concat(), 3, "--max-errors 0");
    fs::write(&input, "nothing\nsound\n").unwrap();
    let other = folder.path().join("other");
    let nothing = index_args(&other, &input, &model);
    fails(
        &[&nothing[..], &["--on-error", "skip"]].concat(),
        1,
        "all 2 lines or rows were rejected",
    );
}

#[test]
fn damage_exits_with_4_in_every_command() {
    let Some(sound) = sample_index() else { return };
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("damaged.index");
    copy_folder(sound, &index);
    let has_extension = |path: &PathBuf| path.extension().is_some_and(|e| e == "imp");
    let impacts =
        fs::read_dir(&index).unwrap().map(|e| e.unwrap().path()).find(has_extension).unwrap();
    let mut bytes = fs::read(&impacts).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&impacts, bytes).unwrap();
    let index = index.to_str().unwrap();
    let dataset = sample();
    let dataset = dataset.to_str().unwrap();
    fails(&["search", "--index", index, "q"], 4, ".imp");
    fails(&["doctor", "--index", index], 4, "checksum");
    let mut unread = gleaner(&["doctor", "--index", index]).stdout(Stdio::piped()).spawn().unwrap();
    drop(unread.stdout.take());
    assert_eq!(unread.wait().unwrap().code(), Some(4));
    fails(&["inspect", "--index", index], 4, ".imp");
    fails(&["eval", "--index", index, "--dataset", dataset], 4, ".imp");
    fails(
        &["index", "--index", index, "--input", dataset, "--model", model().to_str().unwrap()],
        4,
        ".imp",
    );
}

#[test]
fn another_model_is_refused() {
    let Some(index) = sample_index() else { return };
    let folder = tempfile::tempdir().unwrap();
    copy_folder(model(), folder.path());
    change_model(folder.path());
    let (index, other) = (index.to_str().unwrap(), folder.path().to_str().unwrap());
    fails(&["search", "--index", index, "q", "--model", other], 1, "model_mismatch");
    fails(&["search", "--index", index, "q", "--model", "/no/such/model"], 1, "/no/such/model");
}

/// Short documents: the encoder is quick, so that kills fall into every phase.
fn write_corpus(path: &Path, count: usize) {
    let lines = (0..count).map(|i| {
        let word = ["river", "engine", "tax", "cloud", "violin", "maple"][i % 6];
        let other = ["repair", "history", "price", "noise"][i / 6 % 4];
        format!("{{\"_id\":\"d{i}\",\"text\":\"{word} {other} number {}\"}}\n", i % 97)
    });
    fs::write(path, lines.collect::<String>()).unwrap();
}

fn documents_in(index: &Path) -> u64 {
    let report = ok(&["inspect", "--index", index.to_str().unwrap(), "--json"]);
    serde_json::from_str::<Value>(&report).unwrap()["documents"].as_u64().unwrap()
}

/// Starts indexing on one thread, waits until as many documents are committed, and kills.
fn index_until(index: &Path, input: &Path, committed: u64) -> u64 {
    let model = model();
    let args = [&index_args(index, input, &model)[..], &["--resume", "--threads", "1"]].concat();
    let mut child = gleaner(&args).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while !index.exists() || documents_in(index) < committed {
        assert!(start.elapsed() < Duration::from_secs(120), "{committed} documents never came");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    documents_in(index)
}

fn same_answers(a: &Path, b: &Path) {
    for query in ["violin repair", "what does an engine cost", "maple"] {
        let [a, b] = [a, b].map(|index| hits(&search(index, query, &["-k", "100"])));
        assert_eq!(a.len(), 100);
        for (a, b) in a.iter().zip(&b) {
            assert_eq!(a.0, b.0);
            assert!((a.1 - b.1).abs() < 1e-3);
        }
    }
}

#[test]
fn killed_at_any_moment_an_index_is_readable_and_resumes() {
    if !runtime_is_here() {
        return;
    }
    const DOCUMENTS: u64 = 12_000;
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("corpus.jsonl");
    write_corpus(&input, DOCUMENTS as usize);
    let [whole, killed, merging] =
        ["whole", "killed", "merging"].map(|name| folder.path().join(name));
    index_into(&whole, &input);
    // At the start, while the folder appears; then twice in the middle.
    index_until(&killed, &input, 0);
    let first = index_until(&killed, &input, 1);
    assert!(0 < first && first < DOCUMENTS, "{first} documents committed when killed");
    let committed = index_until(&killed, &input, first + 1);
    assert!(first < committed && committed <= DOCUMENTS, "{committed}");
    let model = model();
    let args = index_args(&killed, &input, &model);
    let output = run(&[&args[..], &["--resume", "--progress", "json"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let last = text(&output.stderr);
    let last: Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    assert_eq!(last["found"].as_u64().unwrap(), committed);
    assert_eq!(last["indexed"].as_u64().unwrap(), DOCUMENTS - committed);
    assert_eq!(documents_in(&killed), DOCUMENTS);
    ok(&["doctor", "--index", killed.to_str().unwrap(), "--level", "full"]);
    same_answers(&whole, &killed);
    // With everything committed, while segments are merged.
    assert_eq!(index_until(&merging, &input, DOCUMENTS), DOCUMENTS);
    ok(&["doctor", "--index", merging.to_str().unwrap(), "--level", "full"]);
    same_answers(&whole, &merging);
    assert!(index_until(&merging, &input, DOCUMENTS) == DOCUMENTS);
}

#[cfg(unix)]
#[test]
fn an_interrupt_commits_and_says_how_to_go_on() {
    if !runtime_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("i"), folder.path().join("corpus.jsonl"));
    write_corpus(&input, 40_000);
    let model = model();
    let child =
        gleaner(&index_args(&index, &input, &model)).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while !index.exists() || documents_in(&index) == 0 {
        assert!(start.elapsed() < Duration::from_secs(120), "nothing is ever committed");
        std::thread::sleep(Duration::from_millis(50));
    }
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupt.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("--resume"));
    let committed = documents_in(&index);
    assert!(committed > 0 && committed < 40_000, "{committed}");
}

/// A server that is stopped with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn http(port: u16, request: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let status = response[9..12].parse().unwrap();
    let body = response.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

fn get(port: u16, path: &str) -> (u16, Value) {
    http(port, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
}

fn post(port: u16, path: &str, body: &str) -> (u16, Value) {
    let length = body.len();
    http(
        port,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: \
             application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    )
}

#[test]
fn http_answers_as_the_command_line_does() {
    let Some(index) = sample_index() else { return };
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let data = index.parent().unwrap().to_str().unwrap();
    let mut child = gleaner(&["serve", "--data", data, "--addr", &address])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let _server = Server(child);
    assert!(stderr.lines().any(|line| line.unwrap().contains("serving")));
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(start.elapsed() < Duration::from_secs(20), "the server does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(get(port, "/livez").0, 200);
    assert_eq!(get(port, "/readyz").0, 200);
    let query = "vitamin d and bone density";
    let expected = search(index, query, &["--explain"]);
    let body = format!("{{\"query\":{{\"text\":\"{query}\"}},\"explain\":true}}");
    let (status, answer) = post(port, "/v1/indexes/sample.index/search", &body);
    assert_eq!(status, 200, "{answer}");
    let by_get = get(
        port,
        "/v1/indexes/sample.index/search?q=vitamin%20d%20and%20bone%20density&explain=true",
    )
    .1;
    for key in ["exact", "certificate", "hits"] {
        assert_eq!(answer[key], expected[key], "{key}");
        assert_eq!(by_get[key], expected[key], "{key}");
    }
    let (status, problem) = post(port, "/v1/indexes/absent/search", &body);
    assert_eq!((status, &problem["code"]), (404, &Value::from("index_not_found")));
    let (status, encoded) = post(port, "/v1/encode", "{\"inputs\":\"vitamin d\"}");
    assert_eq!(status, 200, "{encoded}");
}
