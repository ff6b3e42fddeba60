//! Text to token ids: the tokenizer of a model folder, cut to this model's lengths.
//!
//! Truncation is ours (the settings' length per side, specials included, the end is cut) and so is
//! padding (`batch.rs`), whatever `tokenizer.json` carries. Knows nothing of graphs.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use tokenizers::{
    Encoding, NormalizedString, Normalizer, PostProcessor, Tokenizer, TruncationParams,
};

use crate::Side;
use crate::error::{Cause, EncodeError};
use crate::template::Template;
use crate::terms::{Terms, Unit};

/// Token ids beyond this are refused: the vocabulary is an array by id, and the largest in use have
/// a few hundred thousand entries.
pub(crate) const MAX_TOKENS: usize = 1 << 22;

/// A tokenizer without truncation, and its tokens by id.
pub(crate) struct Tokens {
    tokenizer: Arc<Tokenizer>,
    /// Indexed by token id; ids that the tokenizer skips hold nothing.
    by_id: Vec<Option<String>>,
}

/// The tokens of one text, specials included, not padded. All arrays that are not empty have one
/// entry per token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TokenizedText {
    pub(crate) ids: Vec<i64>,
    /// Segment ids.
    pub(crate) types: Vec<i64>,
    /// The tokens that are pooled: all, or those of the echo.
    pub(crate) pooled: Range<usize>,
    /// The term each token stands for; only where the side asks for them.
    pub(crate) units: Vec<Option<u32>>,
    /// The bytes of the text that each token's word has; only on request.
    pub(crate) words: Vec<Option<Range<usize>>>,
    /// Whether the text had more tokens than these.
    pub(crate) is_cut: bool,
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
        Ok(Self { tokenizer: Arc::new(tokenizer), by_id })
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

    /// The tokenizer of one side, which cuts texts to `max_length` tokens; `path` is the settings
    /// file's, for messages.
    ///
    /// Errors: `InvalidSetting` when the length leaves no room for a token beside the specials and
    /// the template's own.
    pub(crate) fn side(
        &self,
        side: Side,
        template: &Template,
        max_length: usize,
        path: &Path,
    ) -> Result<SideTokenizer, EncodeError> {
        let (length_key, template_key) = match side {
            Side::Query => ("max_length.query", "query.template"),
            Side::Document => ("max_length.document", "document.template"),
        };
        let invalid =
            |key, reason| EncodeError::InvalidSetting { path: path.to_owned(), key, reason };
        // The tokenizer subtracts the specials from the length unchecked, so the check is here.
        let specials =
            self.tokenizer.get_post_processor().map_or(0, |step| step.added_tokens(false));
        if max_length <= specials {
            let reason =
                format!("{max_length} tokens, of which {specials} are special: none is left");
            return Err(invalid(length_key, reason));
        }
        let failed = |error: Cause| invalid(template_key, error.to_string());
        let empty = self.tokenizer.encode_fast(template.fill("").0, true).map_err(failed)?.len();
        if !template.is_nothing() && empty >= max_length {
            let reason = format!("{empty} tokens without a text, of {max_length}: none is left");
            return Err(invalid(template_key, reason));
        }
        let truncation = TruncationParams { max_length, ..TruncationParams::default() };
        let mut tokenizer = Tokenizer::clone(&self.tokenizer);
        tokenizer.with_truncation(Some(truncation)).map_err(failed)?;
        Ok(SideTokenizer {
            cut: Arc::new(tokenizer),
            whole: Arc::clone(&self.tokenizer),
            specials: special_ids(&self.tokenizer),
            template: template.clone(),
            max_length,
            empty,
        })
    }
}

/// Tokens that stand for no text.
fn special_ids(tokenizer: &Tokenizer) -> HashSet<u32> {
    let added = tokenizer.get_added_tokens_decoder();
    added.iter().filter(|(_, token)| token.special).map(|(&id, _)| id).collect()
}

/// What a side's tokenizer is to find out beside the ids.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// The terms that tokens stand for.
    pub(crate) units: Option<&'a Terms>,
    /// The words that tokens come from.
    pub(crate) words: bool,
}

/// The tokenizer of one side.
pub(crate) struct SideTokenizer {
    /// Cuts to the side's length.
    cut: Arc<Tokenizer>,
    /// Does not cut: finds how much of a text fits twice, and where a long text can be cut.
    pub(crate) whole: Arc<Tokenizer>,
    specials: HashSet<u32>,
    template: Template,
    /// Tokens per text, specials included.
    pub(crate) max_length: usize,
    /// Tokens of the specials and the template alone.
    empty: usize,
}

impl SideTokenizer {
    /// Tokens of a text that `length` tokens have room for.
    pub(crate) fn room(&self, length: usize) -> usize {
        length.saturating_sub(self.empty) / if self.template.echoes() { 2 } else { 1 }
    }

    /// Whether a text, with what its template adds, is cut to the side's length.
    pub(crate) fn is_cut(&self, text: &str) -> Result<bool, Cause> {
        let kept = self.twice(text)?;
        if kept.len() < text.len() {
            return Ok(true);
        }
        let (filled, _) = self.template.fill(kept);
        Ok(!self.cut.encode_fast(filled.as_str(), true)?.get_overflowing().is_empty())
    }

    /// Tokenizes a text: specials added, cut to the side's length. May be empty only where the
    /// tokenizer adds no specials.
    pub(crate) fn tokenize(&self, text: &str, wanted: Wanted<'_>) -> Result<TokenizedText, Cause> {
        let kept = self.twice(text)?;
        let (filled, copy) = self.template.fill(kept);
        let needs_offsets = wanted.words
            || self.template.echoes()
            || wanted
                .units
                .is_some_and(|terms| terms.unit() == Unit::Word || !self.template.is_nothing());
        let encoding = match needs_offsets {
            true => self.cut.encode(filled.as_str(), true)?,
            false => self.cut.encode_fast(filled.as_str(), true)?,
        };
        let widen = |ids: &[u32]| ids.iter().map(|&id| i64::from(id)).collect::<Vec<_>>();
        let ids = widen(encoding.get_ids());
        let pooled = match self.template.echoes() {
            true => tokens_within(&encoding, &copy),
            false => 0..ids.len(),
        };
        let units = match wanted.units {
            Some(terms) => self.units(&encoding, &filled, &copy, terms)?,
            None => Vec::new(),
        };
        let words = if wanted.words { words(&encoding, &copy) } else { Vec::new() };
        let types = widen(encoding.get_type_ids());
        let is_cut = kept.len() < text.len() || !encoding.get_overflowing().is_empty();
        Ok(TokenizedText { ids, types, pooled, units, words, is_cut })
    }

    /// The beginning of a text that fits into the length twice; all of it where it need not.
    fn twice<'a>(&self, text: &'a str) -> Result<&'a str, Cause> {
        if !self.template.echoes() {
            return Ok(text);
        }
        let encoding = self.whole.encode(text, false)?;
        match encoding.get_offsets().get(self.room(self.max_length)) {
            Some(&(start, _)) if text.is_char_boundary(start) => Ok(&text[..start]),
            _ => Ok(text),
        }
    }

    /// The term of every token: the token itself, or the word that it begins, where that is the
    /// word's first occurrence. Specials, and what the template adds, stand for nothing.
    fn units(
        &self,
        encoding: &Encoding,
        filled: &str,
        copy: &Range<usize>,
        terms: &Terms,
    ) -> Result<Vec<Option<u32>>, Cause> {
        let inside =
            |at: usize| self.template.is_nothing() || within(encoding.get_offsets()[at], copy);
        let ids = encoding.get_ids();
        let added = encoding.get_special_tokens_mask();
        let is_text = |at: usize| added[at] == 0 && !self.specials.contains(&ids[at]) && inside(at);
        if terms.unit() != Unit::Word {
            return Ok((0..ids.len()).map(|at| is_text(at).then(|| ids[at])).collect());
        }
        let spans = word_spans(encoding);
        let mut units = vec![None; ids.len()];
        let (mut begun, mut seen) = (None, HashSet::new());
        for (at, word) in encoding.get_word_ids().iter().enumerate() {
            let Some(word) = word.filter(|_| added[at] == 0 && inside(at)) else { continue };
            if begun.replace(word) == Some(word) {
                continue;
            }
            let Some(text) = filled.get(spans[&word].clone()) else { continue };
            let term = terms.term(&self.normalize(text)?);
            units[at] = term.filter(|&term| seen.insert(term));
        }
        Ok(units)
    }

    /// A word as the tokenizer sees it: in lower case, say.
    fn normalize(&self, word: &str) -> Result<String, Cause> {
        let mut normalized = NormalizedString::from(word);
        if let Some(normalizer) = self.cut.get_normalizer() {
            normalizer.normalize(&mut normalized)?;
        }
        Ok(normalized.get().to_owned())
    }
}

fn within((start, end): (usize, usize), bytes: &Range<usize>) -> bool {
    start < end && bytes.start <= start && end <= bytes.end
}

/// The tokens of these bytes, which lie together; tokens without bytes are specials.
fn tokens_within(encoding: &Encoding, bytes: &Range<usize>) -> Range<usize> {
    let offsets = encoding.get_offsets();
    // A token may begin with the space before the copy.
    let overlaps =
        |&(start, end): &(usize, usize)| start < end && start < bytes.end && end > bytes.start;
    match (offsets.iter().position(overlaps), offsets.iter().rposition(overlaps)) {
        (Some(first), Some(last)) => first..last + 1,
        _ => 0..0,
    }
}

/// The bytes of every word, from its first token to its last.
fn word_spans(encoding: &Encoding) -> HashMap<u32, Range<usize>> {
    let mut spans: HashMap<u32, Range<usize>> = HashMap::new();
    for (word, &(start, end)) in encoding.get_word_ids().iter().zip(encoding.get_offsets()) {
        if let Some(word) = word {
            let span = spans.entry(*word).or_insert(start..end);
            *span = span.start.min(start)..span.end.max(end);
        }
    }
    spans
}

/// The bytes of the text, without the template, that every token's word has.
fn words(encoding: &Encoding, copy: &Range<usize>) -> Vec<Option<Range<usize>>> {
    let spans = word_spans(encoding);
    let added = encoding.get_special_tokens_mask();
    let word = |at: usize| {
        let (start, end) = encoding.get_offsets()[at];
        let span = encoding.get_word_ids()[at].and_then(|word| spans.get(&word).cloned());
        let span = span.unwrap_or(start..end);
        let is_text = added[at] == 0 && within((span.start, span.end), copy);
        is_text.then(|| span.start - copy.start..span.end - copy.start)
    };
    (0..encoding.len()).map(word).collect()
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
