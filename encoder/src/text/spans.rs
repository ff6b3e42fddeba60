//! Cutting texts that are longer than a model reads into spans that overlap.
//!
//! A span is a slice of the text, so it is tokenized and put into the template as any text is. It
//! is cut where the whole text's tokens begin. A slice may have other tokens than the text had
//! there, so every span is checked and made shorter until it fits. Vectors of spans are
//! `session/long.rs`.

use std::ops::Range;

use tokenizers::Encoding;

use crate::error::{Cause, EncodeError};
use crate::text::tokenize::{SideTokenizer, TokenizedText, Wanted};

/// Bytes of a text that are tokenized at once.
const PIECE_LEN_BYTES: usize = 1 << 18;

/// How a text that is longer than the model reads is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spans {
    /// Tokens of a span at most, with specials and whatever else the side adds.
    pub length: usize,
    /// Tokens of the text that a span shares with the one before; a few more where that lets it
    /// begin with a word.
    pub overlap: usize,
}

/// A text tokenized span by span.
pub(crate) struct TokenizedLongText {
    /// In the order of the text; at least one.
    pub(crate) spans: Vec<TokenizedSpan>,
    /// Whether the text is longer than the model reads at once.
    pub(crate) is_longer: bool,
}

/// A span with its tokens.
pub(crate) struct TokenizedSpan {
    /// Where it is in the text.
    pub(crate) bytes: Range<usize>,
    pub(crate) tokens: TokenizedText,
}

impl TokenizedLongText {
    /// A text as one span.
    pub(crate) fn whole(text: &str, tokens: TokenizedText) -> Self {
        let is_longer = tokens.is_cut;
        Self { spans: vec![TokenizedSpan { bytes: 0..text.len(), tokens }], is_longer }
    }
}

impl SideTokenizer {
    /// Checks that spans are of use to this side.
    ///
    /// Errors: `Spans`.
    pub(crate) fn check_spans(&self, spans: Spans) -> Result<(), EncodeError> {
        let Spans { length, overlap } = spans;
        let room = self.room(length);
        let reason = if length > self.max_length {
            format!("the model reads {} tokens at once", self.max_length)
        } else if room == 0 {
            "what is put around a text leaves no room for it; make them longer".to_owned()
        } else if overlap > room / 2 {
            format!("they have room for {room} tokens of a text; overlap by half of that at most")
        } else {
            return Ok(());
        };
        Err(EncodeError::Spans { length, overlap, reason })
    }

    /// Tokenizes a text in spans, one if it fits.
    pub(crate) fn spans(
        &self,
        text: &str,
        spans: Spans,
        wanted: Wanted<'_>,
    ) -> Result<TokenizedLongText, Cause> {
        let whole = TokenizedLongText::whole(text, self.tokenize(text, wanted)?);
        if fits(&whole.spans[0].tokens, spans.length) {
            return Ok(whole);
        }
        let cuts = self.cuts(text, PIECE_LEN_BYTES)?;
        let mut found = Vec::new();
        let (mut first, mut covered) = (0, 0);
        while covered < cuts.len() {
            let (end, tokens) = self.longest(text, &cuts, first, spans.length, wanted)?;
            if end <= covered {
                // Nothing new behind the overlap: go on without one.
                first = covered;
                continue;
            }
            found.push(TokenizedSpan { bytes: cuts.bytes(first, end), tokens });
            covered = end;
            first = cuts.back(first, end, spans.overlap, self.room(spans.length));
        }
        Ok(TokenizedLongText { spans: found, is_longer: whole.is_longer })
    }

    /// Where a text can be cut. It is tokenized piece by piece, so that memory does not follow it.
    fn cuts(&self, text: &str, piece_bytes: usize) -> Result<Cuts, Cause> {
        let mut cuts = Cuts::none();
        let mut start = 0;
        for end in self.locality.pieces(text, piece_bytes) {
            cuts.extend(&self.whole.encode(&text[start..end], false)?, text, start);
            start = end;
        }
        cuts.finish(text.len());
        Ok(cuts)
    }

    /// The longest span from cut `first` on: its end, and its tokens.
    fn longest(
        &self,
        text: &str,
        cuts: &Cuts,
        first: usize,
        length: usize,
        wanted: Wanted<'_>,
    ) -> Result<(usize, TokenizedText), Cause> {
        let mut end = cuts.end(first, (first + self.room(length)).min(cuts.len()));
        loop {
            let tokens = self.tokenize(&text[cuts.bytes(first, end)], wanted)?;
            if fits(&tokens, length) || end == first + 1 {
                return Ok((end, tokens));
            }
            let shorter = end - ((end - first) / 16).max(1);
            end = cuts.end(first, shorter);
        }
    }
}

fn fits(tokens: &TokenizedText, length: usize) -> bool {
    !tokens.is_cut && tokens.ids.len() <= length
}

/// Where a text can be cut: before each of its tokens.
struct Cuts {
    /// Bytes, strictly ascending, character boundaries, the first 0; and the text's length behind.
    starts: Vec<usize>,
    /// Whether a word begins there.
    is_word: Vec<bool>,
}

impl Cuts {
    fn none() -> Self {
        Self { starts: vec![0], is_word: vec![true] }
    }

    /// Adds the cuts before the tokens of a piece of the text that begins at `offset`.
    fn extend(&mut self, encoding: &Encoding, text: &str, offset: usize) {
        // A piece begins with a word.
        let mut previous = match offset {
            0 => encoding.get_word_ids().first().copied().flatten(),
            _ => None,
        };
        for (&(start, _), &word) in encoding.get_offsets().iter().zip(encoding.get_word_ids()) {
            let begins = word.is_none() || word != previous;
            previous = word;
            let start = offset + start;
            let is_after = self.starts.last().is_some_and(|&last| last < start);
            if is_after && start < text.len() && text.is_char_boundary(start) {
                self.starts.push(start);
                self.is_word.push(begins);
            }
        }
    }

    fn finish(&mut self, len_bytes: usize) {
        self.starts.push(len_bytes);
        self.is_word.push(true);
    }

    /// Number of pieces between cuts.
    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn bytes(&self, first: usize, end: usize) -> Range<usize> {
        self.starts[first]..self.starts[end]
    }

    /// The last cut up to `limit` before which a word ends, if the span keeps three quarters of
    /// its pieces; else `limit`.
    fn end(&self, first: usize, limit: usize) -> usize {
        let limit = limit.max(first + 1);
        let least = limit - (limit - first) / 4;
        (least..=limit).rev().find(|&cut| self.is_word[cut]).unwrap_or(limit)
    }

    /// Where the span behind `first..end` begins: `overlap` pieces back, or a few more where a
    /// word begins there.
    fn back(&self, first: usize, end: usize, overlap: usize, room: usize) -> usize {
        if overlap == 0 || end == self.len() {
            return end;
        }
        let start = end.saturating_sub(overlap).max(first + 1);
        let least = start.saturating_sub(room / 8).max(first + 1);
        (least..=start).rev().find(|&cut| self.is_word[cut]).unwrap_or(start)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use super::*;
    use crate::text::tokenize::SideTexts;
    use crate::{
        side::Side,
        text::{template::Template, tokens::Tokens},
    };

    #[test]
    fn a_text_taken_apart_has_the_cuts_of_the_whole() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/models/splade-tiny");
        let bytes = std::fs::read(folder.join("tokenizer.json")).unwrap();
        let tokens = Tokens::read(&bytes, &folder).unwrap();
        let template = Template::default();
        let texts = SideTexts { template: &template, max_length: 32, lower_case: false };
        let side = tokens.side(Side::Document, &texts, &folder).unwrap();
        let text = "Sparse retrieval, naïve 検索 and 1,024 unbelievably antidisestablished words. ";
        for text in
            [text.repeat(40), text.replace(' ', "  ").repeat(40), text.replace(' ', "-").repeat(40)]
        {
            let whole = side.cuts(&text, usize::MAX).unwrap();
            for piece_bytes in [64, 100, 1000] {
                let cuts = side.cuts(&text, piece_bytes).unwrap();
                let is_same = (cuts.starts == whole.starts, cuts.is_word == whole.is_word);
                // Without single spaces pieces may end inside words, which are cuts more.
                let can_be_same = text.contains(", naïve 検索 and ");
                assert!(is_same == (true, true) || !can_be_same, "{piece_bytes}");
                assert!(
                    cuts.starts.is_sorted_by(|a, b| a < b) && cuts.starts.ends_with(&[text.len()])
                );
            }
        }
    }

    #[test]
    fn spans_end_with_words_and_begin_with_words() {
        let starts = (0..=40).collect();
        let is_word = (0..=40).map(|cut| cut % 3 == 0).collect();
        let cuts = Cuts { starts, is_word };
        assert_eq!((cuts.end(0, 16), cuts.end(0, 1), cuts.end(39, 39)), (15, 1, 40));
        // Three quarters are kept: no word ends there, so it is cut within one.
        assert_eq!(cuts.end(1, 2), 2);
        assert_eq!((cuts.back(0, 15, 4, 16), cuts.back(0, 15, 0, 16)), (9, 15));
        // It always moves on.
        assert_eq!((cuts.back(14, 15, 9, 16), cuts.back(0, 40, 9, 16)), (15, 40));
    }
}
