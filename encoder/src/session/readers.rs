//! How the outputs of a run become vectors: one module per layout, one function each.
//!
//! `outputs` holds what the graph returned, `run` what was asked of it. A reader checks the shapes
//! and turns every text's part into pairs of term and value, which `pool.rs` makes a vector of.

use crate::error::EncodeError;
use crate::family::choices::Pooling;
use crate::family::layout::Layout;
use crate::session::pool::Pooled;
use crate::session::readers::outputs::Outputs;
use crate::session::readers::run::{Run, Space};

mod gated;
mod hidden;
mod logits;
pub(crate) mod outputs;
mod pooled;
pub(crate) mod run;
mod sparse;
mod token_weights;

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
    match run.pooling {
        Pooling::Max => {}
        // A sum is of many tokens, and a graph that pools does not tell.
        Pooling::Sum | Pooling::Graph => return None,
    }
    match run.graph.layout {
        Layout::Logits => Some(logits::positions(run, outputs, terms)),
        Layout::Hidden => hidden::positions(run, outputs, terms),
        Layout::TokenWeights => Some(token_weights::positions(run, outputs, terms)),
        Layout::Pooled | Layout::Sparse | Layout::Gated | Layout::Lookup => None,
    }
}
