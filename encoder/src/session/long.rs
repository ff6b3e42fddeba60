//! Long texts to vectors, passage by passage, and the passages' vectors to one.
//!
//! The tokenizer cuts a text into spans (`text/spans.rs`); the spans of all texts share batches as
//! any texts do. A span with its vector is a passage. What becomes of passages is the caller's
//! choice: [`highest_weights`] makes one vector of them.

use std::ops::Range;

use gleaner_format::SparseVector;

use crate::error::EncodeError;
use crate::session::encoder::Encoder;
use crate::side::Side;
use crate::text::spans::{Spans, TokenizedLongText};

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
    /// batches. Without `spans` every text is one passage, and what is too much is cut off, as
    /// [`Encoder::encode`] does.
    ///
    /// Shapes: one entry per text, in order; a text that fits is one passage with the vector that
    /// [`Encoder::encode`] gives it. Errors: `Spans`, and those of [`Encoder::encode`].
    /// Cost: memory for the tokens and vectors of all passages and one batch's output.
    pub fn encode_long(
        &mut self,
        side: Side,
        texts: &[&str],
        spans: Option<Spans>,
    ) -> Result<Vec<LongText>, EncodeError> {
        if let Some(spans) = spans {
            self.model.side(side).tokenizer.check_spans(spans)?;
        }
        let mut cut = Vec::with_capacity(texts.len());
        let (mut tokens, mut text_of) = (Vec::new(), Vec::new());
        for (text, content) in texts.iter().enumerate() {
            let long = match spans {
                Some(spans) => self.model.tokenize_long(side, content, spans),
                None => {
                    let tokens = self.model.tokenize(side, content, (false, false));
                    tokens.map(|tokens| TokenizedLongText::whole(content, tokens))
                }
            };
            let long = long.map_err(|source| EncodeError::Tokenize { text, source })?;
            let mut ranges = Vec::with_capacity(long.spans.len());
            for span in long.spans {
                ranges.push(span.bytes);
                tokens.push(span.tokens);
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
}
