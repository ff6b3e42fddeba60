//! A checked dense vector file, read in place.
//!
//! Views are two words and copied freely. They lend bytes as the kernels take them; what a score
//! is, the searcher says.

use std::ops::Range;

use half::f16;

use super::{
    layout::{DenseLayout, StoredField},
    part::Part,
    spec::{DenseSpec, DenseStorage},
};
use crate::{
    bytes::{f32_at, u16_at, u64_at},
    windows::GROUP_ROWS,
};

/// All fields of a dense vector file.
#[derive(Debug, Clone, Copy)]
pub struct DenseView<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) layout: &'a DenseLayout,
}

impl<'a> DenseView<'a> {
    /// Number of rows, those without vectors included.
    pub fn rows(self) -> usize {
        self.layout.rows
    }

    /// The fields, in the order in which the builder was given them.
    pub fn fields(self) -> impl ExactSizeIterator<Item = DenseFieldView<'a>> {
        let (bytes, rows) = (self.bytes, self.layout.rows);
        self.layout.fields.iter().map(move |field| DenseFieldView { bytes, rows, field })
    }

    /// The field of this name.
    pub fn field(self, name: &str) -> Option<DenseFieldView<'a>> {
        self.fields().find(|field| field.spec().name == name)
    }
}

/// The vectors of a field, one after the other in ascending row, at a fixed stride; little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VectorData<'a> {
    /// `[vectors, dims] f32`.
    F32(VectorRows<'a>),
    /// `[vectors, dims] f16`.
    F16(VectorRows<'a>),
    /// A code times its vector's scale is the value, or where there are floats close to it.
    Int8 {
        /// `[vectors, dims] i8`, −127 to 127.
        codes: VectorRows<'a>,
        /// `[vectors] f32`, not negative.
        scales: Floats<'a>,
        /// `[vectors] f32`: the length of the vector of scale × code, rounded up.
        norms: Floats<'a>,
        /// `[vectors] f32`: the length of the vector of float − scale × code, rounded up; 0 where
        /// there are no floats.
        errors: Floats<'a>,
        /// `[vectors, dims] f32`, the truth where they are kept.
        floats: Option<VectorRows<'a>>,
    },
}

/// Vectors of one width, one behind the other, as the kernels take them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VectorRows<'a> {
    bytes: &'a [u8],
    /// Bytes of a vector.
    stride: usize,
}

impl<'a> VectorRows<'a> {
    /// The bytes of the vectors of these ordinals. Panics: if there are not as many vectors.
    #[inline]
    pub fn of(self, ordinals: Range<usize>) -> &'a [u8] {
        &self.bytes[ordinals.start * self.stride..ordinals.end * self.stride]
    }

    /// Bytes they take.
    pub fn len_bytes(self) -> usize {
        self.bytes.len()
    }
}

/// Numbers of 32 bits, one for each vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floats<'a>(&'a [u8]);

impl Floats<'_> {
    /// The number of the `at`-th vector. Panics: if there are not as many.
    #[inline]
    pub fn get(self, at: usize) -> f32 {
        f32_at(self.0, at * 4)
    }

    /// Bytes they take.
    pub fn len_bytes(self) -> usize {
        self.0.len()
    }
}

/// One field of a dense vector file.
#[derive(Debug, Clone, Copy)]
pub struct DenseFieldView<'a> {
    bytes: &'a [u8],
    rows: usize,
    field: &'a StoredField,
}

impl<'a> DenseFieldView<'a> {
    /// What the field is.
    pub fn spec(self) -> &'a DenseSpec {
        &self.field.spec
    }

    /// Number of rows, those without a vector included.
    pub fn rows(self) -> usize {
        self.rows
    }

    /// Number of rows that have a vector.
    pub fn vectors(self) -> usize {
        self.field.vectors
    }

    /// Whether a row has a vector; rows there are not have none.
    pub fn has(self, row: usize) -> bool {
        row < self.rows && self.present_word(row / GROUP_ROWS) >> (row % GROUP_ROWS) & 1 == 1
    }

    /// The place of a row's vector among all, or `None` if it has none. Cost: constant.
    pub fn ordinal(self, row: usize) -> Option<usize> {
        if row >= self.rows {
            return None;
        }
        let (group, bit) = (row / GROUP_ROWS, row % GROUP_ROWS);
        let word = self.present_word(group);
        let before = word & ((1 << bit) - 1);
        let is_present = word >> bit & 1 == 1;
        is_present.then(|| self.first_ordinal(group) + before.count_ones() as usize)
    }

    /// One bit for each of the 64 rows from `group × 64` on: whether it has a vector. Rows there
    /// are not have 0. Panics: if none of the rows is one of the file.
    pub fn present_word(self, group: usize) -> u64 {
        assert!(group < self.rows.div_ceil(GROUP_ROWS), "a group of the file");
        if !self.field.first_ordinals.is_empty() {
            return u64_at(self.part(Part::Present), group * 8);
        }
        let rows = self.rows - group * GROUP_ROWS;
        if rows < GROUP_ROWS { (1 << rows) - 1 } else { u64::MAX }
    }

    /// How many rows before `group × 64` have a vector.
    pub fn first_ordinal(self, group: usize) -> usize {
        match self.field.first_ordinals.get(group) {
            Some(&ordinal) => ordinal as usize,
            None => (group * GROUP_ROWS).min(self.vectors()),
        }
    }

    /// The vectors.
    pub fn data(self) -> VectorData<'a> {
        let dims = self.spec().dims;
        let rows =
            |part: Part| VectorRows { bytes: self.part(part), stride: part.stride_bytes(dims) };
        let int8 = |floats| VectorData::Int8 {
            codes: rows(Part::Codes),
            scales: Floats(self.part(Part::Scales)),
            norms: Floats(self.part(Part::Norms)),
            errors: Floats(self.part(Part::Errors)),
            floats,
        };
        match self.spec().storage {
            DenseStorage::F32 => VectorData::F32(rows(Part::Floats)),
            DenseStorage::F16 => VectorData::F16(rows(Part::Halves)),
            DenseStorage::Int8 => int8(None),
            DenseStorage::Int8WithF32 => int8(Some(rows(Part::Floats))),
        }
    }

    /// Puts the vector of an ordinal into `vector`, as it is stored: for codes without floats scale
    /// × code, rounded to f32. Panics: if there are not as many vectors.
    pub fn read(self, ordinal: usize, vector: &mut Vec<f32>) {
        vector.clear();
        match self.data() {
            VectorData::F32(_) | VectorData::Int8 { floats: Some(_), .. } => {
                let floats = self.of_vector(Part::Floats, ordinal);
                vector.extend(floats.chunks_exact(4).map(|value| f32_at(value, 0)));
            }
            VectorData::F16(_) => {
                let halves = self.of_vector(Part::Halves, ordinal).chunks_exact(2);
                vector.extend(halves.map(|value| f16::from_bits(u16_at(value, 0)).to_f32()));
            }
            VectorData::Int8 { floats: None, .. } => {
                let scale = f32_at(self.of_vector(Part::Scales, ordinal), 0);
                let codes = self.of_vector(Part::Codes, ordinal).iter();
                vector.extend(codes.map(|&code| scale * f32::from(code.cast_signed())));
            }
        }
    }

    /// The bytes of `part` of one vector.
    pub(crate) fn of_vector(self, part: Part, ordinal: usize) -> &'a [u8] {
        let stride = part.stride_bytes(self.spec().dims);
        &self.part(part)[ordinal * stride..(ordinal + 1) * stride]
    }

    pub(crate) fn part(self, part: Part) -> &'a [u8] {
        self.field.slice(part, self.bytes)
    }
}
