//! The few rules of protobuf that CIFF needs: fields of a message, read and written.

use std::io::{self, Write};

/// A field's value; those of fixed width are not used by the format's parts that matter here.
pub(super) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

/// Shows every field of a message to `visit`, unknown ones included.
pub(super) fn for_each_field<'a>(
    mut message: &'a [u8],
    mut visit: impl FnMut(u64, Value<'a>) -> Result<(), String>,
) -> Result<(), String> {
    let short = || "it ends inside a field".to_owned();
    let skip = |message: &mut &'a [u8], count: u64| -> Result<&'a [u8], String> {
        let count = usize::try_from(count).map_err(|_| short())?;
        let (bytes, rest) = message.split_at_checked(count).ok_or_else(short)?;
        *message = rest;
        Ok(bytes)
    };
    while !message.is_empty() {
        let key = varint(&mut message).ok_or_else(short)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut message).ok_or_else(short)?),
            1 => skip(&mut message, 8).map(|_| Value::Other)?,
            2 => {
                let length = varint(&mut message).ok_or_else(short)?;
                Value::Bytes(skip(&mut message, length)?)
            }
            5 => skip(&mut message, 4).map(|_| Value::Other)?,
            kind => return Err(format!("a field of unknown kind {kind}")),
        };
        visit(key >> 3, value)?;
    }
    Ok(())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

pub(super) fn write_message(out: &mut impl Write, message: &[u8]) -> io::Result<()> {
    let mut length = Vec::new();
    put_varint(&mut length, message.len() as u64);
    out.write_all(&length)?;
    out.write_all(message)
}

/// A number; 0 is what an absent field means.
pub(super) fn put_number(out: &mut Vec<u8>, field: u64, number: u64) {
    if number != 0 {
        put_varint(out, field << 3);
        put_varint(out, number);
    }
}

pub(super) fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(out, field << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(super) fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
