//! What every document of an index keeps to: what its `_id` may be, and which keys have a meaning.
//!
//! Reading documents is `indexer`'s. How times among their values sort is in `times`.

pub(crate) mod times;

use serde_json::{Map, Value};

use times::TimeKey;

/// Characters of a value that a message repeats.
const QUOTED_CHARS: usize = 40;

/// Longest `_id` in bytes.
pub const ID_LIMIT_BYTES: usize = 512;
/// Keys with a meaning of their own; every other key can be filtered on.
pub const OWN_KEYS: [&str; 4] = ["_id", "id", "title", "text"];
/// Another name of the text where vectors are given.
pub const CONTENT_KEY: &str = "content";
/// The key of a sparse vector.
pub const VECTOR_KEY: &str = "vector";

/// Whether a key means something else than a dense field in some format.
pub fn is_own_key(key: &str) -> bool {
    OWN_KEYS.contains(&key) || key == CONTENT_KEY || key == VECTOR_KEY
}

/// Why the values of a document's keys cannot be filtered on, if they cannot: what has the form of a time
/// and is none would be text among times.
///
/// # Errors
/// The reason, in words.
pub fn check_values(keys: &Map<String, Value>) -> Result<(), String> {
    keys.iter().try_for_each(|(key, value)| match mistaken_time(value) {
        Some(text) => {
            let text: String = text.chars().take(QUOTED_CHARS).collect();
            Err(format!(
                "the key {key:?} has {text:?}, which is written as a time and is none; a time is as \
                 2022-05-31T23:59:59Z"
            ))
        }
        None => Ok(()),
    })
}

fn mistaken_time(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => TimeKey::is_mistaken(text).then_some(text),
        Value::Array(values) => values.iter().find_map(mistaken_time),
        Value::Object(members) => members.values().find_map(mistaken_time),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Why an `_id` cannot be stored, if it cannot.
///
/// # Errors
/// The reason, in words.
pub fn check_id(id: &str) -> Result<(), &'static str> {
    if id.is_empty() {
        return Err("_id is empty");
    }
    if id.len() > ID_LIMIT_BYTES {
        return Err("_id is longer than 512 bytes");
    }
    if id.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("_id contains a space or a control character");
    }
    Ok(())
}
