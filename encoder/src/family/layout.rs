//! What a graph may return, and what each such layout means for the rest of the crate.
//!
//! What depends on the layout alone is a method here, and every `match` names all layouts.
//!
//! To add a layout, in this order:
//!
//! 1. here: a variant, its name, and an answer in every method;
//! 2. `family/detect/outputs.rs`: how a graph with that layout is recognised;
//! 3. `session/readers/`: a file that reads it, and its arms in `session/readers.rs`;
//! 4. `session/batch.rs`: how many values a run of it returns (`Budget::of`);
//! 5. `onnx/optimize.rs`: whether such a graph can be cut before its output layer.
//!
//! The compiler asks for 1, 3, 4 and 5 and for a stated `layout` in 2; only the detection of a graph
//! for which nothing is stated must be remembered.

use serde::{Deserialize, Serialize};

use crate::family::choices::Activation;

/// What a graph returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// `[batch, vocabulary]`: one row of weights per text, pooled and activated in the graph.
    Pooled,
    /// `[batch, length, vocabulary]`: masked-language-model logits, one row per token.
    Logits,
    /// `[batch, length, hidden]`: a hidden state per token; the output layer is `head.rs`.
    Hidden,
    /// Two outputs, term ids and weights: `[terms]` and `[terms]` for one text, `[batch, terms]`
    /// each, or `[terms]` shared by weights `[batch, terms]`.
    Sparse,
    /// `[batch, length]` or `[batch, length, 1]`: one weight per token of the text.
    TokenWeights,
    /// Two outputs `[batch, vocabulary]`, importance and gate: a term stays where its gate is open.
    Gated,
    /// There is no graph: the weights are looked up in a table.
    #[serde(skip_deserializing)]
    Lookup,
}

/// What a graph leaves to be done before its values are weights of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remaining {
    /// Nothing: it has pooled and activated.
    Nothing,
    /// Pooling over tokens, and activation; the default one is named.
    PoolAndActivate { default: Activation },
    /// Pooling over tokens, and activation unless the graph does that; the default is to activate.
    PoolAndMayActivate { default: Activation },
}

/// What the values in a row of the weights' output stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Columns {
    /// A term each.
    Terms,
    /// The dimensions of a hidden state.
    Dimensions,
    /// Terms that something else names: ids beside them, or the text's tokens.
    Named,
}

impl Layout {
    /// Its name in settings, messages and fingerprints.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pooled => "pooled",
            Self::Logits => "logits",
            Self::Hidden => "hidden",
            Self::Sparse => "sparse",
            Self::TokenWeights => "token_weights",
            Self::Gated => "gated",
            Self::Lookup => "lookup",
        }
    }

    /// What is left to be done with the values.
    pub(crate) fn remaining(self) -> Remaining {
        match self {
            Self::Pooled | Self::Sparse | Self::Gated | Self::Lookup => Remaining::Nothing,
            Self::Logits | Self::Hidden => {
                Remaining::PoolAndActivate { default: Activation::Log1pRelu }
            }
            Self::TokenWeights => Remaining::PoolAndMayActivate { default: Activation::Relu },
        }
    }

    /// What the values in a row stand for.
    pub(crate) fn columns(self) -> Columns {
        match self {
            Self::Pooled | Self::Logits | Self::Gated => Columns::Terms,
            Self::Hidden => Columns::Dimensions,
            Self::Sparse | Self::TokenWeights | Self::Lookup => Columns::Named,
        }
    }

    /// Whether the terms of the text's own tokens are needed.
    pub(crate) fn needs_units(self) -> bool {
        match self {
            Self::TokenWeights | Self::Lookup => true,
            Self::Pooled | Self::Logits | Self::Hidden | Self::Sparse | Self::Gated => false,
        }
    }
}
