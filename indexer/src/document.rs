//! A line of JSON to a document: identifier, text, source, filterable keys.

use gleaner_searcher::check_id;
use serde_json::{Map, Value};

/// Keys with a meaning of their own; every other key can be filtered on.
const OWN_KEYS: [&str; 4] = ["_id", "id", "title", "text"];

/// A document that passed all checks.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its identifier, unique in the index.
    pub id: String,
    /// Title and text joined by a space, trimmed: what is encoded and what BM25 sees.
    pub text: String,
    /// The line as it was given.
    pub source: String,
    /// Keys without a meaning of their own.
    pub fields: Map<String, Value>,
}

impl Document {
    /// Understands one line: an object with `_id` (or `id`; a string or an integer) and `text` or
    /// `title` or both. The other keys are kept for filters.
    ///
    /// Errors: the reason, fit to follow "file:line: ".
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        let line = std::str::from_utf8(line).map_err(|error| {
            format!("not UTF-8 at byte {} of the line", error.valid_up_to() + 1)
        })?;
        let line = line.trim_start_matches('\u{feff}').trim();
        let value: Value =
            serde_json::from_str(line).map_err(|error| format!("not JSON: {}", brief(&error)))?;
        let Value::Object(mut object) = value else {
            return Err("not a JSON object (one document per line is expected)".to_owned());
        };
        let id = identifier(&object)?;
        check_id(&id).map_err(str::to_owned)?;
        let title = optional_string(&object, "title")?;
        let text = optional_string(&object, "text")?;
        if title.is_none() && text.is_none() {
            return Err("the key \"text\" is missing".to_owned());
        }
        let text = [title.unwrap_or_default(), text.unwrap_or_default()].join(" ");
        let text = text.trim().to_owned();
        for key in OWN_KEYS {
            object.remove(key);
        }
        Ok(Self { id, text, source: line.to_owned(), fields: object })
    }
}

fn identifier(object: &Map<String, Value>) -> Result<String, String> {
    match object.get("_id").or_else(|| object.get("id")) {
        Some(Value::String(id)) => Ok(id.clone()),
        Some(Value::Number(id)) if id.is_u64() || id.is_i64() => Ok(id.to_string()),
        Some(_) => Err("_id is neither a string nor an integer".to_owned()),
        None => Err("the key \"_id\" is missing".to_owned()),
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

/// serde_json's message without its line number, which counts from the start of our line.
fn brief(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let reason = message.split(" at line ").next().unwrap_or_default();
    format!("{reason} at column {}", error.column())
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
        check(b"{", "not JSON: EOF while parsing an object at column 1");
        check(b"[1]", "not a JSON object");
        check(br#"{"text": "x"}"#, "\"_id\" is missing");
        check(br#"{"_id": "a"}"#, "\"text\" is missing");
        check(br#"{"_id": "a b", "text": ""}"#, "space");
        check(br#"{"_id": "", "text": ""}"#, "empty");
        check(br#"{"_id": 1.5, "text": ""}"#, "neither a string nor an integer");
        check(br#"{"_id": "a", "text": 3}"#, "\"text\" is not a string");
        check(b"{\"_id\": \"\xff\", \"text\": \"\"}", "not UTF-8 at byte 10");
        let long = format!(r#"{{"_id": "{}", "text": ""}}"#, "x".repeat(513));
        check(long.as_bytes(), "longer than 512");
    }
}
