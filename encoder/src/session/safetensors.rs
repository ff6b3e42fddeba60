//! Vectors of numbers in files of safetensors.
//!
//! A file begins with the length of its header: eight bytes, the lowest first. The header is JSON:
//! for each tensor its type of numbers, its shape, and where its bytes are behind the header.

use std::collections::BTreeMap;

use half::{bf16, f16};
use serde::Deserialize;

use crate::{error::Cause, files::json_cause};

/// Bytes of the length before the header.
const LENGTH_BYTES: usize = 8;
/// The header's key that names no tensor.
const METADATA: &str = "__metadata__";

#[derive(Deserialize)]
struct TableTensor {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

/// A tensor of one dimension, or of several of which one is larger than 1, as 32-bit numbers.
pub(crate) fn vector(bytes: &[u8], name: &str) -> Result<Vec<f32>, Cause> {
    let short = || Cause::from("it ends before its header does");
    let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>().ok_or_else(short)?;
    let length = usize::try_from(u64::from_le_bytes(*length))?;
    let (header, data) = rest.split_at_checked(length).ok_or_else(short)?;
    let mut tensors: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(header).map_err(|error| json_cause(&error))?;
    tensors.remove(METADATA);
    let Some(tensor) = tensors.remove(name) else {
        let names: Vec<&str> = tensors.keys().map(String::as_str).collect();
        return Err(format!("it has no tensor `{name}`, only {}", names.join(", ")).into());
    };
    let tensor = serde_json::from_value(tensor).map_err(|error| json_cause(&error));
    let TableTensor { dtype, shape, data_offsets: [start, end] } = tensor?;
    if shape.iter().filter(|&&size| size != 1).count() > 1 {
        return Err(format!("tensor `{name}` has shape {shape:?}, not a number per token").into());
    }
    let data = data.get(start..end).ok_or("a tensor ends behind the file")?;
    let count: usize = shape.iter().product();
    let values = match &*dtype {
        "F32" => numbers(data, f32::from_le_bytes),
        "F64" => numbers(data, |bytes| f64::from_le_bytes(bytes) as f32),
        "F16" => numbers(data, |bytes| f16::from_le_bytes(bytes).to_f32()),
        "BF16" => numbers(data, |bytes| bf16::from_le_bytes(bytes).to_f32()),
        _ => return Err(format!("tensor `{name}` has type {dtype}, which is no weight's").into()),
    };
    match values.filter(|values| values.len() == count) {
        Some(values) => Ok(values),
        None => {
            Err(format!("tensor `{name}` does not have the {count} numbers of its shape").into())
        }
    }
}

/// Numbers of so many bytes; nothing where the last one is not whole.
fn numbers<const N: usize>(data: &[u8], number: impl Fn([u8; N]) -> f32) -> Option<Vec<f32>> {
    let (chunks, rest) = data.as_chunks::<N>();
    rest.is_empty().then(|| chunks.iter().map(|&bytes| number(bytes)).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let length = (header.len() as u64).to_le_bytes();
        [&length[..], header.as_bytes(), data].concat()
    }

    #[test]
    fn every_type_of_weights_is_read() {
        let one = |dtype: &str, data: &[u8]| {
            let end = data.len();
            let tensor =
                format!(r#"{{"dtype": "{dtype}", "shape": [1, 2], "data_offsets": [0, {end}]}}"#);
            let header = format!(r#"{{"__metadata__": {{"format": "pt"}}, "weight": {tensor}}}"#);
            vector(&file(&header, data), "weight").unwrap()
        };
        let expected = [0.5, -2.0];
        let bytes = |all: [&[u8]; 2]| all.concat();
        assert_eq!(one("F32", &bytes([&0.5f32.to_le_bytes(), &(-2f32).to_le_bytes()])), expected);
        assert_eq!(one("F64", &bytes([&0.5f64.to_le_bytes(), &(-2f64).to_le_bytes()])), expected);
        let half = |value| f16::from_f32(value).to_le_bytes();
        assert_eq!(one("F16", &bytes([&half(0.5), &half(-2.0)])), expected);
        let brain = |value| bf16::from_f32(value).to_le_bytes();
        assert_eq!(one("BF16", &bytes([&brain(0.5), &brain(-2.0)])), expected);
    }

    #[test]
    fn no_file_makes_a_panic() {
        let header = |shape: &str, offsets: &str| {
            format!(
                r#"{{"weight": {{"dtype": "F32", "shape": {shape}, "data_offsets": {offsets}}}}}"#
            )
        };
        let refused = |bytes: &[u8]| assert!(vector(bytes, "weight").is_err(), "{bytes:?}");
        for (shape, offsets) in [
            ("[2]", "[0, 4]"),
            ("[1]", "[0, 5]"),
            ("[1]", "[4, 0]"),
            ("[1]", "[0, 400]"),
            ("[2, 2]", "[0, 16]"),
            ("[1]", "[0, 18446744073709551615]"),
            ("[-1]", "[0, 4]"),
        ] {
            refused(&file(&header(shape, offsets), &[0; 16]));
        }
        for bytes in [&b""[..], b"garbage", &[0xff; 9], &[0; 8], &file("[]", &[]), &file("{}", &[])]
        {
            refused(bytes);
        }
        let whole = file(&header("[4]", "[0, 16]"), &[0; 16]);
        assert_eq!(vector(&whole, "weight").unwrap(), [0.0; 4]);
        (0..whole.len()).for_each(|end| refused(&whole[..end]));
    }
}
