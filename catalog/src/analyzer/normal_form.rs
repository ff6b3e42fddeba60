//! The one form in which a word is kept and asked for, however it was typed.
//!
//! Normalisation form KC of Unicode (Annex 15), lower case, without characters that are not to be seen,
//! and with one apostrophe. So a composed `é` is found by `e` with an accent and the other way round.
//! Where words begin and end is `words.rs`'s.

use icu_normalizer::{ComposingNormalizer, ComposingNormalizerBorrowed};
use tantivy::tokenizer::Language;

/// Normalisation form KC.
const NORMALIZER: ComposingNormalizerBorrowed<'static> = ComposingNormalizer::new_nfkc();

/// How words are written.
#[derive(Clone)]
pub(super) struct NormalForm {
    /// Whether the large dotless I is another letter than I.
    is_turkish: bool,
    /// Whether words are cut at apostrophes: `l'avion` has two words, `Ankara'da` a word and its ending.
    cuts_apostrophes: bool,
}

impl NormalForm {
    /// The form for texts of a language.
    pub(super) fn new(language: Option<Language>) -> Self {
        use Language::{French, Italian, Portuguese, Turkish};
        Self {
            is_turkish: language == Some(Turkish),
            cuts_apostrophes: matches!(language, Some(French | Italian | Portuguese | Turkish)),
        }
    }

    /// Whether a word ends before this character and goes on behind it as another.
    pub(super) fn is_cut(&self, found: char) -> bool {
        self.cuts_apostrophes && is_apostrophe(found)
    }

    /// Writes a word over what `out` holds.
    pub(super) fn write(&self, word: &str, out: &mut String) {
        out.clear();
        if word.is_ascii() && !self.is_turkish {
            out.push_str(word);
            out.make_ascii_lowercase();
            return;
        }
        let composed = NORMALIZER.normalize(word);
        let shown: String = composed.chars().filter_map(|found| self.letter(found)).collect();
        // Lower case of the word, not of its letters: a sigma at its end has a form of its own.
        let lower = shown.to_lowercase();
        out.push_str(&NORMALIZER.normalize(&lower));
    }

    /// A character as it is kept; none that is not to be seen.
    fn letter(&self, found: char) -> Option<char> {
        match found {
            _ if is_invisible(found) => None,
            _ if is_apostrophe(found) => Some('\''),
            'I' if self.is_turkish => Some('ı'),
            // Its lower case would be `i` with a second dot.
            'İ' => Some('i'),
            _ => Some(found),
        }
    }
}

fn is_apostrophe(found: char) -> bool {
    matches!(found, '\'' | '\u{2018}' | '\u{2019}' | '\u{201B}' | '\u{2BC}' | '\u{FF07}')
}

/// Characters that Unicode ignores when it shows text: soft hyphens, joiners, marks of direction,
/// selectors of variants, tags.
fn is_invisible(found: char) -> bool {
    matches!(found,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{E0000}'..='\u{E0FFF}')
}
