//! Importance and gate, `[batch, terms]` each: a term has its importance where its gate is open.

use crate::error::EncodeError;
use crate::session::pool::{DOUBT, Pooled, sparse};
use crate::session::readers::outputs::Outputs;
use crate::session::readers::run::Run;

pub(super) fn read(run: &Run<'_>, outputs: &Outputs<'_>) -> Result<Vec<Pooled>, EncodeError> {
    let columns = run.graph.columns;
    let Some(gates) = &outputs.gates else { return Ok(Vec::new()) };
    outputs.weights.check(&[run.rows, columns])?;
    gates.check(&[run.rows, columns])?;
    let rows = run.texts(&outputs.weights, columns).zip(run.texts(gates, columns));
    rows.map(|((text, importance), (_, gates))| {
        let mut doubtful = false;
        let terms = run.terms.len();
        let values = importance[..terms].iter().zip(&gates[..terms]).map(|(&importance, &gate)| {
            doubtful |= importance > 0.0 && (gate - run.gate).abs() <= DOUBT;
            // A gate that is not a number is reported as a weight that is none.
            let closed = if gate.is_nan() { f32::NAN } else { 0.0 };
            if gate > run.gate { importance } else { closed }
        });
        let mut pooled = sparse((0u32..).zip(values), run.finish, text)?;
        pooled.doubtful |= doubtful;
        Ok(pooled)
    })
    .collect()
}
