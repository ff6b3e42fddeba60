//! How many tokens a text may have: what is stated for both sides or for one, within the model.
//!
//! The model bounds lengths twice: by its positions (`config.json`) and by a graph of a fixed
//! length.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::EncodeError;
use crate::family::folder::FILE_NAME;
use crate::family::settings::said::Said;
use crate::side::Side;

/// Tokens per text, specials included, after which a text is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MaxLength {
    /// For queries.
    pub query: usize,
    /// For documents.
    pub document: usize,
}

impl MaxLength {
    /// The length of one side.
    pub fn of(&self, side: Side) -> usize {
        match side {
            Side::Query => self.query,
            Side::Document => self.document,
        }
    }
}

/// `max_length = { query = 32, document = 256 }`
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileMaxLength {
    query: Option<usize>,
    document: Option<usize>,
}

/// Tokens per text, and for the query and the document side whether somebody stated them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lengths {
    pub(crate) max: MaxLength,
    pub(crate) is_stated: [bool; 2],
    /// What states each.
    pub(crate) from: [String; 2],
}

impl FileMaxLength {
    /// Fills in the defaults where neither this key nor the side's `own` states a length. A model
    /// has so many `positions`, where that is known.
    ///
    /// Errors: `InvalidSetting` for a length stated twice, or beyond the model's positions.
    pub(crate) fn settle(
        self,
        path: &Path,
        own: [Option<usize>; 2],
        defaults: [Said<usize>; 2],
        positions: [Option<usize>; 2],
    ) -> Result<Lengths, EncodeError> {
        let Self { query, document } = self;
        let keys = ["max_length.query", "max_length.document"];
        let common = [query, document];
        let side = |at: usize| {
            let stated = StatedLength { key: keys[at], common: common[at], own: own[at] };
            stated.settle(path, &defaults[at], positions[at])
        };
        let [query, document] = [side(0)?, side(1)?];
        Ok(Lengths {
            max: MaxLength { query: query.value, document: document.value },
            is_stated: [0, 1].map(|at| common[at].or(own[at]).is_some()),
            from: [query.from, document.from],
        })
    }
}

/// What `gleaner.toml` states of the length of one side.
struct StatedLength {
    key: &'static str,
    common: Option<usize>,
    own: Option<usize>,
}

impl StatedLength {
    fn settle(
        self,
        path: &Path,
        default: &Said<usize>,
        positions: Option<usize>,
    ) -> Result<Said<usize>, EncodeError> {
        let Self { key, common, own } = self;
        let refuse =
            |reason| Err(EncodeError::InvalidSetting { path: path.to_owned(), key, reason });
        match (common.or(own), positions) {
            _ if common.is_some() && own.is_some() => {
                refuse("it is stated twice, here and in the side's own table".to_owned())
            }
            (Some(length), Some(bound)) if length > bound => refuse(format!(
                "{length} tokens, but config.json says the model has {bound} positions"
            )),
            (Some(value), _) => Ok(Said { value, from: FILE_NAME.to_owned() }),
            (None, Some(bound)) if default.value > bound => {
                Ok(Said { value: bound, from: "config.json (max_position_embeddings)".to_owned() })
            }
            (None, _) => Ok(default.clone()),
        }
    }
}

impl Lengths {
    /// The length of a side, which a graph may bound by the length that it has `fixed`; `path` is
    /// the settings file's, for messages.
    ///
    /// Errors: `InvalidSetting` when a longer one is stated.
    pub(crate) fn within(
        &self,
        side: Side,
        fixed: Option<usize>,
        path: &Path,
    ) -> Result<usize, EncodeError> {
        let length = self.max.of(side);
        let (key, is_stated) = match side {
            Side::Query => ("max_length.query", self.is_stated[0]),
            Side::Document => ("max_length.document", self.is_stated[1]),
        };
        match fixed {
            Some(fixed) if length > fixed && is_stated => {
                let (path, reason) =
                    (path.to_owned(), format!("{length} tokens, but the graph takes {fixed}"));
                Err(EncodeError::InvalidSetting { path, key, reason })
            }
            Some(fixed) => Ok(length.min(fixed)),
            None => Ok(length),
        }
    }
}
