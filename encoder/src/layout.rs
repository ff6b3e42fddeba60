//! Recognising what a graph is from its inputs and outputs.
//!
//! A table of what is known; everything else is an error that lists what was found. To add a
//! layout: a variant of [`Layout`], its case in [`detect`], its row reader in `session.rs`.

use std::fmt;
use std::path::Path;

use ort::value::{Outlet, ValueType};
use serde::Serialize;

use crate::error::EncodeError;
use crate::settings::HeadTensors;

/// What a graph returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// `[batch, vocabulary]`: one row of weights per text, pooled and activated in the graph.
    Pooled,
    /// `[batch, length, vocabulary]`: masked-language-model logits, one row per token.
    Logits,
    /// `[batch, length, hidden]`: one hidden state per token; the output layer is `head.rs`.
    Hidden,
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
}

impl TensorCard {
    pub(crate) fn of(outlet: &Outlet) -> Self {
        let (element, shape) = match outlet.dtype() {
            ValueType::Tensor { ty, shape, .. } => (ty.to_string(), shape.to_vec()),
            _ => ("other".to_owned(), Vec::new()),
        };
        Self { name: outlet.name().to_owned(), element, shape }
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

/// A recognised graph: what to feed, what to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GraphLayout {
    pub(crate) layout: Layout,
    /// Inputs in the graph's order.
    pub(crate) inputs: Vec<(String, Role)>,
    /// The output to read.
    pub(crate) output: String,
    /// Width of an output row; at least the number of tokens.
    pub(crate) columns: usize,
    /// The output layer's tensors; only with [`Layout::Hidden`].
    pub(crate) head: Option<HeadTensors>,
}

/// Recognises a graph of hidden states, whose output layer is in the tensors of `head`.
///
/// Errors: `UnknownLayout` naming all inputs and outputs.
pub(crate) fn detect_hidden(
    path: &Path,
    inputs: &[TensorCard],
    outputs: &[TensorCard],
    head: &HeadTensors,
) -> Result<GraphLayout, EncodeError> {
    let unknown = |reason: String| EncodeError::UnknownLayout {
        path: path.to_owned(),
        reason,
        inputs: inputs.iter().map(TensorCard::to_string).collect(),
        outputs: outputs.iter().map(TensorCard::to_string).collect(),
    };
    let is_states = |output: &&TensorCard| output.element == "f32" && output.shape.len() == 3;
    let mut states = outputs.iter().filter(is_states);
    let width = |output: &TensorCard| usize::try_from(*output.shape.last()?).ok();
    let (Some(output), None) = (states.next(), states.next()) else {
        return Err(unknown("not exactly one output is f32[batch, length, hidden]".to_owned()));
    };
    let columns = width(output).filter(|&columns| columns > 0);
    let columns =
        columns.ok_or_else(|| unknown("the width of the hidden states is left open".to_owned()))?;
    Ok(GraphLayout {
        layout: Layout::Hidden,
        inputs: roles(inputs).map_err(unknown)?,
        output: output.name.clone(),
        columns,
        head: Some(head.clone()),
    })
}

/// Recognises a graph whose tokenizer has `tokens` entries.
///
/// Errors: `UnknownLayout` naming all inputs and outputs; `VocabularyMismatch` when the one output
/// that could hold weights has another width than the tokenizer.
pub(crate) fn detect(
    path: &Path,
    inputs: &[TensorCard],
    outputs: &[TensorCard],
    tokens: usize,
) -> Result<GraphLayout, EncodeError> {
    let unknown = |reason: String| EncodeError::UnknownLayout {
        path: path.to_owned(),
        reason,
        inputs: inputs.iter().map(TensorCard::to_string).collect(),
        outputs: outputs.iter().map(TensorCard::to_string).collect(),
    };
    let inputs = roles(inputs).map_err(unknown)?;
    let output = weights_output(outputs, tokens).map_err(unknown)?;
    let columns = match output.columns {
        // A width that the graph leaves open is checked against every tensor that comes back.
        None => tokens,
        Some(columns) if fits(columns, tokens) => columns,
        Some(columns) => {
            let output = output.name.to_owned();
            return Err(EncodeError::VocabularyMismatch { output, columns, tokens });
        }
    };
    let (layout, output) = (output.layout, output.name.to_owned());
    Ok(GraphLayout { layout, inputs, output, columns, head: None })
}

fn roles(inputs: &[TensorCard]) -> Result<Vec<(String, Role)>, String> {
    let mut roles = Vec::new();
    for input in inputs {
        let role = match input.name.as_str() {
            "input_ids" => Role::Ids,
            "attention_mask" => Role::Mask,
            "token_type_ids" => Role::Types,
            other => return Err(format!("input `{other}` is not one that can be filled")),
        };
        if input.element != "i64" || input.shape.len() != 2 {
            return Err(format!("input `{}` is not i64[batch, length]", input.name));
        }
        roles.push((input.name.clone(), role));
    }
    for (name, role) in [("input_ids", Role::Ids), ("attention_mask", Role::Mask)] {
        if !roles.iter().any(|(_, present)| *present == role) {
            return Err(format!("it has no input `{name}`"));
        }
    }
    Ok(roles)
}

struct Candidate<'a> {
    name: &'a str,
    layout: Layout,
    /// Nothing when the graph leaves the width open.
    columns: Option<usize>,
}

fn weights_output(outputs: &[TensorCard], tokens: usize) -> Result<Candidate<'_>, String> {
    let mut candidates: Vec<Candidate<'_>> = outputs.iter().filter_map(candidate).collect();
    if candidates.len() > 1 {
        // Exports often return hidden states too; only one output is as wide as the vocabulary.
        candidates.retain(|candidate| candidate.columns.is_some_and(|width| fits(width, tokens)));
    }
    match (candidates.pop(), candidates.is_empty()) {
        (Some(candidate), true) => Ok(candidate),
        (None, _) => {
            Err(format!("no output is f32[batch, {tokens}] or f32[batch, length, {tokens}]"))
        }
        (Some(_), false) => Err("several outputs are as wide as the vocabulary".to_owned()),
    }
}

fn candidate(output: &TensorCard) -> Option<Candidate<'_>> {
    let layout = match (output.element.as_str(), output.shape.len()) {
        ("f32", 2) => Layout::Pooled,
        ("f32", 3) => Layout::Logits,
        _ => return None,
    };
    let columns = output.shape.last().and_then(|width| usize::try_from(*width).ok());
    Some(Candidate { name: &output.name, layout, columns })
}

/// Whether an output of this width belongs to a tokenizer of this size: equal, or padded up to a
/// multiple of 64 as some models do.
fn fits(columns: usize, tokens: usize) -> bool {
    columns == tokens || (columns > tokens && columns.is_multiple_of(64) && columns - tokens < 128)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn tensor(name: &str, element: &str, shape: &[i64]) -> TensorCard {
        let (name, element) = (name.to_owned(), element.to_owned());
        TensorCard { name, element, shape: shape.to_vec() }
    }

    fn ids(names: &[&str]) -> Vec<TensorCard> {
        names.iter().map(|name| tensor(name, "i64", &[-1, -1])).collect()
    }

    fn floats(outputs: &[(&str, &[i64])]) -> Vec<TensorCard> {
        outputs.iter().map(|(name, shape)| tensor(name, "f32", shape)).collect()
    }

    fn run(inputs: &[TensorCard], outputs: &[(&str, &[i64])]) -> Result<GraphLayout, EncodeError> {
        detect("model.onnx".as_ref(), inputs, &floats(outputs), 1000)
    }

    #[test]
    fn rank_decides_between_logits_and_pooled() {
        let inputs = ids(&["input_ids", "attention_mask", "token_type_ids"]);
        let logits = run(&inputs, &[("logits", &[-1, -1, 1000])]).unwrap();
        assert_eq!((logits.layout, logits.columns), (Layout::Logits, 1000));
        assert_eq!(logits.inputs[2], ("token_type_ids".to_owned(), Role::Types));
        let pooled = run(&inputs[..2], &[("sentence_embedding", &[-1, 1000])]).unwrap();
        assert_eq!((pooled.layout, pooled.inputs.len()), (Layout::Pooled, 2));
    }

    #[test]
    fn the_output_as_wide_as_the_vocabulary_is_read() {
        let inputs = ids(&["input_ids", "attention_mask"]);
        let outputs: [(&str, &[i64]); 2] = [("hidden", &[-1, -1, 128]), ("out", &[-1, -1, 1000])];
        assert_eq!(run(&inputs, &outputs).unwrap().output, "out");
        let both: [(&str, &[i64]); 2] = [("a", &[-1, 1000]), ("b", &[-1, -1, 1000])];
        assert!(matches!(run(&inputs, &both), Err(EncodeError::UnknownLayout { .. })));
    }

    #[test]
    fn another_width_is_a_mismatch() {
        let inputs = ids(&["input_ids", "attention_mask"]);
        for (width, ok) in [(1000, true), (1024, true), (999, false), (1001, false), (384, false)] {
            let found = run(&inputs, &[("x", &[-1, width])]);
            assert_eq!(found.is_ok(), ok, "{width}");
            if !ok {
                assert!(matches!(found, Err(EncodeError::VocabularyMismatch { tokens: 1000, .. })));
            }
        }
        assert_eq!(run(&inputs, &[("x", &[-1, -1])]).unwrap().columns, 1000);
    }

    #[test]
    fn anything_else_is_refused_with_what_was_found() {
        let good: [(&str, &[i64]); 1] = [("logits", &[-1, -1, 1000])];
        let float_ids =
            vec![tensor("input_ids", "f32", &[-1, -1]), tensor("attention_mask", "i64", &[-1, -1])];
        let usual = || ids(&["input_ids", "attention_mask"]);
        for (inputs, outputs) in [
            (ids(&["input_ids"]), &good[..]),
            (ids(&["input_ids", "attention_mask", "pixels"]), &good[..]),
            (float_ids, &good[..]),
            (usual(), &[]),
            (usual(), &[("x", &[-1, -1, -1, 1000])]),
        ] {
            let error = run(&inputs, outputs).unwrap_err();
            assert!(matches!(error, EncodeError::UnknownLayout { .. }), "{error}");
            assert!(
                error.to_string().contains("input_ids: i64[-1, -1]")
                    || error.to_string().contains("f32[-1, -1]"),
                "{error}"
            );
        }
    }
}
