//! What a graph returned, as float32 and 64-bit integers whatever it uses, with checks of shapes.

use std::borrow::Cow;

use half::f16;
use ort::session::SessionOutputs;
use ort::value::{DynValue, TensorElementType, ValueType};

use crate::error::EncodeError;
use crate::family::detect::GraphLayout;
use crate::family::detect::outputs::Second;

/// A tensor that came back.
pub(crate) struct OutputTensor<'a, T: Clone> {
    pub(super) name: &'a str,
    pub(super) shape: Vec<i64>,
    pub(crate) values: Cow<'a, [T]>,
}

/// What a graph returned.
pub(crate) struct Outputs<'a> {
    pub(super) weights: OutputTensor<'a, f32>,
    /// Term ids, for a sparse layout.
    pub(super) ids: Option<OutputTensor<'a, i64>>,
    /// Gates, for a gated one.
    pub(super) gates: Option<OutputTensor<'a, f32>>,
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
        match &graph.second {
            Some(Second::Ids(name)) => ids = Some(integers(name, &outputs[name.as_str()])?),
            Some(Second::Gates(name)) => gates = Some(floats(name, &outputs[name.as_str()])?),
            None => {}
        }
        Ok(Self { weights, ids, gates })
    }
}

/// A tensor of floats of either width. Errors: `Runtime` when it holds something else.
pub(crate) fn floats<'a>(
    name: &'a str,
    value: &'a DynValue,
) -> Result<OutputTensor<'a, f32>, EncodeError> {
    let failed = EncodeError::runtime("return floating-point values");
    let is_half = matches!(value.dtype(), ValueType::Tensor { ty: TensorElementType::Float16, .. });
    if is_half {
        let (shape, values) = value.try_extract_tensor::<f16>().map_err(failed)?;
        let values = values.iter().map(|value| value.to_f32()).collect();
        return Ok(OutputTensor { name, shape: shape.to_vec(), values: Cow::Owned(values) });
    }
    let (shape, values) = value.try_extract_tensor::<f32>().map_err(failed)?;
    Ok(OutputTensor { name, shape: shape.to_vec(), values: Cow::Borrowed(values) })
}

fn integers<'a>(name: &'a str, value: &'a DynValue) -> Result<OutputTensor<'a, i64>, EncodeError> {
    let failed = EncodeError::runtime("return term ids");
    if let Ok((shape, values)) = value.try_extract_tensor::<i32>() {
        let values = values.iter().map(|&value| i64::from(value)).collect();
        return Ok(OutputTensor { name, shape: shape.to_vec(), values: Cow::Owned(values) });
    }
    let (shape, values) = value.try_extract_tensor::<i64>().map_err(failed)?;
    Ok(OutputTensor { name, shape: shape.to_vec(), values: Cow::Borrowed(values) })
}

impl<T: Clone> OutputTensor<'_, T> {
    /// Errors: `OutputShape` when the tensor has another shape.
    pub(crate) fn check(&self, expected: &[usize]) -> Result<(), EncodeError> {
        let expected: Vec<i64> = expected.iter().map(|&size| size as i64).collect();
        match self.shape == expected {
            true => Ok(()),
            false => Err(self.shape_error(expected)),
        }
    }

    pub(super) fn shape_error(&self, expected: Vec<i64>) -> EncodeError {
        let (output, found) = (self.name.to_owned(), self.shape.clone());
        EncodeError::OutputShape { output, expected, found }
    }
}
