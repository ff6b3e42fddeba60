//! The crate graph: the table in `ARCHITECTURE.md` is what Cargo builds, and the invariants hold.
//!
//! Normal dependencies count, and build dependencies; what tests alone use is free.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::Value;

use crate::sources::{Repository, root};

const HEADER: &str = "| crate | depends on |";

/// Programs that measure and check, and so may depend on anything.
const OUTSIDE: [&str; 2] = ["benches", "checks"];

/// Where alone a dependency is allowed.
const ALLOWED: [(&str, &[&str]); 5] = [
    ("tantivy", &["catalog", "indexer", "searcher"]),
    ("ort", &["encoder"]),
    ("tokenizers", &["encoder"]),
    ("axum", &["api"]),
    ("anyhow", &["benches", "checks", "cli"]),
];

/// Crates that may name `unsafe`.
const UNSAFE: [&str; 2] = ["format", "kernels"];

/// What only the front door puts together.
/// Crates that users meet. They reach the stages through engine only.
const DOORS: [&str; 2] = ["api", "cli"];
const STAGES: [&str; 3] = ["encoder", "indexer", "searcher"];

type Names = BTreeSet<String>;

/// One crate of the workspace.
#[derive(Debug, Default, Clone)]
struct Crate {
    package: String,
    /// Crates of the workspace, by folder.
    ours: Names,
    /// Other packages.
    others: Names,
    forbids_unsafe: bool,
}

/// Crates by folder.
type Graph = BTreeMap<String, Crate>;

/// The graph that Cargo builds.
fn graph(repository: &Repository) -> Graph {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let workspace: toml::Table = repository.text("Cargo.toml").unwrap().parse().unwrap();
    packages
        .iter()
        .map(|package| {
            let folder = folder_of(package["manifest_path"].as_str().unwrap(), "/Cargo.toml");
            let manifest = repository.text(&format!("{folder}/Cargo.toml")).unwrap();
            let mut found = Crate {
                package: package["name"].as_str().unwrap().to_owned(),
                forbids_unsafe: forbids_unsafe(&manifest.parse().unwrap(), &workspace),
                ..Crate::default()
            };
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            for dependency in dependencies.filter(|dependency| dependency["kind"] != "dev") {
                match dependency["path"].as_str() {
                    Some(path) => drop(found.ours.insert(folder_of(path, ""))),
                    None => {
                        let name = dependency["name"].as_str().unwrap();
                        found.others.insert(name.to_owned());
                    }
                }
            }
            (folder, found)
        })
        .collect()
}

/// The last folder of a path, before an ending.
fn folder_of(path: &str, end: &str) -> String {
    let path = path.replace('\\', "/");
    let folder = path.strip_suffix(end).unwrap_or(&path);
    folder.rsplit('/').next().unwrap_or_default().to_owned()
}

fn forbids_unsafe(manifest: &toml::Table, workspace: &toml::Table) -> bool {
    let level =
        |lints: &toml::Value| Some(lints.get("rust")?.get("unsafe_code")? == &"forbid".into());
    let Some(lints) = manifest.get("lints") else { return false };
    let is_inherited = lints.get("workspace").and_then(toml::Value::as_bool) == Some(true);
    let inherited = || level(workspace.get("workspace")?.get("lints")?);
    (if is_inherited { inherited() } else { level(lints) }) == Some(true)
}

/// The graph that a document states, in the table below [`HEADER`].
fn stated(document: &str) -> BTreeMap<String, Names> {
    let rows = document.lines().skip_while(|line| !line.starts_with(HEADER)).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let cells = |row: &str| -> Vec<Names> {
        let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        row.trim_matches('|').split('|').map(names).collect()
    };
    let entry = |row: &str| {
        let [name, depends]: [Names; 2] = cells(row).try_into().unwrap();
        (name.into_iter().next().unwrap(), depends)
    };
    rows.map(entry).collect()
}

/// Where the table and the graph differ.
fn differences(stated: &BTreeMap<String, Names>, graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    let names: BTreeSet<&String> = stated.keys().chain(graph.keys()).collect();
    for name in names {
        let (Some(stated), Some(real)) = (stated.get(name), graph.get(name)) else {
            let side = if graph.contains_key(name) { "is not in the table" } else { "is no crate" };
            found.push(format!("{name} {side}"));
            continue;
        };
        for extra in real.ours.difference(stated) {
            found.push(format!("{name} depends on {extra}, and the table does not say so"));
        }
        for missing in stated.difference(&real.ours) {
            found.push(format!("{name} does not depend on {missing}, and the table says so"));
        }
    }
    found
}

/// Invariants that are broken.
fn broken(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    let depends = |name: &str, on: &str| graph.get(name).is_some_and(|it| it.ours.contains(on));
    for (a, b) in [("indexer", "searcher"), ("searcher", "indexer")] {
        if depends(a, b) {
            found.push(format!("{a} depends on {b}"));
        }
    }
    for (name, it) in graph {
        if it.forbids_unsafe == UNSAFE.contains(&name.as_str()) {
            let word = if it.forbids_unsafe { "forbids" } else { "does not forbid" };
            found.push(format!("{name} {word} unsafe code"));
        }
        for (dependency, allowed) in ALLOWED {
            if it.others.contains(dependency) && !allowed.contains(&name.as_str()) {
                found.push(format!("{name} depends on {dependency}"));
            }
        }
        let is_free = OUTSIDE.contains(&name.as_str());
        let stages: Vec<&str> =
            STAGES.into_iter().filter(|stage| it.ours.contains(*stage)).collect();
        let allowed = if DOORS.contains(&name.as_str()) { 0 } else { 1 };
        if name != "engine" && !is_free && stages.len() > allowed {
            found.push(format!("{name} puts {} together, as engine does", stages.join(", ")));
        }
    }
    if graph.get("kernels").is_some_and(|kernels| !kernels.ours.is_empty()) {
        found.push("kernels depends on a crate of the workspace".to_owned());
    }
    if graph.get("engine").is_some_and(|engine| engine.package != "gleaner") {
        found.push("the package of engine is not gleaner".to_owned());
    }
    found
}

#[test]
fn the_crate_graph_is_the_one_in_the_architecture() {
    let repository = Repository::read();
    let stated = stated(repository.text("ARCHITECTURE.md").unwrap());
    assert!(!stated.is_empty(), "ARCHITECTURE.md has no table {HEADER:?}");
    let differences = differences(&stated, &graph(&repository));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn the_crate_graph_keeps_its_invariants() {
    let broken = broken(&graph(&Repository::read()));
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn names(names: &[&str]) -> Names {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A crate as it should be.
fn made_up(ours: &[&str], others: &[&str]) -> Crate {
    let (ours, others) = (names(ours), names(others));
    Crate { package: "gleaner".to_owned(), ours, others, forbids_unsafe: true }
}

#[test]
fn a_table_that_differs_is_found() {
    let table = format!("text\n\n{HEADER}\n|---|---|\n| `a` | – |\n| `b` | `a`, `c` |\n\n| `z` |");
    let stated = stated(&table);
    assert_eq!(stated["a"], names(&[]));
    assert_eq!(stated["b"], names(&["a", "c"]));
    let graph =
        [("a", made_up(&["b"], &[])), ("b", made_up(&["a"], &[])), ("c", made_up(&[], &[]))];
    let graph: Graph = graph.map(|(name, it)| (name.to_owned(), it)).into();
    let expected = [
        "a depends on b, and the table does not say so",
        "b does not depend on c, and the table says so",
        "c is not in the table",
    ];
    assert_eq!(differences(&stated, &graph), expected);
}

#[test]
fn every_broken_invariant_is_found() {
    let house = |name: &str, it: Crate| -> Graph {
        let mut kernels = made_up(&[], &[]);
        kernels.forbids_unsafe = false;
        let engine = made_up(&STAGES, &[]);
        [("kernels", kernels), ("engine", engine), (name, it)]
            .map(|(name, it)| (name.to_owned(), it))
            .into()
    };
    let mut reckless = made_up(&[], &[]);
    reckless.forbids_unsafe = false;
    let cases = [
        ("searcher", made_up(&["indexer"], &[]), "searcher depends on indexer"),
        ("indexer", made_up(&["searcher"], &[]), "indexer depends on searcher"),
        ("api", reckless, "api does not forbid unsafe code"),
        ("format", made_up(&[], &[]), "format forbids unsafe code"),
        ("api", made_up(&[], &["tantivy"]), "api depends on tantivy"),
        ("indexer", made_up(&[], &["ort"]), "indexer depends on ort"),
        ("cli", made_up(&[], &["tokenizers"]), "cli depends on tokenizers"),
        ("cli", made_up(&[], &["axum"]), "cli depends on axum"),
        ("eval", made_up(&[], &["anyhow"]), "eval depends on anyhow"),
        (
            "api",
            made_up(&STAGES, &[]),
            "api puts encoder, indexer, searcher together, as engine does",
        ),
        ("cli", made_up(&["searcher"], &[]), "cli puts searcher together, as engine does"),
        (
            "eval",
            made_up(&["encoder", "indexer"], &[]),
            "eval puts encoder, indexer together, as engine does",
        ),
    ];
    for (name, it, expected) in cases {
        assert_eq!(broken(&house(name, it)), [expected]);
    }
    for (name, it) in [("benches", made_up(&STAGES, &["anyhow"])), ("api", made_up(&[], &["axum"]))]
    {
        assert_eq!(broken(&house(name, it)), Vec::<String>::new());
    }
    let mut stacked = made_up(&["format"], &[]);
    stacked.forbids_unsafe = false;
    let expected = ["kernels depends on a crate of the workspace"];
    assert_eq!(broken(&house("kernels", stacked)), expected);
    let stranger = Crate { package: "engine".to_owned(), ..made_up(&[], &[]) };
    assert_eq!(broken(&house("engine", stranger)), ["the package of engine is not gleaner"]);
}
