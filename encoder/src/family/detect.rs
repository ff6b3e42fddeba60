//! Recognising what a graph is from its inputs and outputs.
//!
//! `detect/inputs.rs` says what to feed a graph, `detect/outputs.rs` what to read from it. What is
//! not known is an error that lists what was found. A dense graph is recognised by
//! `detect/dense.rs`.

use std::path::Path;

use crate::error::EncodeError;
use crate::family::detect::inputs::{Fixed, Input, Role};
use crate::family::detect::outputs::{Search, Second};
use crate::family::layout::{Columns, Layout};
use crate::family::settings::sparse::{GraphSettings, HeadTensors};
use crate::family::tensors::TensorCard;

pub(crate) mod dense;
pub(crate) mod inputs;
pub(crate) mod outputs;

/// A recognised graph: what to feed, what to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GraphLayout {
    pub(crate) layout: Layout,
    /// Inputs in the graph's order.
    pub(crate) inputs: Vec<Input>,
    pub(crate) fixed: Fixed,
    /// The output that weights are read from.
    pub(crate) output: String,
    /// The output beside it.
    pub(crate) second: Option<Second>,
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
    let search = Search { inputs, outputs, settings, terms };
    let found = search.find().map_err(unknown)?;
    let columns = found.check_width(path, tokens, terms)?;
    let has_mask = fed.inputs.iter().any(|input| input.role == Role::Mask);
    if !has_mask && fed.fixed.length.is_some() {
        let reason =
            "it has a fixed length but no mask, so a shorter text cannot be told from padding";
        return Err(unknown(reason.to_owned()));
    }
    let head = match found.layout.columns() {
        Columns::Dimensions => settings.head.clone(),
        Columns::Terms | Columns::Named => None,
    };
    Ok(GraphLayout {
        layout: found.layout,
        inputs: fed.inputs,
        fixed: fed.fixed,
        output: found.weights.name.clone(),
        second: found.second,
        columns,
        head,
        is_single: !has_mask || found.is_single,
    })
}

#[cfg(test)]
mod tests;
