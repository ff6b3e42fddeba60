//! What a term is, and what a folder states about its terms.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a term is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A token of the tokenizer; ids past its last may have names from a table.
    #[default]
    Token,
    /// A whole word of the name table.
    Word,
    /// A column of the graph that is no token.
    Code,
}

impl Unit {
    /// Whether terms are whole words, which may have several tokens.
    pub(crate) fn is_word(self) -> bool {
        match self {
            Self::Word => true,
            Self::Token | Self::Code => false,
        }
    }
}

/// What is stated about terms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TermSettings {
    pub(crate) unit: Unit,
    pub(crate) names: Option<PathBuf>,
    pub(crate) first: Option<u32>,
    pub(crate) count: Option<usize>,
    pub(crate) drop: Vec<String>,
}
