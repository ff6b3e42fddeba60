//! The tokenizer of a model folder: its tokens by id, and its ids by token.
//!
//! `tokenizer.json` is read once. Its own truncation and padding are switched off: lengths are
//! those of the settings (`tokenize.rs`), and padding is done where batches are made. Knows no
//! settings.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use tokenizers::Tokenizer;

use crate::error::{Cause, EncodeError};
use crate::text::head::Locality;

/// Token ids beyond this are refused: the vocabulary is an array by id, and the largest in use have
/// a few hundred thousand entries.
pub(crate) const MAX_TOKENS: usize = 1 << 22;

/// A tokenizer without truncation, and its tokens by id.
pub(crate) struct Tokens {
    tokenizer: Arc<Tokenizer>,
    pub(super) locality: Locality,
    /// Indexed by token id; ids that the tokenizer skips hold nothing.
    by_id: Vec<Option<String>>,
}

impl Tokens {
    /// Reads a `tokenizer.json` whose bytes are at hand; `path` is for messages.
    ///
    /// Errors: `InvalidFile` when it does not parse or is empty.
    pub(crate) fn read(bytes: &[u8], path: &Path) -> Result<Self, EncodeError> {
        let invalid = |source: Cause| EncodeError::InvalidFile {
            what: "tokenizer",
            path: path.to_owned(),
            source,
        };
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(invalid)?;
        let by_id = tokens_by_id(&tokenizer).map_err(invalid)?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(invalid)?;
        Ok(Self { tokenizer: Arc::new(tokenizer), locality: Locality::of(bytes), by_id })
    }

    /// The largest token id plus one.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The token of an id.
    pub(crate) fn token(&self, id: u32) -> Option<&str> {
        self.by_id.get(usize::try_from(id).ok()?)?.as_deref()
    }

    /// The id of a token.
    pub(crate) fn id(&self, token: &str) -> Option<u32> {
        self.tokenizer.token_to_id(token)
    }

    /// The tokenizer itself, which cuts nothing.
    pub(crate) fn tokenizer(&self) -> &Arc<Tokenizer> {
        &self.tokenizer
    }

    /// Tokens that stand for no text.
    pub(crate) fn special_ids(&self) -> HashSet<u32> {
        let added = self.tokenizer.get_added_tokens_decoder();
        added.iter().filter(|(_, token)| token.special).map(|(&id, _)| id).collect()
    }
}

fn tokens_by_id(tokenizer: &Tokenizer) -> Result<Vec<Option<String>>, Cause> {
    let mut entries: Vec<(usize, String)> =
        tokenizer.get_vocab(true).into_iter().map(|(token, id)| (id as usize, token)).collect();
    entries.sort();
    match entries.last() {
        None => return Err("it has no tokens".into()),
        Some((id, token)) if *id >= MAX_TOKENS => {
            return Err(format!("token `{token}` has id {id}, beyond {MAX_TOKENS}").into());
        }
        Some(_) => {}
    }
    let mut tokens = Vec::with_capacity(entries.len());
    for (id, token) in entries {
        // Ids ascend; two names of one id keep the first.
        if id >= tokens.len() {
            tokens.resize(id, None);
            tokens.push(Some(token));
        }
    }
    Ok(tokens)
}
