//! Searches without a model: the same answers as the engine, one commit each.

use gleaner_searcher::{Index, Rank, SearchRequest};

use super::*;

/// What the engine says, as JSON text read again, so that numbers are compared as printed.
pub(super) fn engine(index: &Path, request: &SearchRequest<'_>) -> Value {
    let response = Index::open(index).unwrap().snapshot().search(request, &|_| None).unwrap();
    let mut value: Value =
        serde_json::from_str(&serde_json::to_string(&response).unwrap()).unwrap();
    let object = value.as_object_mut().unwrap();
    for key in ["took_us", "profile"] {
        object.remove(key);
    }
    value
}

pub(super) fn stable(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let mut body = answer.body.clone();
    let object = body.as_object_mut().unwrap();
    for key in ["took_us", "encode_us", "profile", "index", "generation"] {
        object.remove(key);
    }
    // Which terms were given, and not made by a model, only the front door knows.
    if let Some(Value::Array(notes)) = object.get_mut("notes") {
        notes.retain(|note| !note.as_str().unwrap().contains("of the query's"));
        if notes.is_empty() {
            object.remove("notes");
        }
    }
    body
}

#[tokio::test]
async fn answers_are_those_of_the_engine() {
    let data = data();
    let (app, index) = (app(data.path()), data.path().join("words"));
    let fields = ["title".to_owned(), "missing".to_owned()];
    for (text, k, offset, filter, explain) in [
        ("red apple", 10, 0, None, false),
        ("red apple number3", 20, 17, Some("year:>=2000"), true),
        ("blue green door", 100, 0, Some("NOT _id:d0004"), false),
        ("unheard", 5, 0, None, true),
    ] {
        let vector = vector(text);
        let request = SearchRequest {
            vector: Some(&vector),
            offset,
            filter,
            fields: &fields,
            explain,
            profile: true,
            ..SearchRequest::exact(&Rank::SPARSE, k)
        };
        let mut body = json!({"query": query(text), "k": k, "offset": offset, "explain": explain,
            "filter": filter, "fields": fields, "profile": true});
        let answer = post(&app, "/v1/indexes/words/search", &body).await;
        assert_eq!(stable(&answer), engine(&index, &request), "{text}");
        assert_eq!(answer.body["profile"]["query_terms"], vector.len());
        assert_eq!(answer.body["index"], "words");
        let request =
            SearchRequest { rank: &Rank::BM25, text: Some(text), vector: None, ..request };
        body["query"] = json!({"text": text});
        body["rank"] = json!("bm25");
        let answer = post(&app, "/v1/indexes/words/search", &body).await;
        assert_eq!(stable(&answer), engine(&index, &request), "{text}");
    }
}

#[tokio::test]
async fn scores_keep_their_bits() {
    let data = data();
    let answer = post(
        &app(data.path()),
        "/v1/indexes/given/search",
        &json!({"query": {"indices": vector("red").terms(), "values": [0.1]}}),
    )
    .await;
    let expected = (f64::from(0.1f32) * 2.0) as f32;
    assert_eq!((answer.hits()[0].1 as f32).to_bits(), expected.to_bits());
}

#[tokio::test]
async fn parameters_and_bodies_give_the_same_answer() {
    let data = data();
    let app = app(data.path());
    let by_get = get(
        &app,
        "/v1/indexes/words/search?q=red+door&rank=bm25&k=7&offset=2&filter=year:%3E2000&fields=title,year&explain=true",
    )
    .await;
    let body = json!({"query": {"text": "red door"}, "rank": "bm25", "k": 7, "offset": 2,
        "filter": "year:>2000", "fields": ["title", "year"], "explain": true});
    let by_post = post(&app, "/v1/indexes/words/search", &body).await;
    assert_eq!(by_get.hits().len(), 7);
    assert_eq!(stable(&by_get), stable(&by_post));
    assert!(by_get.body["hits"][0]["fields"]["title"].is_string());
}

#[tokio::test]
async fn empty_vectors_find_nothing() {
    let data = data();
    let app = app(data.path());
    let empty = json!({"query": {"indices": [], "values": []}});
    assert_eq!(post(&app, "/v1/indexes/words/search", &empty).await.hits(), []);
}

#[tokio::test]
async fn indexes_are_listed_with_what_they_hold() {
    let data = data();
    std::fs::create_dir(data.path().join("empty")).unwrap();
    let strange = data.path().join("no spaces");
    std::fs::create_dir(&strange).unwrap();
    std::fs::copy(data.path().join("given/meta.json"), strange.join("meta.json")).unwrap();
    let server = server(data.path());
    assert!(server.warnings().iter().any(|warning| warning.contains("no spaces")));
    let list = get(&router(&server), "/v1/indexes").await.body;
    let names: Vec<_> =
        list["indexes"].as_array().unwrap().iter().map(|index| &index["name"]).collect();
    assert_eq!(names, ["given", "words"]);
    assert_eq!(list["indexes"][0]["documents"], 20);
    assert_eq!(list["indexes"][0]["model"], Value::Null);
    assert_eq!(list["indexes"][1]["model"], "sha256:words");
    assert!(list["indexes"][1]["generation"].is_u64());
}

#[tokio::test]
async fn a_new_commit_is_seen_within_a_second() {
    let data = data();
    let app = app(data.path());
    let body = json!({"query": query("purple")});
    let before = post(&app, "/v1/indexes/given/search", &body).await;
    assert_eq!(before.hits(), []);
    let new = json!({"_id": "new", "text": "purple"});
    add(&data.path().join("given"), &[new], None, WordCounts);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let after = post(&app, "/v1/indexes/given/search", &body).await;
    assert_eq!(after.hits(), [("new".to_owned(), 1.0)]);
    assert!(after.body["generation"].as_u64() > before.body["generation"].as_u64());
    assert_eq!(get(&app, "/v1/indexes").await.body["indexes"][0]["documents"], 21);
}

/// Overwrites a byte in the middle of every impact file that is not in `but`.
fn damage(index: &Path, but: &[PathBuf]) -> Vec<PathBuf> {
    let files: Vec<PathBuf> = std::fs::read_dir(index)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "imp"))
        .collect();
    for file in files.iter().filter(|file| !but.contains(file)) {
        let mut bytes = std::fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        std::fs::remove_file(file).unwrap();
        std::fs::write(file, bytes).unwrap();
    }
    files
}

#[tokio::test]
async fn a_damaged_commit_leaves_the_one_before() {
    let data = data();
    let index = data.path().join("given");
    let app = app(data.path());
    let body = json!({"query": query("red")});
    let before = post(&app, "/v1/indexes/given/search", &body).await;
    let sound =
        std::fs::read_dir(&index).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    add(&index, &documents(20, 40), None, WordCounts);
    damage(&index, &sound);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let after = post(&app, "/v1/indexes/given/search", &body).await;
    assert_eq!(stable(&before), stable(&after));
    let checks = get(&app, "/readyz").await.body["checks"].clone();
    let refreshed = checks
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["subject"] == "given" && check["check"] == "index_refreshed");
    assert_eq!(refreshed.unwrap()["outcome"], "fail", "{checks}");
}

#[tokio::test]
async fn a_damaged_index_is_an_error_beside_sound_ones() {
    let data = data();
    damage(&data.path().join("words"), &[]);
    let server = server(data.path());
    assert!(server.warnings().iter().any(|warning| warning.contains("index_open")));
    let app = router(&server);
    let body = json!({"query": query("red")});
    let answer = post(&app, "/v1/indexes/words/search", &body).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (500, "index_damaged"));
    assert!(!answer.body["detail"].as_str().unwrap().contains('/'), "{}", answer.body);
    assert_eq!(post(&app, "/v1/indexes/given/search", &body).await.status, 200);
    assert_eq!(get(&app, "/v1/indexes").await.body["indexes"][1]["problem"], "index_damaged");
    assert_eq!(get(&app, "/readyz").await.status, 503);
}

#[test]
fn a_search_whose_time_was_over_before_it_began_says_so() {
    let data = data();
    let app = app(data.path());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let late = runtime.block_on(async {
        // The only thread that searches is busy for longer.
        tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(100)));
        let body = json!({"query": query("red apple number3"), "k": 3, "timeout_ms": 1});
        post(&app, "/v1/indexes/words/search", &body).await
    });
    assert_eq!(late.status, 200);
    assert_eq!((&late.body["exact"], late.hits().len()), (&json!(false), 0));
    let certificate = &late.body["certificate"];
    assert_eq!(
        (&certificate["kind"], &certificate["complete"]),
        (&json!("approximate"), &json!(false))
    );
}

#[tokio::test]
async fn what_is_given_up_is_said() {
    let data = data();
    let app = app(data.path());
    let ask = |effort: f32, timeout_ms: Option<u64>| {
        let mut body = json!({"query": query("red apple number3"), "k": 3, "effort": effort});
        if let Some(ms) = timeout_ms {
            body["timeout_ms"] = json!(ms);
        }
        body
    };
    let exact = post(&app, "/v1/indexes/words/search", &ask(1.0, Some(u64::MAX))).await;
    assert_eq!(exact.body["exact"], true, "{}", exact.body);
    assert_eq!(exact.body["certificate"]["complete"], true);
    let less = post(&app, "/v1/indexes/words/search", &ask(0.25, None)).await;
    assert_eq!((less.status.as_u16(), less.hits().len()), (200, 3));
    assert_eq!(less.body["certificate"]["effort"], 0.25);
    let by_get =
        get(&app, "/v1/indexes/words/search?q=red&rank=bm25&effort=0.25&timeout_ms=10000").await;
    assert_eq!((by_get.status.as_u16(), &by_get.body["exact"]), (200, &json!(true)));
    for effort in ["0", "-1", "1.5", "NaN"] {
        let path = format!("/v1/indexes/words/search?q=red&rank=bm25&effort={effort}");
        let refused = get(&app, &path).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (422, "invalid_request"), "{effort}");
        assert_eq!(refused.body["field"], "effort");
    }
}

#[tokio::test]
async fn profiles_show_phases_bytes_and_known_filters() {
    let data = data();
    let app = app(data.path());
    let body = json!({"query": query("red apple"), "filter": "year:>=2000", "profile": true});
    for is_cached in [false, true] {
        let answer = post(&app, "/v1/indexes/words/search", &body).await;
        let profile = &answer.body["profile"];
        assert_eq!(profile["filter_cached"], is_cached, "{profile}");
        assert!(profile["bytes"].is_u64());
        for phase in ["plan_us", "scatter_us", "sweep_us", "finalists_us", "other_us"] {
            assert!(profile["phases"][phase].is_f64(), "{profile}");
        }
        let phases = profile["phases"].as_object().unwrap().values();
        let sum: f64 = phases.map(|phase| phase.as_f64().unwrap()).sum();
        let whole = profile["search_us"].as_f64().unwrap();
        // Filter and search are both cut to microseconds.
        assert!((sum - whole).abs() < 2.0, "{profile}");
    }
}

/// Where nothing was skipped the proof is that everything was scored, and there is no bound.
#[tokio::test]
async fn the_kind_of_proof_says_whether_everything_was_scored() {
    let data = data();
    let app = app(data.path());
    for (body, kind) in [
        (json!({"query": query("red"), "k": 100, "filter": "year:1990"}), "exhaustive"),
        (json!({"query": query("nothing-has-this-word")}), "exhaustive"),
        (json!({"query": {"text": "red"}, "rank": "bm25"}), "exhaustive"),
        (json!({"query": query("red apple number3 door"), "k": 1}), "rank_safe"),
    ] {
        let answer = post(&app, "/v1/indexes/words/search", &body).await;
        let certificate = &answer.body["certificate"];
        assert_eq!(
            (&answer.body["exact"], &certificate["kind"]),
            (&json!(true), &json!(kind)),
            "{body}"
        );
        let has_bound = certificate["highest_bound_not_scored"].is_number();
        assert_eq!(has_bound, kind == "rank_safe", "{body}: {certificate}");
    }
}
