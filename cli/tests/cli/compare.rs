//! `compare`, and the intervals of `eval`: on made-up runs, without an index or a model.

use std::{fs, path::Path};

use serde_json::Value;

use crate::harness::{Desk, fails, ok, read_json, run, text};

const QUERIES: usize = 20;

/// A run that has query i's one relevant document at a rank of its own, or not at all.
fn run_text(rank_of: impl Fn(usize) -> Option<usize>) -> String {
    let line = |query: usize, rank: usize| {
        let relevant = rank_of(query) == Some(rank);
        let id = if relevant { "good".to_owned() } else { format!("d{rank}") };
        format!("q{query} Q0 {id} {rank} {} t\n", 100 - rank)
    };
    (0..QUERIES).flat_map(|query| (1..=5).map(move |rank| line(query, rank))).collect()
}

/// A folder with a baseline, a run that is better on 16 of 20 queries and worse on two, the same
/// judgements in both layouts, and a BEIR folder.
fn runs() -> Desk {
    let folder = Desk::new();
    let write = |name: &str, text: String| drop(folder.write(name, text));
    write("a.run", run_text(|query| (query != 19).then_some(2 + query % 2)));
    write("b.run", run_text(|query| if query < 15 { Some(1) } else { Some(3) }));
    write("trec", (0..QUERIES).map(|query| format!("q{query} 0 good 1\n")).collect());
    fs::create_dir(folder.path("qrels")).unwrap();
    write("qrels/test.tsv", (0..QUERIES).map(|q| format!("q{q}\tgood\t1\n")).collect());
    let line = |q| format!("{{\"_id\": \"q{q}\", \"text\": \"t\"}}\n");
    write("queries.jsonl", (0..QUERIES).map(line).collect());
    folder
}

/// `compare` of the two runs by RR, with more arguments.
fn compare(folder: &Desk, more: &[&str]) -> String {
    let (a, b, qrels) = (folder.path("a.run"), folder.path("b.run"), folder.path("trec"));
    let args = ["compare", &a, &b, "--qrels", &qrels, "--metrics", "RR,P@1"];
    ok(&[&args[..], more].concat())
}

#[test]
fn a_comparison_says_how_much_how_often_and_how_likely() {
    let folder = runs();
    let report: Value = serde_json::from_str(&compare(&folder, &["--json"])).unwrap();
    assert_eq!((&report["queries"], &report["seed"]), (&Value::from(20), &Value::from(1)));
    let baseline = &report["runs"][0];
    assert_eq!(baseline["run"], folder.path("a.run"));
    // Ranks 2 and 3 in turn, the last query not at all.
    let mean = (10.0 / 2.0 + 9.0 / 3.0) / 20.0;
    assert!((baseline["metrics"]["RR"].as_f64().unwrap() - mean).abs() < 1e-12);
    let comparisons = report["comparisons"].as_array().unwrap();
    assert_eq!(comparisons.len(), 2);
    let by_rr = &comparisons[0];
    assert_eq!((&by_rr["measure"], &by_rr["run"]), (&"RR".into(), &folder.path("b.run").into()));
    let difference = (15.0 + 5.0 / 3.0) / 20.0 - mean;
    assert!((by_rr["difference"].as_f64().unwrap() - difference).abs() < 1e-12);
    let end = |index: usize| by_rr["interval"][index].as_f64().unwrap();
    assert!(end(0) > 0.0 && end(0) < difference && difference < end(1), "{by_rr}");
    // Of the last five, 15 and 17 tie, 16 and 18 had rank 2, and 19 was not found.
    let counts = ["wins", "losses", "ties"].map(|name| by_rr[name].as_u64().unwrap());
    assert_eq!(counts, [16, 2, 2]);
    assert!(by_rr["p"].as_f64().unwrap() < 0.001 && by_rr["effect"].as_f64().unwrap() > 1.0);
    for comparison in comparisons {
        let (p, adjusted) = (&comparison["p"], &comparison["p_holm"]);
        assert!(adjusted.as_f64().unwrap() >= p.as_f64().unwrap());
    }
}

#[test]
fn the_table_has_a_row_per_measure_and_run() {
    let folder = runs();
    let table = compare(&folder, &["--permutations", "999"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 5, "{table}");
    assert!(lines[0].starts_with("metric  run") && lines[0].ends_with("p (Holm)"), "{table}");
    assert!(lines[1].contains("a.run  0.4000  [") && lines[1].ends_with("baseline"), "{table}");
    assert!(lines[2].contains("+0.4333") && lines[2].ends_with("0.0020"), "{table}");
    assert!(lines[4].starts_with("P@1 "), "{table}");
}

#[test]
fn equal_seeds_give_equal_results_and_other_seeds_others() {
    let folder = runs();
    let once = compare(&folder, &["--json", "--seed", "5"]);
    assert_eq!(once, compare(&folder, &["--json", "--seed", "5"]));
    assert_ne!(once, compare(&folder, &["--json", "--seed", "6"]));
}

#[test]
fn a_run_beside_itself_does_not_differ() {
    let folder = runs();
    let (a, qrels) = (folder.path("a.run"), folder.path("qrels/test.tsv"));
    let report = ok(&["compare", &a, &a, &a, "--qrels", &qrels, "--json"]);
    let report: Value = serde_json::from_str(&report).unwrap();
    let comparisons = report["comparisons"].as_array().unwrap();
    assert_eq!(comparisons.len(), 4, "two runs by two measures");
    for comparison in comparisons {
        assert_eq!(comparison["p"], 1.0);
        assert_eq!(comparison["difference"], 0.0);
        assert_eq!(comparison["effect"], Value::Null);
        assert_eq!(comparison["ties"], 20);
    }
}

#[test]
fn values_per_query_are_written_for_other_tools() {
    let folder = runs();
    let out = folder.path("per-query.tsv");
    compare(&folder, &["--per-query", &out]);
    let written = fs::read_to_string(&out).unwrap();
    let lines: Vec<Vec<&str>> = written.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines.len(), 1 + 2 * QUERIES);
    assert_eq!(lines[0], ["query", "measure", &folder.path("a.run"), &folder.path("b.run")]);
    assert_eq!(lines[1], ["q0", "RR", "0.5", "1"]);
    assert_eq!(lines[2], ["q0", "P@1", "0", "1"]);
}

#[test]
fn a_beir_folder_gives_its_split() {
    let folder = runs();
    let (a, b, qrels) = (folder.path("a.run"), folder.path("b.run"), folder.path("trec"));
    let beir = folder.folder().to_str().unwrap();
    let from_folder = ok(&["compare", &a, &b, "--dataset", beir, "--json"]);
    assert_eq!(from_folder, ok(&["compare", &a, &b, "--qrels", &qrels, "--json"]));
    fails(&["compare", &a, &b, "--dataset", beir, "--split", "dev"], 1, "splits found beside it");
}

#[test]
fn what_cannot_be_compared_is_said() {
    let folder = runs();
    let (a, b, qrels) = (folder.path("a.run"), folder.path("b.run"), folder.path("trec"));
    fails(&["compare", &a, "--qrels", &qrels], 2, "RUN");
    fails(&["compare", &a, &b], 2, "--qrels");
    fails(&["compare", &a, &b, "--qrels", &qrels, "--dataset", "x"], 2, "--dataset");
    fails(&["compare", &a, &b, "--qrels", &qrels, "--metrics", "MAP"], 2, "MAP");
    fails(&["compare", &a, &b, "--qrels", &qrels, "--permutations", "0"], 2, "1 or more");
    fails(&["compare", &a, "/no/such.run", "--qrels", &qrels], 1, "/no/such.run");
    let bad = folder.path("bad.run");
    fs::write(&bad, "q0 Q0 good 1 high t\n").unwrap();
    let out = folder.path("per-query.tsv");
    fails(&["compare", &a, &bad, "--qrels", &qrels, "--per-query", &out], 3, "bad.run, line 1");
    assert!(!Path::new(&out).exists());
    let few = folder.path("few.run");
    fs::write(&few, "q0 Q0 good 1 1 t\n").unwrap();
    let output = run(&["compare", &a, &few, "--qrels", &qrels]);
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("few.run has no results for 19 queries"));
}

#[test]
fn runs_of_another_collection_are_refused() {
    let folder = runs();
    let (a, other, qrels) = (folder.path("a.run"), folder.path("other.run"), folder.path("trec"));
    let none = "none of the 20 judged queries has a result in";
    // Other queries, an empty file, a query that is not judged.
    for lines in ["x1 Q0 good 1 1 t\nx2 Q0 good 1 1 t\n", "", "q999 Q0 good 1 1 t\n"] {
        fs::write(&other, lines).unwrap();
        fails(&["compare", &a, &other, "--qrels", &qrels], 3, none);
        fails(&["compare", &other, &a, "--qrels", &qrels], 3, none);
    }
    // Judged queries, but none of their documents.
    fs::write(&other, "q0 Q0 elsewhere 1 1 t\n").unwrap();
    let output = run(&["compare", &a, &other, "--qrels", &qrels]);
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("finds is judged"), "{}", text(&output.stderr));
}

#[test]
fn eval_prints_the_interval_behind_the_mean() {
    let folder = runs();
    let (a, json) = (folder.path("a.run"), folder.path("eval.json"));
    let beir = folder.folder().to_str().unwrap();
    let eval = ["eval", "--from-run", &a, "--dataset", beir, "--metrics", "RR,P@1"];
    let printed = ok(&[&eval[..], &["--json", &json]].concat());
    let fields: Vec<&str> = printed.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(fields[..2], ["RR", "0.4000"]);
    let report: Value = read_json(&json);
    let end = |index: usize| report["intervals"]["RR"][index].as_f64().unwrap();
    assert_eq!(fields[2..].join(" "), format!("[{:.4}, {:.4}]", end(0), end(1)));
    assert!(end(0) < 0.4 && 0.4 < end(1));
    assert_eq!(report["intervals"]["P@1"], serde_json::json!([0.0, 0.0]));
    assert_eq!(report["per_query"]["q0"]["RR"], 0.5);
    // `compare` with its default seed says the same.
    let compared: Value = serde_json::from_str(&compare(&folder, &["--json"])).unwrap();
    assert_eq!(compared["runs"][0]["intervals"], report["intervals"]);
}
