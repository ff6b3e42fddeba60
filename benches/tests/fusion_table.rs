//! The table of rankings and the test behind it, on made-up runs of two collections.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

/// Writes a run in which query i has its relevant document at `rank_of(i)`, of five.
fn write_run(folder: &Path, ranking: &str, queries: usize, rank_of: impl Fn(usize) -> usize) {
    let mut text = String::new();
    for query in 0..queries {
        for rank in 1..=5 {
            let id = if rank == rank_of(query) { "good".to_owned() } else { format!("d{rank}") };
            text.push_str(&format!("q{query} Q0 {id} {rank} {} t\n", 100 - rank));
        }
    }
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(format!("{ranking}.run")), text).unwrap();
}

/// Two collections of 30 and 10 queries with rankings `bm25`, `dense`, `rrf` and `fused`. Fused is
/// best on both; dense is better than bm25 on the small collection by more than it is worse on the
/// large one; `extra` has a run of the first collection only.
fn write_collections(root: &Path) {
    for (collection, queries) in [("large", 30), ("small", 10)] {
        let qrels = root.join("beir").join(collection).join("qrels");
        fs::create_dir_all(&qrels).unwrap();
        let judged: String = (0..queries).map(|query| format!("q{query}\tgood\t1\n")).collect();
        fs::write(qrels.join("test.tsv"), format!("query-id\tcorpus-id\tscore\n{judged}")).unwrap();
        let runs = root.join("runs").join(collection);
        let is_large = collection == "large";
        write_run(&runs, "bm25", queries, |query| if is_large { 2 + query % 2 } else { 5 });
        write_run(&runs, "dense", queries, |query| if is_large { 3 } else { 2 + query % 2 });
        write_run(&runs, "rrf", queries, |_| 2);
        write_run(&runs, "fused", queries, |query| if query % 5 == 0 { 2 } else { 1 });
        if is_large {
            write_run(&runs, "extra", queries, |_| 1);
        }
    }
}

fn run(root: &Path, more: &[&str]) -> Output {
    let (beir, runs) = (root.join("beir"), root.join("runs"));
    Command::new(env!("CARGO_BIN_EXE_gleaner-fusion-table"))
        .args(["--beir", beir.to_str().unwrap(), "--runs", runs.to_str().unwrap()])
        .args(["--permutations", "2000"])
        .args(more)
        .output()
        .unwrap()
}

fn ok(root: &Path, more: &[&str]) -> String {
    let output = run(root, more);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn fails(root: &Path, more: &[&str], says: &str) {
    let output = run(root, more);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && stderr.contains(says), "{stderr}");
}

/// Cells of the line that starts with these.
fn row<'a>(text: &'a str, starts: &[&str]) -> Vec<&'a str> {
    let start = format!("| {} |", starts.join(" | "));
    let line = text.lines().find(|line| line.starts_with(&start));
    line.unwrap_or_else(|| panic!("no {start} in {text}")).split(" | ").collect()
}

const BOTH: [&str; 2] = ["--collections", "large,small"];
const TEST: [&str; 6] = ["--test", "fused", "--against", "rrf", "--against-best-of", "bm25,dense"];

#[test]
fn tables_hold_every_ranking_and_collection() {
    let folder = tempfile::tempdir().unwrap();
    write_collections(folder.path());
    let text = ok(folder.path(), &BOTH);
    let header = "| nDCG@10 | large (30) | small (10) | mean of collections |";
    assert!(text.contains(header) && text.contains("| R@100 |"), "{text}");
    // The second rank is worth 1 / log2(3), the same for every query.
    let rrf = row(&text, &["rrf"]);
    assert_eq!(rrf[1..3], ["0.6309 [0.6309, 0.6309]"; 2]);
    assert!(row(&text, &["fused"])[3].starts_with("0.9262 ["), "{text}");
    assert!(row(&text, &["extra"])[2..].iter().all(|cell| cell.starts_with('–')), "{text}");
    assert!(!text.contains("randomisation"));
}

#[test]
fn the_test_is_against_the_best_single_ranking() {
    let folder = tempfile::tempdir().unwrap();
    write_collections(folder.path());
    let text = ok(folder.path(), &[&BOTH[..], &TEST].concat());
    // bm25: 0.5655 and 0.3869; dense: 0.5 and 0.5655, which is more with equal weights only.
    let best = row(&text, &["dense, best of bm25, dense"]);
    assert_eq!(best[1], "0.5327");
    assert!(best[2].starts_with("+0.3935 [+"), "{text}");
    let p = |cells: &[&str]| cells[4].parse::<f64>().unwrap();
    assert!(p(&best) < 0.005 && p(&row(&text, &["rrf", "0.6309"])) < 0.005, "{text}");
    let parts = row(&text, &["rrf", "small"]);
    assert!(parts[3..].join(" ").starts_with("8 0 2"), "{text}");
    assert_eq!(text, ok(folder.path(), &[&BOTH[..], &TEST].concat()));
}

#[test]
fn a_ranking_beside_itself_has_a_p_of_1() {
    let folder = tempfile::tempdir().unwrap();
    write_collections(folder.path());
    let text = ok(folder.path(), &[&BOTH[..], &["--test", "rrf", "--against", "rrf"]].concat());
    assert_eq!(row(&text, &["rrf", "0.6309"])[4..], ["1.0000", "1.0000 |"]);
}

#[test]
fn the_table_goes_to_a_file_if_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write_collections(folder.path());
    let out = folder.path().join("table.md");
    let named = [&BOTH[..], &["--out", out.to_str().unwrap()]].concat();
    assert_eq!(ok(folder.path(), &named), "");
    assert_eq!(fs::read_to_string(out).unwrap(), ok(folder.path(), &BOTH));
}

#[test]
fn the_query_itself_is_removed_where_asked() {
    let folder = tempfile::tempdir().unwrap();
    write_collections(folder.path());
    let path = folder.path().join("runs/small/self.run");
    let lines = |query| format!("q{query} Q0 q{query} 1 9 t\nq{query} Q0 good 2 8 t\n");
    fs::write(path, (0..10).map(lines).collect::<String>()).unwrap();
    let kept = ok(folder.path(), &BOTH);
    assert!(row(&kept, &["self"])[2].starts_with("0.6309"), "{kept}");
    let removed = ok(folder.path(), &[&BOTH[..], &["--ignore-identical-ids", "small"]].concat());
    assert!(row(&removed, &["self"])[2].starts_with("1.0000"), "{removed}");
}

#[test]
fn what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write_collections(folder.path());
    let with = |more: &[&'static str]| [&BOTH[..], more].concat();
    let root = folder.path();
    fails(root, &with(&["--test", "extra", "--against", "rrf"]), "extra has no run of small");
    fails(root, &with(&["--test", "rff", "--against", "rrf"]), "there are bm25, dense, extra");
    fails(root, &with(&["--test", "rrf"]), "nothing to compare rrf with");
    fails(root, &with(&["--against", "rrf"]), "--test");
    fails(root, &with(&["--ignore-identical-ids", "quora"]), "\"quora\" is none of");
    fails(root, &["--collections", "large,none"], "none");
    fails(root, &["--collections", "large,large"], "twice");
    fails(root, &with(&["--metrics", "MAP"]), "MAP");
}
