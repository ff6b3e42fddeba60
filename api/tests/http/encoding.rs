//! Vectors for many clients at once, in our shape and in TEI's, with the model that ships.

use gleaner_encoder::{BATCH_TOLERANCE, Side};

use super::{
    model::{TEXTS, data, folder, model},
    *,
};

fn served(data: &Path, change: impl FnOnce(&mut ServeOptions)) -> Router {
    let mut options = options(data);
    change(&mut options);
    router(&open(options).unwrap())
}

/// An app with the shipped model and nothing else.
fn alone(change: impl FnOnce(&mut ServeOptions)) -> (TempDir, Router) {
    let data = tempfile::tempdir().unwrap();
    let app = served(data.path(), |options| {
        options.models = Models::new().sparse_folder(folder());
        change(options);
    });
    (data, app)
}

/// Texts of many lengths.
fn texts(client: usize) -> Vec<String> {
    let text = |i: usize| {
        let words = TEXTS.iter().cycle().skip(client + i).take(1 + (client + 3 * i) % 4);
        words.copied().collect::<Vec<_>>().join(" ")
    };
    (0..1 + client % 4).map(text).collect()
}

/// Same terms, and weights as near as a batch may be.
fn assert_near(found: &Value, expected: &SparseVector, id: &str, weight: &str) {
    let mut found: Vec<(u32, f64)> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry[id].as_u64().unwrap() as u32, entry[weight].as_f64().unwrap()))
        .collect();
    found.sort_by_key(|entry| entry.0);
    assert!(found.iter().map(|entry| entry.0).eq(expected.terms().iter().copied()));
    for ((_, found), expected) in found.iter().zip(expected.weights()) {
        assert!((found - f64::from(*expected)).abs() <= f64::from(BATCH_TOLERANCE) * 1.01);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_clients_get_what_each_would_get_alone() {
    let Some(model) = model() else { return };
    let data = data(&model);
    let app = served(data.path(), |options| {
        options.limits.concurrency = 64;
        options.limits.body_bytes = 1 << 16;
    });
    let mut encoder = model.encoder(1).unwrap();
    let mut tasks = Vec::new();
    for client in 0..64 {
        let (app, inputs) = (app.clone(), texts(client));
        let side = [Side::Query, Side::Document][client % 2];
        let alone: Vec<SparseVector> =
            inputs.iter().map(|text| encoder.encode(side, &[text]).unwrap().remove(0)).collect();
        let search = json!({"query": {"text": inputs[0]}, "k": 6});
        let path = "/v1/indexes/science/search";
        let expected = post(&app, path, &search).await.hits();
        tasks.push(tokio::spawn(async move {
            for _ in 0..2 {
                let body = json!({"inputs": inputs, "side": side, "index": "science"});
                let encoded = post(&app, "/v1/encode", &body).await;
                assert_eq!(encoded.status, 200, "{}", encoded.body);
                let embeddings = encoded.body["embeddings"].as_array().unwrap();
                assert_eq!(embeddings.len(), alone.len());
                for (embedding, alone) in embeddings.iter().zip(&alone) {
                    assert_near(&embedding["tokens"], alone, "id", "weight");
                }
                // To the bit: searches share no run unless they are told to.
                assert_eq!(post(&app, path, &search).await.hits(), expected);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let metrics = page(&app).await;
    let runs = metric(&metrics, "gleaner_encoder_run_texts_count{", "lane=\"document\"");
    let texts = metric(&metrics, "gleaner_encoder_run_texts_sum{", "lane=\"document\"");
    assert!(texts > runs, "{texts} documents in {runs} runs: nothing was shared");
    assert_eq!(metric(&metrics, "gleaner_encoder_queue_texts{", "lane=\"search\""), 0.0);
    let alone = metric(&metrics, "gleaner_encoder_run_texts_sum{", "lane=\"search\"");
    assert_eq!(alone, metric(&metrics, "gleaner_encoder_run_texts_count{", "lane=\"search\""));
}

pub(super) async fn page(app: &Router) -> String {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().into()).unwrap()
}

pub(super) fn metric(page: &str, start: &str, label: &str) -> f64 {
    let line = page.lines().find(|line| line.starts_with(start) && line.contains(label));
    line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn embed_sparse_answers_as_tei_does() {
    let Some(model) = model() else { return };
    let (_data, app) = alone(|_| {});
    let mut encoder = model.encoder(1).unwrap();
    let one = json!({"inputs": TEXTS[0], "truncate": true, "normalize": true});
    let answer = post(&app, "/embed_sparse", &one).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let expected = encoder.encode(Side::Document, &[TEXTS[0]]).unwrap();
    assert_eq!(answer.body.as_array().unwrap().len(), 1);
    assert_near(&answer.body[0], &expected[0], "index", "value");
    let two = json!({"inputs": [TEXTS[1], TEXTS[2]], "prompt_name": "query", "truncate": false});
    let answer = post(&app, "/embed_sparse", &two).await;
    let expected = encoder.encode(Side::Query, &[TEXTS[1], TEXTS[2]]).unwrap();
    for (found, expected) in answer.body.as_array().unwrap().iter().zip(&expected) {
        assert_near(found, expected, "index", "value");
    }
    let info = get(&app, "/info").await.body;
    assert_eq!(info["model_type"]["embedding"]["pooling"], "splade");
    assert_eq!(
        (&info["model_sha"], &info["max_input_length"]),
        (&json!(model.fingerprint()), &json!(256))
    );
}

#[tokio::test]
async fn embed_sparse_refuses_in_teis_words() {
    if model().is_none() {
        return;
    }
    let (_data, app) = alone(|options| options.limits.text_bytes = 3_000);
    let long = "word ".repeat(400);
    let cases = [
        (json!({"inputs": []}), 413, "Validation", "inputs"),
        (json!({"inputs": long, "truncate": false}), 413, "Validation", "longer than the model"),
        (json!({"inputs": "x".repeat(4_000)}), 413, "Validation", "limit is 3000"),
        (json!({"inputs": ["a", "b", "c", "d", "e"]}), 413, "Validation", "limit is 4"),
        (json!({"inputs": "a", "prompt_name": "poem"}), 413, "Validation", "poem"),
        (json!({"inputs": "a", "truncation_direction": "Left"}), 413, "Validation", "Right"),
        (json!({"inputs": 5}), 413, "Validation", "inputs"),
        (json!({}), 413, "Validation", "inputs"),
    ];
    for (body, status, kind, says) in cases {
        let answer = post(&app, "/embed_sparse", &body).await;
        assert_eq!((answer.status.as_u16(), &answer.body["error_type"]), (status, &json!(kind)));
        assert!(answer.body["error"].as_str().unwrap().contains(says), "{}", answer.body);
    }
    let cut = json!({"inputs": long, "truncate": true});
    assert_eq!(post(&app, "/embed_sparse", &cut).await.status, 200);
    let words = super::data();
    let answer = post(&super::app(words.path()), "/embed_sparse", &json!({"inputs": "a"})).await;
    assert_eq!((answer.status.as_u16(), &answer.body["error_type"]), (503, &json!("Unhealthy")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_says_when_to_come_back() {
    if model().is_none() {
        return;
    }
    let (_data, app) = alone(|options| {
        options.encoder_threads = 1;
        options.batching.queue_texts = 1;
        options.limits.body_bytes = 1 << 16;
        options.limits.text_bytes = 10_000;
    });
    // Longer than the model reads, so that the worker is busy for a while.
    let body = json!({"inputs": vec!["vaccine ".repeat(300); 4], "side": "document"});
    let tasks: Vec<_> = (0..12)
        .map(|client| {
            let (app, body) = (app.clone(), body.clone());
            let path = ["/v1/encode", "/embed_sparse"][client % 2];
            tokio::spawn(async move { (path, post(&app, path, &body).await) })
        })
        .collect();
    let mut refused = std::collections::BTreeSet::new();
    for task in tasks {
        let (path, answer) = task.await.unwrap();
        match (path, answer.status.as_u16()) {
            (_, 200) => continue,
            ("/v1/encode", 503) => assert_eq!(answer.code(), "overloaded"),
            (_, 429) => assert_eq!(answer.body["error_type"], "Overloaded"),
            (path, status) => panic!("{path} answered {status}: {}", answer.body),
        }
        assert_eq!(answer.headers["retry-after"], "1");
        refused.insert(path);
    }
    assert_eq!(refused.len(), 2, "both routes refuse when the queue is full");
    let after = post(&app, "/v1/encode", &json!({"inputs": "a"})).await;
    assert_eq!(after.status, 200, "{}", after.body);
}
