//! `[batch, length]`: one weight per token of the text, for the term that the token stands for.

use crate::error::EncodeError;
use crate::family::choices::{Activation, Pooling};
use crate::session::pool::{Finish, Pooled, sparse};
use crate::session::readers::outputs::Outputs;
use crate::session::readers::run::Run;

pub(super) fn read(run: &Run<'_>, outputs: &Outputs<'_>) -> Result<Vec<Pooled>, EncodeError> {
    let length = run.batch.length;
    let expected = [run.rows, length, 1];
    outputs.weights.check(&expected[..outputs.weights.shape.len().clamp(2, 3)])?;
    let read = |(text, row): (usize, &[f32])| match run.pooling {
        Pooling::Sum => {
            let mut pairs: Vec<(u32, f32)> = by_term(run, text, row)
                .map(|(_, term, value)| (term, run.finish.activation.apply(value)))
                .collect();
            pairs.sort_by_key(|&(term, _)| term);
            pairs.dedup_by(|next, sum| {
                let is_same = next.0 == sum.0;
                sum.1 += if is_same { next.1 } else { 0.0 };
                is_same
            });
            let finish = Finish { activation: Activation::Graph, ..run.finish };
            sparse(pairs.into_iter(), finish, text)
        }
        Pooling::Max | Pooling::Graph => {
            let mut pairs: Vec<(u32, f32)> =
                by_term(run, text, row).map(|(_, term, value)| (term, value)).collect();
            // The largest first; what is not a number comes before all and is reported.
            let rank = |value: f32| if value.is_nan() { f32::INFINITY } else { value };
            pairs.sort_by(|a, b| a.0.cmp(&b.0).then(rank(b.1).total_cmp(&rank(a.1))));
            pairs.dedup_by_key(|&mut (term, _)| term);
            sparse(pairs.into_iter(), run.finish, text)
        }
    };
    run.texts(&outputs.weights, length).map(read).collect()
}

/// Position, term and value of the tokens that stand for a term.
fn by_term(run: &Run<'_>, text: usize, row: &[f32]) -> impl Iterator<Item = (usize, u32, f32)> {
    let tokens = &run.tokens[text];
    let units = tokens.units.iter().zip(row).enumerate();
    let pooled = tokens.pooled.clone();
    units.filter_map(move |(at, (unit, &value))| {
        (*unit).filter(|_| pooled.contains(&at)).map(|term| (at, term, value))
    })
}

/// The first token with the largest weight, for every term.
pub(super) fn positions(run: &Run<'_>, outputs: &Outputs<'_>, terms: &[u32]) -> Vec<usize> {
    let Some(&text) = run.batch.texts.first() else { return Vec::new() };
    let row = &outputs.weights.values[..run.batch.length];
    let largest = |&wanted: &u32| {
        let own = by_term(run, text, row).filter(|&(_, term, _)| term == wanted);
        let best = own.reduce(|best, next| if next.2 > best.2 { next } else { best });
        best.map_or(0, |(at, ..)| at)
    };
    terms.iter().map(largest).collect()
}
