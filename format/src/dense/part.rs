//! The parts of a dense field: what is kept of its vectors, and how many bytes that takes.

use super::spec::{DenseSpec, DenseStorage};

/// The parts of a field, each a section. The discriminant is the id in the section table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Which rows have a vector, or empty when all have one.
    Present = 1,
    /// 32-bit floats.
    Floats = 2,
    /// 16-bit floats.
    Halves = 3,
    /// 8-bit codes.
    Codes = 4,
    /// What a code of each vector is to be multiplied by.
    Scales = 5,
    /// A bound on the length of each vector of codes, scaled.
    Norms = 6,
    /// A bound on the length of what the codes leave out of each vector.
    Errors = 7,
}

impl Part {
    /// How many kinds of part there are.
    pub(crate) const COUNT: usize = 7;

    /// What is kept per vector under `storage`, in file order.
    pub(crate) fn of_vectors(storage: DenseStorage) -> &'static [Part] {
        match storage {
            DenseStorage::F32 => &[Part::Floats],
            DenseStorage::F16 => &[Part::Halves],
            DenseStorage::Int8 => &[Part::Codes, Part::Scales, Part::Norms, Part::Errors],
            DenseStorage::Int8WithF32 => {
                &[Part::Codes, Part::Scales, Part::Norms, Part::Errors, Part::Floats]
            }
        }
    }

    /// The sections of a field, in file order.
    pub(crate) fn of_field(storage: DenseStorage) -> impl Iterator<Item = Part> {
        std::iter::once(Part::Present).chain(Self::of_vectors(storage).iter().copied())
    }

    /// The name used in errors and in `DENSE.md`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Part::Present => "present",
            Part::Floats => "floats",
            Part::Halves => "halves",
            Part::Codes => "codes",
            Part::Scales => "scales",
            Part::Norms => "norms",
            Part::Errors => "errors",
        }
    }

    /// The position among all parts.
    pub(crate) fn index(self) -> usize {
        self as usize - 1
    }

    /// Bytes per vector; none of [`Part::Present`], which has a bit per row.
    pub(crate) fn stride_bytes(self, dims: usize) -> usize {
        match self {
            Part::Present => 0,
            Part::Floats => dims * 4,
            Part::Halves => dims * 2,
            Part::Codes => dims,
            Part::Scales | Part::Norms | Part::Errors => 4,
        }
    }
}

impl DenseSpec {
    /// Bytes that a row with a vector takes in a dense vector file, its bit of presence apart.
    pub fn row_len_bytes(&self) -> usize {
        Part::of_vectors(self.storage).iter().map(|part| part.stride_bytes(self.dims)).sum()
    }

    /// Bytes of a vector that comparing every vector reads: what is stored, or the codes that bound it.
    pub fn scanned_len_bytes(&self) -> usize {
        let part = match self.storage {
            DenseStorage::F32 => Part::Floats,
            DenseStorage::F16 => Part::Halves,
            DenseStorage::Int8 | DenseStorage::Int8WithF32 => Part::Codes,
        };
        part.stride_bytes(self.dims)
    }
}
