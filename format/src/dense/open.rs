//! Bytes to view: everything that can be wrong with a dense vector file is found here.
//!
//! Opening reads the whole file: every checksum, then every count and value that the search relies
//! on, so that no sum it makes can be anything but finite. What is left to `verify.rs` is whether
//! codes, norms and errors are those of the vectors.

use super::{
    layout::{DenseLayout, StoredField, parse},
    part::Part,
    quantize::CODE_MAX,
    spec::{Codes, DenseStorage},
    view::DenseView,
};
use crate::{
    bytes::{u16_at, u32_at, u64_at},
    checks::{corrupt, same},
    error::FormatError,
    vector::MAX_WEIGHT,
    windows::GROUP_ROWS,
};

/// The bits of the largest 16-bit float.
const HALF_MAX_BITS: u16 = 0x7bff;

/// An opened dense vector file that owns its bytes: a mapping, a vector, a slice of a larger
/// mapping.
#[derive(Debug)]
pub struct DenseFile<B> {
    bytes: B,
    layout: DenseLayout,
}

impl<B: AsRef<[u8]>> DenseFile<B> {
    /// Checks `bytes` and keeps them.
    ///
    /// Errors: `Foreign`, `Version`, `Dense` or `Corrupt`, naming the section and what contradicts
    /// what. Cost: two passes over the bytes.
    pub fn open(bytes: B) -> Result<Self, FormatError> {
        let mut layout = parse(bytes.as_ref())?;
        for field in &mut layout.fields {
            field.first_ordinals = check_present(field, layout.rows, bytes.as_ref())?;
            for &part in Part::of_vectors(field.spec.storage) {
                check_values(part, field.spec.storage, field.slice(part, bytes.as_ref()))?;
            }
        }
        Ok(Self { bytes, layout })
    }

    /// The searchable view.
    pub fn view(&self) -> DenseView<'_> {
        DenseView { bytes: self.bytes.as_ref(), layout: &self.layout }
    }
}

/// The bits name rows of the file, as many as there are vectors; returns the vectors before each
/// group.
fn check_present(field: &StoredField, rows: usize, bytes: &[u8]) -> Result<Vec<u32>, FormatError> {
    let words = field.slice(Part::Present, bytes);
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let rows_of_last = (rows - 1) % GROUP_ROWS + 1;
    let last = u64_at(words, words.len() - 8);
    let beyond = last.checked_shr(rows_of_last as u32).unwrap_or(0);
    same("present", "bits beyond the last row", 0, beyond)?;
    let mut vectors = 0u32;
    let mut first_ordinals = Vec::with_capacity(words.len() / 8);
    for word in words.chunks_exact(8).map(|word| u64_at(word, 0)) {
        first_ordinals.push(vectors);
        vectors += word.count_ones();
    }
    same("present", "rows with a vector", field.vectors as u64, vectors.into())?;
    Ok(first_ordinals)
}

/// No value is NaN, infinite or beyond its limit; the fact found wrong is stated in bits.
fn check_values(part: Part, storage: DenseStorage, bytes: &[u8]) -> Result<(), FormatError> {
    let largest_of =
        |mask: u32| bytes.chunks_exact(4).map(|value| u32_at(value, 0) & mask).fold(0, u32::max);
    let (limit, found): (u32, u32) = match part {
        Part::Present => return Ok(()),
        Part::Floats => (MAX_WEIGHT.to_bits(), largest_of(u32::MAX >> 1)),
        Part::Halves => {
            let values = bytes.chunks_exact(2).map(|value| u16_at(value, 0) & (u16::MAX >> 1));
            (HALF_MAX_BITS.into(), values.fold(0, u16::max).into())
        }
        Part::Codes => {
            let codes = bytes.iter().map(|&code| code.cast_signed().unsigned_abs());
            (CODE_MAX.into(), codes.fold(0, u8::max).into())
        }
        // With the sign, which must not be set.
        Part::Scales => (MAX_WEIGHT.to_bits(), largest_of(u32::MAX)),
        Part::Norms => (f32::MAX.to_bits(), largest_of(u32::MAX)),
        Part::Errors => match storage.codes() {
            // Codes that decide leave nothing out.
            Codes::Decide => (0, largest_of(u32::MAX)),
            Codes::Bound | Codes::None => (f32::MAX.to_bits(), largest_of(u32::MAX)),
        },
    };
    if found > limit {
        return Err(corrupt(part.name(), "bits of a value", limit.into(), found.into()));
    }
    Ok(())
}
