//! The protobuf encoding of ONNX files: a message is a sequence of fields.
//!
//! No schema and no generated code. What is not understood is kept byte for byte. Every length is
//! checked against what is left; no input makes this panic.

/// Why an ONNX file could not be understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OnnxError {
    #[error("it ends inside a field")]
    Truncated,
    #[error("a number has more than 64 bits")]
    LongNumber,
    #[error("field {tag} has wire type {wire}, which is none that is read here")]
    Wire { tag: u64, wire: u8 },
    #[error("a name is not UTF-8")]
    Name,
    #[error("it has no graph")]
    NoGraph,
    #[error("it has no tensor `{name}`")]
    NoTensor { name: String },
    #[error("tensor `{name}`: {reason}")]
    Tensor { name: String, reason: String },
}

/// Wire types of the protobuf encoding.
const NUMBER: u8 = 0;
const EIGHT_BYTES: u8 = 1;
const BYTES: u8 = 2;
const FOUR_BYTES: u8 = 5;

/// One field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    pub(crate) tag: u64,
    wire: u8,
    /// What a number is; 0 for other fields.
    pub(crate) number: u64,
    /// What a field with bytes holds; empty for numbers.
    pub(crate) bytes: &'a [u8],
    /// The whole field as it stands in the file.
    pub(crate) raw: &'a [u8],
}

impl<'a> Field<'a> {
    /// The bytes as text.
    pub(crate) fn text(&self) -> Result<&'a str, OnnxError> {
        std::str::from_utf8(self.bytes).map_err(|_| OnnxError::Name)
    }

    /// Numbers of a repeated field, packed or one by one; they are appended.
    pub(crate) fn numbers(&self, numbers: &mut Vec<u64>) -> Result<(), OnnxError> {
        if self.wire == NUMBER {
            numbers.push(self.number);
        }
        let mut rest = self.bytes;
        while !rest.is_empty() {
            numbers.push(take_number(&mut rest)?);
        }
        Ok(())
    }
}

/// The fields of a message.
pub(crate) fn fields(mut rest: &[u8]) -> impl Iterator<Item = Result<Field<'_>, OnnxError>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let field = take_field(&mut rest);
        if field.is_err() {
            // Nothing after an error means anything.
            rest = &[];
        }
        Some(field)
    })
}

fn take_field<'a>(rest: &mut &'a [u8]) -> Result<Field<'a>, OnnxError> {
    let start = *rest;
    let key = take_number(rest)?;
    let (tag, wire) = (key >> 3, (key & 7) as u8);
    let (mut number, mut bytes) = (0, &[][..]);
    match wire {
        NUMBER => number = take_number(rest)?,
        EIGHT_BYTES => bytes = take(rest, 8)?,
        FOUR_BYTES => bytes = take(rest, 4)?,
        BYTES => {
            let length = take_number(rest)?;
            bytes = take(rest, usize::try_from(length).map_err(|_| OnnxError::Truncated)?)?;
        }
        _ => return Err(OnnxError::Wire { tag, wire }),
    }
    Ok(Field { tag, wire, number, bytes, raw: &start[..start.len() - rest.len()] })
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], OnnxError> {
    let (taken, left) = rest.split_at_checked(length).ok_or(OnnxError::Truncated)?;
    *rest = left;
    Ok(taken)
}

fn take_number(rest: &mut &[u8]) -> Result<u64, OnnxError> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)?[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(OnnxError::LongNumber)
}

/// Appends a number as the encoding has it.
fn put_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Appends a field that is a number.
pub(crate) fn put_number(bytes: &mut Vec<u8>, tag: u64, number: u64) {
    put_varint(bytes, tag << 3 | u64::from(NUMBER));
    put_varint(bytes, number);
}

/// Appends a field that holds bytes: text, packed numbers, or a message.
pub(crate) fn put_bytes(bytes: &mut Vec<u8>, tag: u64, content: &[u8]) {
    put_varint(bytes, tag << 3 | u64::from(BYTES));
    put_varint(bytes, content.len() as u64);
    bytes.extend_from_slice(content);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn written_fields_are_read_back(entries in prop::collection::vec(
            (1u64..1 << 29, any::<u64>(), prop::collection::vec(any::<u8>(), 0..300)), 0..20
        )) {
            let mut bytes = Vec::new();
            for (tag, number, content) in &entries {
                put_number(&mut bytes, *tag, *number);
                put_bytes(&mut bytes, *tag, content);
            }
            let read: Vec<Field<'_>> = fields(&bytes).map(Result::unwrap).collect();
            prop_assert_eq!(read.len(), 2 * entries.len());
            for (pair, (tag, number, content)) in read.chunks(2).zip(&entries) {
                prop_assert_eq!((pair[0].tag, pair[0].number), (*tag, *number));
                prop_assert_eq!((pair[1].tag, pair[1].bytes), (*tag, &content[..]));
            }
            let raw: Vec<u8> = read.iter().flat_map(|field| field.raw.to_vec()).collect();
            prop_assert_eq!(raw, bytes);
        }

        #[test]
        fn any_bytes_are_fields_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut numbers = Vec::new();
            for field in fields(&bytes).flatten() {
                let _ = (field.text(), field.numbers(&mut numbers));
            }
        }
    }

    #[test]
    fn what_is_cut_is_an_error() {
        let mut bytes = Vec::new();
        put_bytes(&mut bytes, 3, b"content");
        for length in 1..bytes.len() {
            assert!(fields(&bytes[..length]).any(|field| field.is_err()), "{length}");
        }
        let huge = [0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert!(matches!(fields(&huge).next(), Some(Err(OnnxError::Truncated))));
        assert!(matches!(fields(&[0x0b]).next(), Some(Err(OnnxError::Wire { tag: 1, wire: 3 }))));
        assert!(matches!(fields(&[0xff; 12]).next(), Some(Err(OnnxError::LongNumber))));
    }
}
