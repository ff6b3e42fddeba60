//! The public promises of the interface, asked over the router as a client would.
//!
//! Indexes are small and real: made by the indexer, with one weight per distinct word where no
//! model is needed. `model` needs ONNX Runtime; it skips aloud without, and fails with `CI=true`.
#![allow(clippy::unwrap_used)]

mod batch;
mod decoding;
mod dense_models;
mod documented;
mod encoding;
mod folders;
mod hybrid;
mod inputs;
mod model;
mod refusals;
mod robustness;
mod searching;
mod serving;
mod texts;

use std::{
    collections::BTreeMap,
    error::Error,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use gleaner::Models;
use gleaner_api::{BatchLimits, Limits, ServeOptions, Server, open, router};
use gleaner_catalog::IndexSettings;
use gleaner_catalog::ModelBinding;
use gleaner_format::SparseVector;
use gleaner_indexer::{DocumentEncoder, IndexStore, IngestOptions, OnError, ingest};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

static NEVER: AtomicBool = AtomicBool::new(false);

/// One weight per distinct word: its number of occurrences, under an id made from its letters.
struct WordCounts;

impl DocumentEncoder for WordCounts {
    fn encode(
        &mut self,
        texts: &[&str],
    ) -> Result<Vec<SparseVector>, Box<dyn Error + Send + Sync>> {
        Ok(texts.iter().map(|text| vector(text)).collect())
    }
}

fn vector(text: &str) -> SparseVector {
    let mut counts = BTreeMap::new();
    for word in text.split_whitespace() {
        let id = word.bytes().fold(7u32, |id, byte| id.wrapping_mul(31) + u32::from(byte)) % 5000;
        *counts.entry(id).or_insert(0f32) += 1.0;
    }
    SparseVector::from_pairs(counts).unwrap()
}

fn binding(path: &str, fingerprint: &str) -> Option<ModelBinding> {
    Some(ModelBinding { path: path.to_owned(), fingerprint: fingerprint.to_owned() })
}

/// Adds documents to an index, which is created if need be.
fn add(
    index: &Path,
    documents: &[Value],
    model: Option<ModelBinding>,
    encoder: impl DocumentEncoder + 'static,
) {
    add_with(index, documents, model, encoder, &IndexSettings::default());
}

/// The same, to an index with settings.
fn add_with(
    index: &Path,
    documents: &[Value],
    model: Option<ModelBinding>,
    encoder: impl DocumentEncoder + 'static,
    settings: &IndexSettings,
) {
    let input = index.with_extension("input.jsonl");
    let lines: String = documents.iter().map(|document| format!("{document}\n")).collect();
    std::fs::write(&input, lines).unwrap();
    let mut store = IndexStore::open_or_create_with(index, model, settings).unwrap();
    let options = IngestOptions {
        on_error: OnError::Fail,
        commit_interval: Duration::ZERO,
        resume: false,
        stop: &NEVER,
    };
    let encoders: Vec<Box<dyn DocumentEncoder>> = vec![Box::new(encoder)];
    ingest(&mut store, std::slice::from_ref(&input), encoders, &options, &mut |_| {}).unwrap();
    std::fs::remove_file(input).unwrap();
}

/// The colours of things, with many ties.
fn documents(from: usize, to: usize) -> Vec<Value> {
    let colours = ["red", "green", "blue", "red red", "blue green"];
    let things = ["apple", "stone", "door"];
    (from..to)
        .map(|i| {
            let text = format!("{} {} number{}", colours[i % 5], things[i % 3], i % 7);
            json!({"_id": format!("d{i:04}"), "title": format!("t{i}"), "text": text, "year": 1990 + i % 30})
        })
        .collect()
}

/// A data folder with the index `words` (its model is nowhere) and the index `given` (no model).
fn data() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let words = binding("nowhere/words", "sha256:words");
    add(&folder.path().join("words"), &documents(0, 300), words, WordCounts);
    add(&folder.path().join("given"), &documents(0, 20), None, WordCounts);
    folder
}

fn limits() -> Limits {
    Limits {
        body_bytes: 4096,
        k: 100,
        query_terms: 50,
        encode_inputs: 4,
        text_bytes: 500,
        batch_searches: 8,
        timeout: Duration::from_secs(20),
        concurrency: 8,
    }
}

fn options(data: &Path) -> ServeOptions {
    ServeOptions {
        data: data.to_owned(),
        addr: "127.0.0.1:0".parse().unwrap(),
        models: Models::new(),
        api_key: None,
        cors_origins: Vec::new(),
        encoder_threads: 2,
        limits: limits(),
        batching: BatchLimits {
            texts: 32,
            tokens: 512,
            wait: Duration::from_millis(1),
            queue_texts: 256,
            share_searches: false,
        },
    }
}

fn server(data: &Path) -> Server {
    open(options(data)).unwrap()
}

/// A response, read.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    fn hits(&self) -> Vec<(String, f64)> {
        assert_eq!(self.status, 200, "{}", self.body);
        let hit =
            |hit: &Value| (hit["id"].as_str().unwrap().into(), hit["score"].as_f64().unwrap());
        self.body["hits"].as_array().unwrap().iter().map(hit).collect()
    }
}

/// Words of libraries and of Rust, which no answer may hold.
const FOREIGN: [&str; 14] = [
    "invalid type",
    "invalid value",
    "invalid length",
    "invalid digit",
    "unknown field",
    "unknown variant",
    "missing field",
    "duplicate field",
    "expected value",
    "expected struct",
    "usize",
    "u32",
    "f32",
    "EOF",
];

async fn ask(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    assert!(parts.headers.contains_key("x-request-id"));
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    if let Some(detail) = body["detail"].as_str() {
        let unquoted: String = detail.split(['"', '`']).step_by(2).collect();
        for foreign in FOREIGN {
            assert!(!unquoted.contains(foreign), "{foreign:?} in {detail}");
        }
    }
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn get(app: &Router, path: &str) -> Answer {
    ask(app, Request::get(path).body(Body::empty()).unwrap()).await
}

fn post_request(path: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post(path).header("content-type", "application/json");
    request.body(body.into()).unwrap()
}

async fn post(app: &Router, path: &str, body: &Value) -> Answer {
    ask(app, post_request(path, body.to_string())).await
}

fn query(text: &str) -> Value {
    let vector = vector(text);
    json!({"indices": vector.terms(), "values": vector.weights()})
}

fn app(data: &Path) -> Router {
    router(&server(data))
}

/// The workspace's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
