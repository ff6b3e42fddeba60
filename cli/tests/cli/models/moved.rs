//! An index on another machine: its model is found by name, proved by its fingerprint, and where it
//! was found is said once.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::harness::{
    Desk, copy_folder, fixture, gleaner, ok, ok_json, refuses, runtime_is_here, succeeds, text,
};

/// An index whose sparse and dense models lie in `made` until they are moved.
fn index(desk: &Desk) -> String {
    copy_folder(fixture("splade-max"), desk.path("made/tiny-splade"));
    copy_folder(fixture("dense-cls"), desk.path("made/tiny-dense"));
    let lines = [
        json!({"_id": "wine", "text": "red wine and bread"}),
        json!({"_id": "tea", "text": "black tea"}),
    ];
    let (index, input) = (desk.path("here/index"), desk.lines("docs.jsonl", &lines));
    fs::create_dir(desk.path("here")).unwrap();
    let (sparse, dense) = (desk.path("made/tiny-splade"), desk.path("made/tiny-dense"));
    ok(&[
        "index",
        "--index",
        &index,
        "--input",
        &input,
        "--model",
        &sparse,
        "--dense-model",
        &dense,
    ]);
    index
}

/// A search in a folder without models.
fn searching(desk: &Desk, index: &str, rank: &str) -> Command {
    let mut command = gleaner(&["search", "--index", index, "red wine", "--rank", rank, "--json"]);
    command.current_dir(desk.path("work")).env_remove("GLEANER_MODELS");
    command
}

/// Asserts that a command succeeds and says once that a model was found in `place`.
fn finds(command: Command, name: &str, place: &Path) -> Value {
    let output = succeeds(command);
    let stderr = text(&output.stderr);
    let says = format!("the same model was found at {}", place.join(name).display());
    assert_eq!(stderr.matches(&says).count(), 1, "{stderr}");
    assert!(stderr.contains(&format!("made/{name}")), "where it was recorded: {stderr}");
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

#[test]
fn a_model_is_found_in_every_known_folder() {
    if !runtime_is_here() {
        return;
    }
    let desk = Desk::new();
    let index = index(&desk);
    fs::create_dir(desk.path("work")).unwrap();
    let [sparse, dense] = ["sparse", "dense"].map(|rank| {
        let answer = ok_json(&["search", "--index", &index, "red wine", "--rank", rank, "--json"]);
        answer["hits"].clone()
    });
    let places = ["work/data/models", "elsewhere/kept", "here", "here/models"];
    let mut last = desk.path("made");
    for place in places {
        let folder = desk.path(place);
        fs::create_dir_all(&folder).unwrap();
        for name in ["tiny-splade", "tiny-dense"] {
            fs::rename(format!("{last}/{name}"), format!("{folder}/{name}")).unwrap();
        }
        let said =
            if place.starts_with("work") { "data/models".to_owned() } else { folder.clone() };
        let asked = |rank: &str| {
            let mut command = searching(&desk, &index, rank);
            if place == "elsewhere/kept" {
                let kept = [desk.path("nowhere"), folder.clone()];
                command.env("GLEANER_MODELS", std::env::join_paths(kept).unwrap());
            }
            command
        };
        let answer = finds(asked("sparse"), "tiny-splade", Path::new(&said));
        assert_eq!(answer["hits"], sparse, "{place}");
        let answer = finds(asked("dense"), "tiny-dense", Path::new(&said));
        assert_eq!(answer["hits"], dense, "{place}");
        last = folder;
    }
    let both = text(&succeeds(searching(&desk, &index, "rrf:sparse,dense")).stderr);
    assert_eq!(both.matches("note: ").count(), 2, "each once: {both}");
}

#[test]
fn another_model_of_the_same_name_is_passed_over() {
    if !runtime_is_here() {
        return;
    }
    let desk = Desk::new();
    let index = index(&desk);
    fs::create_dir(desk.path("work")).unwrap();
    fs::create_dir(desk.path("here/models")).unwrap();
    fs::rename(desk.path("made/tiny-splade"), desk.path("here/models/tiny-splade")).unwrap();
    copy_folder(fixture("splade-v1"), desk.path("here/tiny-splade"));
    fs::create_dir_all(desk.path("work/data/models/tiny-splade")).unwrap();
    let place = desk.path("here/models");
    finds(searching(&desk, &index, "sparse"), "tiny-splade", Path::new(&place));
    // Nor does another model in the recorded place stand in its way.
    copy_folder(fixture("splade-v1"), desk.path("made/tiny-splade"));
    finds(searching(&desk, &index, "sparse"), "tiny-splade", Path::new(&place));
    fs::remove_dir_all(desk.path("here/models")).unwrap();
    refuses(searching(&desk, &index, "sparse"), 1, "model_mismatch: the index was built with");
    fs::remove_dir_all(desk.path("made/tiny-splade")).unwrap();
    let says =
        "nor under its name in data/models, in the folders of GLEANER_MODELS or beside the index";
    refuses(searching(&desk, &index, "sparse"), 1, says);
    // A folder that is named is the only one that counts.
    fs::create_dir(desk.path("here/models")).unwrap();
    copy_folder(fixture("splade-max"), desk.path("here/models/tiny-splade"));
    let mut named = searching(&desk, &index, "sparse");
    named.args(["--model", &desk.path("here/tiny-splade")]);
    refuses(named, 1, "model_mismatch");
}

#[test]
fn every_command_that_needs_a_model_finds_it() {
    if !runtime_is_here() {
        return;
    }
    let desk = Desk::new();
    let index = index(&desk);
    fs::create_dir(desk.path("work")).unwrap();
    fs::rename(desk.path("made"), desk.path("here/models")).unwrap();
    let place = desk.path("here/models");
    let queries = desk.lines("queries.jsonl", &[json!({"_id": "q", "text": "red wine"})]);
    let run = desk.path("run");
    let mut batch =
        gleaner(&["batch-search", "--index", &index, "--queries", &queries, "--run", &run]);
    batch.args(["--rank", "sparse"]).current_dir(desk.path("work"));
    finds(batch, "tiny-splade", Path::new(&place));
    assert!(fs::read_to_string(run).unwrap().contains("wine"));
    let mut inspect = gleaner(&["inspect", "--index", &index, "--queries", &queries, "--json"]);
    inspect.current_dir(desk.path("work"));
    finds(inspect, "tiny-splade", Path::new(&place));
    // What is indexed next records where the model is now.
    let more = desk.lines("more.jsonl", &[json!({"_id": "new", "text": "a green tree"})]);
    let mut next = gleaner(&["index", "--index", &index, "--input", &more]);
    next.current_dir(desk.path("work"));
    let stderr = text(&succeeds(next).stderr);
    assert_eq!(stderr.matches("the same model was found at").count(), 2, "{stderr}");
    let answer =
        ok_json(&["search", "--index", &index, "green tree", "--rank", "sparse", "--json"]);
    assert_eq!(answer["hits"][0]["id"], "new");
    let quiet = text(&succeeds(searching(&desk, &index, "sparse")).stderr);
    assert!(!quiet.contains("the same model was found"), "{quiet}");
}
