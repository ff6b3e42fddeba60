//! Vectors to bytes: collects rows, then writes the whole dense vector file.
//!
//! Rows come as prepared vectors (quantised here) or as rows of another file (copied: a merge never
//! quantises twice).

use std::io::{self, Write};

use half::f16;

use super::{
    layout::{FieldParts, assemble},
    part::Part,
    quantize::{code_of, error_of, norm_of, scale_of},
    spec::{DenseSpec, DenseStorage},
    view::{DenseFieldView, DenseView},
};
use crate::{checks::corrupt, error::FormatError, windows::GROUP_ROWS};

/// Most rows of one file.
const ROWS_LIMIT: usize = u32::MAX as usize;

/// Collects rows in document order and writes a dense vector file.
///
/// Memory: the vectors as they will be stored.
#[derive(Debug)]
pub struct DenseBuilder {
    fields: Vec<FieldBuilder>,
    rows: usize,
}

/// A field being filled.
#[derive(Debug)]
struct FieldBuilder {
    spec: DenseSpec,
    /// One bit per row, 64 rows to a word.
    present: Vec<u64>,
    vectors: usize,
    /// The bytes of every part; those of [`Part::Present`] are made in the end.
    parts: [Vec<u8>; Part::COUNT],
}

impl DenseBuilder {
    /// A builder of these fields, without rows.
    ///
    /// Panics: if [`DenseSpec::check_all`] refuses the fields, which is the caller's to ask.
    pub fn new(specs: &[DenseSpec]) -> Self {
        assert_eq!(DenseSpec::check_all(specs), Ok(()), "fields are checked before they are used");
        let field = |spec: &DenseSpec| FieldBuilder {
            spec: spec.clone(),
            present: Vec::new(),
            vectors: 0,
            parts: Default::default(),
        };
        Self { fields: specs.iter().map(field).collect(), rows: 0 }
    }

    /// Number of rows so far.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether no row was pushed.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Appends the next document's vectors, one entry per field, as [`DenseSpec::prepare`] returns
    /// them.
    ///
    /// Errors: `Dense` if a vector was not prepared for its field, `TooMany` beyond 2^32 − 1 rows;
    /// either leaves the builder as it was. Panics: unless there is one entry per field.
    pub fn push(&mut self, vectors: &[Option<&[f32]>]) -> Result<(), FormatError> {
        assert_eq!(vectors.len(), self.fields.len(), "one entry per field");
        self.check_room()?;
        for (field, vector) in self.fields.iter().zip(vectors) {
            vector.map_or(Ok(()), |vector| field.spec.check_prepared(vector))?;
        }
        let row = self.rows;
        for (field, vector) in self.fields.iter_mut().zip(vectors) {
            field.mark(row, vector.is_some());
            vector.iter().for_each(|vector| field.encode(vector));
        }
        self.rows += 1;
        Ok(())
    }

    /// Appends a row of another file of the same fields, bit for bit.
    ///
    /// Errors: `Corrupt` if its fields are others, `TooMany` beyond 2^32 − 1 rows. Panics: if the
    /// file has no such row.
    pub fn push_row(&mut self, view: DenseView<'_>, row: usize) -> Result<(), FormatError> {
        assert!(row < view.rows(), "a row of the file");
        self.check_room()?;
        self.check_fields(view)?;
        let to = self.rows;
        for (field, from) in self.fields.iter_mut().zip(view.fields()) {
            let ordinal = from.ordinal(row);
            field.mark(to, ordinal.is_some());
            ordinal.iter().for_each(|&ordinal| field.copy(from, ordinal));
        }
        self.rows += 1;
        Ok(())
    }

    /// Bytes held by the builder.
    pub fn mem_usage_bytes(&self) -> usize {
        let parts = |field: &FieldBuilder| field.parts.iter().map(Vec::capacity).sum::<usize>();
        self.fields.iter().map(|field| parts(field) + field.present.capacity() * 8).sum()
    }

    /// Writes the file and returns its length in bytes. Errors: the writer's.
    pub fn write(mut self, out: &mut impl Write) -> io::Result<u64> {
        for field in self.fields.iter_mut().filter(|field| field.vectors < self.rows) {
            let words = field.present.iter().flat_map(|word| word.to_le_bytes());
            field.parts[Part::Present.index()] = words.collect();
        }
        let fields: Vec<FieldParts<'_>> = self.fields.iter().map(FieldBuilder::parts).collect();
        let (head, offsets, len) = assemble(self.rows, &fields);
        out.write_all(&head)?;
        let mut written = head.len();
        let sections = fields.iter().flat_map(|field| &field.parts);
        for (offset, (_, bytes)) in offsets.into_iter().zip(sections) {
            out.write_all(&vec![0; offset - written])?;
            out.write_all(bytes)?;
            written = offset + bytes.len();
        }
        out.write_all(&vec![0; len - written])?;
        Ok(len as u64)
    }

    fn check_room(&self) -> Result<(), FormatError> {
        let (found, limit) = (self.rows as u64 + 1, ROWS_LIMIT as u64);
        if found > limit {
            return Err(FormatError::TooMany { what: "rows", found, limit });
        }
        Ok(())
    }

    fn check_fields(&self, view: DenseView<'_>) -> Result<(), FormatError> {
        let (expected, found) = (self.fields.len(), view.fields().len());
        let differs =
            |(field, of_view): (&FieldBuilder, DenseFieldView<'_>)| field.spec != *of_view.spec();
        if expected != found {
            return Err(corrupt("fields", "number of fields", expected as u64, found as u64));
        }
        match self.fields.iter().zip(view.fields()).position(differs) {
            Some(at) => {
                Err(corrupt("fields", "fields as in the other file", expected as u64, at as u64))
            }
            None => Ok(()),
        }
    }
}

impl FieldBuilder {
    fn parts(&self) -> FieldParts<'_> {
        let part = |part: Part| (part, &self.parts[part.index()][..]);
        let parts = Part::of_field(self.spec.storage).map(part).collect();
        FieldParts { spec: &self.spec, vectors: self.vectors, parts }
    }

    /// Notes whether the row to come has a vector.
    fn mark(&mut self, row: usize, is_present: bool) {
        if row.is_multiple_of(GROUP_ROWS) {
            self.present.push(0);
        }
        self.present[row / GROUP_ROWS] |= u64::from(is_present) << (row % GROUP_ROWS);
        self.vectors += usize::from(is_present);
    }

    fn copy(&mut self, from: DenseFieldView<'_>, ordinal: usize) {
        for &part in Part::of_vectors(self.spec.storage) {
            self.parts[part.index()].extend_from_slice(from.of_vector(part, ordinal));
        }
    }

    fn encode(&mut self, vector: &[f32]) {
        match self.spec.storage {
            DenseStorage::F32 => self.put_floats(vector),
            DenseStorage::F16 => self.put_halves(vector),
            DenseStorage::Int8 => self.put_codes(vector, |_, _| 0.0),
            DenseStorage::Int8WithF32 => {
                self.put_floats(vector);
                self.put_codes(vector, |codes, scale| error_of(vector, codes, scale));
            }
        }
    }

    fn put(&mut self, part: Part, value: f32) {
        self.parts[part.index()].extend(value.to_le_bytes());
    }

    fn put_floats(&mut self, vector: &[f32]) {
        vector.iter().for_each(|&value| self.put(Part::Floats, value));
    }

    fn put_halves(&mut self, vector: &[f32]) {
        let halves = vector.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes());
        self.parts[Part::Halves.index()].extend(halves);
    }

    /// Puts codes and what bounds them; `error` bounds what codes of a scale leave out.
    fn put_codes(&mut self, vector: &[f32], error: impl Fn(&[i8], f32) -> f32) {
        let scale = scale_of(vector);
        let codes: Vec<i8> = vector.iter().map(|&value| code_of(value, scale)).collect();
        self.put(Part::Scales, scale);
        self.put(Part::Norms, norm_of(&codes, scale));
        self.put(Part::Errors, error(&codes, scale));
        let codes = codes.iter().map(|code| code.cast_unsigned());
        self.parts[Part::Codes.index()].extend(codes);
    }
}
