//! Texts to token ids, for one side of a model.
//!
//! A side's template is filled, the result is tokenized, and its end is cut where it is longer than
//! the side reads (specials included). Only what the side needs beside the ids is found out: the
//! terms that tokens stand for, or the words that they come from. Knows nothing of graphs.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use tokenizers::normalizers::{Lowercase, Sequence};
use tokenizers::{
    Encoding, NormalizedString, Normalizer, NormalizerWrapper, PostProcessor, Tokenizer,
    TruncationParams,
};

use gleaner_format::is_blank;

use crate::error::{Cause, EncodeError};
use crate::side::Side;
use crate::text::head::Locality;
use crate::text::template::Template;
use crate::text::terms::Terms;
use crate::text::tokens::Tokens;
use crate::text::unit::Unit;

/// Bytes of a text that are looked at first, for each token that is kept.
const HEAD_TOKEN_BYTES: usize = 16;

/// How much more is looked at if that is too little.
const HEAD_GROWTH: usize = 4;

/// Bytes of a text from which long runs of one kind are shortened.
const SQUEEZED_FROM_BYTES: usize = 64 << 10;

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

/// What is stated about the texts of one side.
pub(crate) struct SideTexts<'a> {
    pub(crate) template: &'a Template,
    /// Tokens per text, specials included.
    pub(crate) max_length: usize,
    /// Texts are put into lower case before anything else.
    pub(crate) lower_case: bool,
}

impl Tokens {
    /// The tokenizer of one side, which cuts texts to its length; `path` is the settings file's,
    /// for messages.
    ///
    /// Errors: `InvalidSetting` when the length leaves no room for a token beside the specials and
    /// the template's own.
    pub(crate) fn side(
        &self,
        side: Side,
        texts: &SideTexts<'_>,
        path: &Path,
    ) -> Result<SideTokenizer, EncodeError> {
        let SideTexts { template, max_length, lower_case } = *texts;
        let (length_key, template_key) = match side {
            Side::Query => ("max_length.query", "query.template"),
            Side::Document => ("max_length.document", "document.template"),
        };
        let invalid =
            |key, reason| EncodeError::InvalidSetting { path: path.to_owned(), key, reason };
        // The tokenizer subtracts the specials from the length unchecked, so the check is here.
        let specials =
            self.tokenizer().get_post_processor().map_or(0, |step| step.added_tokens(false));
        if max_length <= specials {
            let reason =
                format!("{max_length} tokens, of which {specials} are special: none is left");
            return Err(invalid(length_key, reason));
        }
        let failed = |error: Cause| invalid(template_key, error.to_string());
        let whole = match lower_case {
            true => Arc::new(lowered(self.tokenizer()).map_err(failed)?),
            false => Arc::clone(self.tokenizer()),
        };
        let empty = whole.encode_fast(template.fill("").0, true).map_err(failed)?.len();
        if !template.is_nothing() && empty >= max_length {
            let reason = format!("{empty} tokens without a text, of {max_length}: none is left");
            return Err(invalid(template_key, reason));
        }
        let truncation = TruncationParams { max_length, ..TruncationParams::default() };
        let mut tokenizer = Tokenizer::clone(&whole);
        tokenizer.with_truncation(Some(truncation)).map_err(failed)?;
        Ok(SideTokenizer {
            cut: Arc::new(tokenizer),
            whole,
            locality: self.locality,
            specials: self.special_ids(),
            template: template.clone(),
            max_length,
            empty,
        })
    }
}

/// A tokenizer that puts texts into lower case first. Offsets stay those of the text.
fn lowered(tokenizer: &Tokenizer) -> Result<Tokenizer, Cause> {
    let mut lowered = tokenizer.clone();
    let mut steps = vec![NormalizerWrapper::from(Lowercase)];
    steps.extend(tokenizer.get_normalizer().cloned());
    lowered.with_normalizer(Some(Sequence::new(steps)))?;
    Ok(lowered)
}

/// What a side's tokenizer is to find out beside the ids.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// The terms that tokens stand for.
    pub(crate) units: Option<&'a Terms>,
    /// The words that tokens come from.
    pub(crate) words: bool,
    /// The tokens around a text that has none of its own.
    pub(crate) blanks: bool,
}

/// The tokenizer of one side.
pub(crate) struct SideTokenizer {
    /// Cuts to the side's length.
    cut: Arc<Tokenizer>,
    /// Does not cut: finds how much of a text fits twice, and where a long text can be cut.
    pub(crate) whole: Arc<Tokenizer>,
    pub(super) locality: Locality,
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
        Ok(self.tokenize(text, Wanted { units: None, words: false, blanks: true })?.is_cut)
    }

    /// Tokenizes a text: specials added, cut to the side's length. Empty for a text without tokens
    /// of its own, unless `blanks` are wanted; else only where the tokenizer adds no specials.
    ///
    /// Cost: memory for a multiple of the tokens kept, where the tokenizer works word by word.
    pub(crate) fn tokenize(&self, text: &str, wanted: Wanted<'_>) -> Result<TokenizedText, Cause> {
        if !wanted.blanks && is_blank(text) {
            return Ok(TokenizedText::default());
        }
        if let Some(tokens) = self.tokenize_head(text, wanted)? {
            return Ok(tokens);
        }
        // Places in the text count for words.
        if text.len() > SQUEEZED_FROM_BYTES && !wanted.words {
            let squeezed = self.locality.squeezed(text);
            if let Some(tokens) = self.tokenize_head(&squeezed, wanted)? {
                return Ok(tokens);
            }
            return Ok(self.tokenize_with(&squeezed, wanted, None)?.unwrap_or_default());
        }
        Ok(self.tokenize_with(text, wanted, None)?.unwrap_or_default())
    }

    /// The same of a beginning of the text, where one is known to have the same tokens.
    fn tokenize_head(
        &self,
        text: &str,
        wanted: Wanted<'_>,
    ) -> Result<Option<TokenizedText>, Cause> {
        let mut len_bytes = self.max_length.saturating_mul(HEAD_TOKEN_BYTES);
        while len_bytes < text.len() {
            if let Some(head) = self.locality.head(text, len_bytes) {
                let found = self.tokenize_with(head, wanted, Some(self.locality.margin()))?;
                if found.is_some() {
                    return Ok(found);
                }
            }
            len_bytes = len_bytes.saturating_mul(HEAD_GROWTH);
        }
        Ok(None)
    }

    /// Tokenizes all of a text; with a margin, nothing if not so many tokens follow those kept, and
    /// those of the template.
    fn tokenize_with(
        &self,
        text: &str,
        wanted: Wanted<'_>,
        margin: Option<usize>,
    ) -> Result<Option<TokenizedText>, Cause> {
        let Some(kept) = self.kept(text, margin)? else { return Ok(None) };
        let (filled, copy) = self.template.fill(kept);
        let needs_offsets = wanted.words
            || self.template.echoes()
            || wanted
                .units
                .is_some_and(|terms| terms.unit().is_word() || !self.template.is_nothing());
        let encoding = match needs_offsets {
            true => self.cut.encode(filled.as_str(), true)?,
            false => self.cut.encode_fast(filled.as_str(), true)?,
        };
        if !wanted.blanks && self.is_bare(&encoding, kept)? {
            return Ok(Some(TokenizedText::default()));
        }
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
        Ok(Some(TokenizedText { ids, types, pooled, units, words, is_cut }))
    }

    /// Whether the tokens of a text are only what is put around it: the tokenizer sees nothing in
    /// it, such as in control characters.
    fn is_bare(&self, encoding: &Encoding, text: &str) -> Result<bool, Cause> {
        Ok(encoding.len() <= self.empty && self.whole.encode_fast(text, false)?.is_empty())
    }

    /// The beginning of a text that fits into the length twice; all of it where it need not. With a
    /// margin, nothing if not so many tokens follow those kept.
    fn kept<'a>(&self, text: &'a str, margin: Option<usize>) -> Result<Option<&'a str>, Cause> {
        if !self.template.echoes() {
            let Some(margin) = margin else { return Ok(Some(text)) };
            // The tokenizer that cuts stops early, and so does not say how much it left.
            let found = self.whole.encode_fast(text, false)?.len();
            return Ok((found > self.max_length + margin).then_some(text));
        }
        let encoding = self.whole.encode(text, false)?;
        let room = self.room(self.max_length);
        let has_margin = margin.is_none_or(|margin| encoding.len() > room + margin);
        Ok(match encoding.get_offsets().get(room) {
            Some(&(start, _)) if text.is_char_boundary(start) => has_margin.then(|| &text[..start]),
            _ => margin.is_none().then_some(text),
        })
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
        match terms.unit() {
            Unit::Token | Unit::Code => {
                Ok((0..ids.len()).map(|at| is_text(at).then(|| ids[at])).collect())
            }
            Unit::Word => {
                let is_own = |at: usize| added[at] == 0 && inside(at);
                self.word_units(encoding, filled, terms, is_own)
            }
        }
    }

    /// The word that every token begins, where it is the word's first occurrence; `is_own` says
    /// which tokens are of the text.
    fn word_units(
        &self,
        encoding: &Encoding,
        filled: &str,
        terms: &Terms,
        is_own: impl Fn(usize) -> bool,
    ) -> Result<Vec<Option<u32>>, Cause> {
        let bytes = word_bytes(encoding);
        let mut units = vec![None; encoding.len()];
        let (mut begun, mut seen) = (None, HashSet::new());
        for (at, word) in encoding.get_word_ids().iter().enumerate() {
            let Some(word) = word.filter(|_| is_own(at)) else { continue };
            if begun.replace(word) == Some(word) {
                continue;
            }
            let Some(text) = filled.get(bytes[&word].clone()) else { continue };
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
fn word_bytes(encoding: &Encoding) -> HashMap<u32, Range<usize>> {
    let mut words: HashMap<u32, Range<usize>> = HashMap::new();
    for (word, &(start, end)) in encoding.get_word_ids().iter().zip(encoding.get_offsets()) {
        if let Some(word) = word {
            let bytes = words.entry(*word).or_insert(start..end);
            *bytes = bytes.start.min(start)..bytes.end.max(end);
        }
    }
    words
}

/// The bytes of the text, without the template, that every token's word has.
fn words(encoding: &Encoding, copy: &Range<usize>) -> Vec<Option<Range<usize>>> {
    let bytes = word_bytes(encoding);
    let added = encoding.get_special_tokens_mask();
    let word = |at: usize| {
        let (start, end) = encoding.get_offsets()[at];
        let whole = encoding.get_word_ids()[at].and_then(|word| bytes.get(&word).cloned());
        let whole = whole.unwrap_or(start..end);
        let is_text = added[at] == 0 && within((whole.start, whole.end), copy);
        is_text.then(|| whole.start - copy.start..whole.end - copy.start)
    };
    (0..encoding.len()).map(word).collect()
}

#[cfg(test)]
mod tests;
