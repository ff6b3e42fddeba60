//! `[batch, length, hidden]`: a hidden state per token; the output layer is `head.rs`.

use crate::error::EncodeError;
use crate::family::choices::{Activation, Pooling};
use crate::session::head::{Head, Scratch};
use crate::session::pool::{Finish, Pooled, is_full, sparse};
use crate::session::readers::outputs::Outputs;
use crate::session::readers::run::Run;

pub(super) fn read(
    run: &Run<'_>,
    outputs: &Outputs<'_>,
    scratch: &mut Scratch,
) -> Result<Vec<Pooled>, EncodeError> {
    let Some(head) = run.head else { return Ok(Vec::new()) };
    let (width, length) = (run.graph.columns, run.batch.length);
    outputs.weights.check(&[run.rows, length, width])?;
    let finish = match run.pooling {
        Pooling::Sum => Finish { activation: Activation::Graph, ..run.finish },
        Pooling::Max | Pooling::Graph => run.finish,
    };
    let steps = (run.pooling, run.finish.activation);
    let mut read = |(text, values): (usize, &[f32])| {
        let values = head.pool(states_of(run, text, values), text, steps, scratch)?;
        let positive = values.iter().filter(|value| value.1 > 0.0).count();
        if is_full(positive, run.terms.len()) {
            let (negative, columns) = (run.terms.len() - positive, run.terms.len());
            return Err(EncodeError::NotSparse { text, positive, negative, columns });
        }
        sparse(values.iter().copied(), finish, text)
    };
    run.texts(&outputs.weights, length * width).map(&mut read).collect()
}

/// The hidden states of a text's pooled tokens.
fn states_of<'v>(run: &Run<'_>, text: usize, values: &'v [f32]) -> &'v [f32] {
    let pooled = &run.tokens[text].pooled;
    let width = run.graph.columns;
    &values[pooled.start * width..pooled.end * width]
}

/// The first token with the largest logit, for every term.
pub(super) fn positions(run: &Run<'_>, outputs: &Outputs<'_>, terms: &[u32]) -> Option<Vec<usize>> {
    let head: &Head = run.head?;
    let &text = run.batch.texts.first()?;
    let states = states_of(run, text, &outputs.weights.values);
    let start = run.tokens[text].pooled.start;
    Some(terms.iter().map(|&term| start + head.position(states, term)).collect())
}
