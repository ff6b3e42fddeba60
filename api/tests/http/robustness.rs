//! Whatever JSON arrives, the answer is hits or a problem of the client's, and nothing panics.

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::{hybrid::hybrid_data, *};

/// Names of members, of every object that there is.
const NAMES: [&str; 33] = [
    "query",
    "text",
    "tokens",
    "indices",
    "values",
    "dense",
    "like",
    "boost",
    "mute",
    "emb",
    "1",
    "red",
    "k",
    "offset",
    "rank",
    "hybrid",
    "legs",
    "name",
    "field",
    "weight",
    "window",
    "fusion",
    "method",
    "normalizer",
    "weights",
    "feedback",
    "min_score",
    "cut",
    "filter",
    "fields",
    "effort",
    "timeout_ms",
    "searches",
];

/// Texts that mean something somewhere.
const WORDS: [&str; 14] = [
    "bm25",
    "sparse",
    "dense",
    "dense:emb",
    "rrf",
    "linear",
    "minmax",
    "knee",
    "red",
    "d0007",
    "year:>3",
    "rrf:sparse,dense",
    "convex:bm25,dense",
    "sparse:docs=2",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0u32..6000).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(WORDS.to_vec()).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, move |inner| {
        let key = prop::sample::select(NAMES.to_vec());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6)
                .prop_map(|pairs| pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

/// Mostly `right`, and sometimes anything.
fn mostly(right: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    prop_oneof![30 => right, 1 => any_json()].boxed()
}

fn any_query() -> BoxedStrategy<Value> {
    let indices = prop::collection::btree_set(0u32..5000, 0..5);
    let ids = indices.prop_map(|ids| json!({"indices": ids, "values": vec![1.5; ids.len()]}));
    let text = "\\PC{0,30}".prop_map(|text| json!({"text": text}));
    let like = (0u32..130).prop_map(|i| json!({"like": format!("d{i:04}")}));
    let dense = prop::collection::vec(-2f32..2.0, 3..5);
    let beside = prop_oneof![3 => Just("text"), 1 => prop::sample::select(NAMES.to_vec())];
    let more = (dense, any::<bool>(), beside, mostly(Just(json!("red apple"))));
    let what = prop_oneof![4 => ids, 4 => text, 4 => like, 1 => Just(json!({}))];
    (what, prop::option::weighted(0.3, more))
        .prop_map(|(mut query, more)| {
            if let Some((dense, by_name, name, value)) = more {
                query["dense"] = if by_name { json!({"emb": dense}) } else { json!(dense) };
                query[name] = value;
            }
            query
        })
        .boxed()
}

fn any_ranking() -> BoxedStrategy<Value> {
    let rank = prop::sample::select(vec![
        "bm25",
        "sparse",
        "dense",
        "dense:emb",
        "rrf:sparse,dense",
        "rrf:bm25,dense=2",
        "convex:norm=bound,sparse,bm25,dense",
        "rrf:window=5,sparse,bm25",
    ]);
    let leg = (prop::sample::select(vec!["sparse", "bm25", "dense"]), mostly(Just(json!(0.5))));
    let leg = leg.prop_map(|(name, weight)| json!({"name": name, "weight": weight}));
    let method = prop::sample::select(vec!["rrf", "convex", "linear"]);
    let hybrid = (prop::collection::vec(mostly(leg), 1..4), mostly(method.prop_map(Value::from)))
        .prop_map(|(legs, method)| json!({"hybrid": {"legs": legs, "fusion": {"method": method}}}));
    prop_oneof![
        2 => mostly(rank.prop_map(Value::from)).prop_map(|rank| json!({"rank": rank})),
        1 => hybrid,
    ]
    .boxed()
}

/// A search that is nearly right: each member is as it should be, or anything.
fn nearly_right() -> impl Strategy<Value = Value> {
    let filter = prop_oneof![
        8 => Just(Value::Null),
        1 => "[-+a-z0-9:()\\[\\]{}\"^~*<>= .\\\\/]{0,24}".prop_map(Value::from),
        1 => "(year|text|_id|fields.year|title):\\PC{0,12}".prop_map(Value::from),
    ];
    let feedback = prop::sample::select(vec!["sparse", "dense:docs=2", "sparse:interpolate=both"]);
    let feedback = prop_oneof![5 => Just(Value::Null), 1 => mostly(feedback.prop_map(Value::from))];
    let k = mostly((0u32..110).prop_map(Value::from));
    let ends = prop_oneof![4 => Just(Value::Null), 1 => mostly(Just(json!(0.01)))];
    let query = mostly(any_query());
    (query, any_ranking(), filter, k, feedback, ends, any::<bool>()).prop_map(
        |(query, mut search, filter, k, feedback, min_score, explain)| {
            let more = json!({"query": query, "filter": filter, "k": k, "explain": explain,
                "feedback": feedback, "min_score": min_score, "profile": explain});
            search.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            search
        },
    )
}

/// Posts `cases` bodies; returns how many were answered with hits.
fn no_server_error(path: &str, cases: u32, bodies: impl Strategy<Value = Vec<u8>>) -> usize {
    let data = hybrid_data();
    let app = app(data.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let found = std::cell::Cell::new(0);
    let config = Config { failure_persistence: None, ..Config::with_cases(cases) };
    TestRunner::new(config)
        .run(&bodies, |bytes| {
            let answer = runtime.block_on(ask(&app, post_request(path, bytes)));
            let status = answer.status.as_u16();
            assert!([200, 400, 404, 413, 422, 424].contains(&status), "{}", answer.body);
            found.set(found.get() + usize::from(status == 200));
            for response in answer.body["responses"].as_array().into_iter().flatten() {
                let status = response["status"].as_u64().unwrap_or(200);
                assert!([200, 400, 404, 422, 424].contains(&status), "{response}");
            }
            Ok(())
        })
        .unwrap();
    found.get()
}

#[test]
fn no_body_causes_a_server_error() {
    let bytes = prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..200),
        2 => any_json().prop_map(|value| value.to_string().into_bytes()),
        8 => nearly_right().prop_map(|value| value.to_string().into_bytes()),
    ];
    let found = no_server_error("/v1/indexes/mixed/search", 1_200, bytes);
    assert!(found > 50, "only {found} bodies were right, so little was tried");
}

#[test]
fn no_batch_causes_a_server_error() {
    let searches = prop::collection::vec(prop_oneof![1 => any_json(), 4 => nearly_right()], 0..6);
    let batch = prop_oneof![
        6 => searches.prop_map(|searches| json!({"searches": searches})),
        1 => any_json().prop_map(|value| json!({"searches": value})),
        1 => any_json(),
    ];
    let bytes = batch.prop_map(|value| value.to_string().into_bytes());
    let found = no_server_error("/v1/indexes/mixed/search/batch", 300, bytes);
    assert!(found > 50, "only {found} bodies were right, so little was tried");
}

/// Numbers that no type has, nesting that no stack has.
#[tokio::test]
async fn odd_numbers_and_nesting_are_problems_of_the_client() {
    let data = hybrid_data();
    let app = app(data.path());
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(700), close.repeat(700));
    for value in [
        "1e999",
        "-1e999",
        "1e-999",
        "99999999999999999999999999",
        "-0.0",
        "1E+2",
        "0.1e1",
        "null",
        "true",
        "\"\"",
        "\"\\u0000\"",
        "[]",
        "{}",
        "[[]]",
        "{\"\": {}}",
        &deep("[", "]"),
        &deep("{\"a\":", "}"),
    ] {
        for body in [
            format!(r#"{{"query": {{"dense": {value}}}, "rank": "dense"}}"#),
            format!(r#"{{"query": {{"dense": [1, 2, 3, {value}]}}, "rank": "dense"}}"#),
            format!(r#"{{"query": {{"dense": {{"emb": {value}}}}}, "rank": "dense"}}"#),
            format!(r#"{{"query": {{"like": "d0001", "boost": {value}}}}}"#),
            format!(r#"{{"query": {{"like": "d0001", "boost": {{"1": {value}}}}}}}"#),
            format!(r#"{{"query": {{"like": "d0001", "mute": {value}}}}}"#),
            format!(r#"{{"query": {{"like": {value}}}}}"#),
            format!(r#"{{"query": {{"like": "d0001"}}, "min_score": {value}}}"#),
            format!(r#"{{"query": {{"like": "d0001"}}, "cut": {value}}}"#),
            format!(r#"{{"query": {{"like": "d0001"}}, "feedback": {value}}}"#),
            format!(r#"{{"query": {{"like": "d0001"}}, "hybrid": {value}}}"#),
            format!(r#"{{"query": {{"like": "d0001"}}, "hybrid": {{"legs": {value}}}}}"#),
            format!(
                r#"{{"query": {{"like": "d0001"}}, "hybrid": {{"legs": [{{"name": "sparse",
                    "weight": {value}}}], "fusion": {{"k": {value}}}, "window": {value}}}}}"#
            ),
        ] {
            let answer = ask(&app, post_request("/v1/indexes/mixed/search", body.clone())).await;
            let status = answer.status.as_u16();
            assert!([200, 400, 404, 413, 422].contains(&status), "{body}: {}", answer.body);
        }
    }
}
