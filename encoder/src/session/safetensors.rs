//! Vectors of numbers in files of safetensors.

use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors};

use crate::error::Cause;

/// A tensor of one dimension, or of several of which one is larger than 1, as 32-bit numbers.
pub(crate) fn vector(bytes: &[u8], name: &str) -> Result<Vec<f32>, Cause> {
    let file = SafeTensors::deserialize(bytes)?;
    let tensor = file
        .tensor(name)
        .map_err(|_| format!("it has no tensor `{name}`, only {}", file.names().join(", ")))?;
    if tensor.shape().iter().filter(|&&size| size != 1).count() > 1 {
        return Err(format!(
            "tensor `{name}` has shape {:?}, not a number per token",
            tensor.shape()
        )
        .into());
    }
    let data = tensor.data();
    match tensor.dtype() {
        Dtype::F32 => Ok(numbers(data, f32::from_le_bytes)),
        Dtype::F64 => Ok(numbers(data, |bytes| f64::from_le_bytes(bytes) as f32)),
        Dtype::F16 => Ok(numbers(data, |bytes| f16::from_le_bytes(bytes).to_f32())),
        Dtype::BF16 => Ok(numbers(data, |bytes| bf16::from_le_bytes(bytes).to_f32())),
        other => {
            Err(format!("tensor `{name}` has numbers of type {other:?}, which are no weights")
                .into())
        }
    }
}

fn numbers<const N: usize>(data: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (chunks, _) = data.as_chunks::<N>();
    chunks.iter().map(|&bytes| number(bytes)).collect()
}
