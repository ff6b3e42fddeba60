//! The plain binary exchange of vectors (`docs.bin`, `queries.bin`): what benchmarks share.
//!
//! Little-endian: u64 rows, u64 postings, u32 dimension, u64 starts\[rows + 1\], u32 term
//! ids\[postings\] ascending per row, f32 weights\[postings\]. Rows keep their order, empty rows
//! included; there are no ids and no checksums. JSON forms live with the commands that use them.

use std::io::{self, Read, Write};

use crate::{error::ExchangeError, vector::SparseVector};

/// Writes `vectors` in the binary exchange form.
///
/// `dimension` is the vocabulary size the file states; it is raised to cover every term.
pub fn write_vectors(
    vectors: &[SparseVector],
    dimension: u32,
    out: &mut impl Write,
) -> io::Result<()> {
    let postings: u64 = vectors.iter().map(|vector| vector.len() as u64).sum();
    let needed = vectors.iter().filter_map(|vector| vector.terms().last()).max();
    let dimension = needed.map_or(dimension, |&term| dimension.max(term.saturating_add(1)));
    out.write_all(&(vectors.len() as u64).to_le_bytes())?;
    out.write_all(&postings.to_le_bytes())?;
    out.write_all(&dimension.to_le_bytes())?;
    let mut start = 0u64;
    out.write_all(&start.to_le_bytes())?;
    for vector in vectors {
        start += vector.len() as u64;
        out.write_all(&start.to_le_bytes())?;
    }
    for term in vectors.iter().flat_map(SparseVector::terms) {
        out.write_all(&term.to_le_bytes())?;
    }
    for weight in vectors.iter().flat_map(SparseVector::weights) {
        out.write_all(&weight.to_le_bytes())?;
    }
    Ok(())
}

/// Reads a whole file in the binary exchange form.
///
/// Errors: `Length` when the counts and the bytes disagree, `Starts` when row bounds descend,
/// `Vector` with the row whose entries are invalid.
pub fn read_vectors(input: &mut impl Read) -> Result<Vec<SparseVector>, ExchangeError> {
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    let found = bytes.len() as u64;
    let word = |at: usize| bytes.get(at..at + 8).map(|word| crate::layout::u64_at(word, 0));
    let (Some(rows), Some(postings)) = (word(0), word(8)) else {
        return Err(ExchangeError::Length { expected: 28, found });
    };
    let expected = rows
        .checked_mul(8)
        .and_then(|starts| starts.checked_add(postings.checked_mul(8)?)?.checked_add(28))
        .unwrap_or(u64::MAX);
    if expected != found {
        return Err(ExchangeError::Length { expected, found });
    }
    let terms_at = 28 + rows as usize * 8;
    let weights_at = terms_at + postings as usize * 4;
    let mut vectors = Vec::with_capacity(rows as usize);
    for row in 0..rows as usize {
        let bound = |at: usize| crate::layout::u64_at(&bytes, at);
        let (start, end) = (bound(20 + row * 8), bound(28 + row * 8));
        if start > end || end > postings {
            return Err(ExchangeError::Starts { row, start, end });
        }
        let postings = start as usize..end as usize;
        let terms = postings.clone().map(|at| crate::layout::u32_at(&bytes, terms_at + at * 4));
        let weights = postings.map(|at| crate::layout::f32_at(&bytes, weights_at + at * 4));
        let vector = SparseVector::from_pairs(terms.zip(weights))
            .map_err(|source| ExchangeError::Vector { row, source })?;
        vectors.push(vector);
    }
    Ok(vectors)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reading_inverts_writing_and_damage_is_named() {
        let rows = [
            SparseVector::from_pairs([(3, 1.5), (70_000, 0.25)]).unwrap(),
            SparseVector::default(),
            SparseVector::from_pairs([(0, 2.0)]).unwrap(),
        ];
        let mut file = Vec::new();
        write_vectors(&rows, 10, &mut file).unwrap();
        assert_eq!(read_vectors(&mut &file[..]).unwrap(), rows);
        for cut in 0..file.len() {
            assert!(matches!(read_vectors(&mut &file[..cut]), Err(ExchangeError::Length { .. })));
        }
        let mut negative = file.clone();
        let last = negative.len() - 1;
        negative[last] |= 0x80;
        assert!(matches!(
            read_vectors(&mut &negative[..]),
            Err(ExchangeError::Vector { row: 2, .. })
        ));
    }
}
