//! What every document of an index keeps to: what its `_id` may be, and which keys have a meaning.
//!
//! Reading documents is `indexer`'s. How times among their values sort is in `times`.

pub(crate) mod times;

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
