//! Whatever cannot be answered is a problem with a stable code, and nothing panics.

use super::*;

fn check(answer: &Answer, what: &str, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{what}: {}", answer.body);
    assert_eq!(answer.headers["content-type"], "application/problem+json", "{what}");
    assert_eq!(answer.body["type"], format!("urn:gleaner:error:{code}"), "{what}");
    assert_eq!(answer.body["status"], status, "{what}");
    for key in ["title", "detail"] {
        assert!(answer.body[key].as_str().is_some_and(|text| !text.is_empty()), "{what}: {key}");
    }
}

/// Posts bodies to a search; each must be refused with the code and name the field beside it.
async fn refuse(status: u16, code: &str, bodies: &[(&str, &str)]) {
    let data = data();
    let app = app(data.path());
    for (body, field) in bodies {
        let answer = ask(&app, post_request("/v1/indexes/words/search", body.to_string())).await;
        check(&answer, body, status, code);
        assert_eq!(answer.body["field"].as_str().unwrap_or_default(), *field, "{}", answer.body);
    }
}

/// A body with a query that is right and something else.
fn with(members: &str) -> String {
    format!(r#"{{"query": {{"indices": [1], "values": [1.0]}}, {members}}}"#)
}

#[tokio::test]
async fn bodies_must_be_json() {
    let nan = r#"{"query": {"indices": [1], "values": [NaN]}}"#;
    let surrogate = "{\"query\": {\"text\": \"\\ud800\"}}";
    let trailing = format!("{} x", with(r#""k": 1"#));
    let bodies = ["", "{", "nonsense", nan, surrogate, &trailing].map(|body| (body, ""));
    refuse(400, "malformed_json", &bodies).await;
}

#[tokio::test]
async fn members_must_be_known_and_of_their_type() {
    let deep = format!("{{\"query\": {}1{}}}", "[".repeat(1000), "]".repeat(1000));
    let deep_unknown = format!("{{\"x\": {}1{}}}", "[".repeat(1000), "]".repeat(1000));
    let bodies = [
        (deep.as_str(), "query"),
        (&deep_unknown, "x"),
        ("[]", ""),
        (r#"[{"indices": [1], "values": [1]}, 5]"#, ""),
        (r#"{"query": ["red", null, null, null], "rank": "bm25"}"#, "query"),
        ("null", ""),
        ("{}", ""),
        (&with(r#""kk": 1"#), "kk"),
        (&with(r#""k": "ten""#), "k"),
        (&with(r#""k": -1"#), "k"),
        (&with(r#""k": 1.5"#), "k"),
        (&with(r#""k": 99999999999999999999"#), "k"),
        (&with(r#""k": 1, "k": 2"#), ""),
        (&with(r#""k": 0"#), "k"),
        (&with(r#""timeout_ms": 0"#), "timeout_ms"),
        (&with(r#""explain": "yes""#), "explain"),
        (&with(r#""fields": "title""#), "fields"),
        (r#"{"query": "red"}"#, "query"),
        (r#"{"query": {"text": 1}}"#, "query.text"),
        (r#"{"query": {"words": "a"}}"#, "query.words"),
        (r#"{"query": {"tokens": ["a"]}}"#, "query.tokens[0]"),
        (r#"{"query": {"indices": [1], "values": [null]}}"#, "query.values[0]"),
        (r#"{"query": {"indices": [-1], "values": [1]}}"#, "query.indices[0]"),
        (r#"{"query": {"indices": [4294967296], "values": [1]}}"#, "query.indices[0]"),
    ];
    refuse(422, "invalid_request", &bodies).await;
}

#[tokio::test]
async fn queries_must_be_one_valid_vector_or_text() {
    let bodies = [
        (r#"{"query": {}}"#, "query"),
        (r#"{"query": {"text": ""}}"#, "query.text"),
        (r#"{"query": {"text": " \t"}, "rank": "bm25"}"#, "query.text"),
        (r#"{"query": {"text": "a", "tokens": {"a": 1}}, "rank": "sparse"}"#, "query"),
        (r#"{"query": {"indices": [1]}}"#, "query"),
        (r#"{"query": {"indices": [1, 2], "values": [1]}}"#, "query"),
        (r#"{"query": {"indices": [2, 1], "values": [1, 1]}}"#, "query.indices"),
        (r#"{"query": {"indices": [1, 1], "values": [1, 1]}}"#, "query.indices"),
        (r#"{"query": {"indices": [1], "values": [-1]}}"#, "query.values"),
        (r#"{"query": {"indices": [1], "values": [0]}}"#, "query.values"),
        (r#"{"query": {"indices": [1], "values": [1e39]}}"#, "query.values"),
        (r#"{"query": {"indices": [1], "values": [1e300]}}"#, "query.values"),
        (r#"{"query": {"tokens": {"a": -1}}}"#, "query.tokens"),
        (r#"{"query": {"tokens": {"a": 1, "b": 1, "a": 2}}}"#, "query.tokens"),
        (&with(r#""rank": "bm25""#), "query.text"),
    ];
    refuse(422, "invalid_query", &bodies).await;
}

#[tokio::test]
async fn limits_hold() {
    let ids: Vec<u32> = (0..51).collect();
    let many = json!({"query": {"indices": ids, "values": vec![1.0; 51]}}).to_string();
    let long = json!({"query": {"text": "a".repeat(501)}}).to_string();
    let wordy = json!({"query": {"text": "a,".repeat(60)}, "rank": "bm25"}).to_string();
    let bodies = [
        (many.as_str(), "query.indices"),
        (&long, "query.text"),
        (&wordy, "query.text"),
        (&with(r#""k": 101"#), "k"),
        (&with(r#""offset": 91"#), "k"),
        (&with(r#""offset": 18446744073709551615"#), "k"),
    ];
    refuse(422, "limit_exceeded", &bodies).await;
}

#[tokio::test]
async fn filters_ranks_and_models_must_exist() {
    let nested = with(&format!(r#""filter": "{}""#, "(".repeat(999)));
    let filters = [r#""year:[""#, r#""""#, r#""nokey:1""#, r#""text:>5""#]
        .map(|filter| with(&format!(r#""filter": {filter}"#)));
    let filters: Vec<_> =
        filters.iter().chain([&nested]).map(|body| (body.as_str(), "filter")).collect();
    refuse(422, "invalid_filter", &filters).await;
    refuse(422, "unknown_rank", &[(&with(r#""rank": "dens""#), "rank")]).await;
    let text = r#"{"query": {"text": "red"}}"#;
    let tokens = r#"{"query": {"tokens": {"red": 1}}}"#;
    refuse(424, "model_not_found", &[(text, ""), (tokens, "")]).await;
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let data = data();
    let app = app(data.path());
    for (parameters, status, code) in [
        ("", 422, "invalid_request"),
        ("k=3", 422, "invalid_request"),
        ("q=a&kk=3", 422, "invalid_request"),
        ("q=a&q=b", 422, "invalid_request"),
        ("q=", 422, "invalid_query"),
        ("q=+&rank=bm25", 422, "invalid_query"),
        ("q=a&k=x", 422, "invalid_request"),
        ("q=a&k=0", 422, "invalid_request"),
        ("q=a&explain=maybe", 422, "invalid_request"),
        ("q=a&rank=", 422, "unknown_rank"),
        ("q=a&rank=bm25&filter=(", 422, "invalid_filter"),
        ("q=a&rank=bm25&k=1000", 422, "limit_exceeded"),
        ("q=a", 424, "model_not_found"),
    ] {
        let answer = get(&app, &format!("/v1/indexes/words/search?{parameters}")).await;
        check(&answer, parameters, status, code);
    }
}

#[tokio::test]
async fn unknown_names_lead_nowhere() {
    let data = data();
    let app = app(data.path());
    for name in [
        "nothing",
        "",
        "..",
        ".",
        "%2e%2e",
        "..%2Fwords",
        "%2Fetc",
        "words%00",
        "WORDS",
        "a".repeat(9000).as_str(),
    ] {
        let answer = get(&app, &format!("/v1/indexes/{name}/search?q=a&rank=bm25")).await;
        check(&answer, name, 404, "index_not_found");
    }
    for path in ["/", "/v1", "/v1/indexes/", "/v1/indexes/words", "/../livez"] {
        check(&get(&app, path).await, path, 404, "route_not_found");
    }
}

#[tokio::test]
async fn a_wrong_path_or_method_is_told_what_to_call() {
    let data = data();
    let app = app(data.path());
    let nowhere = get(&app, "/").await;
    let hint = nowhere.body["hint"].as_str().unwrap();
    let routes: Vec<&str> = hint.strip_prefix("the routes are ").unwrap().split(", ").collect();
    assert!(routes.len() >= 9, "{hint}");
    for route in routes {
        let path = route.replace("{index}", "words");
        let request = Request::delete(&path).body(Body::empty()).unwrap();
        let answer = ask(&app, request).await;
        check(&answer, route, 405, "method_not_allowed");
        let allowed = answer.headers["allow"].to_str().unwrap().replace("HEAD,", "");
        let allowed = allowed.replace(",HEAD", "").replace(',', ", ");
        assert_eq!(answer.body["hint"], format!("it takes {allowed}"), "{route}");
    }
    for (path, says) in [
        ("/healthz", "GET /readyz"),
        ("/v1/index/words/search", "POST /v1/indexes/{index}/search"),
        ("/words/_search", "POST /v1/indexes/{index}/search"),
        ("/v1/embeddings", "POST /v1/encode"),
    ] {
        let answer = get(&app, path).await;
        check(&answer, path, 404, "route_not_found");
        assert!(answer.body["hint"].as_str().unwrap().contains(says), "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn wrong_methods_types_and_sizes_are_refused() {
    let data = data();
    let app = app(data.path());
    for (method, path, allowed) in [
        ("DELETE", "/v1/indexes/words/search", "GET,HEAD,POST"),
        ("POST", "/livez", "GET,HEAD"),
        ("GET", "/v1/encode", "POST"),
    ] {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let answer = ask(&app, request).await;
        check(&answer, path, 405, "method_not_allowed");
        assert_eq!(answer.headers["allow"], allowed);
    }
    let body = r#"{"query": {"indices": [1], "values": [1]}}"#;
    for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
        let mut request = Request::post("/v1/indexes/words/search").body(Body::from(body)).unwrap();
        if let Some(kind) = kind {
            request.headers_mut().insert("content-type", kind.parse().unwrap());
        }
        check(&ask(&app, request).await, "type", 415, "unsupported_media_type");
    }
    let large = format!("{}{body}", " ".repeat(5000));
    for path in ["/v1/indexes/words/search", "/v1/encode"] {
        check(&ask(&app, post_request(path, large.clone())).await, path, 413, "body_too_large");
    }
}

#[tokio::test]
async fn encoding_without_a_model_is_refused() {
    let data = data();
    let app = app(data.path());
    for (body, status, code) in [
        (json!({"inputs": "a"}), 424, "model_not_found"),
        (json!({"inputs": ["a"], "index": "words"}), 424, "model_not_found"),
        (json!({"inputs": ["a"], "index": "given"}), 424, "model_not_found"),
        (json!({"inputs": ["a"], "index": "other"}), 404, "index_not_found"),
        (json!({"inputs": 3}), 422, "invalid_request"),
        (json!({"inputs": [3]}), 422, "invalid_request"),
        (json!({"inputs": "a", "side": "both"}), 422, "invalid_request"),
        (json!({"input": "a"}), 422, "invalid_request"),
        (json!({"inputs": ["a", "b", "c", "d", "e"]}), 422, "limit_exceeded"),
        (json!({"inputs": "a".repeat(501)}), 422, "limit_exceeded"),
    ] {
        let answer = post(&app, "/v1/encode", &body).await;
        check(&answer, &body.to_string(), status, code);
    }
}

#[tokio::test]
async fn too_many_requests_at_once_are_sent_away() {
    let data = data();
    let limits = Limits { concurrency: 0, ..limits() };
    let app = router(&open(ServeOptions { limits, ..options(data.path()) }).unwrap());
    let answer = get(&app, "/v1/indexes/words/search?q=red&rank=bm25").await;
    check(&answer, "search", 503, "overloaded");
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(get(&app, "/livez").await.status, 200);
}

#[tokio::test]
async fn a_key_guards_everything_but_health() {
    let data = data();
    let api_key = Some("s3cret-0123456789".to_owned());
    let app = router(&open(ServeOptions { api_key, ..options(data.path()) }).unwrap());
    let with = |path: &str, key: &str| {
        Request::get(path).header("authorization", key).body(Body::empty()).unwrap()
    };
    for path in [
        "/v1/indexes",
        "/v1/indexes/words/search?q=a&rank=bm25",
        "/metrics",
        "/info",
        "/nothing",
        "/livez/",
    ] {
        let answer = get(&app, path).await;
        check(&answer, path, 401, "unauthorized");
        assert!(answer.headers.contains_key("www-authenticate"));
        for key in ["Bearer wrong!", "Basic s3cret-0123456789", "Bearer s3cret-01234567892"] {
            check(&ask(&app, with(path, key)).await, path, 401, "unauthorized");
        }
    }
    assert_eq!(ask(&app, with("/v1/indexes", "Bearer s3cret-0123456789")).await.status, 200);
    assert_eq!(get(&app, "/livez").await.status, 200);
    let stranger = get(&app, "/readyz").await;
    assert_eq!((stranger.status.as_u16(), stranger.body.get("checks")), (503, None));
    assert!(ask(&app, with("/readyz", "Bearer s3cret-0123456789")).await.body["checks"].is_array());
}

#[tokio::test]
async fn request_ids_come_back() {
    let data = data();
    let app = app(data.path());
    let with = |id: &str| Request::get("/livez").header("x-request-id", id).body(Body::empty());
    assert_eq!(ask(&app, with("abc-1").unwrap()).await.headers["x-request-id"], "abc-1");
    assert_ne!(ask(&app, with("a b").unwrap()).await.headers["x-request-id"], "a b");
}
