//! Text to token ids: the tokenizer of a model folder, cut to this model's lengths.
//!
//! Truncation is ours (the settings' length per side, specials included, the end is cut) and so is
//! padding (`batch.rs`), whatever `tokenizer.json` carries. Knows nothing of graphs.

use std::path::Path;
use std::sync::Arc;

use tokenizers::{PostProcessor, Tokenizer, TruncationParams};

use crate::Side;
use crate::error::{Cause, EncodeError};
use crate::settings::{MaxLength, Settings};

/// Token ids beyond this are refused: the vocabulary is an array by id, and the largest in use have
/// a few hundred thousand entries.
const MAX_TOKENS: usize = 1 << 22;

/// The tokens of one text, specials included, not padded. Both arrays have one entry per token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) ids: Vec<i64>,
    /// Segment ids.
    pub(crate) types: Vec<i64>,
}

/// A tokenizer per side, and the vocabulary by id.
pub(crate) struct Vocabulary {
    query: Arc<Tokenizer>,
    document: Arc<Tokenizer>,
    /// Indexed by token id; ids that the tokenizer skips hold nothing.
    tokens: Vec<Option<String>>,
}

impl Vocabulary {
    /// Reads a `tokenizer.json` whose bytes are at hand; `path` is for messages.
    ///
    /// Errors: `InvalidFile` when it does not parse or is empty; `InvalidSetting` when a maximum
    /// length leaves no room for a token beside the specials.
    pub(crate) fn read(
        bytes: &[u8],
        path: &Path,
        settings: &Settings,
    ) -> Result<Self, EncodeError> {
        let invalid = |source: Cause| EncodeError::InvalidFile {
            what: "tokenizer",
            path: path.to_owned(),
            source,
        };
        let tokenizer = Tokenizer::from_bytes(bytes).map_err(invalid)?;
        let tokens = tokens_by_id(&tokenizer).map_err(invalid)?;
        check_room(&tokenizer, settings)?;
        let MaxLength { query, document } = settings.max_length;
        let document_side = Arc::new(cut_to(tokenizer.clone(), document).map_err(invalid)?);
        let query_side = if query == document {
            Arc::clone(&document_side)
        } else {
            Arc::new(cut_to(tokenizer, query).map_err(invalid)?)
        };
        Ok(Self { query: query_side, document: document_side, tokens })
    }

    /// The number of term ids: the largest token id plus one.
    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The token of a term id.
    pub(crate) fn token(&self, term: u32) -> Option<&str> {
        self.tokens.get(usize::try_from(term).ok()?)?.as_deref()
    }

    /// The term id of a token.
    pub(crate) fn term(&self, token: &str) -> Option<u32> {
        self.document.token_to_id(token)
    }

    /// Tokenizes a text: specials added, cut to the side's length. May be empty only where the
    /// tokenizer adds no specials.
    pub(crate) fn tokenize(&self, side: Side, text: &str) -> Result<Tokens, Cause> {
        let encoding = self.of(side).encode_fast(text, true)?;
        let widen = |ids: &[u32]| ids.iter().map(|&id| i64::from(id)).collect();
        Ok(Tokens { ids: widen(encoding.get_ids()), types: widen(encoding.get_type_ids()) })
    }

    /// Whether a text is cut to the side's length.
    pub(crate) fn is_cut(&self, side: Side, text: &str) -> Result<bool, Cause> {
        Ok(!self.of(side).encode_fast(text, true)?.get_overflowing().is_empty())
    }

    fn of(&self, side: Side) -> &Tokenizer {
        match side {
            Side::Query => &self.query,
            Side::Document => &self.document,
        }
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

/// The tokenizer subtracts the specials from the length unchecked, so the check is here.
fn check_room(tokenizer: &Tokenizer, settings: &Settings) -> Result<(), EncodeError> {
    let specials = tokenizer.get_post_processor().map_or(0, |step| step.added_tokens(false));
    let lengths = settings.max_length;
    for (key, length) in
        [("max_length.query", lengths.query), ("max_length.document", lengths.document)]
    {
        if length <= specials {
            let reason = format!("{length} tokens, of which {specials} are special: none is left");
            return Err(EncodeError::InvalidSetting { path: settings.path.clone(), key, reason });
        }
    }
    Ok(())
}

fn cut_to(mut tokenizer: Tokenizer, max_length: usize) -> Result<Tokenizer, Cause> {
    let truncation = TruncationParams { max_length, ..TruncationParams::default() };
    tokenizer.with_padding(None);
    tokenizer.with_truncation(Some(truncation))?;
    Ok(tokenizer)
}
