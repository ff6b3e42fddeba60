//! Feeding a graph: a batch's tokens as the tensors of its inputs.
//!
//! The same for every kind of graph; what comes back is read elsewhere.

use ort::session::SessionInputValue;
use ort::value::TensorRef;

use crate::error::EncodeError;
use crate::family::detect::inputs::Input;
use crate::session::batch::Batch;
use crate::text::tokenize::TokenizedText;

/// The values of a graph's inputs, in the width that each takes.
enum Values {
    Wide(Vec<i64>),
    Narrow(Vec<i32>),
}

/// What a graph is fed in one run.
pub(crate) struct Fed(Vec<Values>);

impl Fed {
    /// The inputs of a batch, `[rows, length]` each.
    pub(crate) fn new(
        inputs: &[Input],
        batch: &Batch,
        tokens: &[TokenizedText],
        rows: usize,
    ) -> Self {
        let values = inputs.iter().map(|input| {
            let values = batch.input(input.role, tokens, rows);
            match input.is_narrow {
                // Token ids are below 2^22.
                true => Values::Narrow(values.iter().map(|&value| value as i32).collect()),
                false => Values::Wide(values),
            }
        });
        Self(values.collect())
    }

    /// The same as tensors, by name. Errors: `Runtime`.
    pub(crate) fn tensors<'a>(
        &'a self,
        inputs: &'a [Input],
        shape: [usize; 2],
    ) -> Result<Vec<(&'a str, SessionInputValue<'a>)>, EncodeError> {
        let tensor = |values: &'a Values| -> ort::Result<SessionInputValue<'a>> {
            Ok(match values {
                Values::Wide(values) => TensorRef::from_array_view((shape, &values[..]))?.into(),
                Values::Narrow(values) => TensorRef::from_array_view((shape, &values[..]))?.into(),
            })
        };
        let failed = || EncodeError::runtime("take an input");
        let named = inputs.iter().zip(&self.0);
        named
            .map(|(input, values)| Ok((input.name.as_str(), tensor(values).map_err(failed())?)))
            .collect()
    }
}
