//! `[batch, terms]`: the graph has pooled and activated; what is not zero is the vector.

use crate::error::EncodeError;
use crate::session::pool::{Pooled, check_sparse, sparse};
use crate::session::readers::outputs::Outputs;
use crate::session::readers::run::Run;

pub(super) fn read(run: &Run<'_>, outputs: &Outputs<'_>) -> Result<Vec<Pooled>, EncodeError> {
    let columns = run.graph.columns;
    outputs.weights.check(&[run.rows, columns])?;
    let read = |(text, row): (usize, &[f32])| {
        // Columns past the last term are padding of the model's output layer.
        let row = &row[..run.terms.len()];
        check_sparse(row, true, text)?;
        sparse((0u32..).zip(row.iter().copied()), run.finish, text)
    };
    run.texts(&outputs.weights, columns).map(read).collect()
}
