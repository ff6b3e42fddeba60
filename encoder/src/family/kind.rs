//! Whether a model folder is sparse or dense, as far as its files say.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::EncodeError;
use crate::family::folder::FILE_NAME;
use crate::family::settings::modules::Routes;
use crate::files::{read_text, toml_cause};

/// What a model makes of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// Terms and their weights: [`crate::Model`].
    Sparse,
    /// A vector of a few hundred numbers: [`crate::DenseModel`].
    Dense,
}

/// Keys of `gleaner.toml` that only sparse models have.
const SPARSE_KEYS: [&str; 5] = ["layout", "activation", "gate", "terms", "head"];

/// The one key that is read before the rest is.
#[derive(Deserialize)]
struct Stated {
    kind: Option<ModelKind>,
    #[serde(flatten)]
    others: toml::Table,
}

impl ModelKind {
    /// The kind of a model folder: `kind` in its `gleaner.toml`, or else what keys there and a
    /// `modules.json` of sentence-transformers imply. A folder that says nothing is sparse; its
    /// graph is not looked at.
    ///
    /// Errors: `Read` or `InvalidFile` for those two files.
    pub fn of(folder: &Path) -> Result<Self, EncodeError> {
        match Self::stated(folder)? {
            Some(kind) => Ok(kind),
            None => {
                let is_dense = Routes::read(folder)?.is_some_and(|routes| routes.is_dense());
                Ok(if is_dense { Self::Dense } else { Self::Sparse })
            }
        }
    }

    /// What `gleaner.toml` says or implies.
    pub(crate) fn stated(folder: &Path) -> Result<Option<Self>, EncodeError> {
        let path = folder.join(FILE_NAME);
        let Some(text) = read_text(&path)? else { return Ok(None) };
        let stated: Stated = toml::from_str(&text).map_err(|error| EncodeError::InvalidFile {
            what: "settings file",
            path,
            source: toml_cause(&error, &text),
        })?;
        let is_sparse = || SPARSE_KEYS.iter().any(|key| stated.others.contains_key(*key));
        Ok(stated.kind.or_else(|| is_sparse().then_some(Self::Sparse)))
    }

    /// Refuses a folder that says it is of the other kind. Errors: `OtherKind`.
    pub(crate) fn check(self, folder: &Path) -> Result<(), EncodeError> {
        match Self::stated(folder)? {
            Some(found) if found != self => {
                let folder = folder.to_owned();
                Err(EncodeError::OtherKind { folder, found: found.name(), asked: self.name() })
            }
            _ => Ok(()),
        }
    }

    /// Its name in settings and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sparse => "sparse",
            Self::Dense => "dense",
        }
    }
}
