//! Tensors of an ONNX file: float32 and float16, inside the file or in a file beside it.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path};

use crate::files::regular;
use crate::onnx::protobuf::{OnnxError, fields, put_bytes, put_number};

/// Element types.
pub(crate) const FLOAT: u64 = 1;
pub(crate) const HALF: u64 = 10;
/// Fields of a tensor.
const DIMS: u64 = 1;
const ELEMENT: u64 = 2;
const FLOATS: u64 = 4;
const INTEGERS: u64 = 5;
const NAME: u64 = 8;
const RAW: u64 = 9;
const EXTERNAL: u64 = 13;
const LOCATION: u64 = 14;
/// Values that a tensor may have: more than any output layer, less than memory.
const MAX_VALUES: usize = 1 << 31;

/// A tensor, its numbers not yet read.
#[derive(Debug, Clone)]
pub(crate) struct Tensor<'a> {
    pub(crate) name: &'a str,
    pub(crate) dims: Vec<usize>,
    pub(crate) element: u64,
    message: &'a [u8],
    raw: Option<&'a [u8]>,
    /// Where the numbers are when they are not in this file.
    external: Option<External<'a>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct External<'a> {
    file: &'a str,
    offset: u64,
    length: Option<u64>,
}

impl<'a> Tensor<'a> {
    pub(crate) fn read(message: &'a [u8]) -> Result<Self, OnnxError> {
        let mut tensor =
            Self { name: "", dims: Vec::new(), element: 0, message, raw: None, external: None };
        let (mut dims, mut external, mut is_external) = (Vec::new(), External::default(), false);
        for field in fields(message) {
            let field = field?;
            match field.tag {
                DIMS => field.numbers(&mut dims)?,
                ELEMENT => tensor.element = field.number,
                NAME => tensor.name = field.text()?,
                RAW => tensor.raw = Some(field.bytes),
                EXTERNAL => external.read(field.bytes)?,
                LOCATION => is_external = field.number == 1,
                _ => {}
            }
        }
        tensor.dims =
            dims.into_iter().map(|dim| usize::try_from(dim).unwrap_or(usize::MAX)).collect();
        tensor.external = is_external.then_some(external);
        Ok(tensor)
    }

    fn refuse(&self, reason: impl Into<String>) -> OnnxError {
        OnnxError::Tensor { name: self.name.to_owned(), reason: reason.into() }
    }

    /// The message as it stands in the file.
    pub(crate) fn message(&self) -> &'a [u8] {
        self.message
    }

    /// Whether the numbers lie in another file.
    pub(crate) fn is_external(&self) -> bool {
        self.external.is_some()
    }

    /// How many numbers its dimensions make.
    pub(crate) fn len(&self) -> Result<usize, OnnxError> {
        let product = self.dims.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim));
        product.filter(|&len| len < MAX_VALUES).ok_or_else(|| self.refuse("it is too large"))
    }

    /// The bytes of its numbers where they are kept as such: here, or in a file of `folder`.
    pub(crate) fn bytes(&self, folder: &Path) -> Result<Option<Vec<u8>>, OnnxError> {
        match (self.external, self.raw) {
            (Some(external), _) => external.load(folder).map(Some).map_err(|e| self.refuse(e)),
            (None, raw) => Ok(raw.map(<[u8]>::to_vec)),
        }
    }

    /// Its numbers as float32. Shapes: row by row, as many as the dimensions make.
    ///
    /// Errors: when it is neither float32 nor float16, or has another number of values.
    pub(crate) fn floats(&self, folder: &Path) -> Result<Vec<f32>, OnnxError> {
        let len = self.len()?;
        let values: Vec<f32> = match (self.element, self.bytes(folder)?) {
            (FLOAT, Some(bytes)) => {
                bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
            }
            (HALF, Some(bytes)) => {
                let halves = bytes.as_chunks().0.iter();
                halves.map(|&bytes| from_half(u16::from_le_bytes(bytes))).collect()
            }
            (FLOAT, None) => self.listed_floats()?,
            (HALF, None) => self.listed_halves()?,
            (element, _) => return Err(self.refuse(format!("element type {element}, not float"))),
        };
        match values.len() == len {
            true => Ok(values),
            false => Err(self.refuse(format!("{} values, {len} expected", values.len()))),
        }
    }

    fn listed_floats(&self) -> Result<Vec<f32>, OnnxError> {
        let mut values = Vec::new();
        for field in fields(self.message) {
            let field = field?;
            if field.tag == FLOATS {
                let floats = field.bytes.as_chunks().0.iter();
                values.extend(floats.map(|&bytes| f32::from_le_bytes(bytes)));
            }
        }
        Ok(values)
    }

    fn listed_halves(&self) -> Result<Vec<f32>, OnnxError> {
        let mut numbers = Vec::new();
        for field in fields(self.message) {
            let field = field?;
            if field.tag == INTEGERS {
                field.numbers(&mut numbers)?;
            }
        }
        Ok(numbers.into_iter().map(|number| from_half(number as u16)).collect())
    }

    /// The message with its numbers as raw bytes of `element`, and none elsewhere.
    pub(crate) fn with_raw(&self, element: u64, raw: &[u8]) -> Result<Vec<u8>, OnnxError> {
        let mut message = Vec::with_capacity(raw.len() + 128);
        for field in fields(self.message) {
            let field = field?;
            if !matches!(field.tag, ELEMENT | FLOATS | INTEGERS | RAW | EXTERNAL | LOCATION) {
                message.extend_from_slice(field.raw);
            }
        }
        put_number(&mut message, ELEMENT, element);
        put_bytes(&mut message, RAW, raw);
        Ok(message)
    }
}

impl<'a> External<'a> {
    /// Takes one `key: value` entry.
    fn read(&mut self, entry: &'a [u8]) -> Result<(), OnnxError> {
        let (mut key, mut value) = ("", "");
        for field in fields(entry) {
            let field = field?;
            match field.tag {
                1 => key = field.text()?,
                2 => value = field.text()?,
                _ => {}
            }
        }
        match key {
            "location" => self.file = value,
            "offset" => self.offset = value.parse().map_err(|_| OnnxError::Truncated)?,
            "length" => self.length = Some(value.parse().map_err(|_| OnnxError::Truncated)?),
            _ => {}
        }
        Ok(())
    }

    /// Reads the bytes; the file must lie in `folder`.
    fn load(&self, folder: &Path) -> Result<Vec<u8>, String> {
        let path = Path::new(self.file);
        let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        if !inside || self.file.is_empty() {
            return Err(format!("`{}` does not lie in the model folder", self.file));
        }
        let load = || -> std::io::Result<Vec<u8>> {
            regular(&folder.join(path))?;
            let mut file = std::fs::File::open(folder.join(path))?;
            file.seek(SeekFrom::Start(self.offset))?;
            let mut bytes = Vec::new();
            file.take(self.length.unwrap_or(u64::MAX)).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        load().map_err(|error| format!("`{}` cannot be read: {error}", self.file))
    }
}

/// A float16's value.
pub(crate) fn from_half(half: u16) -> f32 {
    let sign = u32::from(half & 0x8000) << 16;
    let (exponent, fraction) = (half >> 10 & 0x1f, u32::from(half & 0x3ff));
    match exponent {
        // 2^-24 per unit; exact.
        0 => f32::from_bits((fraction as f32 * 5.960_464_5e-8).to_bits() | sign),
        0x1f => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (u32::from(exponent) + 112) << 23 | fraction << 13),
    }
}

/// The nearest float16, the even one of two; nothing where the value has none.
pub(crate) fn to_half(value: f32) -> Option<u16> {
    let sign = (value.to_bits() >> 16 & 0x8000) as u16;
    let magnitude = value.abs();
    if magnitude.is_nan() || magnitude >= 65_520.0 {
        return None;
    }
    let half = if magnitude < 6.103_515_6e-5 {
        // Below the smallest normal: units of 2^-24, rounded by the addition.
        ((magnitude * 16_777_216.0 + 8_388_608.0).to_bits() & 0x7ff) as u16
    } else {
        let bits = magnitude.to_bits() - (112 << 23);
        let odd = bits >> 13 & 1;
        ((bits + 0xfff + odd) >> 13) as u16
    };
    Some(sign | half)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_half_survives_and_roundings_are_to_the_nearest() {
        for half in 0..=u16::MAX {
            let value = from_half(half);
            if !value.is_finite() {
                assert_eq!(to_half(value), None);
                continue;
            }
            assert_eq!(to_half(value), Some(half), "{half:#x} is {value:e}");
            let next = from_half(half + 1);
            if !next.is_finite() {
                continue;
            }
            let middle = (f64::from(value) + f64::from(next)) / 2.0;
            let even = half + (half & 1);
            assert_eq!(to_half(middle as f32), Some(even), "{middle:e}");
            let toward = |other: f32| (middle + (f64::from(other) - middle) * 0.01) as f32;
            assert_eq!(to_half(toward(value)), Some(half));
            assert_eq!(to_half(toward(next)), Some(half + 1));
        }
    }

    fn tensor(fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut message = Vec::new();
        put_bytes(&mut message, NAME, b"t");
        fill(&mut message);
        message
    }

    fn floats(message: &[u8], folder: &Path) -> Result<Vec<f32>, OnnxError> {
        Tensor::read(message).unwrap().floats(folder)
    }

    fn external(entries: [(&str, &str); 3]) -> Vec<u8> {
        tensor(|message| {
            put_number(message, DIMS, 2);
            put_number(message, ELEMENT, FLOAT);
            put_number(message, LOCATION, 1);
            for (key, value) in entries {
                let mut entry = Vec::new();
                put_bytes(&mut entry, 1, key.as_bytes());
                put_bytes(&mut entry, 2, value.as_bytes());
                put_bytes(message, EXTERNAL, &entry);
            }
        })
    }

    #[test]
    fn numbers_are_read_from_every_place() {
        let folder = tempfile::tempdir().unwrap();
        let raw: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let of = |element, tag, bytes: &[u8]| {
            tensor(|message| {
                put_bytes(message, DIMS, &[2]);
                put_number(message, ELEMENT, element);
                put_bytes(message, tag, bytes);
            })
        };
        let halves = [0x3e00u16, 0xc000].map(u16::to_le_bytes).concat();
        let listed = [0x80, 0x7c, 0x80, 0x80, 0x03];
        for message in [
            of(FLOAT, RAW, &raw),
            of(FLOAT, FLOATS, &raw),
            of(HALF, RAW, &halves),
            of(HALF, INTEGERS, &listed),
        ] {
            assert_eq!(floats(&message, folder.path()).unwrap(), [1.5, -2.0]);
        }
        std::fs::write(folder.path().join("w.bin"), [&[0; 4][..], &raw].concat()).unwrap();
        let message = external([("location", "w.bin"), ("offset", "4"), ("length", "8")]);
        assert_eq!(floats(&message, folder.path()).unwrap(), [1.5, -2.0]);
        let inlined = Tensor::read(&message).unwrap().with_raw(FLOAT, &raw).unwrap();
        assert_eq!(floats(&inlined, "/nowhere".as_ref()).unwrap(), [1.5, -2.0]);
    }

    #[test]
    fn what_is_wrong_with_a_tensor_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let outside = folder.path().join("w.bin");
        std::fs::write(&outside, [0; 8]).unwrap();
        for location in ["../w.bin", outside.to_str().unwrap(), "", "no.bin"] {
            let message = external([("location", location), ("offset", "0"), ("length", "8")]);
            let error = floats(&message, &folder.path().join("inner")).unwrap_err();
            assert!(matches!(error, OnnxError::Tensor { .. }), "{error}");
        }
        let short = external([("location", "w.bin"), ("offset", "4"), ("length", "8")]);
        assert!(floats(&short, folder.path()).is_err());
        let huge = tensor(|message| {
            (0..3).for_each(|_| put_number(message, DIMS, u64::MAX));
            put_number(message, ELEMENT, FLOAT);
        });
        assert!(floats(&huge, folder.path()).is_err());
        let integers = tensor(|message| put_number(message, ELEMENT, 7));
        assert!(floats(&integers, folder.path()).is_err());
    }
}
