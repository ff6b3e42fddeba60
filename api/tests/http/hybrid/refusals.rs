//! What cannot be asked of a ranking, each with its code and the part of the request it is in.

use super::{MIXED, TWO, everything, hybrid_data};
use crate::*;

/// Posts bodies made of a whole query and other members; each is refused with the code and the
/// field.
async fn refuse(path: &str, cases: &[(Value, u16, &str, &str)]) {
    let data = hybrid_data();
    let app = app(data.path());
    for (body, status, code, field) in cases {
        let answer = post(&app, path, body).await;
        let found = (answer.status.as_u16(), answer.code(), &answer.body["field"]);
        assert_eq!(found, (*status, *code, &json!(field)), "{body}: {}", answer.body);
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(!detail.is_empty() && detail.len() < 500, "{detail}");
    }
}

/// A search of `mixed` with all there is to a query.
fn with(members: Value) -> Value {
    let mut body = json!({"query": everything()});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn rankings_that_mean_nothing_are_refused() {
    let rank = |rank: &str| (with(json!({"rank": rank})), 422, "unknown_rank", "rank");
    let long = format!("rrf:{}", "x".repeat(2_000));
    refuse(
        MIXED,
        &[
            rank(""),
            rank("dens"),
            rank("dense:"),
            rank("rrf:"),
            rank("rrf:sparse,sparse"),
            rank("rrf:k=-1,sparse"),
            rank("rrf:sparse=nan,bm25"),
            rank("convex:norm=l2,sparse"),
            rank("convex:k=60,sparse"),
            rank("rrf:window=0,sparse"),
            rank(&long),
            (with(json!({"rank": "rrf:window=101,sparse"})), 422, "limit_exceeded", "rank"),
            (with(json!({"rank": 5})), 422, "invalid_request", "rank"),
        ],
    )
    .await;
}

/// A request with the written-out form of a ranking, and how it is refused.
fn hybrid(
    hybrid: Value,
    code: &'static str,
    field: &'static str,
) -> (Value, u16, &'static str, &'static str) {
    (with(json!({"hybrid": hybrid})), 422, code, field)
}

#[tokio::test]
async fn windows_of_the_written_out_form_are_one() {
    let windows = |whole: Value, one: Value, other: Value, field| {
        let legs = json!([{"name": "sparse", "window": one}, {"name": "bm25", "window": other}]);
        hybrid(json!({"legs": legs, "window": whole}), "invalid_request", field)
    };
    refuse(
        MIXED,
        &[
            windows(json!(30), json!(20), Value::Null, "hybrid.legs[0].window"),
            windows(Value::Null, json!(20), json!(30), "hybrid.legs[1].window"),
            windows(json!(0), Value::Null, Value::Null, "hybrid.window"),
            windows(Value::Null, Value::Null, json!(-1), "hybrid.legs[1].window"),
            hybrid(
                json!({"legs": [{"name": "bm25"}], "window": 101}),
                "limit_exceeded",
                "hybrid.window",
            ),
            hybrid(
                json!({"legs": vec![json!({"name": "bm25"}); 17]}),
                "limit_exceeded",
                "hybrid.legs",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_written_out_form_names_the_part_that_is_wrong() {
    let leg =
        |leg: Value, code, field| hybrid(json!({"legs": [{"name": "bm25"}, leg]}), code, field);
    let fusion = |fusion: Value, code, field| {
        hybrid(
            json!({"legs": [{"name": "sparse"}, {"name": "dense"}], "fusion": fusion}),
            code,
            field,
        )
    };
    let (invalid, unknown) = ("invalid_request", "unknown_rank");
    let both = with(json!({"rank": "sparse", "hybrid": {"legs": [{"name": "sparse"}]}}));
    refuse(
        MIXED,
        &[
            (both, 422, invalid, "hybrid"),
            hybrid(json!("rrf"), invalid, "hybrid"),
            hybrid(json!([[], {}, 1]), invalid, "hybrid"),
            hybrid(json!({}), invalid, "hybrid"),
            hybrid(json!({"legs": []}), invalid, "hybrid.legs"),
            hybrid(json!({"legs": {}}), invalid, "hybrid.legs"),
            hybrid(json!({"legs": [["sparse", null, null, null]]}), invalid, "hybrid.legs[0]"),
            hybrid(json!({"legs": [{"name": "sparse"}], "mode": 1}), invalid, "hybrid.mode"),
            leg(json!({"name": "splade"}), unknown, "hybrid.legs[1].name"),
            leg(json!({"field": "emb"}), invalid, "hybrid.legs[1]"),
            leg(json!({"name": "sparse", "field": "emb"}), invalid, "hybrid.legs[1].field"),
            leg(json!({"name": "dense:emb", "field": "emb"}), invalid, "hybrid.legs[1].field"),
            leg(json!({"name": "dense", "weight": -1}), invalid, "hybrid.legs[1].weight"),
            leg(json!({"name": "dense", "weight": "1"}), invalid, "hybrid.legs[1].weight"),
            leg(json!({"name": "dense", "query": {}}), invalid, "hybrid.legs[1].query"),
            leg(json!({"name": "bm25"}), invalid, "hybrid.legs"),
            hybrid(
                json!({"legs": [{"name": "sparse"}, {"name": "dense", "field": "emd"}]}),
                "unknown_field",
                "hybrid.legs[1].field",
            ),
            fusion(json!({"method": "dbsf"}), unknown, "hybrid.fusion.method"),
            fusion(json!({"k": -1}), invalid, "hybrid.fusion.k"),
            fusion(json!({"method": "linear", "k": 60}), invalid, "hybrid.fusion.k"),
            fusion(json!({"normalizer": "tmm"}), invalid, "hybrid.fusion.normalizer"),
            fusion(
                json!({"method": "convex", "normalizer": "l2"}),
                unknown,
                "hybrid.fusion.normalizer",
            ),
            fusion(json!({"weights": {"bm25": 1}}), invalid, "hybrid.fusion.weights"),
            fusion(json!({"weights": {"splade": 1}}), unknown, "hybrid.fusion.weights"),
            fusion(json!({"weights": {"sparse": -1}}), invalid, "hybrid.fusion.weights"),
            fusion(json!({"weights": {"sparse": 0, "dense": 0}}), invalid, "hybrid.legs"),
            fusion(
                json!({"weights": {"dense": 1, "dense:emb": 1}}),
                invalid,
                "hybrid.fusion.weights",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn queries_have_one_source_for_every_leg_and_none_to_spare() {
    let ask = |query: Value, rank: &str, code: &'static str, field: &'static str| {
        let status = if code == "document_not_found" { 404 } else { 422 };
        (json!({"query": query, "rank": rank}), status, code, field)
    };
    let invalid = "invalid_query";
    let (ids, dense) = (query("red"), json!([1, 2, 3, 4]));
    let beside = |mut query: Value, name: &str, value: Value| {
        query[name] = value;
        query
    };
    let text_and_ids = beside(ids.clone(), "text", json!("red"));
    let ids_and_dense = beside(ids.clone(), "dense", dense.clone());
    let like_and = |name: &str, value: Value| beside(json!({"like": "d0001"}), name, value);
    refuse(
        MIXED,
        &[
            ask(json!({}), "dense", invalid, "query"),
            ask(json!({"boost": {"1": 2}}), "sparse", invalid, "query"),
            ask(text_and_ids, "sparse", invalid, "query"),
            ask(json!({"indices": [1], "dense": dense}), "rrf:sparse,dense", invalid, "query"),
            ask(json!({"dense": dense}), "sparse", invalid, "query"),
            ask(json!({"dense": dense}), "rrf:sparse,dense", invalid, "query"),
            ask(json!({"dense": dense}), "rrf:bm25,dense", invalid, "query.text"),
            ask(ids.clone(), "rrf:bm25,sparse", invalid, "query.text"),
            ask(ids.clone(), "dense", invalid, "query.indices"),
            ask(ids.clone(), "rrf:sparse,dense", invalid, "query.dense"),
            ask(ids_and_dense.clone(), "sparse", invalid, "query.dense"),
            ask(ids_and_dense, "dense", invalid, "query.indices"),
            ask(json!({"text": "a", "boost": {"1": 2}}), "bm25", invalid, "query.boost"),
            ask(json!({"text": "a", "mute": ["1"]}), "bm25", invalid, "query.mute"),
            ask(like_and("text", json!("red")), "sparse", invalid, "query"),
            ask(like_and("dense", dense.clone()), "dense", invalid, "query"),
            ask(like_and("tokens", json!({})), "sparse", invalid, "query"),
            ask(json!({"like": "nobody"}), "sparse", "document_not_found", "query.like"),
            ask(json!({"like": ""}), "dense", "document_not_found", "query.like"),
            // Document 0 has no vector.
            ask(json!({"like": "d0000"}), "dense", invalid, "query.like"),
            ask(json!({"like": 5}), "sparse", "invalid_request", "query.like"),
        ],
    )
    .await;
}

#[tokio::test]
async fn dense_vectors_must_fit_their_field() {
    let ask = |dense: Value, code: &'static str, field: &'static str| {
        (json!({"query": {"dense": dense}, "rank": "dense"}), 422, code, field)
    };
    let (invalid, request) = ("invalid_query", "invalid_request");
    let many: serde_json::Map<_, _> = (0..17).map(|i| (format!("f{i}"), json!([1]))).collect();
    refuse(
        MIXED,
        &[
            ask(json!([1, 2, 3]), invalid, "query.dense"),
            ask(json!([]), invalid, "query.dense"),
            ask(json!([0, 0, 0, -0.0]), invalid, "query.dense"),
            ask(json!([1, 2, 3, 1e39]), invalid, "query.dense"),
            ask(json!({"emb": [1, 2, 3, 4, 5]}), invalid, "query.dense"),
            ask(json!({}), invalid, "query.dense"),
            ask(json!(many), invalid, "query.dense"),
            ask(json!({"emd": [1, 2, 3, 4]}), "unknown_field", "query.dense"),
            ask(json!([1, 2, 3, "4"]), request, "query.dense[3]"),
            ask(json!([1, 2, [3], 4]), request, "query.dense[2]"),
            ask(json!({"emb": [1, null]}), request, "query.dense.emb[1]"),
            ask(json!({"emb": 1}), request, "query.dense.emb"),
            ask(json!("emb"), request, "query.dense"),
            ask(json!(true), request, "query.dense"),
        ],
    )
    .await;
    let raw =
        r#"{"query": {"dense": {"emb": [1, 2, 3, 4], "emb": [1, 2, 3, 4]}}, "rank": "dense"}"#;
    let data = hybrid_data();
    let app = app(data.path());
    let answer = ask_raw(&app, MIXED, raw).await;
    assert_eq!((answer.code(), &answer.body["field"]), (invalid, &json!("query.dense")));
    let huge = r#"{"query": {"dense": [1, 2, 3, 1e999]}, "rank": "dense"}"#;
    let answer = ask_raw(&app, MIXED, huge).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (400, "malformed_json"));
    // Given vectors have no model that could make one of a text.
    let answer = post(&app, MIXED, &json!({"query": {"text": "red"}, "rank": "dense"})).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (424, "model_not_found"));
    assert!(answer.body["hint"].as_str().unwrap().contains("query.dense"), "{}", answer.body);
}

async fn ask_raw(app: &Router, path: &str, body: &str) -> Answer {
    ask(app, post_request(path, body.to_owned())).await
}

#[tokio::test]
async fn fields_must_be_told_apart_where_there_are_several() {
    let ask = |body: Value, field: &'static str| (body, 422, "unknown_field", field);
    let dense = json!({"a": [1, 2], "b": [1, 2, 3]});
    let legs = json!({"legs": [{"name": "dense"}, {"name": "dense", "field": "a"}]});
    refuse(
        TWO,
        &[
            ask(json!({"query": {"dense": [1, 2]}, "rank": "dense:a"}), "query.dense"),
            ask(json!({"query": {"dense": dense}, "rank": "dense"}), "rank"),
            ask(json!({"query": {"dense": dense}, "rank": "rrf:dense:a,dense:c"}), "rank"),
            ask(json!({"query": {"dense": dense}, "hybrid": legs}), "hybrid.legs[0].field"),
            ask(
                json!({"query": {"dense": {"a": [1, 2]}}, "rank": "dense:a",
                    "feedback": "dense:docs=2,field=c"}),
                "feedback",
            ),
            // The index has two, even if the ranking names one of them.
            ask(
                json!({"query": {"dense": {"a": [1, 2]}}, "rank": "dense:a",
                    "feedback": "dense"}),
                "feedback",
            ),
            ask(
                json!({"query": {"dense": dense}, "rank": "rrf:dense:a,dense:b",
                    "feedback": ["dense:rocchio,docs=2"]}),
                "feedback",
            ),
        ],
    )
    .await;
    let twice = with(json!({"rank": "rrf:dense,dense:emb,sparse"}));
    refuse(MIXED, &[(twice, 422, "invalid_request", "rank")]).await;
    let one = json!({"query": {"dense": {"a": [1, 2], "b": [1, 2, 3]}}, "rank": "dense:a"});
    refuse(TWO, &[(one, 422, "invalid_query", "query.dense")]).await;
    let weights = json!({"legs": [{"name": "dense", "field": "a"}, {"name": "dense", "field": "b"}],
        "fusion": {"weights": {"dense": 1}}});
    let body = json!({"query": {"dense": dense}, "hybrid": weights});
    refuse(TWO, &[(body, 422, "invalid_request", "hybrid.fusion.weights")]).await;
    let plain = json!({"query": {"text": "red"}, "rank": "rrf:bm25,dense"});
    refuse("/v1/indexes/plain/search", &[(plain, 422, "unknown_field", "rank")]).await;
}

#[tokio::test]
async fn boosts_are_factors_of_tokens_that_exist() {
    let ask = |name: &str, value: Value, code: &'static str, field: &'static str| {
        let mut query = query("red");
        query[name] = value;
        (json!({"query": query}), 422, code, field)
    };
    let many: serde_json::Map<_, _> = (0..51).map(|i| (i.to_string(), json!(1))).collect();
    let (unknown, invalid) = ("unknown_token", "invalid_query");
    refuse(
        MIXED,
        &[
            ask("boost", json!({"red": 2}), unknown, "query.boost"),
            ask("boost", json!({"-1": 2}), unknown, "query.boost"),
            ask("boost", json!({"4294967296": 2}), unknown, "query.boost"),
            ask("boost", json!({"1": -1}), invalid, "query.boost"),
            ask("boost", json!({"1": 1e7}), invalid, "query.boost"),
            ask("boost", json!({"1": 1e300}), invalid, "query.boost"),
            ask("boost", json!({"1": "2"}), "invalid_request", "query.boost.1"),
            ask("boost", json!([["1", 2]]), "invalid_request", "query.boost"),
            ask("boost", json!(many), "limit_exceeded", "query.boost"),
            ask("mute", json!(["red"]), unknown, "query.mute"),
            ask("mute", json!("1"), "invalid_request", "query.mute"),
            ask("mute", json!([1]), "invalid_request", "query.mute[0]"),
            ask("mute", json!(vec!["1"; 51]), "limit_exceeded", "query.mute"),
        ],
    )
    .await;
}

#[tokio::test]
async fn feedback_and_ends_of_lists_must_mean_something() {
    let bad = |members: Value, field: &'static str| (with(members), 422, "invalid_request", field);
    let rank = |feedback: &str| json!({"rank": "rrf:sparse,bm25,dense", "feedback": feedback});
    let sparse = query("red");
    let alone = |feedback: &str| {
        let body = json!({"query": sparse, "feedback": feedback});
        (body, 422, "invalid_request", "feedback")
    };
    let mut many = rank("");
    many["feedback"] = json!(vec!["sparse"; 17]);
    let mut twice = rank("");
    twice["feedback"] = json!(["sparse", "sparse:docs=3"]);
    refuse(
        MIXED,
        &[
            bad(rank("bm25"), "feedback"),
            bad(rank(""), "feedback"),
            bad(rank("sparse:docs=0"), "feedback"),
            bad(rank("sparse:weight=2"), "feedback"),
            bad(rank("dense:rocchio,alpha=nan"), "feedback"),
            bad(twice, "feedback"),
            alone("dense"),
            alone("sparse:interpolate=before"),
            (with(many), 422, "limit_exceeded", "feedback"),
            bad(json!({"feedback": 5}), "feedback"),
            bad(json!({"feedback": [5]}), "feedback[0]"),
            bad(json!({"feedback": {"leg": "sparse"}}), "feedback"),
            bad(json!({"min_score": 1e39}), "min_score"),
            bad(json!({"min_score": "high"}), "min_score"),
            bad(json!({"cut": "elbow"}), "cut"),
            bad(json!({"cut": true}), "cut"),
        ],
    )
    .await;
}

#[tokio::test]
async fn parameters_are_named_as_they_are_sent() {
    let data = hybrid_data();
    let app = app(data.path());
    for (parameters, status, code, field) in [
        ("rank=bm25", 422, "invalid_request", "q"),
        ("q=&rank=bm25", 422, "invalid_query", "q"),
        ("q=red&like=d0001", 422, "invalid_query", "q"),
        ("like=nobody", 404, "document_not_found", "like"),
        ("like=d0001&boost=1", 422, "invalid_request", "boost"),
        ("like=d0001&boost=1:x", 422, "invalid_request", "boost"),
        ("like=d0001&boost=red:2", 422, "unknown_token", "boost"),
        ("like=d0001&boost=1:2,1:3", 422, "invalid_query", "boost"),
        ("like=d0001&mute=red,blue", 422, "unknown_token", "mute"),
        ("like=d0001&feedback=bm25", 422, "invalid_request", "feedback"),
        ("like=d0001&min_score=NaN", 422, "invalid_request", "min_score"),
        ("like=d0001&cut=elbow", 422, "invalid_request", "cut"),
        ("like=d0001&rank=rrf:sparse,dens", 422, "unknown_rank", "rank"),
        ("like=d0001&rank=dense:emd", 422, "unknown_field", "rank"),
    ] {
        let answer = get(&app, &format!("{MIXED}?{parameters}")).await;
        let found = (answer.status.as_u16(), answer.code(), &answer.body["field"]);
        assert_eq!(found, (status, code, &json!(field)), "{parameters}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_search_that_contradicts_itself_names_the_member() {
    let invalid = |body: Value, field: &'static str| (body, 422, "invalid_query", field);
    let query = |more: Value| {
        let mut query = everything();
        query.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"query": query, "rank": "rrf:sparse,bm25,dense"})
    };
    refuse(
        MIXED,
        &[
            invalid(query(json!({"boost": {"7": 2.0}, "mute": ["7"]})), "query.mute"),
            invalid(query(json!({"boost": {"8": 2, "7": 0.5}, "mute": ["1", "7"]})), "query.mute"),
            invalid(
                json!({"query": {"like": "d0001", "boost": {"7": 3}, "mute": ["7", "7"]}}),
                "query.mute",
            ),
            (
                with(json!({"rank": "sparse", "hybrid": {"legs": [{"name": "sparse"}]}})),
                422,
                "invalid_request",
                "hybrid",
            ),
        ],
    )
    .await;
    let data = hybrid_data();
    let app = app(data.path());
    let silent = query(json!({"boost": {"7": 0}, "mute": ["7", "9"]}));
    assert_eq!(post(&app, MIXED, &silent).await.status, 200, "both silence it");
    let path = format!("{MIXED}?like=d0001&boost=7:2&mute=7");
    let answer = get(&app, &path).await;
    assert_eq!((answer.status.as_u16(), &answer.body["field"]), (422, &json!("mute")));
}
