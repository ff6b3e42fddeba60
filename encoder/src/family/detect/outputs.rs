//! What to read from a graph: which of its outputs hold weights, and in what form.

use std::path::Path;

use crate::error::EncodeError;
use crate::family::layout::{Columns, Layout};
use crate::family::settings::sparse::GraphSettings;
use crate::family::tensors::TensorCard;

/// A graph's outputs and what they are compared with.
pub(super) struct Search<'a> {
    pub(super) inputs: &'a [TensorCard],
    pub(super) outputs: &'a [TensorCard],
    pub(super) settings: &'a GraphSettings,
    /// The number of term ids, where it is known.
    pub(super) terms: Option<usize>,
}

/// The output or outputs to read.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) layout: Layout,
    pub(super) weights: &'a TensorCard,
    pub(super) second: Option<Second>,
    pub(super) is_single: bool,
}

/// The output that is read beside the weights, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Second {
    /// Ids of the terms that the weights are of.
    Ids(String),
    /// Gates: a term stays where its gate is open.
    Gates(String),
}

impl Second {
    /// The output's name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Ids(name) | Self::Gates(name) => name,
        }
    }
}

impl<'a> Search<'a> {
    /// Says what is wrong where no layout fits.
    pub(super) fn find(&self) -> Result<Found<'a>, String> {
        let layout = match self.settings.layout {
            Some(layout) => layout,
            None if self.settings.head.is_some() => Layout::Hidden,
            None if self.integers().next().is_some() => Layout::Sparse,
            None if self.settings.outputs.gate.is_some() => Layout::Gated,
            None => return self.one(),
        };
        let is_hidden = layout.columns() == Columns::Dimensions;
        if is_hidden != self.settings.head.is_some() {
            let is = if is_hidden { "needs the table `[head]`" } else { "has no table `[head]`" };
            return Err(format!("layout `{}` {is} of gleaner.toml", layout.name()));
        }
        let is_rank = |rank: usize| move |output: &TensorCard| output.shape.len() == rank;
        match layout {
            Layout::Pooled => self.shaped(layout, is_rank(2)),
            Layout::Logits | Layout::Hidden => self.shaped(layout, is_rank(3)),
            Layout::TokenWeights => self.shaped(layout, |output| {
                is_rank(2)(output) || (is_rank(3)(output) && output.shape[2] == 1)
            }),
            Layout::Sparse => self.sparse(),
            Layout::Gated => self.gated(),
            Layout::Lookup => Err("a table is no layout of a graph".to_owned()),
        }
    }

    /// The one output of a layout that reads only one, told by its shape.
    fn shaped(
        &self,
        layout: Layout,
        fits: impl Fn(&TensorCard) -> bool,
    ) -> Result<Found<'a>, String> {
        let weights = self.weights(fits)?;
        Ok(Found { layout, weights, second: None, is_single: false })
    }

    fn integers(&self) -> impl Iterator<Item = &'a TensorCard> {
        self.outputs.iter().filter(|output| output.is_integer())
    }

    fn named(&self, name: &str) -> Result<&'a TensorCard, String> {
        let found = self.outputs.iter().find(|output| output.name == name);
        found.ok_or_else(|| format!("it has no output `{name}`, which gleaner.toml names"))
    }

    /// The stated weights output, or the only one that fits.
    fn weights(&self, fits: impl Fn(&TensorCard) -> bool) -> Result<&'a TensorCard, String> {
        if let Some(name) = &self.settings.outputs.weights {
            let output = self.named(name)?;
            return match output.is_float() && fits(output) {
                true => Ok(output),
                false => Err(format!("output `{name}` has not the shape of its layout")),
            };
        }
        let mut fitting = self.outputs.iter().filter(|output| output.is_float() && fits(output));
        match (fitting.next(), fitting.next()) {
            (Some(output), None) => Ok(output),
            (None, _) => Err("no output has the shape of its layout".to_owned()),
            _ => {
                Err("several outputs fit; name one as `outputs.weights` in gleaner.toml".to_owned())
            }
        }
    }

    fn sparse(&self) -> Result<Found<'a>, String> {
        let ids = match &self.settings.outputs.ids {
            Some(name) => self.named(name)?,
            None => {
                let mut integers = self.integers();
                match (integers.next(), integers.next()) {
                    (Some(ids), None) => ids,
                    _ => {
                        return Err(
                            "not one output holds term ids; name it as `outputs.ids`".to_owned()
                        );
                    }
                }
            }
        };
        let weights = self.weights(|output| (1..=2).contains(&output.shape.len()))?;
        // Weights of one dimension are one text's: texts cannot share a run.
        let is_single = match (ids.shape.len(), weights.shape.len()) {
            (1 | 2, 1) => true,
            (1 | 2, 2) => false,
            _ => {
                return Err(format!(
                    "outputs `{}` and `{}` are not ids and weights",
                    ids.name, weights.name
                ));
            }
        };
        let second = Some(Second::Ids(ids.name.clone()));
        Ok(Found { layout: Layout::Sparse, weights, second, is_single })
    }

    fn gated(&self) -> Result<Found<'a>, String> {
        let gate = self.settings.outputs.gate.as_deref().unwrap_or("gate");
        let gate = self.named(gate)?;
        let fits = |output: &TensorCard| output.shape.len() == 2 && output.name != gate.name;
        let weights = self.weights(fits)?;
        if gate.shape.len() != 2 || !gate.is_float() {
            return Err(format!("output `{}` is not f32[batch, terms]", gate.name));
        }
        let second = Some(Second::Gates(gate.name.clone()));
        Ok(Found { layout: Layout::Gated, weights, second, is_single: false })
    }

    /// The one output of floats that holds weights.
    fn one(&self) -> Result<Found<'a>, String> {
        let named = self.settings.outputs.weights.as_deref();
        let known = |output: &&TensorCard| {
            output.is_float()
                && (2..=3).contains(&output.shape.len())
                && named.is_none_or(|named| named == output.name)
        };
        let mut candidates: Vec<&TensorCard> = self.outputs.iter().filter(known).collect();
        if candidates.len() > 1 {
            // Exports often return hidden states too; only one output is as wide as the vocabulary.
            if let Some(found) = self.importance_and_gate(&candidates) {
                return Ok(found);
            }
            let per_token: Vec<&TensorCard> =
                candidates.iter().copied().filter(|output| output.shape.len() == 3).collect();
            candidates.retain(|output| match (output.width(), self.terms) {
                (Some(width), Some(terms)) => fits(width, terms),
                _ => false,
            });
            if candidates.is_empty() && per_token.len() == 1 {
                // Of the wrong width, which is said with its own name.
                candidates = per_token;
            }
        }
        let terms = self.terms.map_or_else(|| "terms".to_owned(), |terms| terms.to_string());
        match candidates[..] {
            [output] => {
                let layout = self.layout_of(output);
                Ok(Found { layout, weights: output, second: None, is_single: false })
            }
            [] => Err(format!(
                "no output is f32[batch, {terms}], f32[batch, length, {terms}] or f32[batch, length]{}",
                self.hint()
            )),
            _ => Err("several outputs are as wide as the vocabulary; \
                      name one as `outputs.weights` in gleaner.toml"
                .to_owned()),
        }
    }

    /// What to do where the graph is one that was cut, and its settings are missing.
    fn hint(&self) -> &'static str {
        let is_hidden = |output: &TensorCard| output.name == "hidden" && output.shape.len() == 3;
        match self.outputs.iter().any(is_hidden) {
            true => {
                "; `hidden` are hidden states, whose output layer a [head] table in gleaner.toml must \
                 name, as `gleaner model optimize` writes it"
            }
            false => "",
        }
    }

    /// Two outputs of one row per text, one of them a gate by its name.
    fn importance_and_gate(&self, candidates: &[&'a TensorCard]) -> Option<Found<'a>> {
        let rows: Vec<&&TensorCard> =
            candidates.iter().filter(|output| output.shape.len() == 2).collect();
        let is_gate = |output: &TensorCard| output.name.to_lowercase().contains("gat");
        let (weights, gate) = match rows[..] {
            [a, b] if is_gate(b) && !is_gate(a) => (a, b),
            [a, b] if is_gate(a) && !is_gate(b) => (b, a),
            _ => return None,
        };
        let second = Some(Second::Gates(gate.name.clone()));
        Some(Found { layout: Layout::Gated, weights, second, is_single: false })
    }

    fn layout_of(&self, output: &TensorCard) -> Layout {
        let last = output.shape.len() - 1;
        if output.shape.len() == 3 {
            return if output.shape[2] == 1 { Layout::TokenWeights } else { Layout::Logits };
        }
        // Two open sizes: a weight per token has the name of the input's length.
        let symbol =
            |card: &TensorCard, axis: usize| card.symbols.get(axis).cloned().unwrap_or_default();
        let length = self.inputs.iter().find(|input| input.shape.len() == 2);
        let is_length = length.is_some_and(|input| match (input.size(1), output.size(last)) {
            (Some(length), Some(width)) => {
                length == width && self.terms.is_none_or(|terms| !fits(width, terms))
            }
            (None, None) => {
                !symbol(input, 1).is_empty() && symbol(input, 1) == symbol(output, last)
            }
            _ => false,
        });
        if is_length { Layout::TokenWeights } else { Layout::Pooled }
    }
}

/// Whether an output of this width belongs to a vocabulary of this size: equal, or padded up to a
/// multiple of 64 as some models do.
pub(crate) fn fits(columns: usize, terms: usize) -> bool {
    columns == terms || (columns > terms && columns.is_multiple_of(64) && columns - terms < 128)
}

impl Found<'_> {
    /// The width of a row.
    pub(super) fn check_width(
        &self,
        path: &Path,
        tokens: usize,
        terms: Option<usize>,
    ) -> Result<usize, EncodeError> {
        match self.layout.columns() {
            // Each id is checked as it comes.
            Columns::Named => return Ok(terms.unwrap_or(tokens)),
            // The output layer tells whether it has a row for every term.
            Columns::Dimensions => {
                return self.weights.width().ok_or_else(|| EncodeError::UnknownLayout {
                    path: path.to_owned(),
                    reason: "the width of the hidden states is left open".to_owned(),
                    inputs: Vec::new(),
                    outputs: vec![self.weights.to_string()],
                });
            }
            Columns::Terms => {}
        }
        let expected = terms.unwrap_or(tokens);
        let output = self.weights.name.clone();
        match (self.weights.width(), terms) {
            // A width that the graph leaves open is checked against every tensor that comes back.
            (None, _) => Ok(expected),
            (Some(columns), None) => Ok(columns),
            (Some(columns), Some(terms)) if fits(columns, terms) => Ok(columns),
            (Some(columns), Some(terms)) if columns * 2 <= terms => {
                let path = path.to_owned();
                // A row per token, or a row per text.
                Err(match self.weights.shape.len() {
                    3 => EncodeError::TokenVectors { path, output, columns, terms },
                    _ => EncodeError::DenseEmbedding { path, output, columns, terms },
                })
            }
            (Some(columns), Some(terms)) => {
                Err(EncodeError::VocabularyMismatch { output, columns, tokens: terms })
            }
        }
    }
}
