//! The audit of a dense vector file: whether codes, norms and errors are those of the vectors.
//!
//! Opening a file never asks this: it guards against damage and against values that no search could
//! bear, while this finds bounds that are merely wrong, and costs more.

use super::{
    part::Part,
    quantize::{code_of, error_of, norm_of, scale_of},
    spec::Codes,
    view::{DenseFieldView, DenseView},
};
use crate::{
    bytes::f32_at,
    checks::{corrupt, same},
    error::FormatError,
};

impl DenseView<'_> {
    /// Derives every scale, code, norm and error again and returns how many vectors of codes there
    /// are.
    ///
    /// Errors: `Corrupt` with the bits of what differs. Cost: about 1 ns a code on one thread, 8
    /// where there are floats.
    pub fn verify(self) -> Result<usize, FormatError> {
        let mut vectors = 0;
        for field in self.fields() {
            let verify = match field.spec().storage.codes() {
                Codes::None => continue,
                // What the codes were made from is gone. Opening has seen that they leave nothing out.
                Codes::Decide => verify_norm,
                Codes::Bound => verify_all,
            };
            (0..field.vectors()).try_for_each(|ordinal| verify(&Coded::read(field, ordinal)))?;
            vectors += field.vectors();
        }
        Ok(vectors)
    }
}

/// One vector of codes.
struct Coded<'a> {
    field: DenseFieldView<'a>,
    ordinal: usize,
    codes: Vec<i8>,
    scale: f32,
}

impl<'a> Coded<'a> {
    fn read(field: DenseFieldView<'a>, ordinal: usize) -> Self {
        let codes = field.of_vector(Part::Codes, ordinal).iter().map(|code| code.cast_signed());
        let scale = f32_at(field.of_vector(Part::Scales, ordinal), 0);
        Self { field, ordinal, codes: codes.collect(), scale }
    }

    /// Compares the vector's number in a part with the one expected.
    fn agree(&self, part: Part, expected: f32) -> Result<(), FormatError> {
        let found = f32_at(self.field.of_vector(part, self.ordinal), 0).to_bits();
        same(part.name(), "bits of a value", expected.to_bits().into(), found.into())
    }
}

fn verify_norm(coded: &Coded<'_>) -> Result<(), FormatError> {
    coded.agree(Part::Norms, norm_of(&coded.codes, coded.scale))
}

/// Derives codes and what bounds them from the floats.
fn verify_all(coded: &Coded<'_>) -> Result<(), FormatError> {
    verify_norm(coded)?;
    let (codes, scale) = (&coded.codes, coded.scale);
    let mut vector = Vec::new();
    coded.field.read(coded.ordinal, &mut vector);
    coded.agree(Part::Scales, scale_of(&vector))?;
    let differs = |(&value, &code): (&f32, &i8)| code_of(value, scale) != code;
    if let Some(at) = vector.iter().zip(codes).position(differs) {
        let (expected, found) = (code_of(vector[at], scale), codes[at]);
        let byte = |code: i8| u64::from(code.cast_unsigned());
        return Err(corrupt("codes", "code", byte(expected), byte(found)));
    }
    coded.agree(Part::Errors, error_of(&vector, codes, scale))
}
