//! Vectors as encoders answer them: `[{"token": "cat", "id": 7, "weight": 1.5}, …]`.
//!
//! Entries are taken by their ids, which need no vocabulary. TEI calls them `index` and `value`.
//! An answer of `/v1/encode` has such a list for each text.

use std::path::Path;

use gleaner_format::{
    SparseVector,
    json::{reason_of, reason_within},
    source::{Source, head},
};
use serde::Deserialize;
use serde_json::Value;

use crate::error::IndexError;

/// How much of a file is looked at to know an answer by.
const HEAD_LEN_BYTES: usize = 1 << 10;

/// One entry of a vector.
#[derive(Debug, Deserialize)]
struct EncodedToken {
    #[serde(alias = "index")]
    id: u32,
    #[serde(alias = "value")]
    weight: f32,
}

/// The vector of a list of entries.
pub(super) fn vector_of_entries(entries: Value) -> Result<SparseVector, String> {
    let entries: Vec<EncodedToken> = serde_json::from_value(entries).map_err(|error| {
        format!(
            "an entry of a list is {{\"id\": 7, \"weight\": 1.5}}, with or without \"token\": {}",
            reason_within(&error)
        )
    })?;
    let pairs = entries.iter().map(|entry| (entry.id, entry.weight));
    SparseVector::from_pairs(pairs).map_err(|error| error.to_string())
}

/// The vector of one text in an answer.
fn vector_of_embedding(embedding: &mut Value) -> Result<SparseVector, String> {
    match (embedding["tokens"].take(), &embedding["vector"]) {
        (Value::Null, Value::Null) => Err("an embedding has no \"tokens\"".to_owned()),
        (Value::Null, _) => Err("it holds dense vectors, and sparse ones are asked for".to_owned()),
        (tokens, _) => vector_of_entries(tokens),
    }
}

/// The vector of JSON that has the form of an encoder's answer, for one text; nothing where it has
/// another form.
pub(super) fn vector_of_answer(json: &str) -> Result<Option<SparseVector>, String> {
    let Ok(mut answer) = serde_json::from_str::<Value>(json) else { return Ok(None) };
    if answer.is_array() {
        return vector_of_entries(answer).map(Some);
    }
    let Some(object) = answer.as_object_mut() else { return Ok(None) };
    if let Some(embeddings) = object.get_mut("embeddings").and_then(Value::as_array_mut) {
        return match &mut embeddings[..] {
            [one] => vector_of_embedding(one).map(Some),
            several => Err(format!("it has {} embeddings; give one of them", several.len())),
        };
    }
    match object.get("tokens").is_some_and(Value::is_array) {
        true => vector_of_embedding(&mut answer).map(Some),
        false => Ok(None),
    }
}

/// The vectors of a file of answers of `/v1/encode`, one after the other; their ids are their numbers,
/// from 0. Nothing where the file is something else.
///
/// # Errors
/// `Read`; `Malformed` for an answer that cannot be taken.
pub fn read_encoded(path: &Path) -> Result<Option<Vec<(String, SparseVector)>>, IndexError> {
    let failed = |source| IndexError::Read { path: path.to_path_buf(), line: 0, source };
    let head = head(path, HEAD_LEN_BYTES).map_err(failed)?;
    if !is_answer(&head) {
        return Ok(None);
    }
    let malformed = |reason: String| IndexError::Malformed {
        path: path.to_path_buf(),
        format: "vectors of /v1/encode",
        source: reason.into(),
    };
    let source = Source::open(path).map_err(failed)?;
    let mut found = Vec::new();
    for answer in serde_json::Deserializer::from_reader(source).into_iter::<Value>() {
        let mut answer = answer.map_err(|error| malformed(reason_of(&error)))?;
        let embeddings = match answer["embeddings"].take() {
            Value::Array(embeddings) => embeddings,
            _ => return Err(malformed("an answer has no \"embeddings\"".to_owned())),
        };
        for mut embedding in embeddings {
            let vector = vector_of_embedding(&mut embedding)
                .map_err(|reason| malformed(format!("embedding {}: {reason}", found.len())))?;
            found.push((found.len().to_string(), vector));
        }
    }
    Ok(Some(found))
}

/// Whether a file begins as an answer of `/v1/encode` does.
fn is_answer(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let first_key = text.trim_start().strip_prefix('{').map(str::trim_start);
    first_key.is_some_and(|key| {
        key.starts_with("\"embeddings\"")
            || key.starts_with("\"model\"") && text.contains("\"embeddings\"")
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_answer_is_the_same_vector() {
        let list =
            r#"[{"token": "a", "id": 9, "weight": 1.5}, {"token": null, "id": 3, "weight": 2}]"#;
        let vector = SparseVector::from_pairs([(3, 2.0), (9, 1.5)]).unwrap();
        for answer in [
            list.to_owned(),
            list.replace("\"id\"", "\"index\"").replace("\"weight\"", "\"value\""),
            format!("{{\"tokens\": {list}}}"),
            format!("{{\"model\": \"m\", \"embeddings\": [{{\"tokens\": {list}}}]}}"),
        ] {
            assert_eq!(vector_of_answer(&answer).unwrap(), Some(vector.clone()), "{answer}");
        }
        for other in ["{\"tokens\": 1.5}", "{\"a\": 1}", "{}", "3", "{"] {
            assert_eq!(vector_of_answer(other).unwrap(), None, "{other}");
        }
    }

    #[test]
    fn what_is_no_vector_says_why() {
        for (answer, says) in [
            ("[1, 2]", "an entry of a list is"),
            ("[{\"id\": 1}]", "the member `weight` is missing"),
            ("[{\"id\": 1, \"weight\": 1}, {\"id\": 1, \"weight\": 2}]", "1"),
            ("{\"embeddings\": [{\"tokens\": []}, {\"tokens\": []}]}", "2 embeddings; give one"),
            ("{\"embeddings\": [{\"vector\": [1]}]}", "dense vectors"),
            ("{\"embeddings\": [{}]}", "no \"tokens\""),
        ] {
            let reason = vector_of_answer(answer).unwrap_err();
            assert!(reason.contains(says), "{answer}: {reason}");
        }
    }
}
