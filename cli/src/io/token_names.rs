//! Tokens of a file of vectors, kept until it is known whether they are term ids or a model's words.
//!
//! One token that is no number says that all are words: `1999` beside `year` is a word, too. So a
//! file is read to its end first, which stdin allows once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use gleaner::{Model, SparseVector, exchange::Vocabulary, vocabulary_of};

use crate::failure::Failure;

/// Gives every token a number of its own, in the order in which they come.
#[derive(Default)]
pub(crate) struct TokenNames(Mutex<HashMap<String, u32>>);

impl Vocabulary for TokenNames {
    fn term(&self, token: &str) -> Option<u32> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = u32::try_from(names.len()).ok()?;
        Some(*names.entry(token.to_owned()).or_insert(next))
    }
}

impl TokenNames {
    /// The tokens, by their numbers.
    pub(crate) fn into_tokens(self: Arc<Self>) -> Vec<String> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tokens: Vec<(u32, String)> =
            names.iter().map(|(token, number)| (*number, token.clone())).collect();
        tokens.sort();
        tokens.into_iter().map(|(_, token)| token).collect()
    }
}

/// Whether a token can only be a word.
pub(crate) fn is_word(token: &str) -> bool {
    token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_digit())
}

/// Vectors whose terms are places in `tokens`, with the terms that a model has for them, or term ids.
///
/// Errors: `Rejected` naming the query.
pub(crate) fn with_terms(
    queries: Vec<(String, SparseVector)>,
    tokens: &[String],
    model: Option<&Model>,
) -> Result<Vec<(String, SparseVector)>, Failure> {
    let vocabulary = model.map(vocabulary_of);
    let term = |place: u32| {
        let token = tokens.get(place as usize).map_or("", |token| token);
        gleaner::term_of(token, vocabulary.as_deref()).map_err(|reason| reason.explain(token))
    };
    let named = |(id, vector): (String, SparseVector)| {
        let pairs = vector.iter().map(|(place, weight)| Ok((term(place)?, weight)));
        let pairs = pairs.collect::<Result<Vec<_>, String>>();
        let vector = pairs
            .and_then(|pairs| SparseVector::from_pairs(pairs).map_err(|error| error.to_string()));
        match vector {
            Ok(vector) => Ok((id, vector)),
            Err(reason) => Err(Failure::Query { id, reason }),
        }
    };
    queries.into_iter().map(named).collect()
}
