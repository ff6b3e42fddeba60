//! Tokens to term ids: by a vocabulary, or by their own digits where there is none.

/// Knows the term ids of tokens, as a model does.
pub trait Vocabulary: Send + Sync {
    /// The term id of a token; `None` for a token that the vocabulary does not have.
    fn term(&self, token: &str) -> Option<u32>;
}

/// The term id that a token means: what the vocabulary says, or its own digits.
///
/// # Errors
/// The token and the remedy.
pub fn term_of(token: &str, vocabulary: Option<&dyn Vocabulary>) -> Result<u32, String> {
    if let Some(vocabulary) = vocabulary {
        return vocabulary.term(token).ok_or_else(|| {
            format!("the model's vocabulary has no token {token:?} (without --model, tokens are term ids)")
        });
    }
    let is_number = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
    match token.parse() {
        Ok(term) if is_number => Ok(term),
        Err(_) if is_number => {
            Err(format!("the token {token:?} is above the largest term id, {}", u32::MAX))
        }
        _ => Err(format!(
            "the token {token:?} is no term id; name the model that knows it with --model, or write \
             term ids"
        )),
    }
}
