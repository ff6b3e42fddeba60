//! `docs/http.md`: its JSON is JSON, and the requests in it are answered.

use std::collections::BTreeSet;

use gleaner_catalog::DenseField;
use gleaner_encoder::{DenseEncoder, DenseModel, Encoder, Runtime, Side};
use gleaner_format::{DenseSpec, DenseStorage, Metric};

use super::{
    model::{TEXTS, folder as sparse_folder, model as sparse_model},
    *,
};

const DOCUMENT: &str = include_str!("../../../docs/http.md");

/// The JSON blocks of the document.
fn examples() -> Vec<Value> {
    let blocks = DOCUMENT.split("```json\n").skip(1);
    let block = |block: &str| {
        let json = block.split("```").next().unwrap();
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{error} in\n{json}"))
    };
    blocks.map(block).collect()
}

/// Where a body belongs; answers belong nowhere.
fn route(body: &Value) -> Option<&'static str> {
    [
        ("query", "/v1/indexes/papers/search"),
        ("searches", "/v1/indexes/papers/search/batch"),
        ("inputs", "/v1/encode"),
    ]
    .into_iter()
    .find_map(|(member, route)| body.get(member).map(|_| route))
}

struct Both(Encoder, DenseEncoder);

impl DocumentEncoder for Both {
    fn encode(
        &mut self,
        texts: &[&str],
    ) -> Result<Vec<SparseVector>, Box<dyn Error + Send + Sync>> {
        Ok(self.0.encode(Side::Document, texts)?)
    }

    fn encode_dense(
        &mut self,
        texts: &[&str],
    ) -> Result<Vec<Vec<Vec<f32>>>, Box<dyn Error + Send + Sync>> {
        let vectors = self.1.encode(Side::Document, texts)?;
        Ok(vec![vectors.rows().map(<[f32]>::to_vec).collect()])
    }
}

/// The index of the examples: a sparse model, text, and the dense field `emb` of 8 dimensions.
fn papers() -> Option<TempDir> {
    let sparse = sparse_model()?;
    let folder = root().join("data/fixtures/dense-mean");
    let dense = DenseModel::open(&folder, &Runtime::load(None).unwrap()).unwrap();
    let (metric, storage) = (Metric::Cosine, DenseStorage::F32);
    let spec = DenseSpec { name: "emb".to_owned(), dims: dense.dims(), metric, storage };
    let model = binding(&folder.display().to_string(), dense.fingerprint());
    let field = DenseField { spec, model };
    let settings = IndexSettings { dense: Some(vec![field]), ..IndexSettings::default() };
    let lines: Vec<Value> = TEXTS
        .iter()
        .enumerate()
        .map(|(i, text)| {
            json!({"_id": format!("498{i}"), "title": "t", "text": text, "year": 2015 + i, "lang": "en"})
        })
        .collect();
    let data = tempfile::tempdir().unwrap();
    let binding = binding(&sparse_folder().display().to_string(), sparse.fingerprint());
    let encoder = Both(sparse.encoder(1).unwrap(), dense.encoder(1).unwrap());
    add_with(&data.path().join("papers"), &lines, binding, encoder, &settings);
    Some(data)
}

/// The paths that the sources route.
fn routed() -> BTreeSet<String> {
    let sources = include_str!("../../src/routes.rs");
    let mut paths: BTreeSet<String> = sources
        .split(".route(")
        .skip(1)
        .filter_map(|route| route.strip_prefix('"')?.split('"').next())
        .map(|path| path.replace("{index}", "{i}"))
        .collect();
    // These two have names, as the key check asks for them, too.
    assert_eq!(sources.matches(".route(health::").count(), 2);
    paths.extend(["/livez", "/readyz"].map(str::to_owned));
    paths
}

#[test]
fn the_table_has_every_route() {
    let rows = DOCUMENT
        .lines()
        .filter(|line| line.starts_with("| `GET /") || line.starts_with("| `POST /"));
    let listed: BTreeSet<String> = rows
        .flat_map(|row| row.split('|').nth(1).unwrap().split(','))
        .map(|route| route.trim().trim_matches('`').split_once(' ').unwrap().1.to_owned())
        .collect();
    assert_eq!(listed, routed());
}

#[tokio::test]
async fn every_request_of_the_document_is_answered() {
    let examples = examples();
    let requests: Vec<_> = examples.iter().filter_map(|body| Some((route(body)?, body))).collect();
    assert!(requests.len() >= 8, "{} requests", requests.len());
    let Some(data) = papers() else { return };
    let app = app(data.path());
    let mut with_legs = 0;
    for (route, body) in requests {
        let answer = post(&app, route, body).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.body);
        for response in answer.body["responses"].as_array().into_iter().flatten() {
            assert!(response["hits"].is_array(), "{response}");
        }
        with_legs += usize::from(answer.body["hits"][0]["legs"].is_object());
    }
    assert!(with_legs >= 3, "{with_legs} of the searches are hybrid and find something");
}

/// The answers of the document have the members of real ones.
#[tokio::test]
async fn answers_look_as_documented() {
    let documented: Vec<Value> =
        examples().into_iter().filter(|body| route(body).is_none()).collect();
    let Some(data) = papers() else { return };
    let app = app(data.path());
    let body = json!({"query": {"text": "vaccine"}, "rank": "rrf:sparse,bm25,dense",
        "fields": ["title"]});
    let answer = post(&app, "/v1/indexes/papers/search", &body).await;
    let whole = documented.iter().find(|answer| answer.get("hits").is_some()).unwrap();
    assert!(whole.as_object().unwrap().keys().eq(answer.body.as_object().unwrap().keys()));
    let hit = documented.iter().find(|hit| hit.get("legs").is_some()).unwrap();
    for (name, leg) in answer.body["hits"][0]["legs"].as_object().unwrap() {
        let documented = hit["legs"][name].as_object().unwrap();
        assert!(documented.keys().eq(leg.as_object().unwrap().keys()), "{name}");
    }
}
