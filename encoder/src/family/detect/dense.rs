//! Recognising a dense graph: which output holds a text's vector, or the rows it is pooled from.

use std::path::Path;

use crate::error::EncodeError;
use crate::family::choices::DensePooling;
use crate::family::detect::inputs::{self, Fixed, Input, Role};
use crate::family::detect::outputs::fits;
use crate::family::settings::dense::DenseGraphSettings;
use crate::family::tensors::TensorCard;

/// An output of one row per text, as sentence-transformers' exporters name it.
const POOLED: &str = "sentence_embedding";
/// Outputs of one row per token.
const ROWS: [&str; 2] = ["last_hidden_state", "token_embeddings"];

/// A recognised dense graph: what to feed, what to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DenseGraph {
    /// Inputs in the graph's order.
    pub(crate) inputs: Vec<Input>,
    pub(crate) fixed: Fixed,
    pub(crate) output: String,
    /// One row per text, `[batch, dims]`, rather than one per token, `[batch, length, dims]`.
    pub(crate) is_pooled: bool,
    /// Numbers per row, at least one.
    pub(crate) dims: usize,
    /// Texts cannot share a run: the graph takes no mask.
    pub(crate) is_single: bool,
}

/// Recognises a dense graph; `tokens` is the size of the tokenizer.
///
/// Errors: `UnknownLayout` naming all inputs and outputs; `SparseWeights` where the output is as
/// wide as the vocabulary and nobody said that the model is dense.
pub(crate) fn detect_dense(
    path: &Path,
    (inputs, outputs): (&[TensorCard], &[TensorCard]),
    settings: &DenseGraphSettings,
    tokens: usize,
) -> Result<DenseGraph, EncodeError> {
    let unknown = |reason: String| EncodeError::UnknownLayout {
        path: path.to_owned(),
        reason,
        inputs: inputs.iter().map(TensorCard::to_string).collect(),
        outputs: outputs.iter().map(TensorCard::to_string).collect(),
    };
    let fed = inputs::roles(inputs, &settings.inputs).map_err(unknown)?;
    let output = find(outputs, settings).map_err(unknown)?;
    let is_pooled = output.shape.len() == 2;
    let width = output.width();
    let is_sparse = |&columns: &usize| fits(columns, tokens) || (columns == 1 && !is_pooled);
    if let Some(columns) = width.filter(is_sparse).filter(|_| !settings.is_dense) {
        let (path, output) = (path.to_owned(), output.name.clone());
        return Err(EncodeError::SparseWeights { path, output, columns, terms: tokens });
    }
    let dims = match (width, settings.dims) {
        (Some(width), Some(dims)) if width != dims => {
            let name = &output.name;
            return Err(unknown(format!(
                "output `{name}` has {width} dimensions, stated are {dims}"
            )));
        }
        (width, dims) => width.or(dims).filter(|&dims| dims > 0),
    };
    let dims = dims.ok_or_else(|| {
        let reason = "it leaves the width of its vectors open; state `dims` in gleaner.toml";
        unknown(reason.to_owned())
    })?;
    let has_mask = fed.inputs.iter().any(|input| input.role == Role::Mask);
    if !has_mask && fed.fixed.length.is_some() {
        let reason =
            "it has a fixed length but no mask, so a shorter text cannot be told from padding";
        return Err(unknown(reason.to_owned()));
    }
    let (inputs, fixed, output) = (fed.inputs, fed.fixed, output.name.clone());
    Ok(DenseGraph { inputs, fixed, output, is_pooled, dims, is_single: !has_mask })
}

/// The output to read; says what is wrong where there is none.
fn find<'a>(
    outputs: &'a [TensorCard],
    settings: &DenseGraphSettings,
) -> Result<&'a TensorCard, String> {
    let rank = match settings.pooling {
        None => 2..=3,
        Some(DensePooling::Graph) => 2..=2,
        Some(DensePooling::Mean | DensePooling::Cls | DensePooling::Max) => 3..=3,
    };
    let fits = |output: &&TensorCard| output.is_float() && rank.contains(&output.shape.len());
    if let Some(name) = &settings.output {
        let named = outputs.iter().find(|output| output.name == *name);
        let named =
            named.ok_or_else(|| format!("it has no output `{name}`, which gleaner.toml names"))?;
        return Some(named).filter(fits).ok_or_else(|| {
            format!(
                "output `{name}` does not fit its pooling: a row per text is pooled by \"graph\""
            )
        });
    }
    let fitting: Vec<&TensorCard> = outputs.iter().filter(fits).collect();
    let usual = |name: &str, rank: usize| {
        fitting.iter().find(|output| output.name == name && output.shape.len() == rank)
    };
    let usual = usual(POOLED, 2).or_else(|| ROWS.iter().find_map(|name| usual(name, 3)));
    match (usual, &fitting[..]) {
        (Some(output), _) | (None, [output]) => Ok(output),
        (None, []) => {
            Err("no output is f32[batch, dims] or f32[batch, length, dims] as its pooling \
                           wants it"
                .to_owned())
        }
        _ => Err("several outputs could be embeddings; name one as `outputs.embedding` in \
                  gleaner.toml"
            .to_owned()),
    }
}
