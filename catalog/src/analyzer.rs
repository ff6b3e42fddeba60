//! How text becomes words for BM25: the analysers, by the names that schema and command line use.
//!
//! Every analyser cuts at what is neither letter nor digit and lower-cases. A language's own also drops
//! its stop words, where there is a list of them, and stems. One is chosen when an index is created;
//! documents and queries go through the same.

use std::{fmt, str::FromStr};

use tantivy::{
    Index,
    tokenizer::{
        Language, LowerCaser, RemoveLongFilter, SimpleTokenizer, Stemmer, StopWordFilter,
        TextAnalyzer,
    },
};

use crate::error::CatalogError;

/// Tokens longer than this are not words.
const WORD_LIMIT_BYTES: usize = 40;

/// The name of the analyser that knows no language.
const SIMPLE: &str = "simple";

/// The languages that words are stemmed in.
const LANGUAGES: [(&str, Language); 18] = [
    ("arabic", Language::Arabic),
    ("danish", Language::Danish),
    ("dutch", Language::Dutch),
    ("english", Language::English),
    ("finnish", Language::Finnish),
    ("french", Language::French),
    ("german", Language::German),
    ("greek", Language::Greek),
    ("hungarian", Language::Hungarian),
    ("italian", Language::Italian),
    ("norwegian", Language::Norwegian),
    ("portuguese", Language::Portuguese),
    ("romanian", Language::Romanian),
    ("russian", Language::Russian),
    ("spanish", Language::Spanish),
    ("swedish", Language::Swedish),
    ("tamil", Language::Tamil),
    ("turkish", Language::Turkish),
];

/// How an index's text becomes words; English unless another is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Analyzer {
    name: &'static str,
    language: Option<Language>,
}

impl Analyzer {
    /// Lower case, English stop words, English stemming.
    pub const ENGLISH: Self = Self { name: "english", language: Some(Language::English) };
    /// Lower case and no more.
    pub const SIMPLE: Self = Self { name: SIMPLE, language: None };

    /// All analysers, by name; the one without a language last.
    pub fn all() -> impl Iterator<Item = Self> {
        let languages =
            LANGUAGES.iter().map(|&(name, language)| Self { name, language: Some(language) });
        languages.chain([Self::SIMPLE])
    }

    /// Its name, as the schema has it.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// The steps.
    fn build(self) -> TextAnalyzer {
        let words = TextAnalyzer::builder(SimpleTokenizer::default())
            .filter(RemoveLongFilter::limit(WORD_LIMIT_BYTES))
            .filter(LowerCaser);
        let Some(language) = self.language else { return words.build() };
        match StopWordFilter::new(language) {
            Some(stop_words) => words.filter(stop_words).filter(Stemmer::new(language)).build(),
            None => words.filter(Stemmer::new(language)).build(),
        }
    }
}

impl Default for Analyzer {
    fn default() -> Self {
        Self::ENGLISH
    }
}

impl fmt::Display for Analyzer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

impl FromStr for Analyzer {
    type Err = CatalogError;

    /// The analyser of a name.
    ///
    /// # Errors
    /// `Analyzer`.
    fn from_str(name: &str) -> Result<Self, CatalogError> {
        let found = Self::all().find(|analyzer| analyzer.name == name);
        found.ok_or_else(|| CatalogError::Analyzer {
            found: name.to_owned(),
            known: Self::all().map(Self::name).collect(),
        })
    }
}

/// Registers the analysers that fields name; needed on every open.
pub fn register_analyzers(index: &Index) {
    for analyzer in Analyzer::all() {
        index.tokenizers().register(analyzer.name, analyzer.build());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn words(name: &str, text: &str) -> Vec<String> {
        let mut analyzer = name.parse::<Analyzer>().unwrap().build();
        let mut stream = analyzer.token_stream(text);
        let mut words = Vec::new();
        stream.process(&mut |token| words.push(token.text.clone()));
        words
    }

    #[test]
    fn every_analyzer_is_found_by_its_name() {
        for analyzer in Analyzer::all() {
            assert_eq!(analyzer.name().parse::<Analyzer>().unwrap(), analyzer);
        }
        assert_eq!(Analyzer::all().count(), 19);
        assert_eq!(Analyzer::default().to_string(), "english");
        let unknown = "klingon".parse::<Analyzer>().unwrap_err().to_string();
        assert!(
            unknown.contains("\"klingon\"") && unknown.contains("turkish, simple"),
            "{unknown}"
        );
    }

    #[test]
    fn a_language_stems_and_drops_its_stop_words() {
        assert_eq!(words("english", "The Houses of the running dogs"), ["hous", "run", "dog"]);
        assert_eq!(words("german", "Die Häuser und der Hund"), ["haus", "hund"]);
        assert_eq!(words("french", "Les maisons du roi"), ["maison", "roi"]);
        assert_eq!(words("simple", "The Houses, of 7 DOGS"), ["the", "houses", "of", "7", "dogs"]);
        // No list of stop words, but a stemmer.
        assert_eq!(words("turkish", "evler"), ["ev"]);
        assert!(words("simple", &"x".repeat(41)).is_empty());
    }
}
