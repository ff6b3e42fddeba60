//! Fused and dense rankings over HTTP: the engine's answers, however they are asked for.

mod refusals;

use gleaner_catalog::DenseField;
use gleaner_format::{DenseSpec, DenseStorage, Metric};
use gleaner_searcher::{Boost, DenseQuery, Feedback, Rank, SearchRequest};

use super::{
    searching::{engine, stable},
    *,
};

pub(super) const MIXED: &str = "/v1/indexes/mixed/search";
pub(super) const TWO: &str = "/v1/indexes/two/search";

pub(super) fn field(name: &str, dims: usize, metric: Metric, storage: DenseStorage) -> DenseField {
    DenseField { spec: DenseSpec { name: name.to_owned(), dims, metric, storage }, model: None }
}

/// Vectors that turn with the number, some of them twice.
fn turned(i: usize, dims: usize) -> Vec<f32> {
    (0..dims).map(|d| ((i % 41) as f32 * 0.37 + d as f32 * 1.3).sin()).collect()
}

/// A data folder without models: `mixed` has sparse vectors, text and one dense field, which every
/// ninth document lacks; `two` has two dense fields; `plain` has none.
pub(super) fn hybrid_data() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let with = |name: &str, dense: Vec<DenseField>, change: fn(usize, &mut Value)| {
        let mut lines = documents(0, 120);
        lines.iter_mut().enumerate().for_each(|(i, line)| change(i, line));
        let settings = IndexSettings { dense: Some(dense), ..IndexSettings::default() };
        add_with(&folder.path().join(name), &lines, None, WordCounts, &settings);
    };
    with("mixed", vec![field("emb", 4, Metric::Cosine, DenseStorage::F32)], |i, line| {
        if i % 9 != 0 {
            line["emb"] = json!(turned(i, 4));
        }
    });
    let fields = vec![
        field("a", 2, Metric::Dot, DenseStorage::Int8WithF32),
        field("b", 3, Metric::Cosine, DenseStorage::F16),
    ];
    with("two", fields, |i, line| {
        line["a"] = json!(turned(i, 2));
        line["b"] = json!(turned(i + 7, 3));
    });
    add(&folder.path().join("plain"), &documents(0, 20), None, WordCounts);
    folder
}

/// A query that has something for every leg of `mixed`.
pub(super) fn everything() -> Value {
    let mut everything = query("red apple number3");
    everything["text"] = json!("red apple");
    everything["dense"] = json!([0.3, -0.1, 0.8, 0.05]);
    everything
}

#[tokio::test]
async fn every_ranking_is_answered_as_by_the_engine() {
    let data = hybrid_data();
    let (app, index) = (app(data.path()), data.path().join("mixed"));
    let (vector, fields) = (vector("red apple number3"), ["title".to_owned()]);
    let dense = [DenseQuery { field: "emb", vector: &[0.3, -0.1, 0.8, 0.05] }];
    for (rank, feedback, filter) in [
        ("rrf:sparse,bm25,dense", "", None),
        ("rrf:k=10,window=20,sparse=2,dense:emb=.5,bm25", "", Some("year:>2000")),
        ("convex:norm=minmax,sparse=.6,bm25=.1,dense=.3", "", None),
        ("convex:norm=tmm,sparse,bm25,dense", "dense:rocchio,alpha=.5,beta=.5", None),
        ("convex:norm=bound,sparse=.9,bm25=.1,dense=0", "sparse:docs=3,terms=5", None),
        ("rrf:sparse,bm25,dense", "sparse:docs=4,interpolate=both", Some("NOT _id:d0003")),
    ] {
        let parsed: Rank = rank.parse().unwrap();
        let feedbacks: Vec<Feedback> =
            [feedback].iter().filter_map(|feedback| feedback.parse().ok()).collect();
        let request = SearchRequest {
            vector: Some(&vector),
            text: Some("red apple"),
            dense: &dense,
            feedback: &feedbacks,
            offset: 3,
            filter,
            fields: &fields,
            explain: true,
            ..SearchRequest::exact(&parsed, 12)
        };
        let mut body = json!({"query": everything(), "rank": rank, "k": 12, "offset": 3,
            "filter": filter, "fields": fields, "explain": true, "profile": true});
        if !feedback.is_empty() {
            body["feedback"] = json!([feedback]);
        }
        let answer = post(&app, MIXED, &body).await;
        assert_eq!(stable(&answer), engine(&index, &request), "{rank}");
        assert_eq!(answer.body["hits"].as_array().unwrap().len(), 12, "{rank}");
        let again = post(&app, MIXED, &body).await;
        assert_eq!(stable(&answer), stable(&again), "equal requests have equal answers");
    }
}

#[tokio::test]
async fn hits_of_fused_rankings_carry_every_leg() {
    let data = hybrid_data();
    let app = app(data.path());
    let body = json!({"query": everything(), "rank": "rrf:sparse,bm25,dense", "k": 50});
    let answer = post(&app, MIXED, &body).await;
    assert_eq!(answer.body["certificate"]["kind"], "fused");
    for hit in answer.body["hits"].as_array().unwrap() {
        let legs = hit["legs"].as_object().unwrap();
        assert_eq!(legs.keys().collect::<Vec<_>>(), ["bm25", "dense", "sparse"]);
        let parts = legs.values().map(|leg| leg["contribution"].as_f64().unwrap());
        let (sum, score) = (parts.sum::<f64>(), hit["score"].as_f64().unwrap());
        assert!((sum - score).abs() < 1e-6, "{hit}");
    }
    let alone = json!({"query": {"dense": [0.3, -0.1, 0.8, 0.05]}, "rank": "dense"});
    let alone = post(&app, MIXED, &alone).await;
    assert!(alone.body["hits"][0].get("legs").is_none(), "{}", alone.body);
    assert_eq!(alone.hits().len(), 10);
}

#[tokio::test]
async fn the_written_out_form_is_the_short_one() {
    let data = hybrid_data();
    let app = app(data.path());
    for (hybrid, rank) in [
        (json!({"legs": [{"name": "sparse"}, {"name": "bm25"}]}), "rrf:sparse,bm25"),
        (
            json!({"legs": [{"name": "dense", "field": "emb", "weight": 0.7}, {"name": "sparse"},
                {"name": "bm25"}], "fusion": {"method": "rrf", "k": 10, "weights": {"sparse": 2}},
                "window": 30}),
            "rrf:k=10,window=30,sparse=2,bm25,dense:emb=0.7",
        ),
        (
            json!({"legs": [{"name": "dense", "window": 25}, {"name": "sparse", "window": 25}],
                "fusion": {"method": "linear", "normalizer": "minmax", "weights": {"dense": 3}}}),
            "convex:norm=minmax,window=25,sparse,dense=3",
        ),
        (
            json!({"legs": [{"name": "dense:emb"}, {"name": "bm25", "weight": 0.5}],
                "fusion": {"method": "convex", "weights": {"dense": 2}}, "window": null}),
            "convex:dense:emb=2,bm25=.5",
        ),
    ] {
        let mut query = everything();
        if !rank.contains("sparse") {
            query = json!({"text": "red apple", "dense": query["dense"]});
        }
        if !rank.contains("dense") {
            query.as_object_mut().unwrap().remove("dense");
        }
        let long = post(&app, MIXED, &json!({"query": query, "hybrid": hybrid})).await;
        let short = post(&app, MIXED, &json!({"query": query, "rank": rank})).await;
        assert_eq!(stable(&long), stable(&short), "{hybrid}");
    }
}

#[tokio::test]
async fn several_dense_fields_are_searched_by_name() {
    let data = hybrid_data();
    let (app, index) = (app(data.path()), data.path().join("two"));
    let dense = [
        DenseQuery { field: "a", vector: &[0.5, -2.0] },
        DenseQuery { field: "b", vector: &[1.0, 0.0, 0.25] },
    ];
    let rank: Rank = "rrf:dense:a,dense:b=2".parse().unwrap();
    let request = SearchRequest { dense: &dense, ..SearchRequest::exact(&rank, 10) };
    let vectors = json!({"b": [1, 0, 0.25], "a": [0.5, -2.0]});
    let body = json!({"query": {"dense": vectors}, "rank": "rrf:dense:a,dense:b=2"});
    assert_eq!(stable(&post(&app, TWO, &body).await), engine(&index, &request));
    let weights = json!({"legs": [{"name": "dense", "field": "b"}, {"name": "dense", "field": "a"}],
        "fusion": {"weights": {"dense:b": 2}}});
    let body = json!({"query": {"dense": vectors}, "hybrid": weights});
    assert_eq!(stable(&post(&app, TWO, &body).await), engine(&index, &request));
    let list = get(&app, "/v1/indexes").await.body;
    let fields = &list["indexes"][2]["dense"];
    assert_eq!(
        *fields,
        json!([
            {"name": "a", "dims": 2, "metric": "dot", "storage": "int8+f32", "model": null},
            {"name": "b", "dims": 3, "metric": "cosine", "storage": "f16", "model": null},
        ])
    );
    assert_eq!(list["indexes"][1]["dense"], json!([]), "{list}");
}

#[tokio::test]
async fn a_document_can_be_the_query() {
    let data = hybrid_data();
    let (app, index) = (app(data.path()), data.path().join("mixed"));
    for rank in ["sparse", "bm25", "dense", "rrf:sparse,bm25,dense"] {
        let parsed: Rank = rank.parse().unwrap();
        let request = SearchRequest { like: Some("d0007"), ..SearchRequest::exact(&parsed, 10) };
        let body = json!({"query": {"like": "d0007"}, "rank": rank});
        let answer = post(&app, MIXED, &body).await;
        assert_eq!(stable(&answer), engine(&index, &request), "{rank}");
        assert!(answer.hits().iter().all(|hit| hit.0 != "d0007"), "{rank}");
        assert!(answer.body.get("encode_us").is_none());
        let by_get = get(&app, &format!("{MIXED}?like=d0007&rank={rank}")).await;
        assert_eq!(stable(&by_get), stable(&answer), "{rank}");
    }
}

#[tokio::test]
async fn terms_are_boosted_and_muted_by_their_ids() {
    let data = hybrid_data();
    let (app, index) = (app(data.path()), data.path().join("mixed"));
    let (red, apple) = (vector("red").terms()[0], vector("apple").terms()[0]);
    let whole = vector("red apple number3");
    let boosts = [Boost { term: apple, factor: 2.5 }, Boost { term: red, factor: 0.0 }];
    let request = SearchRequest {
        vector: Some(&whole),
        boosts: &boosts,
        ..SearchRequest::exact(&Rank::SPARSE, 10)
    };
    let mut asked = query("red apple number3");
    asked["boost"] = json!({apple.to_string(): 2.5});
    asked["mute"] = json!([red.to_string()]);
    let answer = post(&app, MIXED, &json!({"query": asked})).await;
    assert_eq!(stable(&answer), engine(&index, &request));
    let body = json!({"query": {"like": "d0007", "boost": {apple.to_string(): 2.5},
        "mute": [red.to_string()]}, "rank": "rrf:sparse,bm25"});
    let by_get =
        get(&app, &format!("{MIXED}?like=d0007&rank=rrf:sparse,bm25&boost={apple}:2.5&mute={red}"))
            .await;
    assert_eq!(stable(&by_get), stable(&post(&app, MIXED, &body).await));
}

#[tokio::test]
async fn lists_end_where_the_request_says() {
    let data = hybrid_data();
    let app = app(data.path());
    let ask = |more: Value| {
        let mut body = json!({"query": everything(), "rank": "rrf:sparse,bm25,dense", "k": 90});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let app = app.clone();
        async move { post(&app, MIXED, &body).await.hits() }
    };
    let all = ask(json!({})).await;
    let least = all[20].1;
    let enough = ask(json!({"min_score": least})).await;
    assert_eq!(enough, all.iter().filter(|hit| hit.1 >= least).cloned().collect::<Vec<_>>());
    let cut = ask(json!({"cut": "knee"})).await;
    assert!(!cut.is_empty() && cut.len() < all.len() && cut == all[..cut.len()]);
    assert_eq!(ask(json!({"min_score": null, "cut": null, "feedback": []})).await, all);
    let path = format!("{MIXED}?q=red+apple&rank=bm25&min_score=0.5&cut=knee&k=50");
    let body = json!({"query": {"text": "red apple"}, "rank": "bm25", "min_score": 0.5,
        "cut": "knee", "k": 50});
    assert_eq!(stable(&get(&app, &path).await), stable(&post(&app, MIXED, &body).await));
}

#[tokio::test]
async fn feedback_comes_as_a_text_a_list_or_a_parameter() {
    let data = hybrid_data();
    let app = app(data.path());
    let (sparse, dense) = ("sparse:docs=3,terms=4", "dense:rocchio,docs=15");
    let ask = |feedback: Value| {
        let body =
            json!({"query": {"like": "d0007"}, "rank": "rrf:sparse,dense", "feedback": feedback});
        let app = app.clone();
        async move { stable(&post(&app, MIXED, &body).await) }
    };
    let (one, both) = (ask(json!(sparse)).await, ask(json!([dense, sparse])).await);
    assert_eq!(one, ask(json!([sparse])).await);
    assert_ne!(one, both);
    let path = format!("{MIXED}?like=d0007&rank=rrf:sparse,dense&feedback={sparse};{dense}");
    assert_eq!(stable(&get(&app, &path).await), both);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_searches_have_the_answers_of_lone_ones() {
    let data = hybrid_data();
    let app = app(data.path());
    let body = |i: usize| {
        let mut query = everything();
        query["dense"] = json!(turned(i % 5, 4));
        json!({"query": query, "rank": "convex:sparse,bm25,dense", "k": 20})
    };
    let mut expected = Vec::new();
    for i in 0..5 {
        expected.push(stable(&post(&app, MIXED, &body(i)).await));
    }
    let tasks: Vec<_> = (0..8)
        .map(|i| {
            let (app, body) = (app.clone(), body(i));
            tokio::spawn(async move { (i, post(&app, MIXED, &body).await) })
        })
        .collect();
    for task in tasks {
        let (i, answer) = task.await.unwrap();
        assert_eq!(stable(&answer), expected[i % 5]);
    }
}

#[tokio::test]
async fn every_name_of_one_thing_means_the_same() {
    const RRF: &str = "rrf:sparse,dense";
    let data = hybrid_data();
    let app = app(data.path());
    let ask = async |members: Value| {
        let mut body = json!({"query": everything()});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let answer = post(&app, MIXED, &body).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.body);
        answer.hits()
    };
    let legs = json!([{"name": "sparse"}, {"name": "dense", "weight": 2}]);
    let hybrid =
        |fusion: Value, depth: &str| json!({"hybrid": {"legs": legs, "fusion": fusion, depth: 20}});
    let convex = ask(json!({"rank": "convex:norm=bound,depth=20,sparse,dense=2"})).await;
    for same in [
        json!({"rank": "convex:normalizer=bound,window=20,sparse,dense=2"}),
        hybrid(json!({"method": "convex", "normalizer": "bound"}), "window"),
        hybrid(json!({"method": "linear", "norm": "bound"}), "depth"),
    ] {
        assert_eq!(ask(same.clone()).await, convex, "{same}");
    }
    let knee = ask(json!({"rank": RRF, "cut": "knee"})).await;
    assert_eq!(ask(json!({"rank": RRF, "until_knee": true})).await, knee);
    assert_eq!(ask(json!({"rank": RRF, "until_knee": true, "cut": "knee"})).await, knee);
    assert_eq!(
        ask(json!({"rank": RRF, "until_knee": false})).await,
        ask(json!({"rank": RRF})).await
    );
    let (by_cut, by_knee) =
        (format!("{MIXED}?like=d0007&cut=knee"), format!("{MIXED}?like=d0007&until_knee=true"));
    assert_eq!(get(&app, &by_cut).await.hits(), get(&app, &by_knee).await.hits());
    for (members, field) in [
        (json!({"cut": "knee", "until_knee": false}), "until_knee"),
        (json!({"rank": "convex:norm=bound,normalizer=bound,sparse,dense"}), "rank"),
        (
            hybrid(json!({"method": "convex", "norm": "bound", "normalizer": "bound"}), "depth"),
            "hybrid.fusion",
        ),
        (json!({"hybrid": {"legs": legs, "depth": 20, "window": 20}}), "hybrid"),
    ] {
        let mut body = json!({"query": everything()});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let answer = post(&app, MIXED, &body).await;
        assert_eq!(answer.status, 422, "{members}: {}", answer.body);
        let found = answer.body["field"].as_str().unwrap_or_default();
        assert!(found.starts_with(field), "{members}: {}", answer.body);
    }
}
