//! Values that files of a folder state, each with the file and the key that state it.
//!
//! What such a file says and is not understood here is an error that names file, key and value: a
//! setting that is passed over silently makes other vectors than the model's.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::EncodeError;
use crate::files::{json_cause, read_text};

/// Characters of a value that a message shows.
const SHOWN: usize = 80;

/// A value, and what states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said<T> {
    pub(crate) value: T,
    /// Such as ``sentence_bert_config.json (max_seq_length)``.
    pub(crate) from: String,
}

impl<T> Said<T> {
    /// A value that holds because nothing states another.
    pub(crate) fn default(value: T) -> Self {
        Self { value, from: "default".to_owned() }
    }
}

/// A JSON object of a model folder.
pub(crate) struct ObjectFile {
    path: PathBuf,
    /// Relative to the folder, for cards.
    name: String,
    object: Map<String, Value>,
}

impl ObjectFile {
    /// Reads a file, named relative to the folder; nothing when there is none.
    ///
    /// Errors: `Read`; `InvalidFile` when it is no JSON object.
    pub(crate) fn read(
        folder: &Path,
        name: &Path,
        what: &'static str,
    ) -> Result<Option<Self>, EncodeError> {
        let path = folder.join(name);
        let Some(text) = read_text(&path)? else { return Ok(None) };
        match serde_json::from_str(&text) {
            Ok(object) => Ok(Some(Self { path, name: name.display().to_string(), object })),
            Err(error) => Err(EncodeError::InvalidFile { what, path, source: json_cause(&error) }),
        }
    }

    /// The value of a key; nothing where it is missing or `null`.
    ///
    /// Errors: `NotUnderstood` when it is not what is `expected`.
    pub(crate) fn get<T: DeserializeOwned>(
        &self,
        key: &str,
        expected: &str,
    ) -> Result<Option<Said<T>>, EncodeError> {
        match self.object.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match serde_json::from_value(value.clone()) {
                Ok(value) => Ok(Some(self.said(key, value))),
                Err(_) => Err(self.not_understood(key, expected)),
            },
        }
    }

    /// The value of a key, which must be one of these names.
    ///
    /// Errors: `NotUnderstood` for another one.
    pub(crate) fn choice<T: Copy>(
        &self,
        key: &str,
        known: &[(&str, T)],
    ) -> Result<Option<Said<T>>, EncodeError> {
        let names: Vec<String> = known.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let expected = format!("only {} can be", names.join(" and "));
        let Some(Said { value, .. }) = self.get::<String>(key, &expected)? else { return Ok(None) };
        match known.iter().find(|(name, _)| *name == value) {
            Some((_, choice)) => Ok(Some(self.said(key, *choice))),
            None => Err(self.not_understood(key, &expected)),
        }
    }

    /// Refuses keys that nobody here knows: what they would change is not known either.
    ///
    /// Errors: `NotUnderstood` for the first of them.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), EncodeError> {
        match self.object.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => {
                let expected = "the key is not known here; remove it if it changes no vector";
                Err(self.not_understood(key, expected))
            }
            None => Ok(()),
        }
    }

    /// Whether a key says something: not missing, `null` or empty.
    pub(crate) fn says(&self, key: &str) -> bool {
        match self.object.get(key) {
            None | Some(Value::Null) => false,
            Some(Value::Object(object)) => !object.is_empty(),
            Some(_) => true,
        }
    }

    /// The keys that begin like this and are `true`, in their order.
    pub(crate) fn flags(&self, prefix: &str) -> Vec<&str> {
        let is_set = |(key, value): &(&String, &Value)| {
            key.starts_with(prefix) && value.as_bool() == Some(true)
        };
        self.object.iter().filter(is_set).map(|(key, _)| key.as_str()).collect()
    }

    /// A value with this file and a key as its origin.
    pub(crate) fn said<T>(&self, key: &str, value: T) -> Said<T> {
        Said { value, from: format!("{} ({key})", self.name) }
    }

    /// The error for the value of a key.
    pub(crate) fn not_understood(&self, key: &str, expected: &str) -> EncodeError {
        let value = self.object.get(key).map_or_else(String::new, Value::to_string);
        not_understood(&self.path, key, &value, expected)
    }
}

/// The error for a value that is not understood.
pub(crate) fn not_understood(path: &Path, key: &str, value: &str, expected: &str) -> EncodeError {
    let mut shown: String = value.chars().take(SHOWN).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    EncodeError::NotUnderstood {
        path: path.to_owned(),
        key: key.into(),
        value: shown.into(),
        expected: expected.to_owned(),
    }
}
