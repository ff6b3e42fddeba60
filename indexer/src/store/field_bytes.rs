//! Vectors as the bytes of the storage layer's custom fields: `write` makes them, `plugin` reads them.
//!
//! Nothing of this reaches a file. Vectors are checked before they are written. Bytes that cannot be read
//! back are a bug of ours, and an error.

use gleaner_format::{DenseSpec, SparseVector};
use tantivy::TantivyError;

/// The bytes of a sparse vector: ids, then weights.
pub(super) fn vector_to_bytes(vector: &SparseVector) -> Vec<u8> {
    let mut bytes = vec![0; vector.len() * 8];
    let (ids, weights) = bytes.split_at_mut(vector.len() * 4);
    let put = |(slot, word): (&mut [u8], [u8; 4])| slot.copy_from_slice(&word);
    let words = vector.terms().iter().map(|term| term.to_le_bytes());
    ids.chunks_exact_mut(4).zip(words).for_each(put);
    let words = vector.weights().iter().map(|weight| weight.to_le_bytes());
    weights.chunks_exact_mut(4).zip(words).for_each(put);
    bytes
}

/// The vector of such bytes.
pub(super) fn vector_from_bytes(bytes: &[u8]) -> tantivy::Result<SparseVector> {
    let (ids, weights) = bytes.split_at(bytes.len() / 8 * 4);
    let terms = words(ids).map(u32::from_le_bytes).collect();
    let weights = words(weights).map(f32::from_le_bytes).collect();
    SparseVector::new(terms, weights)
        .map_err(|error| TantivyError::InvalidArgument(error.to_string()))
}

/// The bytes of a row's dense vectors: by field a byte that says whether there is one, and its values.
/// A row without any is no bytes.
pub(super) fn dense_to_bytes(dense: &[Option<Vec<f32>>]) -> Vec<u8> {
    if dense.iter().all(Option::is_none) {
        return Vec::new();
    }
    let mut bytes = Vec::with_capacity(dense.iter().flatten().map(|it| it.len() * 4 + 1).sum());
    for vector in dense {
        bytes.push(u8::from(vector.is_some()));
        bytes.extend(vector.iter().flatten().flat_map(|value| value.to_le_bytes()));
    }
    bytes
}

/// The dense vectors of such bytes, one entry per field.
pub(super) fn dense_from_bytes(
    mut bytes: &[u8],
    specs: &[DenseSpec],
) -> tantivy::Result<Vec<Option<Vec<f32>>>> {
    if bytes.is_empty() {
        return Ok(vec![None; specs.len()]);
    }
    let short = || TantivyError::InvalidArgument("a row of other dense fields".to_owned());
    let mut dense = Vec::with_capacity(specs.len());
    for spec in specs {
        let (is_present, rest) = bytes.split_first().ok_or_else(short)?;
        let len_bytes = if *is_present == 1 { spec.dims * 4 } else { 0 };
        let (values, rest) = rest.split_at_checked(len_bytes).ok_or_else(short)?;
        dense.push((*is_present == 1).then(|| words(values).map(f32::from_le_bytes).collect()));
        bytes = rest;
    }
    if bytes.is_empty() { Ok(dense) } else { Err(short()) }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    bytes.chunks_exact(4).map(|word| [word[0], word[1], word[2], word[3]])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use gleaner_format::{DenseStorage, Metric};

    use super::*;

    #[test]
    fn bytes_are_read_back_as_the_vectors_that_they_were() {
        let spec = |name: &str, dims| DenseSpec {
            name: name.to_owned(),
            dims,
            metric: Metric::Dot,
            storage: DenseStorage::F32,
        };
        let specs = [spec("a", 2), spec("b", 3)];
        let (a, b) = (Some(vec![1.5, -0.0]), Some(vec![f32::MIN_POSITIVE, 3e38, 7.0]));
        for dense in [vec![None, None], vec![a.clone(), None], vec![None, b.clone()], vec![a, b]] {
            let bytes = dense_to_bytes(&dense);
            assert_eq!(dense_from_bytes(&bytes, &specs).unwrap(), dense);
            if !bytes.is_empty() {
                assert!(dense_from_bytes(&bytes[..bytes.len() - 1], &specs).is_err());
                assert!(dense_from_bytes(&[&bytes[..], &[0]].concat(), &specs).is_err());
            }
        }
        let vector = SparseVector::from_pairs([(3, 1.5), (9, 2.0)]).unwrap();
        assert_eq!(vector_from_bytes(&vector_to_bytes(&vector)).unwrap(), vector);
    }
}
