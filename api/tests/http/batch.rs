//! Several searches in one request: one commit, one order, one bad search among good ones.

use super::{
    hybrid::{everything, hybrid_data},
    searching::stable,
    *,
};

const BATCH: &str = "/v1/indexes/mixed/search/batch";

fn stable_of(response: &Value) -> Value {
    let answer =
        Answer { status: StatusCode::OK, headers: HeaderMap::new(), body: response.clone() };
    stable(&answer)
}

#[tokio::test]
async fn a_bad_search_fails_alone_and_the_others_are_as_if_asked_alone() {
    let data = hybrid_data();
    let app = app(data.path());
    let good = [
        json!({"query": everything(), "rank": "rrf:sparse,bm25,dense"}),
        json!({"query": {"like": "d0005"}, "rank": "dense", "k": 3, "fields": ["title"]}),
        json!({"query": {"text": "red"}, "rank": "bm25", "explain": true}),
    ];
    let bad = [
        (json!({"query": {"text": "red"}, "rank": "dense:emd"}), "unknown_field", "rank"),
        (json!({"query": {"text": "red"}, "kk": 5}), "invalid_request", "kk"),
        (json!(5), "invalid_request", ""),
        (json!({"query": {"text": "red"}, "rank": "sparse"}), "model_not_found", ""),
        (json!({"query": {"like": "nobody"}}), "document_not_found", "query.like"),
    ];
    let searches: Vec<&Value> =
        vec![&good[0], &bad[0].0, &bad[1].0, &good[1], &bad[2].0, &bad[3].0, &good[2], &bad[4].0];
    let answer = post(&app, BATCH, &json!({"searches": searches})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["index"], "mixed");
    let responses = answer.body["responses"].as_array().unwrap();
    assert_eq!(responses.len(), searches.len());
    for (at, good) in [0, 3, 6].into_iter().zip(&good) {
        let alone = post(&app, "/v1/indexes/mixed/search", good).await;
        assert_eq!(stable_of(&responses[at]), stable(&alone));
        assert_eq!(responses[at]["generation"], answer.body["generation"]);
    }
    for (at, (body, code, field)) in [1, 2, 4, 5, 7].into_iter().zip(&bad) {
        let (response, alone) =
            (&responses[at], post(&app, "/v1/indexes/mixed/search", body).await);
        assert_eq!(response, &alone.body, "a problem is the one of the search alone");
        assert_eq!(response["code"], *code);
        assert_eq!(response["field"].as_str().unwrap_or_default(), *field, "{response}");
    }
}

#[tokio::test]
async fn batches_without_searches_have_no_answers() {
    let data = hybrid_data();
    let answer = post(&app(data.path()), BATCH, &json!({"searches": []})).await;
    assert_eq!((answer.status.as_u16(), &answer.body["responses"]), (200, &json!([])));
    assert!(answer.body["generation"].is_u64());
}

#[tokio::test]
async fn what_is_wrong_with_the_whole_is_an_error() {
    let data = hybrid_data();
    let app = app(data.path());
    let search = |k: usize| json!({"query": {"text": "red"}, "rank": "bm25", "k": k});
    for (body, status, code, field) in [
        (json!({}), 422, "invalid_request", ""),
        (json!([search(1)]), 422, "invalid_request", ""),
        (json!({"searches": search(1)}), 422, "invalid_request", "searches"),
        (json!({"searches": [], "k": 1}), 422, "invalid_request", "k"),
        (json!({"searches": vec![search(1); 9]}), 422, "limit_exceeded", "searches"),
        (json!({"searches": vec![search(34); 3]}), 422, "limit_exceeded", "searches"),
    ] {
        let answer = post(&app, BATCH, &body).await;
        let found = (answer.status.as_u16(), answer.code());
        assert_eq!(found, (status, code), "{body}: {}", answer.body);
        assert_eq!(answer.body["field"].as_str().unwrap_or_default(), field, "{}", answer.body);
    }
    assert_eq!(post(&app, BATCH, &json!({"searches": vec![search(50); 2]})).await.status, 200);
    // What asks for too much by itself is wrong for itself.
    let mixed = post(&app, BATCH, &json!({"searches": [search(usize::MAX), search(1)]})).await;
    assert_eq!(mixed.status, 200);
    assert_eq!(mixed.body["responses"][0]["code"], "limit_exceeded");
    assert_eq!(mixed.body["responses"][1]["hits"].as_array().unwrap().len(), 1);
    let cut = r#"{"searches": [{"query": {"text": "red"}}"#;
    assert_eq!(ask(&app, post_request(BATCH, cut)).await.code(), "malformed_json");
    assert_eq!(get(&app, BATCH).await.code(), "method_not_allowed");
    let nowhere = post(&app, "/v1/indexes/none/search/batch", &json!({"searches": []})).await;
    assert_eq!(nowhere.code(), "index_not_found");
}

/// Members given twice, numbers beyond any type and deep nesting are seen in a batch as in a
/// search.
#[tokio::test]
async fn searches_are_read_as_strictly_as_alone() {
    let data = hybrid_data();
    let app = app(data.path());
    let deep = format!("{{\"query\": {}1{}}}", "[".repeat(1000), "]".repeat(1000));
    let searches = [
        r#"{"query": {"like": "d0001"}, "k": 1, "k": 2}"#,
        r#"{"query": {"dense": [1e999]}, "rank": "dense"}"#,
        &deep,
        r#"{"query": {"text": "\ud800"}, "rank": "bm25"}"#,
        r#"{"query": {"like": "d0001"}, "k": 1}"#,
    ];
    let body = format!("{{\"searches\": [{}]}}", searches.join(","));
    let answer = ask(&app, post_request(BATCH, body)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let responses = answer.body["responses"].as_array().unwrap();
    let codes: Vec<_> = responses.iter().map(|response| response["code"].as_str()).collect();
    let (json, request) = (Some("malformed_json"), Some("invalid_request"));
    assert_eq!(codes, [request, json, request, json, None]);
}

#[tokio::test]
async fn a_batch_is_one_request_of_the_limit() {
    let data = hybrid_data();
    let limits = Limits { concurrency: 1, ..limits() };
    let app = router(&open(ServeOptions { limits, ..options(data.path()) }).unwrap());
    let search = json!({"query": {"text": "red"}, "rank": "bm25"});
    let answer = post(&app, BATCH, &json!({"searches": vec![search.clone(); 8]})).await;
    assert_eq!(answer.status, 200);
    let limits = Limits { concurrency: 0, ..limits };
    let app = router(&open(ServeOptions { limits, ..options(data.path()) }).unwrap());
    let answer = post(&app, BATCH, &json!({"searches": [search]})).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (503, "overloaded"));
}

#[tokio::test]
async fn the_time_of_a_search_counts_from_its_turn() {
    let data = hybrid_data();
    let app = app(data.path());
    let search = json!({"query": query("red"), "timeout_ms": 10_000, "k": 3});
    let answer = post(&app, BATCH, &json!({"searches": vec![search; 8]})).await;
    for response in answer.body["responses"].as_array().unwrap() {
        assert_eq!(response["exact"], true, "{response}");
    }
}

/// With the thread that searches busy for longer than the limit, no search of the batch is begun.
#[test]
fn a_batch_whose_time_is_over_begins_no_search() {
    let data = hybrid_data();
    let limits = Limits { timeout: Duration::from_millis(100), ..limits() };
    let app = router(&open(ServeOptions { limits, ..options(data.path()) }).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let answer = runtime.block_on(async {
        // Beyond nine tenths of the limit, within the whole.
        tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(93)));
        let search = json!({"query": {"text": "red"}, "rank": "bm25"});
        post(&app, BATCH, &json!({"searches": vec![search; 3]})).await
    });
    // A machine that is busy itself may be later still.
    match answer.status.as_u16() {
        504 => assert_eq!(answer.code(), "timed_out"),
        status => {
            assert_eq!(status, 200);
            for response in answer.body["responses"].as_array().unwrap() {
                assert_eq!(response["code"], "timed_out", "{response}");
            }
        }
    }
}
