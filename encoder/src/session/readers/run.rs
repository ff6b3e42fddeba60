//! What readers are given: what was run, and what is to become of it.

use crate::family::choices::Pooling;
use crate::family::detect::GraphLayout;
use crate::session::batch::Batch;
use crate::session::head::{Head, Scratch};
use crate::session::pool::Finish;
use crate::session::readers::outputs::OutputTensor;
use crate::text::terms::Terms;
use crate::text::tokenize::TokenizedText;

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
    pub(super) row: Vec<f32>,
    pub(super) head: Scratch,
}

impl Run<'_> {
    /// The texts of the batch, each with its row of a tensor with `width` values per row.
    pub(super) fn texts<'t, T: Clone>(
        &self,
        tensor: &'t OutputTensor<'_, T>,
        width: usize,
    ) -> impl Iterator<Item = (usize, &'t [T])> {
        let rows = tensor.values.chunks_exact(width.max(1));
        self.batch.texts.iter().copied().zip(rows)
    }
}
