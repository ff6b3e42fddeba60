//! How the outputs of a run become vectors: one module per layout, one function each.
//!
//! [`Outputs`] holds what the graph returned, as float32 and 64-bit integers whatever it uses;
//! [`Run`] what was asked of it. A reader checks the shapes and turns every text's part into pairs
//! of term and value, which `pool.rs` makes a vector of.

use std::borrow::Cow;

use half::f16;
use ort::session::SessionOutputs;
use ort::value::{DynValue, ValueType};

use crate::batch::Batch;
use crate::error::EncodeError;
use crate::head::{self, Head};
use crate::layout::{GraphLayout, Layout};
use crate::pool::{Finish, Pooled};
use crate::settings::Pooling;
use crate::terms::Terms;
use crate::tokenize::TokenizedText;

mod gated;
mod hidden;
mod logits;
mod pooled;
mod sparse;
mod token_weights;

/// What was run, and what is to become of it.
pub(crate) struct Run<'a> {
    pub(crate) graph: &'a GraphLayout,
    /// The output layer of a graph of hidden states.
    pub(crate) head: Option<&'a Head>,
    pub(crate) batch: &'a Batch,
    /// Rows of the tensors: the texts of the batch, or more where the graph fixes it.
    pub(crate) rows: usize,
    pub(crate) tokens: &'a [TokenizedText],
    pub(crate) terms: &'a Terms,
    pub(crate) pooling: Pooling,
    pub(crate) finish: Finish<'a>,
    /// Gates above this are open.
    pub(crate) gate: f32,
}

/// Memory that is reused between runs.
#[derive(Default)]
pub(crate) struct Space {
    /// One row of the vocabulary.
    row: Vec<f32>,
    head: head::Scratch,
}

/// A tensor that came back.
pub(crate) struct Tensor<'a, T: Clone> {
    name: &'a str,
    shape: Vec<i64>,
    pub(crate) values: Cow<'a, [T]>,
}

/// What a graph returned.
pub(crate) struct Outputs<'a> {
    weights: Tensor<'a, f32>,
    /// Term ids, for a sparse layout.
    ids: Option<Tensor<'a, i64>>,
    /// Gates, for a gated one.
    gates: Option<Tensor<'a, f32>>,
}

impl<'a> Outputs<'a> {
    /// Takes the outputs that the layout reads.
    ///
    /// Errors: `Runtime` when one holds something else than numbers of the kind wanted.
    pub(crate) fn take(
        graph: &'a GraphLayout,
        outputs: &'a SessionOutputs<'_>,
    ) -> Result<Self, EncodeError> {
        let weights = floats(&graph.output, &outputs[graph.output.as_str()])?;
        let (mut ids, mut gates) = (None, None);
        if let Some(second) = &graph.second {
            match graph.layout {
                Layout::Sparse => ids = Some(integers(second, &outputs[second.as_str()])?),
                _ => gates = Some(floats(second, &outputs[second.as_str()])?),
            }
        }
        Ok(Self { weights, ids, gates })
    }
}

/// A tensor of floats of either width. Errors: `Runtime` when it holds something else.
pub(crate) fn floats<'a>(
    name: &'a str,
    value: &'a DynValue,
) -> Result<Tensor<'a, f32>, EncodeError> {
    let failed = EncodeError::runtime("return floating-point values");
    let is_half = matches!(
        value.dtype(),
        ValueType::Tensor { ty: ort::value::TensorElementType::Float16, .. }
    );
    if is_half {
        let (shape, values) = value.try_extract_tensor::<f16>().map_err(failed)?;
        let values = values.iter().map(|value| value.to_f32()).collect();
        return Ok(Tensor { name, shape: shape.to_vec(), values: Cow::Owned(values) });
    }
    let (shape, values) = value.try_extract_tensor::<f32>().map_err(failed)?;
    Ok(Tensor { name, shape: shape.to_vec(), values: Cow::Borrowed(values) })
}

fn integers<'a>(name: &'a str, value: &'a DynValue) -> Result<Tensor<'a, i64>, EncodeError> {
    let failed = EncodeError::runtime("return term ids");
    if let Ok((shape, values)) = value.try_extract_tensor::<i32>() {
        let values = values.iter().map(|&value| i64::from(value)).collect();
        return Ok(Tensor { name, shape: shape.to_vec(), values: Cow::Owned(values) });
    }
    let (shape, values) = value.try_extract_tensor::<i64>().map_err(failed)?;
    Ok(Tensor { name, shape: shape.to_vec(), values: Cow::Borrowed(values) })
}

impl<T: Clone> Tensor<'_, T> {
    /// Errors: `OutputShape` when the tensor has another shape.
    pub(crate) fn check(&self, expected: &[usize]) -> Result<(), EncodeError> {
        let expected: Vec<i64> = expected.iter().map(|&size| size as i64).collect();
        match self.shape == expected {
            true => Ok(()),
            false => Err(self.shape_error(expected)),
        }
    }

    fn shape_error(&self, expected: Vec<i64>) -> EncodeError {
        let (output, found) = (self.name.to_owned(), self.shape.clone());
        EncodeError::OutputShape { output, expected, found }
    }
}

impl Run<'_> {
    /// The texts of the batch, each with its row of a tensor with `width` values per row.
    fn texts<'t, T: Clone>(
        &self,
        tensor: &'t Tensor<'_, T>,
        width: usize,
    ) -> impl Iterator<Item = (usize, &'t [T])> {
        let rows = tensor.values.chunks_exact(width.max(1));
        self.batch.texts.iter().copied().zip(rows)
    }
}

/// Makes a vector per text of the batch, in its order. `space` is reused between runs.
///
/// Errors: `OutputShape`, `UnknownTerm`, `NonFinite`, `NotSparse` or `Vector`.
pub(crate) fn read(
    run: &Run<'_>,
    outputs: &Outputs<'_>,
    space: &mut Space,
) -> Result<Vec<Pooled>, EncodeError> {
    match run.graph.layout {
        Layout::Pooled => pooled::read(run, outputs),
        Layout::Logits => logits::read(run, outputs, &mut space.row),
        Layout::Hidden => hidden::read(run, outputs, &mut space.head),
        Layout::Sparse => sparse::read(run, outputs),
        Layout::TokenWeights => token_weights::read(run, outputs),
        Layout::Gated => gated::read(run, outputs),
        // A side without a graph runs none.
        Layout::Lookup => Ok(Vec::new()),
    }
}

/// For every term of a vector the position of the token that gave it its weight, where that is
/// known: the run must be of one text, and pooled by its maximum here.
pub(crate) fn positions(run: &Run<'_>, outputs: &Outputs<'_>, terms: &[u32]) -> Option<Vec<usize>> {
    match (run.graph.layout, run.pooling) {
        (Layout::Logits, Pooling::Max) => Some(logits::positions(run, outputs, terms)),
        (Layout::Hidden, Pooling::Max) => hidden::positions(run, outputs, terms),
        (Layout::TokenWeights, Pooling::Max) => Some(token_weights::positions(run, outputs, terms)),
        _ => None,
    }
}
