//! The dense vector file of a segment (`.vec`): so far a bare header.
//!
//! The extension is registered with every index from the first version, because the set of a
//! segment's files is fixed when an index is created. Dense fields will add sections.

use std::io::Write;

use crate::{
    error::FormatError,
    layout::{check_magic, same, u32_at, u64_at},
};

const MAGIC: [u8; 8] = *b"\x89GLVEC\r\n";
const VERSION: u32 = 1;
const LEN_BYTES: usize = 24;

/// Writes a file without dense fields for `rows` documents.
pub fn write_empty_dense(rows: u32, out: &mut impl Write) -> std::io::Result<()> {
    let mut header = Vec::with_capacity(LEN_BYTES);
    header.extend(MAGIC);
    header.extend(VERSION.to_le_bytes());
    header.extend(rows.to_le_bytes());
    header.extend(0u32.to_le_bytes());
    header.extend(crc32fast::hash(&header).to_le_bytes());
    out.write_all(&header)
}

/// Checks a dense vector file and returns its number of rows.
///
/// Errors: `Foreign`, `Version`, `Corrupt`.
pub fn open_dense(bytes: &[u8]) -> Result<u32, FormatError> {
    check_magic(bytes, &MAGIC, "dense vector")?;
    same("header", "length in bytes", LEN_BYTES as u64, bytes.len() as u64)?;
    let version = u64_at(bytes, 8) as u32;
    if version != VERSION {
        return Err(FormatError::Version { found: version, supported: VERSION });
    }
    same("header", "dense fields", 0, u32_at(bytes, 16).into())?;
    let crc = crc32fast::hash(&bytes[..20]);
    same("header", "checksum", u32_at(bytes, 20).into(), crc.into())?;
    Ok(u32_at(bytes, 12))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn any_changed_byte_is_an_error() {
        let mut file = Vec::new();
        write_empty_dense(7, &mut file).unwrap();
        assert_eq!(open_dense(&file).unwrap(), 7);
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 0x10;
            assert!(open_dense(&damaged).is_err(), "byte {at}");
            assert!(open_dense(&file[..at]).is_err(), "cut at {at}");
        }
    }
}
