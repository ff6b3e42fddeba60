//! A line of JSON to a document: identifier, text, vectors, source, filterable keys.
//!
//! `object` takes the line apart. This file says what its keys mean, and refuses a line that cannot be a
//! document. Where lines come from is left to `input`.

use gleaner_catalog::{CONTENT_KEY, DenseField, OWN_KEYS, VECTOR_KEY, check_id, check_values};
use gleaner_format::{SparseVector, json::reason_of};
use serde_json::{Map, Value};

use super::{
    encoded::vector_of_entries,
    object::{GivenVector, Object, VectorKeys},
    vocabulary::Vocabulary,
    weights::resolve,
};

/// How a line of texts is written.
const TEXT_LINE: &str = "a line of texts is an object, such as {\"_id\": \"1\", \"text\": \"a text\"}; --format names \
     another form, such as csv";

/// The key of a line that deletes.
const DELETED_KEY: &str = "_deleted";

/// Keys of a line that a message names, at most.
const KEYS_NAMED: usize = 8;

/// A document that passed all checks.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its identifier, unique in the index.
    pub id: String,
    /// Title and text joined by a space, trimmed: what is encoded and what BM25 sees.
    pub text: String,
    /// The line as it was given, but for given vectors; empty if that leaves no more than the `_id`.
    pub source: String,
    /// Keys without a meaning of their own.
    pub fields: Map<String, Value>,
    /// Whether the line says no more than that no document has this `_id`: `"_deleted": true`.
    pub is_deletion: bool,
}

impl Document {
    /// Understands one line: an object with `_id` (or `id`; a string or an integer) and `text` or
    /// `title` or both. The other keys are kept for filters.
    ///
    /// # Errors
    /// The reason, fit to follow "file:line: ".
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        Ok(InputDocument::parse_text(line, &[])?.document)
    }
}

/// A document that was read; its vectors where the file gives them.
#[derive(Debug)]
pub struct InputDocument {
    /// The document.
    pub document: Document,
    /// Its sparse vector, unless its text is to be encoded.
    pub vector: Option<SparseVector>,
    /// Its dense vectors as they are stored, one entry per dense field of the index; empty where it
    /// can have none.
    pub dense: Vec<Option<Vec<f32>>>,
}

impl InputDocument {
    /// Understands one line as [`Document::parse`] does, and in it the vectors of the dense fields
    /// that have no model. A document that brings one need not have a text.
    ///
    /// Errors: as [`Document::parse`], the field where a dense vector cannot be taken.
    pub(crate) fn parse_text(line: &[u8], dense: &[DenseField]) -> Result<Self, String> {
        let line = utf8(line)?;
        let object = Object::read(line, VectorKeys { has_sparse: false, dense });
        let reason = |error: serde_json::Error| match error.is_data() {
            true => reason_of(&error),
            false => format!("{}; {TEXT_LINE}", reason_of(&error)),
        };
        Self::of_text(object.map_err(reason)?, line, dense)
    }

    /// Understands a row of a table as [`InputDocument::parse_text`] does a line. Cells that are empty
    /// are left out; numbers, `true` and `false` are what JSON has of them, and all else is text.
    ///
    /// Errors: as [`InputDocument::parse_text`].
    pub(crate) fn of_row<'a>(
        cells: impl Iterator<Item = (&'a str, &'a str)>,
        dense: &[DenseField],
    ) -> Result<Self, String> {
        let keys = VectorKeys { has_sparse: false, dense };
        let mut object = Object::empty(keys);
        for (column, cell) in cells.filter(|(_, cell)| !cell.is_empty()) {
            if let Some(at) = keys.given(column) {
                let vector = serde_json::from_str(cell);
                let vector = vector.map_err(|error| {
                    format!(
                        "the column {column:?} holds no array of numbers: {}",
                        reason_of(&error)
                    )
                });
                (object.dense[at], object.has_dense_keys) = (Some(vector?), true);
            } else {
                object.keys.insert(column.to_owned(), cell_value(column, cell));
            }
        }
        let source = Value::Object(object.keys.clone()).to_string();
        Self::of_text(object, &source, dense)
    }

    /// `source` is what is stored, unless vectors are to be taken out of it.
    fn of_text(mut object: Object, source: &str, dense: &[DenseField]) -> Result<Self, String> {
        let id = identifier(&object.keys)?;
        check_id(&id).map_err(str::to_owned)?;
        if is_deletion(&object.keys)? {
            return Ok(Self::deletion(id, None));
        }
        let dense_vectors = prepared(&object, dense)?;
        let title = optional_string(&object.keys, "title")?;
        let text = optional_string(&object.keys, "text")?;
        if title.or(text).is_none() && dense_vectors.iter().all(Option::is_none) {
            let hint = match object.keys.contains_key(VECTOR_KEY) {
                true => " (lines with a \"vector\" are --format vectors-jsonl)",
                false => "",
            };
            let or = if dense.is_empty() { "" } else { ", and so is a vector of a dense field" };
            if object.keys.contains_key("text") {
                return Err("the key \"text\" is null".to_owned());
            }
            let found = keys_named(&object.keys);
            return Err(format!("the key \"text\" is missing{or}{hint}{found}"));
        }
        let text = joined(title, text);
        let source = match object.has_dense_keys {
            true => {
                let brings_vectors = dense_vectors.iter().any(Option::is_some);
                source_without_vectors(&object.keys, brings_vectors)
            }
            false => source.to_owned(),
        };
        for key in OWN_KEYS {
            object.keys.remove(key);
        }
        check_values(&object.keys)?;
        let document = Document { id, text, source, fields: object.keys, is_deletion: false };
        Ok(Self { document, vector: None, dense: dense_vectors })
    }

    /// Understands one line of Seismic's JSONL: an object with `id` (or `_id`) and `vector`, an
    /// object of tokens and weights; `content` (or `text`) and `title` are its text, and may be
    /// missing. Dense fields are as in [`InputDocument::parse_text`]. The other keys are kept for filters.
    /// Weights of 0 are left out.
    ///
    /// Errors: as [`InputDocument::parse_text`], the token and the remedy where a token means nothing.
    pub(crate) fn parse_vector(
        line: &[u8],
        vocabulary: Option<&dyn Vocabulary>,
        dense: &[DenseField],
    ) -> Result<Self, String> {
        let line = utf8(line)?;
        let object = Object::read(line, VectorKeys { has_sparse: true, dense });
        Self::of_vector(object.map_err(|error| reason_of(&error))?, vocabulary, dense)
    }

    fn of_vector(
        mut object: Object,
        vocabulary: Option<&dyn Vocabulary>,
        dense: &[DenseField],
    ) -> Result<Self, String> {
        let id = identifier(&object.keys)?;
        check_id(&id).map_err(str::to_owned)?;
        if is_deletion(&object.keys)? {
            return Ok(Self::deletion(id, Some(SparseVector::default())));
        }
        let vector = match object.sparse.take().ok_or("the key \"vector\" is missing")? {
            GivenVector::Weights(pairs) => resolve(pairs, vocabulary)?,
            GivenVector::Entries(entries) => vector_of_entries(entries)?,
        };
        let vector = Some(vector);
        let dense = prepared(&object, dense)?;
        let content = optional_string(&object.keys, CONTENT_KEY)?;
        let text = optional_string(&object.keys, "text")?.or(content);
        let text = joined(optional_string(&object.keys, "title")?, text);
        let source = source_without_vectors(&object.keys, true);
        for key in OWN_KEYS.iter().chain(&[CONTENT_KEY]) {
            object.keys.remove(*key);
        }
        check_values(&object.keys)?;
        let document = Document { id, text, source, fields: object.keys, is_deletion: false };
        Ok(Self { document, vector, dense })
    }

    /// A document of which nothing but its sparse vector and this `_id` is known.
    pub(crate) fn bare(id: String, vector: SparseVector) -> Self {
        let (text, source, fields) = (String::new(), String::new(), Map::new());
        let document = Document { id, text, source, fields, is_deletion: false };
        Self { document, vector: Some(vector), dense: Vec::new() }
    }

    /// That no document has this `_id`. Where the others of its input have vectors, it has an empty one.
    fn deletion(id: String, vector: Option<SparseVector>) -> Self {
        let (text, source, fields) = (String::new(), String::new(), Map::new());
        let document = Document { id, text, source, fields, is_deletion: true };
        Self { document, vector, dense: Vec::new() }
    }
}

/// What a line asks of an index.
#[derive(Debug)]
pub enum Change {
    /// This document, in place of one with its `_id`.
    Upsert(InputDocument),
    /// No document with this `_id`: the line has `"_deleted": true`.
    Delete(String),
}

/// A line that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedLine {
    /// Its `_id`, if it has one.
    pub id: Option<String>,
    /// What is wrong with it.
    pub reason: String,
}

impl Change {
    /// Understands one line, with a sparse vector (`"vector"`) or a text to be encoded.
    ///
    /// # Errors
    /// The reason, and the document's `_id` where the line has one.
    pub fn parse(
        line: &[u8],
        vocabulary: Option<&dyn Vocabulary>,
        dense: &[DenseField],
    ) -> Result<Self, RefusedLine> {
        let unnamed = |reason| RefusedLine { id: None, reason };
        let line = utf8(line).map_err(unnamed)?;
        let object = Object::read(line, VectorKeys { has_sparse: true, dense });
        let object = object.map_err(|error| unnamed(reason_of(&error)))?;
        let id = identifier(&object.keys).map_err(unnamed)?;
        let document = match object.sparse {
            Some(_) => InputDocument::of_vector(object, vocabulary, dense),
            None => InputDocument::of_text(object, line, dense),
        };
        match document {
            Ok(read) if read.document.is_deletion => Ok(Self::Delete(read.document.id)),
            Ok(read) => Ok(Self::Upsert(read)),
            Err(reason) => Err(RefusedLine { id: Some(id), reason }),
        }
    }
}

/// The dense vectors of a line as they are stored, one entry per field; nothing where there is no
/// field.
fn prepared(object: &Object, fields: &[DenseField]) -> Result<Vec<Option<Vec<f32>>>, String> {
    let prepare = |(vector, field): (&Option<Vec<f32>>, &DenseField)| {
        let vector = vector.as_ref().map(|vector| field.spec.prepare(vector));
        vector.transpose().map_err(|error| error.to_string())
    };
    object.dense.iter().zip(fields).map(prepare).collect()
}

/// What is stored of a line whose keys of vectors were taken out. A space in front says that it brought
/// some: no line of a text has one, so none counts as this document unchanged.
fn source_without_vectors(keys: &Map<String, Value>, brings_vectors: bool) -> String {
    let is_bare = keys
        .iter()
        .all(|(key, value)| key == "id" || key == "_id" || key == CONTENT_KEY && value == "");
    match (is_bare, brings_vectors) {
        (true, _) => String::new(),
        (false, true) => format!(" {}", Value::Object(keys.clone())),
        (false, false) => Value::Object(keys.clone()).to_string(),
    }
}

/// The line's text without a byte order mark and white space around it.
fn utf8(line: &[u8]) -> Result<&str, String> {
    let line = std::str::from_utf8(line)
        .map_err(|error| format!("not UTF-8 at byte {} of the line", error.valid_up_to() + 1))?;
    Ok(line.trim_start_matches('\u{feff}').trim())
}

/// Title and text as one.
fn joined(title: Option<&str>, text: Option<&str>) -> String {
    let text = [title.unwrap_or_default(), text.unwrap_or_default()].join(" ");
    text.trim().to_owned()
}

fn identifier(object: &Map<String, Value>) -> Result<String, String> {
    match object.get("_id").or_else(|| object.get("id")) {
        Some(Value::String(id)) => Ok(id.clone()),
        Some(Value::Number(id)) if id.is_u64() || id.is_i64() => Ok(id.to_string()),
        Some(_) => Err("_id is neither a string nor an integer".to_owned()),
        None => Err(format!("the key \"_id\" is missing{}", keys_named(object))),
    }
}

/// Whether a line deletes.
fn is_deletion(object: &Map<String, Value>) -> Result<bool, String> {
    match object.get(DELETED_KEY) {
        None => Ok(false),
        Some(Value::Bool(true)) => Ok(true),
        Some(_) => Err(format!("\"{DELETED_KEY}\" is true, or it is not there")),
    }
}

/// Which keys there are in place of one that is missing.
fn keys_named(object: &Map<String, Value>) -> String {
    let short = |key: &String| format!("{:?}", key.chars().take(40).collect::<String>());
    let named: Vec<String> = object.keys().take(KEYS_NAMED).map(short).collect();
    match &named[..] {
        [] => String::new(),
        named => format!("; the keys are {}", named.join(", ")),
    }
}

/// What a cell of a table says. Ids and texts stay text, whatever they look like.
fn cell_value(column: &str, cell: &str) -> Value {
    let text = || Value::String(cell.to_owned());
    if OWN_KEYS.contains(&column) {
        return text();
    }
    // Only what JSON writes the same way: 007 and 1e5 are text.
    match serde_json::from_str::<Value>(cell) {
        Ok(value @ (Value::Bool(_) | Value::Number(_))) => {
            let written = value.to_string();
            if written == cell { value } else { text() }
        }
        _ => text(),
    }
}

fn optional_string<'a>(
    object: &'a Map<String, Value>,
    key: &str,
) -> Result<Option<&'a str>, String> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("\"{key}\" is not a string")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn title_and_text_are_joined_and_other_keys_kept() {
        let line = br#"{"_id": 7, "title": "A", "text": "b c ", "year": 2001}"#;
        let document = Document::parse(line).unwrap();
        assert_eq!((&document.id[..], &document.text[..]), ("7", "A b c"));
        assert_eq!(document.fields["year"], 2001);
        assert_eq!(document.fields.len(), 1);
    }

    #[test]
    fn bad_lines_say_what_is_wrong() {
        let check = |line: &[u8], reason: &str| {
            let found = Document::parse(line).unwrap_err();
            assert!(found.contains(reason), "{found:?} should contain {reason:?}");
        };
        check(br#"{"_id": "a", "text": "", "_id": "b"}"#, "the key \"_id\" is given twice");
        check(br#"{"_id": 1, "text": "", "k": {"x": 1, "x": 1}}"#, "\"x\" is given twice");
        check(br#"{"_id": 1, "text": null}"#, "the key \"text\" is null");
        check(
            br#"{"_id": 1, "text": "a", "d": {"when": ["2024-02-30T10:00:00Z"]}}"#,
            "the key \"d\" has \"2024-02-30T10:00:00Z\", which is written as a time and is none",
        );
        check(br#"{"_id": 1, "text": "a", "d": "2024-01-01 25:00"}"#, "is written as a time");
        check(b"{", "not JSON: it ends too early, at column 1; a line of texts is an object");
        check(b"[1]", "it is a list, and must be a JSON object (one document per line)");
        check(br#"{"text": "x"}"#, "\"_id\" is missing");
        check(br#"{"_id": "a"}"#, "\"text\" is missing");
        check(br#"{"_id": "a", "vector": {"1": 1}}"#, "is missing (lines with a \"vector\"");
        check(br#"{"_id": "a b", "text": ""}"#, "space");
        check(br#"{"_id": "", "text": ""}"#, "empty");
        check(br#"{"_id": 1.5, "text": ""}"#, "neither a string nor an integer");
        check(br#"{"_id": "a", "text": 3}"#, "\"text\" is not a string");
        check(b"{\"_id\": \"\xff\", \"text\": \"\"}", "not UTF-8 at byte 10");
        let long = format!(r#"{{"_id": "{}", "text": ""}}"#, "x".repeat(513));
        check(long.as_bytes(), "longer than 512");
    }

    #[test]
    fn a_vector_line_gives_vector_text_source_and_keys() {
        let line = br#"{"id": 7, "title": "A", "content": "b", "vector": {"9": 1.5, "3": 2, "4": 0}, "year": 2001}"#;
        let InputDocument { document, vector, dense } =
            InputDocument::parse_vector(line, None, &[]).unwrap();
        assert_eq!((&document.id[..], &document.text[..]), ("7", "A b"));
        assert!(dense.is_empty());
        assert_eq!(vector.unwrap(), SparseVector::from_pairs([(3, 2.0), (9, 1.5)]).unwrap());
        assert_eq!((document.fields.len(), &document.fields["year"]), (1, &2001.into()));
        let source: Value = serde_json::from_str(&document.source).unwrap();
        assert_eq!(source["content"], "b");
        assert!(source.get("vector").is_none());
        let bare =
            InputDocument::parse_vector(br#"{"vector": {}, "_id": "x"}"#, None, &[]).unwrap();
        assert_eq!(
            bare.document,
            InputDocument::bare("x".to_owned(), SparseVector::default()).document
        );
    }

    #[test]
    fn bad_vector_lines_say_what_is_wrong() {
        struct Dog;
        impl Vocabulary for Dog {
            fn term(&self, token: &str) -> Option<u32> {
                (token == "dog").then_some(5)
            }
        }
        let check = |line: &str, terms: Option<&dyn Vocabulary>, reason: &str| {
            let found = InputDocument::parse_vector(line.as_bytes(), terms, &[]).unwrap_err();
            assert!(found.contains(reason), "{found:?} should contain {reason:?}");
        };
        let vector = |vector: &str| format!(r#"{{"id": "a", "vector": {vector}}}"#);
        let line = vector(r#"{"dog": 1}"#);
        let found = InputDocument::parse_vector(line.as_bytes(), Some(&Dog), &[]).unwrap();
        assert_eq!(found.vector.unwrap().terms(), &[5]);
        check(&vector(r#"{"cat": 1}"#), Some(&Dog), "no token \"cat\"");
        check(&vector(r#"{"5": 1}"#), Some(&Dog), "no token \"5\"");
        check(&vector(r#"{"dog": 1}"#), None, "\"dog\" is no term id; name the model");
        check(&vector(r#"{"+5": 1}"#), None, "no term id");
        check(&vector(r#"{"4294967296": 1}"#), None, "\"4294967296\" is above the largest term id");
        check(&vector(r#"{"1": 1, "1": 2}"#), None, "the token \"1\" is given twice");
        check(&vector(r#"{"7": 1, "007": 2}"#), None, "\"7\" and \"007\" are the same term");
        check(&vector(r#"{"1": 1, "1": 2, "1": 0}"#), None, "the token \"1\" is given twice");
        check(&vector(r#"{"2": 1, "1": -1}"#), None, "the token \"1\" has the negative weight -1");
        check(&vector(r#"{"dog": -1}"#), Some(&Dog), "the token \"dog\" has the negative weight");
        check(&vector(r#"{"dog": 1, "dog": 1}"#), Some(&Dog), "\"dog\" is given twice");
        check(
            &vector(r#"{"1": 1e39}"#),
            None,
            "the token \"1\" has weight inf, which is not finite",
        );
        check(&vector(r#"{"1": 1e13}"#), None, "2^40");
        check(
            &vector(r#"{"1": 1, "2": NaN}"#),
            None,
            "cannot read the weight of \"2\": there is no value of JSON (NaN and Infinity are none), at column 36",
        );
        check(
            &vector(r#"{"1": "x"}"#),
            None,
            "the weight of \"1\": it is the text \"x\", and must be a number",
        );
        check(
            &vector(r#"{"1": null}"#),
            None,
            "the weight of \"1\": it is null, and must be a number",
        );
        check(&vector("[1]"), None, "an entry of a list is");
        check(&vector("3"), None, "an object of tokens with their weights, or a list");
        check("{\"id\": 1", None, "not JSON");
        check(r#"{"id": 1, "vector": {}, "vector": {}}"#, None, "\"vector\" is given twice");
        check("[]", None, "a JSON object");
        check("{\"id\": 1}", None, "\"vector\" is missing");
        check("{\"vector\": {}}", None, "\"_id\" is missing");
        check(r#"{"id": 1, "vector": {}, "content": 3}"#, None, "\"content\" is not a string");
    }
}
