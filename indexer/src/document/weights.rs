//! Tokens with weights to a sparse vector; errors name tokens as they were written.

use gleaner_format::{SparseVector, VectorError, json::reason_of};

use super::{
    encoded::vector_of_answer,
    object::Weights,
    vocabulary::{Vocabulary, term_of},
};

/// Reads a vector written as a JSON object of tokens and weights, or as an encoder answers one text:
/// a list of `{"id", "weight"}`, by itself or in an answer of `/v1/encode`.
///
/// # Errors
/// The reason.
pub fn parse_weights(
    json: &str,
    vocabulary: Option<&dyn Vocabulary>,
) -> Result<SparseVector, String> {
    if let Some(vector) = vector_of_answer(json)? {
        return Ok(vector);
    }
    let Weights(pairs) = serde_json::from_str(json).map_err(|error| reason_of(&error))?;
    resolve(pairs, vocabulary)
}

/// The vector of tokens and weights as they were written.
///
/// # Errors
/// The reason, with the token as it was written.
pub(super) fn resolve(
    pairs: Vec<(String, f32)>,
    vocabulary: Option<&dyn Vocabulary>,
) -> Result<SparseVector, String> {
    let entry = |(token, weight): &(String, f32)| {
        let term = term_of(token, vocabulary).map_err(|reason| reason.explain(token))?;
        Ok((term, *weight))
    };
    let entries = pairs.iter().map(entry).collect::<Result<Vec<(u32, f32)>, String>>()?;
    let vector = SparseVector::from_pairs(entries.iter().copied());
    vector.map_err(|error| explain_weights(&error, &entries, &pairs))
}

/// What is wrong with a vector, in the words of whoever wrote it: with tokens as they were given.
///
/// Shapes: `entries` and `pairs` are parallel, the terms and the tokens of the same weights.
pub fn explain_weights(
    error: &VectorError,
    entries: &[(u32, f32)],
    pairs: &[(String, f32)],
) -> String {
    let named = |term: u32| -> Vec<&str> {
        let same = entries.iter().zip(pairs).filter(|(entry, _)| entry.0 == term);
        // What is 0 is left out, and so repeats nothing.
        same.filter(|(entry, _)| entry.1 != 0.0).map(|(_, (token, _))| &token[..]).collect()
    };
    name_token(error, named)
}

/// An error in the words of whoever wrote the vector: with tokens as they were given.
fn name_token<'a>(error: &VectorError, named: impl Fn(u32) -> Vec<&'a str>) -> String {
    let of = |term: u32, what: String| match named(term).first() {
        Some(token) => format!("the token {token:?} {what}"),
        None => error.to_string(),
    };
    match *error {
        VectorError::Order { term, .. } => match named(term)[..] {
            [first, second, ..] if first != second => {
                format!("the tokens {first:?} and {second:?} are the same term")
            }
            _ => of(term, "is given twice".to_owned()),
        },
        VectorError::Negative { term, weight } => {
            of(term, format!("has the negative weight {weight}"))
        }
        VectorError::NotFinite { term, weight } => {
            of(term, format!("has weight {weight}, which is not finite"))
        }
        VectorError::TooLarge { term, weight } => {
            of(term, format!("has weight {weight}, above the limit of 2^40"))
        }
        _ => error.to_string(),
    }
}
