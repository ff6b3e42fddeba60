//! What a search takes and says of it: vectors as `/v1/encode` answers them, keys given once, pages
//! past the end.

use super::*;

const SEARCH: &str = "/v1/indexes/words/search";

#[tokio::test]
async fn an_embedding_of_encode_is_a_query_as_it_is() {
    let data = data();
    let app = app(data.path());
    let vector = vector("red apple");
    let mut tokens: Vec<Value> = vector
        .iter()
        .map(|(id, weight)| json!({"token": format!("t{id}"), "id": id, "weight": weight}))
        .collect();
    let expected = post(&app, SEARCH, &json!({"query": query("red apple")})).await.hits();
    assert!(!expected.is_empty());
    // Encoders answer the heaviest first, in no order of ids; a token may be unknown.
    tokens.reverse();
    tokens[0]["token"] = Value::Null;
    let answer = post(&app, SEARCH, &json!({"query": {"tokens": tokens}})).await;
    assert_eq!(answer.hits(), expected);
    for (tokens, says) in [
        (json!([{"id": 1}]), "is missing"),
        (json!([{"id": 1, "weight": 1, "other": 2}]), "other"),
        (json!([{"id": 1, "weight": -1}]), "negative"),
        (json!([{"id": 1, "weight": 1}, {"id": 1, "weight": 2}]), "1"),
        (json!(3), "as /v1/encode answers"),
    ] {
        let answer = post(&app, SEARCH, &json!({"query": {"tokens": tokens}})).await;
        assert_eq!(answer.status, 422, "{tokens}: {}", answer.body);
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{tokens}: {detail}");
    }
    let many: Vec<Value> = (0..60).map(|id| json!({"id": id, "weight": 1})).collect();
    let answer = post(&app, SEARCH, &json!({"query": {"tokens": many}})).await;
    assert_eq!(answer.code(), "limit_exceeded");
}

#[tokio::test]
async fn a_key_given_twice_is_refused_in_every_object() {
    let data = data();
    let app = app(data.path());
    for (path, body, key) in [
        (SEARCH, r#"{"query": {"indices": [1], "values": [1]}, "k": 1, "k": 2}"#, "k"),
        (SEARCH, r#"{"query": {"indices": [1], "values": [1], "values": [2]}}"#, "values"),
        (SEARCH, r#"{"query": {"tokens": {"1": 1, "1": 2}}}"#, "1"),
        (SEARCH, r#"{"query": {"dense": {"f": [1], "f": [2]}}, "rank": "dense:f"}"#, "f"),
        (SEARCH, r#"{"query": {"dense": [1], "vector": [2]}, "rank": "dense:f"}"#, "dense"),
        (SEARCH, r#"{"query": {"tokens": [{"id": 1, "id": 1, "weight": 1}]}}"#, "id"),
        ("/v1/encode", r#"{"inputs": "a", "inputs": "b"}"#, "inputs"),
        ("/v1/indexes/words/search/batch", r#"{"searches": [], "searches": []}"#, "searches"),
    ] {
        let answer = ask(&app, post_request(path, body)).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.body);
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(key), "{body}: {detail}");
        assert!(detail.contains("given twice"), "{detail}");
    }
}

#[tokio::test]
async fn an_offset_past_the_end_is_noted() {
    let data = data();
    let app = app(data.path());
    let page = |query: &'static str, offset: usize| {
        let body = json!({"query": super::query(query), "k": 10, "offset": offset});
        let app = app.clone();
        async move { post(&app, "/v1/indexes/given/search", &body).await }
    };
    let answer = page("apple", 50).await;
    assert!(answer.hits().is_empty());
    let note = answer.body["notes"][0].as_str().unwrap();
    assert!(note.starts_with("the offset 50 is past the end: the list has "), "{note}");
    for (query, offset) in [("apple", 0), ("apple", 1), ("unheard", 50)] {
        let answer = page(query, offset).await;
        assert_eq!(answer.status, 200);
        assert!(!answer.body["notes"].to_string().contains("offset"), "{}", answer.body);
    }
}
