//! Texts longer than a model reads, cut into passages that overlap.
//!
//! A passage is a slice of the text, so that it is tokenized, put into the template and encoded as
//! any text is. It is cut where the whole text's tokens begin; because a slice may have other tokens
//! than the text had there, every passage is checked and made shorter until it fits. What becomes of
//! the vectors is the caller's: [`highest_weights`] makes one of them.

use std::ops::Range;

use gleaner_format::SparseVector;
use tokenizers::Encoding;

use crate::Side;
use crate::error::{Cause, EncodeError};
use crate::session::Encoder;
use crate::tokenize::{SideTokenizer, TokenizedText, Wanted};

/// How long passages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Tokens of a passage at most, with specials and whatever else the side adds.
    pub length: usize,
    /// Tokens of the text that a passage shares with the one before; a few more where that lets it
    /// begin with a word.
    pub overlap: usize,
}

/// What a text became.
#[derive(Debug, Clone, PartialEq)]
pub struct LongText {
    /// In the order of the text; at least one.
    pub passages: Vec<Passage>,
    /// Whether the text is longer than the model reads at once.
    pub is_longer: bool,
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// Where it is in the text.
    pub bytes: Range<usize>,
    /// Its vector.
    pub vector: SparseVector,
}

/// A text tokenized window by window.
pub(crate) struct TokenizedLongText {
    pub(crate) windows: Vec<Window>,
    pub(crate) is_longer: bool,
}

pub(crate) struct Window {
    pub(crate) bytes: Range<usize>,
    tokens: TokenizedText,
}

impl LongText {
    /// One vector of the whole text, by [`highest_weights`].
    pub fn into_highest_weights(mut self) -> SparseVector {
        match &mut self.passages[..] {
            [only] => std::mem::take(&mut only.vector),
            passages => highest_weights(passages.iter().map(|passage| &passage.vector)),
        }
    }
}

/// The largest weight that any of the vectors has for each term.
pub fn highest_weights<'a>(vectors: impl IntoIterator<Item = &'a SparseVector>) -> SparseVector {
    let mut pairs: Vec<(u32, f32)> = vectors.into_iter().flat_map(SparseVector::iter).collect();
    pairs.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
    pairs.dedup_by_key(|pair| pair.0);
    let (terms, weights) = pairs.into_iter().unzip();
    SparseVector::new(terms, weights).expect("terms ascend and every weight was valid before")
}

impl Encoder {
    /// Encodes texts however long they are, passage by passage; the passages of all texts share
    /// batches. Without `windows` every text is one passage, and what is too much is cut off, as
    /// [`Encoder::encode`] does.
    ///
    /// Shapes: one entry per text, in order; a text that fits is one passage with the vector that
    /// [`Encoder::encode`] gives it. Errors: `Windows`, and those of [`Encoder::encode`].
    /// Cost: memory for the tokens and vectors of all passages and one batch's output.
    pub fn encode_long(
        &mut self,
        side: Side,
        texts: &[&str],
        windows: Option<Windows>,
    ) -> Result<Vec<LongText>, EncodeError> {
        if let Some(windows) = windows {
            self.model.side(side).tokenizer.check_windows(windows)?;
        }
        let mut cut = Vec::with_capacity(texts.len());
        let (mut tokens, mut text_of) = (Vec::new(), Vec::new());
        for (text, content) in texts.iter().enumerate() {
            let long = match windows {
                Some(windows) => self.model.tokenize_long(side, content, windows),
                None => {
                    self.model.tokenize(side, content, false).map(|tokens| one(content, tokens))
                }
            };
            let long = long.map_err(|source| EncodeError::Tokenize { text, source })?;
            let mut ranges = Vec::with_capacity(long.windows.len());
            for window in long.windows {
                ranges.push(window.bytes);
                tokens.push(window.tokens);
                text_of.push(text);
            }
            cut.push((ranges, long.is_longer));
        }
        let vectors = self.encode_tokens(side, &tokens);
        let vectors = vectors.map_err(|error| error.of_texts(|piece| text_of[piece]))?;
        let mut vectors = vectors.into_iter();
        let joined = cut.into_iter().map(|(ranges, is_longer)| {
            let passages = ranges.into_iter().zip(&mut vectors);
            let passages = passages.map(|(bytes, vector)| Passage { bytes, vector }).collect();
            LongText { passages, is_longer }
        });
        Ok(joined.collect())
    }
}

/// A text as one window.
fn one(text: &str, tokens: TokenizedText) -> TokenizedLongText {
    let is_longer = tokens.is_cut;
    TokenizedLongText { windows: vec![Window { bytes: 0..text.len(), tokens }], is_longer }
}

impl SideTokenizer {
    /// Errors: `Windows`.
    pub(crate) fn check_windows(&self, windows: Windows) -> Result<(), EncodeError> {
        let Windows { length, overlap } = windows;
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
        Err(EncodeError::Windows { length, overlap, reason })
    }

    /// Tokenizes a text in windows, one if it fits.
    pub(crate) fn windows(
        &self,
        text: &str,
        windows: Windows,
        wanted: Wanted<'_>,
    ) -> Result<TokenizedLongText, Cause> {
        let whole = one(text, self.tokenize(text, wanted)?);
        if fits(&whole.windows[0].tokens, windows.length) {
            return Ok(whole);
        }
        let cuts = Cuts::of(&self.whole.encode(text, false)?, text);
        let mut found = Vec::new();
        let (mut first, mut covered) = (0, 0);
        while covered < cuts.len() {
            let (end, tokens) = self.longest(text, &cuts, first, windows.length, wanted)?;
            if end <= covered {
                // Nothing new behind the overlap: go on without one.
                first = covered;
                continue;
            }
            found.push(Window { bytes: cuts.bytes(first, end), tokens });
            covered = end;
            first = cuts.back(first, end, windows.overlap, self.room(windows.length));
        }
        Ok(TokenizedLongText { windows: found, is_longer: whole.is_longer })
    }

    /// The longest window from cut `first` on: its end, and its tokens.
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
    fn of(encoding: &Encoding, text: &str) -> Self {
        let (mut starts, mut is_word) = (vec![0], vec![true]);
        let mut previous = encoding.get_word_ids().first().copied().flatten();
        for (&(start, _), &word) in encoding.get_offsets().iter().zip(encoding.get_word_ids()) {
            let begins = word.is_none() || word != previous;
            previous = word;
            let is_after = starts.last().is_some_and(|&last| last < start);
            if is_after && start < text.len() && text.is_char_boundary(start) {
                starts.push(start);
                is_word.push(begins);
            }
        }
        starts.push(text.len());
        is_word.push(true);
        Self { starts, is_word }
    }

    /// Number of pieces between cuts.
    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn bytes(&self, first: usize, end: usize) -> Range<usize> {
        self.starts[first]..self.starts[end]
    }

    /// The last cut up to `limit` before which a word ends, if the window keeps three quarters of
    /// its pieces; else `limit`.
    fn end(&self, first: usize, limit: usize) -> usize {
        let limit = limit.max(first + 1);
        let least = limit - (limit - first) / 4;
        (least..=limit).rev().find(|&cut| self.is_word[cut]).unwrap_or(limit)
    }

    /// Where the window behind `first..end` begins: `overlap` pieces back, or a few more where a
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
    use super::*;

    #[test]
    fn the_highest_weight_of_every_term_is_kept() {
        let vector = |pairs: &[(u32, f32)]| SparseVector::from_pairs(pairs.to_vec()).unwrap();
        let (a, b) = (vector(&[(1, 2.0), (3, 1.0)]), vector(&[(1, 1.0), (3, 4.0), (9, 0.5)]));
        assert_eq!(highest_weights([&a, &b]), vector(&[(1, 2.0), (3, 4.0), (9, 0.5)]));
        assert_eq!(highest_weights([]), SparseVector::default());
    }

    #[test]
    fn windows_end_with_words_and_begin_with_words() {
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
