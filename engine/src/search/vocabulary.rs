//! Tokens of a model to the terms of its vectors, and back.
//!
//! Without a model a token is a term id in decimal digits.

use std::sync::Arc;

use gleaner_encoder::{Model, SparseVector};
use gleaner_indexer::Vocabulary;

use crate::error::{Error, Part};

/// The vocabulary of a model.
struct ModelVocabulary(Model);

impl Vocabulary for ModelVocabulary {
    fn term(&self, token: &str) -> Option<u32> {
        self.0.term(token)
    }
}

/// What tokens in files mean to a model.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let (path, model) = (folder.path().join("my.index"), concat!(env!("CARGO_MANIFEST_DIR"), "/../data/models/splade-tiny"));
/// # if gleaner::Models::new().open_sparse(model.as_ref()).is_err() {
/// #     return Ok(()); // without the ONNX Runtime
/// # }
/// use gleaner::{Models, exchange::parse_weights, vocabulary_of};
///
/// let model = Models::new().open_sparse(model.as_ref())?;
/// let vector = parse_weights("{\"kitten\": 1.5}", Some(&*vocabulary_of(&model)))?;
/// assert_eq!(vector.iter().next().map(|(term, _)| term), model.term("kitten"));
/// # Ok(())
/// # }
/// ```
pub fn vocabulary_of(model: &Model) -> Arc<dyn Vocabulary> {
    Arc::new(ModelVocabulary(model.clone()))
}

/// The term id of a token: what the model's vocabulary says, or its own digits.
///
/// Errors: `Token`.
pub(crate) fn term_of(token: &str, model: Option<&Model>, part: Part) -> Result<u32, Error> {
    let vocabulary = model.map(|model| ModelVocabulary(model.clone()));
    let vocabulary = vocabulary.as_ref().map(|it| it as &dyn Vocabulary);
    let found = gleaner_indexer::term_of(token, vocabulary);
    found.map_err(|reason| Error::Token { part, token: token.to_owned(), reason })
}

/// The sparse vector of tokens with their weights.
///
/// Errors: `Token`, `Tokens`.
pub(crate) fn vector_of(tokens: &[(String, f32)], model: &Model) -> Result<SparseVector, Error> {
    let pair =
        |(token, weight): &(String, f32)| Ok((term_of(token, Some(model), Part::Tokens)?, *weight));
    let pairs = tokens.iter().map(pair).collect::<Result<Vec<_>, Error>>()?;
    SparseVector::from_pairs(pairs.iter().copied()).map_err(|source| {
        let reason = gleaner_indexer::explain_weights(&source, &pairs, tokens);
        Error::Tokens { reason, source }
    })
}
