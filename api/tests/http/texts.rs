//! Words of every script, conditions of every kind, weights of every span: the cases that the command
//! line has, too.

use super::*;

const PATH: &str = "/v1/indexes/texts/search";

fn cases() -> Value {
    serde_json::from_str(include_str!("../../../engine/tests/cases/texts.json")).unwrap()
}

/// A data folder with an index of the cases' documents, `texts`.
fn texts(cases: &Value) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut index = gleaner::Index::create(folder.path().join("texts")).open().unwrap();
    let documents = cases["documents"].as_array().unwrap().iter().map(|document| {
        let mut object = document.as_object().unwrap().clone();
        let vector = object.remove("vector").unwrap();
        let vector = vector
            .as_object()
            .unwrap()
            .iter()
            .map(|(term, weight)| (term.parse().unwrap(), weight.as_f64().unwrap() as f32));
        let vector = SparseVector::from_pairs(vector).unwrap();
        let id = object.remove("_id").unwrap();
        let mut given = match object.remove("content") {
            Some(text) => gleaner::Document::new(id.as_str().unwrap(), text.as_str().unwrap()),
            None => gleaner::Document::bare(id.as_str().unwrap()),
        };
        for (key, value) in object {
            given = given.field(key, value);
        }
        given.vector(vector)
    });
    index.upsert(documents.collect::<Vec<_>>()).unwrap();
    index.commit().unwrap();
    folder
}

fn ids(answer: &Answer) -> Value {
    let mut ids: Vec<String> = answer.hits().into_iter().map(|hit| hit.0).collect();
    ids.sort();
    json!(ids)
}

#[tokio::test]
async fn words_of_every_script_are_found() {
    let cases = cases();
    let data = texts(&cases);
    let app = app(data.path());
    for case in cases["words"].as_array().unwrap() {
        let body = json!({"query": {"text": case[0]}, "rank": "bm25"});
        let answer = post(&app, PATH, &body).await;
        assert_eq!(ids(&answer), case[1], "{}", case[0]);
        check_note(&answer, &case[2], &case[0]);
    }
}

#[tokio::test]
async fn conditions_mean_what_they_say() {
    let cases = cases();
    let data = texts(&cases);
    let app = app(data.path());
    let terms: Vec<u32> = (1..20).collect();
    let all = json!({"indices": terms, "values": vec![1; terms.len()]});
    for case in cases["filters"].as_array().unwrap() {
        let body = json!({"query": all, "filter": case[0], "k": 50});
        assert_eq!(ids(&post(&app, PATH, &body).await), case[1], "{}", case[0]);
    }
    for case in cases["jointly"].as_array().unwrap() {
        let answer = post(&app, PATH, &json!({"query": all, "filter": case[0]})).await;
        check_note(&answer, &case[1], &case[0]);
    }
    for case in cases["refused"].as_array().unwrap() {
        let answer = post(&app, PATH, &json!({"query": all, "filter": case[0]})).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (422, "invalid_filter"), "{}", case[0]);
        assert!(
            answer.body["detail"].as_str().unwrap().contains(case[1].as_str().unwrap()),
            "{}: {}",
            case[0],
            answer.body
        );
    }
}

/// Whether an answer has just the note that is expected, or none.
fn check_note(answer: &Answer, expected: &Value, case: &Value) {
    let notes = answer.body["notes"].to_string();
    match expected.as_str() {
        Some(expected) => assert!(notes.contains(expected), "{case}: {notes}"),
        None => {
            let count = answer.body["notes"].as_array().map_or(0, Vec::len);
            assert_eq!(count, 0, "{case}: {notes}");
        }
    }
}

fn given(terms: &Value) -> Value {
    let terms = terms.as_object().unwrap().iter();
    let (indices, values): (Vec<u32>, Vec<&Value>) =
        terms.map(|(term, weight)| (term.parse::<u32>().unwrap(), weight)).unzip();
    json!({"indices": indices, "values": values})
}

#[tokio::test]
async fn keys_and_terms_that_nothing_has_are_noted() {
    let cases = cases();
    let data = texts(&cases);
    let app = app(data.path());
    for case in cases["fields"].as_array().unwrap() {
        let body = json!({"query": {"indices": [4], "values": [1]}, "fields": case[0]});
        let answer = post(&app, PATH, &body).await;
        for (key, value) in case[1].as_object().unwrap() {
            assert_eq!(answer.body["hits"][0]["fields"][key], *value, "{case}");
        }
        check_note(&answer, &case[2], case);
    }
    for case in cases["terms"].as_array().unwrap() {
        let answer = post(&app, PATH, &json!({"query": given(&case[0])})).await;
        assert_eq!(ids(&answer), case[1], "{case}");
        check_note(&answer, &case[2], case);
    }
}

#[tokio::test]
async fn a_weight_is_kept_whatever_else_the_document_holds() {
    let cases = cases();
    let data = texts(&cases);
    let app = app(data.path());
    for case in cases["weights"].as_array().unwrap() {
        let body = json!({"query": given(&case[0])});
        let (found, expected) = (post(&app, PATH, &body).await.hits(), case[1].as_array().unwrap());
        assert_eq!(found.len(), expected.len(), "{body}: {found:?}");
        for (hit, expected) in found.iter().zip(expected) {
            let weight = expected[1].as_f64().unwrap();
            assert_eq!(json!(hit.0), expected[0], "{body}");
            assert!((hit.1 - weight).abs() <= weight / 131_072.0, "{body}: {hit:?}, {weight}");
        }
    }
}
