//! Where words begin and end in a text, in every script.
//!
//! Words are those of Unicode's Annex 29. Chinese, Japanese, Thai, Lao, Khmer and Burmese put no spaces
//! between words: dictionaries find them there (ICU4X). What is no word, such as punctuation and emoji,
//! is left out. The form of a word is `normal_form.rs`'s; stems and stop words are left to `analyzer.rs`.
//!
//! Words of Chinese, Japanese and Korean are made of words (`清华` is in `清华大学`, `학교` in `학교에서`), and
//! no dictionary has all of them. So every two neighbours of such characters are a word, too, in the place
//! of the first; as Lucene's analyser of these languages has it.

use std::{ops::Range, str::CharIndices};

use icu_segmenter::{WordSegmenter, WordSegmenterBorrowed, options::WordBreakInvariantOptions};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use super::normal_form::NormalForm;

/// A longer word is cut: this many characters, then the rest as further words.
pub(super) const WORD_LIMIT_CHARS: usize = 255;
/// Characters of a pair.
const PAIR_CHARS: usize = 2;
/// Text is segmented in stretches without spaces. A longer stretch is cut here, so that the memory and
/// time of segmenting stay small and linear.
const STRETCH_LIMIT_CHARS: usize = 4_096;

/// Cuts texts into words.
#[derive(Clone)]
pub(super) struct Words {
    segmenter: WordSegmenterBorrowed<'static>,
    form: NormalForm,
    token: Token,
}

impl Words {
    /// Words in a form.
    pub(super) fn new(form: NormalForm) -> Self {
        let segmenter = WordSegmenter::new_dictionary(WordBreakInvariantOptions::default());
        Self { segmenter, form, token: Token::default() }
    }
}

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.token.reset();
        let Self { segmenter, form, token } = self;
        WordStream { text, segmenter: *segmenter, form, token, next: 0, pending: Vec::new() }
    }
}

/// The words of one text, in order.
pub(super) struct WordStream<'a> {
    text: &'a str,
    segmenter: WordSegmenterBorrowed<'static>,
    form: &'a NormalForm,
    token: &'a mut Token,
    /// Where the text goes on that is not segmented yet.
    next: usize,
    /// Words of the last stretch that are still to come, last first.
    pending: Vec<Word>,
}

/// A word by its bytes in the text.
#[derive(Clone, Copy)]
struct Word {
    from: usize,
    to: usize,
    /// Whether it is in the place of the word before it.
    is_beside: bool,
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        loop {
            while let Some(Word { from, to, is_beside }) = self.pending.pop() {
                self.form.write(&self.text[from..to], &mut self.token.text);
                if !self.token.text.is_empty() {
                    self.token.offset_from = from;
                    self.token.offset_to = to;
                    let step = usize::from(!is_beside);
                    self.token.position = self.token.position.wrapping_add(step);
                    return true;
                }
            }
            if !self.segment_next() {
                return false;
            }
        }
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

impl WordStream<'_> {
    /// Segments the next stretch. False at the end of the text.
    fn segment_next(&mut self) -> bool {
        let rest = &self.text[self.next..];
        let from = self.next + (rest.len() - rest.trim_start_matches(is_space).len());
        let stretch = stretch(&self.text[from..]);
        self.next = from + stretch.len();
        if stretch.is_empty() {
            return false;
        }
        // Most stretches are one word of ASCII with a comma at its end.
        let core = stretch.trim_matches(is_outside);
        let from = from + (core.as_ptr() as usize - stretch.as_ptr() as usize);
        match core.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            true => self.push(core, from),
            false => self.segment(core, from),
        }
        self.pending.reverse();
        true
    }

    fn segment(&mut self, stretch: &str, from: usize) {
        // Words of pairs, one behind the other: their bytes in the stretch.
        let (mut run, mut start) = (Vec::new(), 0);
        for (end, kind) in self.segmenter.segment_str(stretch).iter_with_word_type() {
            let word = &stretch[start..end];
            if kind.is_word_like() && word.chars().all(is_paired) {
                run.push(start..end);
            } else {
                self.push_run(&mut run, stretch, from);
                if kind.is_word_like() {
                    self.push(word, from + start);
                }
            }
            start = end;
        }
        self.push_run(&mut run, stretch, from);
    }

    /// Adds words that follow each other without a gap, and the pairs of their characters.
    fn push_run(&mut self, words: &mut Vec<Range<usize>>, stretch: &str, from: usize) {
        let [Range { start, .. }, ..] = words[..] else { return };
        let end = words.last().map_or(start, |last| last.end);
        let mut words = words.drain(..).peekable();
        let mut next = stretch[start..end].char_indices().map(|(at, _)| start + at).skip(1);
        let mut behind = next.clone().skip(1).chain([end]);
        let mut at = start;
        loop {
            let word = words.next_if(|word| word.start == at);
            let word = word.filter(|word| is_beyond_pairs(&stretch[word.clone()]));
            if let Some(word) = &word {
                let (from, to) = (from + word.start, from + word.end);
                self.pending.push(Word { from, to, is_beside: false });
            }
            let Some(second) = next.next() else { return };
            let to = from + behind.next().unwrap_or(end);
            self.pending.push(Word { from: from + at, to, is_beside: word.is_some() });
            at = second;
        }
    }

    /// Adds a word that begins at a byte of the text: its parts, if the form has it cut.
    fn push(&mut self, word: &str, from: usize) {
        let mut start = 0;
        for part in word.split(|found| self.form.is_cut(found)) {
            let mut chars = part.char_indices();
            while let Some((first, end)) = piece(&mut chars, part) {
                let (from, to) = (from + start + first, from + start + end);
                self.pending.push(Word { from, to, is_beside: false });
            }
            start +=
                part.len() + word[start + part.len()..].chars().next().map_or(0, char::len_utf8);
        }
    }
}

/// Whether a word is no pair itself, and not too long for one word.
fn is_beyond_pairs(word: &str) -> bool {
    let chars = word.chars().count();
    chars != PAIR_CHARS && chars <= WORD_LIMIT_CHARS
}

/// Whether a character is of Chinese, Japanese or Korean.
fn is_paired(found: char) -> bool {
    matches!(found,
        '\u{3041}'..='\u{30ff}' // Hiragana, Katakana
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{9fff}' // Han
        | '\u{ac00}'..='\u{d7a3}' // Hangul
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// The next [`WORD_LIMIT_CHARS`] characters of a word: from where to where.
fn piece(chars: &mut CharIndices<'_>, word: &str) -> Option<(usize, usize)> {
    let (first, _) = chars.next()?;
    chars.by_ref().take(WORD_LIMIT_CHARS - 1).for_each(drop);
    Some((first, word.len() - chars.as_str().len()))
}

/// The text up to the next space, or to the limit of a stretch.
fn stretch(text: &str) -> &str {
    let mut chars = text.char_indices();
    let end = chars.by_ref().take(STRETCH_LIMIT_CHARS).find(|&(_, found)| is_space(found));
    &text[..end.map_or(text.len() - chars.as_str().len(), |(at, _)| at)]
}

/// Spaces at which no word goes on. Others (U+202F stands inside Mongolian words) are the segmenter's.
fn is_space(found: char) -> bool {
    found.is_ascii_whitespace() || found == '\u{3000}'
}

/// ASCII that joins nothing at the ends of a stretch.
fn is_outside(found: char) -> bool {
    found.is_ascii_punctuation() && found != '_'
}
