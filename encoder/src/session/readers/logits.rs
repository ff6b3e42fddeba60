//! `[batch, length, terms]`: a logit per token and term, pooled over the tokens here.

use crate::error::EncodeError;
use crate::family::choices::{Activation, Pooling};
use crate::session::pool::{
    Finish, Pooled, check_sparse, max_over_tokens, sparse, sum_over_tokens,
};
use crate::session::readers::outputs::Outputs;
use crate::session::readers::run::Run;

pub(super) fn read(
    run: &Run<'_>,
    outputs: &Outputs<'_>,
    space: &mut Vec<f32>,
) -> Result<Vec<Pooled>, EncodeError> {
    let (columns, length) = (run.graph.columns, run.batch.length);
    outputs.weights.check(&[run.rows, length, columns])?;
    space.resize(columns, 0.0);
    let mut read = |(text, values): (usize, &[f32])| {
        let real = tokens_of(run, text, values);
        let finish = match run.pooling {
            Pooling::Sum => {
                sum_over_tokens(real, run.finish.activation, space);
                Finish { activation: Activation::Graph, ..run.finish }
            }
            Pooling::Max | Pooling::Graph => {
                // Activations do not descend, so the largest logit gives the largest weight.
                max_over_tokens(real, space);
                run.finish
            }
        };
        // Columns past the last term are padding of the model's output layer.
        let row = &space[..run.terms.len()];
        check_sparse(row, false, text)?;
        sparse((0u32..).zip(row.iter().copied()), finish, text)
    };
    run.texts(&outputs.weights, length * columns).map(&mut read).collect()
}

/// The rows of a text's pooled tokens.
fn tokens_of<'v>(run: &Run<'_>, text: usize, values: &'v [f32]) -> &'v [f32] {
    let pooled = &run.tokens[text].pooled;
    let columns = run.graph.columns;
    &values[pooled.start * columns..pooled.end * columns]
}

/// The first token with the largest logit, for every term.
pub(super) fn positions(run: &Run<'_>, outputs: &Outputs<'_>, terms: &[u32]) -> Vec<usize> {
    let Some(&text) = run.batch.texts.first() else { return Vec::new() };
    let rows = tokens_of(run, text, &outputs.weights.values);
    let start = run.tokens[text].pooled.start;
    let largest = |&term: &u32| {
        let logits = rows.chunks_exact(run.graph.columns).map(|row| row[term as usize]);
        let best =
            logits.enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
        start + best.map_or(0, |(at, _)| at)
    };
    terms.iter().map(largest).collect()
}
