//! Tokens to term ids: by a vocabulary, or by their own digits where there is none.

/// Knows the term ids of tokens, as a model does.
pub trait Vocabulary: Send + Sync {
    /// The term id of a token; `None` for a token that the vocabulary does not have.
    fn term(&self, token: &str) -> Option<u32>;
}

/// Why a token names no term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The model's vocabulary does not have it.
    #[error("the model's vocabulary does not have it")]
    NotInVocabulary,
    /// Without a model a token is a term id in decimal digits.
    #[error("the index has no model; a token is a term id there")]
    NotATermId,
    /// The digits are above the largest term id.
    #[error("it is above the largest term id, {}", u32::MAX)]
    TooLarge,
}

impl TokenError {
    /// The reason with its token and the remedy, for whoever wrote the token into a file or a flag.
    pub fn explain(self, token: &str) -> String {
        match self {
            Self::NotInVocabulary => format!(
                "the model's vocabulary has no token {token:?} (without --model, tokens are term \
                 ids)"
            ),
            Self::NotATermId => format!(
                "the token {token:?} is no term id; name the model that knows it with --model, or \
                 write term ids"
            ),
            Self::TooLarge => {
                format!("the token {token:?} is above the largest term id, {}", u32::MAX)
            }
        }
    }
}

/// The term id that a token means: what the vocabulary says, or its own digits.
///
/// # Errors
/// Why the token names none.
pub fn term_of(token: &str, vocabulary: Option<&dyn Vocabulary>) -> Result<u32, TokenError> {
    let is_number = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
    match vocabulary {
        Some(vocabulary) => vocabulary.term(token).ok_or(TokenError::NotInVocabulary),
        None if is_number => token.parse().map_err(|_| TokenError::TooLarge),
        None => Err(TokenError::NotATermId),
    }
}
