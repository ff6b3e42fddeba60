//! What becomes of texts that are longer than the model reads.
//!
//! The manifest keeps it. Cutting texts is the encoder's.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What becomes of texts that are longer than the model reads; one for all documents of an index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum LongTexts {
    /// Their end is cut off.
    #[default]
    Cut,
    /// They are encoded in spans that overlap; every term has its highest weight of all spans.
    Max {
        /// Tokens of a span; manifests say `window`.
        #[serde(rename = "window")]
        length: usize,
        /// Tokens that two spans share.
        overlap: usize,
    },
    /// They are encoded in spans that overlap, one row each; the best of them is the document's.
    Passages {
        /// Tokens of a span; manifests say `window`.
        #[serde(rename = "window")]
        length: usize,
        /// Tokens that two spans share.
        overlap: usize,
    },
}

impl LongTexts {
    /// Whether a document may have several rows.
    pub fn is_passages(&self) -> bool {
        match self {
            Self::Passages { .. } => true,
            Self::Cut | Self::Max { .. } => false,
        }
    }

    /// Whether the end is cut off.
    pub fn is_cut(&self) -> bool {
        *self == Self::Cut
    }
}

impl fmt::Display for LongTexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mode, length, overlap) = match self {
            Self::Cut => return f.write_str("cut"),
            Self::Max { length, overlap } => ("max", length, overlap),
            Self::Passages { length, overlap } => ("passages", length, overlap),
        };
        write!(f, "{mode}, windows of {length} tokens that overlap by {overlap}")
    }
}
