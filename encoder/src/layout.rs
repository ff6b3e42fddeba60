//! Recognising what a graph is from its inputs and outputs.
//!
//! A table of what is known; everything else is an error that lists what was found. To add a
//! layout: a variant of [`Layout`], its case in `outputs.rs`, its row reader in `readers/`.

use std::fmt;
use std::path::Path;

use ort::value::{Outlet, ValueType};
use serde::{Deserialize, Serialize};

use crate::error::EncodeError;
use crate::settings::{GraphSettings, HeadTensors};

mod dense;
mod inputs;
mod outputs;

pub(crate) use dense::{DenseGraph, detect_dense};
pub(crate) use outputs::fits;

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

impl Layout {
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
}

/// An input or output of a graph. Displayed as `name: element[shape]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TensorCard {
    /// Its name.
    pub name: String,
    /// The type of its elements: `i64`, `f32`, and so on; `other` for what is not a tensor.
    pub element: String,
    /// Its dimensions; -1 where the graph leaves one open.
    pub shape: Vec<i64>,
    /// The names of its open dimensions; empty where a dimension has none.
    pub symbols: Vec<String>,
}

impl TensorCard {
    pub(crate) fn of(outlet: &Outlet) -> Self {
        let (element, shape, symbols) = match outlet.dtype() {
            ValueType::Tensor { ty, shape, dimension_symbols } => (
                ty.to_string(),
                shape.to_vec(),
                dimension_symbols.iter().map(|symbol| symbol.to_string()).collect(),
            ),
            _ => ("other".to_owned(), Vec::new(), Vec::new()),
        };
        Self { name: outlet.name().to_owned(), element, shape, symbols }
    }

    /// The size of a dimension, nothing where it is open or not there.
    fn size(&self, axis: usize) -> Option<usize> {
        usize::try_from(*self.shape.get(axis)?).ok()
    }

    fn is_float(&self) -> bool {
        matches!(self.element.as_str(), "f32" | "f16")
    }

    fn is_integer(&self) -> bool {
        matches!(self.element.as_str(), "i64" | "i32")
    }
}

impl fmt::Display for TensorCard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}{:?}", self.name, self.element, self.shape)
    }
}

/// What a graph input is fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Token ids.
    Ids,
    /// 1 for a token, 0 for padding.
    Mask,
    /// Segment ids.
    Types,
}

/// An input of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) role: Role,
    /// 32-bit integers rather than 64-bit ones.
    pub(crate) is_narrow: bool,
}

/// Sizes that a graph does not leave open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Fixed {
    pub(crate) batch: Option<usize>,
    pub(crate) length: Option<usize>,
}

/// A recognised graph: what to feed, what to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GraphLayout {
    pub(crate) layout: Layout,
    /// Inputs in the graph's order.
    pub(crate) inputs: Vec<Input>,
    pub(crate) fixed: Fixed,
    /// The output that weights are read from.
    pub(crate) output: String,
    /// The output beside it: ids or gates.
    pub(crate) second: Option<String>,
    /// Values per row of the output; at least the number of terms where terms are columns, and an
    /// upper bound for a sparse row.
    pub(crate) columns: usize,
    /// The output layer's tensors; only with [`Layout::Hidden`].
    pub(crate) head: Option<HeadTensors>,
    /// Texts cannot share a run: the graph takes no mask, or returns one text's terms.
    pub(crate) is_single: bool,
}

/// Recognises a graph. `tokens` is the size of the tokenizer, `terms` the number of term ids unless
/// only the graph can tell.
///
/// Errors: `UnknownLayout` naming all inputs and outputs; `VocabularyMismatch`, `TokenVectors` or
/// `DenseEmbedding` when the one output that could hold weights has another width.
pub(crate) fn detect(
    path: &Path,
    (inputs, outputs): (&[TensorCard], &[TensorCard]),
    settings: &GraphSettings,
    (tokens, terms): (usize, Option<usize>),
) -> Result<GraphLayout, EncodeError> {
    let unknown = |reason: String| EncodeError::UnknownLayout {
        path: path.to_owned(),
        reason,
        inputs: inputs.iter().map(TensorCard::to_string).collect(),
        outputs: outputs.iter().map(TensorCard::to_string).collect(),
    };
    let fed = inputs::roles(inputs, &settings.inputs).map_err(unknown)?;
    let search = outputs::Search { inputs, outputs, settings, terms };
    let found = search.find().map_err(unknown)?;
    let columns = found.check_width(path, tokens, terms)?;
    let has_mask = fed.inputs.iter().any(|input| input.role == Role::Mask);
    if !has_mask && fed.fixed.length.is_some() {
        let reason =
            "it has a fixed length but no mask, so a shorter text cannot be told from padding";
        return Err(unknown(reason.to_owned()));
    }
    Ok(GraphLayout {
        layout: found.layout,
        inputs: fed.inputs,
        fixed: fed.fixed,
        output: found.weights.name.clone(),
        second: found.second.map(|second| second.name.clone()),
        columns,
        head: settings.head.clone().filter(|_| found.layout == Layout::Hidden),
        is_single: !has_mask || found.is_single,
    })
}

#[cfg(test)]
mod tests;
