//! How many tokens a text may have: what is stated for both sides or for one, within the model.
//!
//! The model bounds lengths twice: by its positions (`config.json`) and by a graph of a fixed
//! length.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::EncodeError;
use crate::family::folder::positions;
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lengths {
    pub(crate) max: MaxLength,
    pub(crate) is_stated: [bool; 2],
}

impl FileMaxLength {
    /// Fills in `default` where neither this key nor the side's `own` states a length.
    ///
    /// Errors: `InvalidSetting` for a length stated twice, or beyond the model's positions.
    pub(crate) fn settle(
        self,
        folder: &Path,
        path: &Path,
        own: [Option<usize>; 2],
        default: usize,
    ) -> Result<Lengths, EncodeError> {
        let bound = positions(folder)?;
        let default = default.min(bound.unwrap_or(default));
        let refuse =
            |key, reason| Err(EncodeError::InvalidSetting { path: path.to_owned(), key, reason });
        let side = |key, common: Option<usize>, own: Option<usize>| match (common.or(own), bound) {
            _ if common.is_some() && own.is_some() => {
                let reason = "it is stated twice, here and in the side's own table";
                refuse(key, reason.to_owned())
            }
            (Some(length), Some(bound)) if length > bound => refuse(
                key,
                format!("{length} tokens, but config.json says the model has {bound} positions"),
            ),
            (stated, _) => Ok(stated.unwrap_or(default)),
        };
        let Self { query, document } = self;
        let max = MaxLength {
            query: side("max_length.query", query, own[0])?,
            document: side("max_length.document", document, own[1])?,
        };
        Ok(Lengths { max, is_stated: [query.or(own[0]).is_some(), document.or(own[1]).is_some()] })
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
