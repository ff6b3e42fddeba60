//! Little-endian numbers at any place in bytes, and the alignment of sections.
//!
//! Slices were checked by whoever opened the file: a place beyond the end is a bug and panics.

/// Alignment of every section, and of dense columns inside their section.
pub(crate) const ALIGN_BYTES: usize = 64;

#[inline]
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array(bytes, at))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(bytes, at))
}

#[inline]
pub(crate) fn f32_at(bytes: &[u8], at: usize) -> f32 {
    f32::from_le_bytes(array(bytes, at))
}

#[inline]
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

/// `len` rounded up to the alignment of sections.
pub(crate) fn aligned(len: usize) -> usize {
    len.next_multiple_of(ALIGN_BYTES)
}
