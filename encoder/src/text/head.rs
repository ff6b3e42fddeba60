//! How much of a long text must be looked at to know its first tokens.
//!
//! Normalising and tokenizing take many times the memory of a text. Where a tokenizer works word by
//! word, the beginning of a text has the tokens that the whole text begins with, but for those near
//! the cut. A beginning is used only if it has a margin of tokens behind those that are kept. Where
//! a tokenizer is of another kind, the whole text is read.

use std::borrow::Cow;

use serde_json::Value;

/// Runs of this many times the longest word are shortened to that.
const RUN_WORDS: usize = 4;

/// Characters of the longest word of WordPiece where the file does not say.
const WORD_CHARS: u64 = 100;

/// Tokens behind those kept where words have no limit: a token added to the vocabulary may reach
/// over the cut, and no further.
const MARGIN_TOKENS: usize = 64;

/// How far a cut reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locality {
    /// Nobody knows.
    Unknown,
    /// No further than to the space between two words.
    Words,
    /// As that; and a word of more characters than the limit is one unknown token.
    ShortWords {
        /// The limit.
        chars: usize,
    },
}

impl Locality {
    /// What a `tokenizer.json` says.
    pub(super) fn of(tokenizer: &[u8]) -> Self {
        let Ok(file) = serde_json::from_slice::<Value>(tokenizer) else { return Self::Unknown };
        let (normalizer, pieces, model) =
            (&file["normalizer"], &file["pre_tokenizer"], &file["model"]);
        let is_bert =
            ["BertNormalizer", "Lowercase"].iter().any(|kind| normalizer["type"] == *kind)
                && pieces["type"] == "BertPreTokenizer"
                && model["type"] == "WordPiece";
        if is_bert {
            let chars = model["max_input_chars_per_word"].as_u64().unwrap_or(WORD_CHARS);
            return Self::ShortWords { chars: usize::try_from(chars).unwrap_or(usize::MAX / 8) };
        }
        match (normalizer.is_null() || is_local_normalizer(normalizer)) && splits_words(pieces) {
            true => Self::Words,
            false => Self::Unknown,
        }
    }

    /// Tokens that must follow those kept.
    pub(super) fn margin(self) -> usize {
        match self {
            Self::Unknown | Self::Words => MARGIN_TOKENS,
            Self::ShortWords { chars } => chars.saturating_add(MARGIN_TOKENS),
        }
    }

    /// A beginning of at most so many bytes, and at least half of them; nothing where the text
    /// cannot be cut there.
    pub(super) fn head(self, text: &str, len_bytes: usize) -> Option<&str> {
        match self {
            Self::Unknown => None,
            Self::Words => Some(&text[..between_words(text, len_bytes / 2, len_bytes)?]),
            Self::ShortWords { .. } => Some(&text[..text.floor_char_boundary(len_bytes)]),
        }
    }

    /// Where a text can be taken apart, so that its pieces have the tokens of the whole: bytes,
    /// ascending, the last one its length.
    pub(super) fn pieces(self, text: &str, len_bytes: usize) -> Vec<usize> {
        let mut ends = Vec::new();
        let mut start = 0;
        while self != Self::Unknown && text.len() - start > len_bytes {
            let limit = start + len_bytes;
            let end = between_words(text, start + len_bytes / 2, limit).or_else(|| match self {
                // A word so long is an unknown token, whole or in pieces.
                Self::ShortWords { .. } => Some(text.floor_char_boundary(limit)),
                Self::Unknown | Self::Words => between_words(text, limit, text.len()),
            });
            let Some(end) = end.filter(|&end| end > start) else { break };
            ends.push(end);
            start = end;
        }
        ends.push(text.len());
        ends
    }

    /// The text with runs of letters and digits, and of white space, made shorter where they are so
    /// long that nothing changes: such words are unknown, whatever their length. Bytes are others then.
    pub(super) fn squeezed(self, text: &str) -> Cow<'_, str> {
        let Self::ShortWords { chars } = self else { return Cow::Borrowed(text) };
        let limit = chars.saturating_mul(RUN_WORDS).max(1);
        let (mut squeezed, mut kept_to, mut run, mut class) = (String::new(), 0, 0, None);
        for (at, char) in text.char_indices() {
            let next = run_class(char);
            run = if next.is_some() && next == class { run + 1 } else { 1 };
            class = next;
            if run > limit && class.is_some() {
                squeezed += &text[kept_to..at];
                kept_to = at + char.len_utf8();
            }
        }
        match kept_to {
            0 => Cow::Borrowed(text),
            _ => {
                squeezed += &text[kept_to..];
                Cow::Owned(squeezed)
            }
        }
    }
}

/// What characters of a run are, of those that can be left out of a long one.
fn run_class(char: char) -> Option<bool> {
    // Ideographs are words of their own, and so is everything from where they begin.
    if char.is_whitespace() {
        Some(false)
    } else if char.is_alphanumeric() && char < '\u{2e80}' {
        Some(true)
    } else {
        None
    }
}

/// The last space from `least` to `limit` that stands alone between two words of ASCII.
fn between_words(text: &str, least: usize, limit: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_cut = |&at: &usize| {
        bytes[at] == b' '
            && bytes[at - 1].is_ascii_alphanumeric()
            && bytes[at + 1].is_ascii_alphanumeric()
    };
    (least.max(1)..limit.min(bytes.len().saturating_sub(1))).rev().find(is_cut)
}

/// Whether a normalizer changes characters by those right beside them at most.
fn is_local_normalizer(normalizer: &Value) -> bool {
    const LOCAL: [&str; 8] = [
        "BertNormalizer",
        "Lowercase",
        "NFC",
        "NFD",
        "NFKC",
        "NFKD",
        "StripAccents",
        "Precompiled",
    ];
    match normalizer["type"].as_str() {
        Some("Sequence") => normalizer["normalizers"]
            .as_array()
            .is_some_and(|steps| steps.iter().all(is_local_normalizer)),
        Some(kind) => LOCAL.contains(&kind),
        None => false,
    }
}

/// Whether words are taken apart at spaces before anything else happens to them.
fn splits_words(pieces: &Value) -> bool {
    match pieces["type"].as_str() {
        Some("BertPreTokenizer" | "Whitespace" | "WhitespaceSplit") => true,
        Some("ByteLevel") => pieces["use_regex"] != false,
        Some("Metaspace") => pieces["split"] != false,
        Some("Sequence") => pieces["pretokenizers"].as_array().is_some_and(|steps| {
            steps.first().is_some_and(splits_words)
                && steps.iter().all(|step| {
                    splits_words(step)
                        || ["Punctuation", "Digits"].iter().any(|kind| step["type"] == *kind)
                })
        }),
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_local_is_known_from_the_file() {
        let of = |normalizer: &str, pieces: &str, model: &str| {
            let file = format!(
                "{{\"normalizer\": {normalizer}, \"pre_tokenizer\": {pieces}, \"model\": {model}}}"
            );
            Locality::of(file.as_bytes())
        };
        let bert = "{\"type\": \"BertPreTokenizer\"}";
        let piece = "{\"type\": \"WordPiece\", \"max_input_chars_per_word\": 50}";
        let normal = "{\"type\": \"BertNormalizer\"}";
        assert_eq!(of(normal, bert, piece), Locality::ShortWords { chars: 50 });
        let bytes = "{\"type\": \"ByteLevel\", \"use_regex\": true}";
        assert_eq!(of("{\"type\": \"NFC\"}", bytes, "{\"type\": \"BPE\"}"), Locality::Words);
        assert_eq!(of("null", bytes, "{\"type\": \"BPE\"}"), Locality::Words);
        for (normalizer, pieces) in [
            ("{\"type\": \"Replace\"}", bytes),
            ("null", "null"),
            ("null", "{\"type\": \"ByteLevel\", \"use_regex\": false}"),
            ("null", "{\"type\": \"Metaspace\", \"split\": false}"),
            ("null", "{\"type\": \"Split\"}"),
            ("{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Prepend\"}]}", bytes),
        ] {
            let found = of(normalizer, pieces, "{\"type\": \"BPE\"}");
            assert_eq!(found, Locality::Unknown, "{normalizer} {pieces}");
        }
    }

    #[test]
    fn words_are_cut_at_single_spaces_only() {
        let head = |text: &'static str, len| Locality::Words.head(text, len);
        assert_eq!(head("one two three", 9), Some("one two"));
        assert_eq!(head("one two, three", 9), None);
        assert_eq!(head("one  two three", 6), None);
        assert_eq!(head("einé two", 8), None);
        assert_eq!(Locality::Words.pieces("aa bb cc dd", 5), [2, 5, 8, 11]);
        assert_eq!(Locality::Words.pieces("aa,bb,cc,dd", 5), [11]);
    }

    #[test]
    fn long_runs_are_squeezed_and_nothing_else() {
        let words = Locality::ShortWords { chars: 2 };
        assert_eq!(words.squeezed("aaaaaaaaab cc"), "aaaaaaaa cc");
        assert_eq!(words.squeezed("a          b"), "a        b");
        assert_eq!(words.squeezed("a!!!!!!!!!!!!b"), "a!!!!!!!!!!!!b");
        assert_eq!(words.squeezed("ääääääääääö,"), "ääääääää,");
        assert!(matches!(words.squeezed("aaaaaaaa bbbbbbbb"), Cow::Borrowed(_)));
    }
}
