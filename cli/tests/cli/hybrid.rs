//! Hybrid search on the command line: legs, fusion, control, feedback, evaluation, and what is
//! refused.

use std::fs;

use serde_json::Value;

use crate::harness::{Desk, data, fails, fixture, ok, ok_json, read_json, runtime_is_here};

const ALL: &str = "rrf:sparse,bm25,dense:emb";

/// Documents that bring both vectors: nothing is encoded.
const DOCUMENTS: &str = r#"{"id": "a", "vector": {"1": 2, "2": 1}, "content": "red fox", "emb": [1, 0], "year": 2001}
{"id": "b", "vector": {"1": 1}, "content": "red red wine", "emb": [0.6, 0.8], "year": 2002}
{"id": "c", "vector": {"3": 4}, "content": "blue wine", "emb": [-1, 0], "year": 2003}
{"id": "d", "vector": {"2": 3}, "content": "blue fox", "year": 2004}
"#;

/// An index of the documents.
struct Fixture(Desk);

impl Fixture {
    fn new() -> Self {
        let desk = Desk::new();
        let (input, index) = (desk.write("docs.jsonl", DOCUMENTS), desk.path("index"));
        let fields = ["--dense-field", "emb=2:cosine:f32"];
        let args = ["index", "--index", &index, "--input", &input, "--format", "vectors-jsonl"];
        ok(&[&args[..], &fields].concat());
        Self(desk)
    }

    fn path(&self, name: &str) -> String {
        self.0.path(name)
    }

    fn args<'a>(&self, index: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&["search", "--index", index][..], more].concat()
    }

    fn search(&self, more: &[&str]) -> Value {
        let index = self.path("index");
        let args = [&self.args(&index, more)[..], &["--json"]].concat();
        ok_json(&args)
    }

    fn refuses(&self, more: &[&str], says: &str) {
        let index = self.path("index");
        fails(&self.args(&index, more), 2, says);
    }
}

fn ids(answer: &Value) -> Vec<&str> {
    answer["hits"].as_array().unwrap().iter().map(|hit| hit["id"].as_str().unwrap()).collect()
}

const QUERY: [&str; 5] =
    ["red wine", "--tokens", r#"{"1": 1, "2": 1}"#, "--dense-vector", "[1, 0]"];

fn query<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&QUERY[..], more].concat()
}

/// The sparse part of the query alone.
fn sparse<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&QUERY[..3], &["--rank", "sparse"], more].concat()
}

#[test]
fn every_hit_has_every_legs_score_and_they_sum_to_its_own() {
    let fixture = Fixture::new();
    let answer = fixture.search(&query(&["--rank", ALL, "--explain", "--profile"]));
    assert_eq!(ids(&answer), ["a", "b", "c", "d"]);
    assert_eq!((&answer["exact"], &answer["certificate"]["kind"]), (&true.into(), &"fused".into()));
    for hit in answer["hits"].as_array().unwrap() {
        let legs = hit["legs"].as_object().unwrap();
        assert_eq!(legs.keys().collect::<Vec<_>>(), ["bm25", "dense:emb", "sparse"]);
        assert!(legs.values().all(|leg| leg["score"].is_number()), "no score is missing");
        let sum: f64 = legs.values().map(|leg| leg["contribution"].as_f64().unwrap()).sum();
        assert!((sum - hit["score"].as_f64().unwrap()).abs() < 1e-6);
        assert_eq!(hit["explanation"]["legs"].as_object().unwrap().len(), 3);
    }
    // What a leg did not find is completed: c has the true dense score, and no term of the query.
    let c = &answer["hits"][2]["legs"];
    assert_eq!((&c["dense:emb"]["score"], &c["sparse"]["score"]), (&(-1.0).into(), &0.0.into()));
    assert_eq!((&c["dense:emb"]["rank"], &c["sparse"]["rank"]), (&3.into(), &Value::Null));
    let profile = &answer["profile"];
    assert_eq!((&profile["plan"], profile["legs"].as_array().unwrap().len()), (&"fused".into(), 3));
}

#[test]
fn what_people_see_names_legs_and_places() {
    let fixture = Fixture::new();
    let index = fixture.path("index");
    let shown = ok(&fixture.args(&index, &query(&["--rank", ALL, "--profile"])));
    for part in ["rank 1, score 3.0000", "not found", "fusion ", "exact: "] {
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
}

#[test]
fn pages_filters_and_cuts_hold_in_every_leg() {
    let fixture = Fixture::new();
    let whole = fixture.search(&query(&["--rank", ALL]));
    let page = fixture.search(&query(&["--rank", ALL, "-k", "2", "--offset", "1"]));
    assert_eq!(page["hits"].as_array().unwrap()[..], whole["hits"].as_array().unwrap()[1..3]);
    let filtered = fixture.search(&query(&["--rank", ALL, "--filter", "year:>=2003"]));
    assert_eq!(ids(&filtered), ["c", "d"]);
    assert_eq!(filtered["hits"][1]["legs"]["sparse"]["rank"], 1);
    let least = whole["hits"][1]["score"].to_string();
    let cut = fixture.search(&query(&["--rank", ALL, "--min-score", &least]));
    assert_eq!(ids(&cut), ["a", "b"]);
    let dense = |more: &[&str]| {
        let alone = ["--dense-vector", "[1, 0]", "--rank", "dense"];
        fixture.search(&[&alone[..], more].concat())
    };
    assert_eq!(ids(&dense(&["--min-score", "-0.5"])), ["a", "b"]);
    let all = dense(&["-k", "100"]);
    assert_eq!(ids(&all), ["a", "b", "c"], "d has no vector");
}

#[test]
fn terms_are_boosted_and_muted_and_documents_are_queries() {
    let fixture = Fixture::new();
    let score = |more: &[&str]| fixture.search(&sparse(more))["hits"][0]["score"].as_f64().unwrap();
    assert_eq!(score(&[]), 3.0);
    assert_eq!(score(&["--boost", "2=5"]), 15.0);
    assert_eq!(ids(&fixture.search(&sparse(&["--mute", "2"]))), ["a", "b"]);
    let like = fixture.search(&["--like", "a", "--rank", ALL]);
    assert_eq!(ids(&like), ["b", "d", "c"], "the document itself is left out");
    // The best document, d, has one term; the model of it is all that is left of the query.
    let fed = fixture.search(&sparse(&["--feedback", "sparse:docs=1,weight=1", "--mute", "1"]));
    assert_eq!(ids(&fed), ["d", "a"]);
    let plain = sparse(&["--feedback", "sparse:docs=2,terms=1,weight=0.5"]);
    assert_ne!(fixture.search(&plain)["hits"][0]["score"], 3.0, "the query is another");
}

#[test]
fn what_cannot_be_searched_is_a_usage_error_that_names_it() {
    let fixture = Fixture::new();
    fixture.refuses(&query(&["--rank", "splade"]), "known: hybrid, sparse, bm25, dense");
    fixture.refuses(&query(&["--rank", "rrf:sparse,sparse"]), "named twice");
    let dense = |rank, json| ["red", "--rank", rank, "--dense-vector", json];
    fixture.refuses(&dense("dense:other", "[1, 0]"), "no dense field \"other\"");
    fixture.refuses(&dense("rrf:dense,dense:emb", "{\"emb\": [1, 0]}"), "emb is named twice");
    fixture.refuses(&dense("rrf:dense,dense:emb", "[1, 0]"), "emb is named twice");
    let vector = |json| ["red", "--rank", "dense", "--dense-vector", json];
    fixture.refuses(&vector("[1, 2, 3]"), "3");
    fixture.refuses(&vector("[1, \"x\"]"), "--dense-vector");
    fixture.refuses(&vector("[1e39, 0]"), "dimension 0");
    fixture.refuses(&vector("[0, 0]"), "emb");
    fixture.refuses(&vector(r#"{"other": [1, 0]}"#), "no dense field \"other\"");
    fixture.refuses(&sparse(&["--boost", "1"]), "TOKEN=FACTOR");
    fixture.refuses(&["x", "--rank", "bm25", "--boost", "1=2"], "--boost is of no use");
    fixture.refuses(&["x", "--rank", "bm25", "--tokens", "{}"], "--tokens is of no use");
    fixture
        .refuses(&["x", "--rank", "bm25", "--dense-vector", "[1]"], "--dense-vector is of no use");
    fixture.refuses(&["--like", "d", "--rank", "dense"], "\"d\" has no dense vector");
    fixture.refuses(&sparse(&["--boost", "1=-2"]), "boost of term 1 is -2");
    fixture.refuses(&sparse(&["--mute", "dog"]), "no term id");
    fixture.refuses(&sparse(&["--min-score", "nan"]), "min_score");
    fixture.refuses(&sparse(&["--feedback", "bm25"]), "sparse and dense");
    fixture.refuses(&sparse(&["--feedback", "dense"]), "no such leg");
    fixture.refuses(&sparse(&["--feedback", "sparse:interpolate=both"]), "only interpolate=after");
    let index = fixture.path("index");
    fails(&fixture.args(&index, &["red", "--rank", "dense"]), 1, "--dense-vector");
    fails(&fixture.args(&index, &["--like", "nobody"]), 1, "no document has the _id \"nobody\"");
}

/// The sample with both shipped models, on texts: needs the runtime, which CI has.
#[test]
fn texts_are_searched_by_all_legs_with_the_shipped_models() {
    if !runtime_is_here() {
        return;
    }
    let (splade, minilm, sample) =
        (data("models/splade-tiny"), data("models/minilm"), data("sample"));
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index").to_str().unwrap().to_owned();
    let models = ["--model", &splade, "--dense-model", &minilm];
    let args = [&["index", "--index", &index, "--input", &sample][..], &models].concat();
    ok(&args);
    let measure = |rank: &str| -> f64 {
        let json = folder.path().join("eval.json").to_str().unwrap().to_owned();
        let args = ["eval", "--index", &index, "--dataset", &sample, "--rank", rank];
        ok(&[&args[..], &["--json", &json]].concat());
        let report: Value = read_json(json);
        report["metrics"]["nDCG@10"].as_f64().unwrap()
    };
    // A quarter of the questions uses other words than the documents, which dense vectors do best.
    let legs = ["sparse", "bm25", "dense"].map(measure);
    let fused = measure("rrf:sparse,bm25,dense");
    assert!(legs[0] > 0.7 && legs[1] > 0.7 && legs[2] > 0.83, "{legs:?}");
    assert!(fused > legs[0] && fused > legs[1], "{fused} of {legs:?}");
    let batch = folder.path().join("out.run").to_str().unwrap().to_owned();
    let queries = data("sample/queries.jsonl");
    let args = ["batch-search", "--index", &index, "--queries", &queries, "--run", &batch];
    ok(&[&args[..], &["--rank", "convex:sparse=.5,dense=.5", "-k", "5"]].concat());
    let run = fs::read_to_string(&batch).unwrap();
    assert!(run.lines().count() > 5, "{run}");
    fails(&["search", "--index", &index, "x", "--rank", "dense", "--dense-model", &splade], 1, "");
    let other = fixture("dense-mean");
    let args = ["search", "--index", &index, "x", "--rank", "dense", "--dense-model", &other];
    fails(&args, 1, "model_mismatch: the dense field dense was made with");
}

#[test]
fn a_search_that_contradicts_itself_names_the_flag() {
    let fixture = Fixture::new();
    fixture.refuses(&sparse(&["--boost", "2=5", "--mute", "2"]), "--mute");
    fixture.refuses(
        &sparse(&["--boost", "1=2", "--boost", "2=0.5", "--mute", "2"]),
        "boosted and muted",
    );
    fixture.refuses(&["--like", "a", "--boost", "2=5", "--mute", "1", "--mute", "2"], "--mute");
    assert_eq!(ids(&fixture.search(&sparse(&["--boost", "2=0", "--mute", "2"]))), ["a", "b"]);
    let two = DOCUMENTS.replace("\"emb\": ", "\"other\": [1], \"emb\": ");
    let (input, index) = (fixture.0.write("two.jsonl", two), fixture.path("two"));
    let args = ["index", "--index", &index, "--input", &input, "--format", "vectors-jsonl"];
    let fields = ["--dense-field", "emb=2:cosine:f32", "--dense-field", "other=1:dot:f32"];
    ok(&[&args[..], &fields].concat());
    let ask = |feedback: &'static str| {
        [
            "search",
            "--index",
            &index,
            "--rank",
            "dense:emb",
            "--dense-vector",
            "{\"emb\": [1, 0]}",
            "--feedback",
            feedback,
        ]
        .map(str::to_owned)
    };
    for feedback in ["dense", "dense:docs=2", "dense:rocchio,alpha=.4,beta=.6"] {
        let args = ask(feedback);
        fails(&args.each_ref().map(String::as_str), 2, "--feedback");
    }
    let args = ask("dense:docs=2,field=emb");
    ok(&args.each_ref().map(String::as_str));
}

#[test]
fn every_flag_of_one_thing_means_the_same() {
    let fixture = Fixture::new();
    let ended = fixture.search(&query(&["--rank", ALL, "--cut", "knee"]));
    assert_eq!(ended["hits"], fixture.search(&query(&["--rank", ALL, "--until-knee"]))["hits"]);
    let by = |rank: &str| fixture.search(&query(&["--rank", rank]))["hits"].clone();
    let norm = by("convex:norm=tmm,depth=9,sparse,dense");
    assert_eq!(norm, by("convex:normalizer=tmm,window=9,sparse,dense"));
    fixture.refuses(&query(&["--rank", "convex:norm=tmm,normalizer=tmm,sparse"]), "one option");
    let report = ok_json(&["doctor", "--index", &fixture.path("index"), "--json"]);
    assert_eq!((&report["passed"], &report["ok"]), (&true.into(), &true.into()));
    assert!(report["findings"].as_array().unwrap().iter().all(|it| it["passed"] == it["ok"]));
}

#[test]
fn a_key_that_can_be_guessed_is_refused_with_the_remedy() {
    let fixture = Fixture::new();
    let data = fixture.path("");
    for (key, says) in [
        ("x\n", "1 characters"),
        ("123456789012345", "15 characters"),
        ("a b c d e f g h i j", "white space"),
    ] {
        let file = fixture.0.write("key", key);
        let serve = ["serve", "--data", &data, "--addr", "127.0.0.1:0", "--api-key-file", &file];
        fails(&serve, 1, says);
        fails(&serve, 1, "openssl rand -hex 32");
    }
    let serve = ["serve", "--data", &data, "--addr", "127.0.0.1:0", "--cors-origin", "example.org"];
    fails(&serve, 1, "--cors-origin");
}
