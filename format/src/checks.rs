//! Checks that every file of a segment needs, and the errors they end in.

use crate::error::FormatError;

/// Padding is zero: every byte of the file is covered by a check.
pub(crate) fn check_padding(bytes: &[u8], from: usize, to: usize) -> Result<(), FormatError> {
    let padding = bytes
        .get(from..to)
        .ok_or_else(|| corrupt("padding", "end", to as u64, bytes.len() as u64))?;
    match padding.iter().find(|&&byte| byte != 0) {
        Some(&byte) => Err(corrupt("padding", "byte", 0, u64::from(byte))),
        None => Ok(()),
    }
}

/// Refuses a file that starts with other bytes than `magic`.
pub(crate) fn check_magic(
    bytes: &[u8],
    magic: &[u8; 8],
    expected: &'static str,
) -> Result<(), FormatError> {
    if bytes.starts_with(magic) {
        return Ok(());
    }
    Err(FormatError::Foreign { expected, found: bytes[..bytes.len().min(8)].to_vec() })
}

pub(crate) fn corrupt(
    section: &'static str,
    fact: &'static str,
    expected: u64,
    found: u64,
) -> FormatError {
    FormatError::Corrupt { section, fact, expected, found }
}

/// `Ok` when the two agree, `Corrupt` naming both when they do not.
pub(crate) fn same(
    section: &'static str,
    fact: &'static str,
    expected: u64,
    found: u64,
) -> Result<(), FormatError> {
    if expected == found { Ok(()) } else { Err(corrupt(section, fact, expected, found)) }
}

/// Every value at least `gap` above the one before it.
#[inline]
pub(crate) fn check_ascending(
    section: &'static str,
    values: impl Iterator<Item = u64>,
    gap: u64,
) -> Result<(), FormatError> {
    let mut least = 0;
    for value in values {
        if value < least {
            return Err(corrupt(section, "ascending order", least, value));
        }
        least = value.saturating_add(gap);
    }
    Ok(())
}
