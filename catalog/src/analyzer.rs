//! How text becomes words for BM25: the analysers, by the names that schema and command line use.
//!
//! Every analyser takes the words that Unicode sees (`words.rs`) in one form (`normal_form.rs`). A
//! language's own also drops its stop words, where there is a list of them, and stems. One is chosen
//! when an index is created; documents and queries go through the same.

mod normal_form;
mod words;

use std::{fmt, str::FromStr};

use tantivy::{
    Index,
    tokenizer::{Language, Stemmer, StopWordFilter, TextAnalyzer},
};

use self::{normal_form::NormalForm, words::Words};
use crate::error::CatalogError;

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

    /// Its name.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// What the schema calls its words. The number is that of the rules that make them.
    pub(crate) fn tokenizer(self) -> String {
        format!("{}.2", self.name)
    }

    /// What the schema calls its words before they are stemmed, stop words with them.
    pub(crate) fn words_tokenizer(self) -> String {
        format!("{}.words.2", self.name)
    }

    /// The analyser of a name in a schema, of the rules that this version has.
    pub(crate) fn of_tokenizer(name: &str) -> Option<Self> {
        Self::all().find(|analyzer| analyzer.tokenizer() == name)
    }

    /// The words as they are.
    fn words(self) -> Words {
        Words::new(NormalForm::new(self.language))
    }

    /// The steps.
    fn build(self) -> TextAnalyzer {
        let words = TextAnalyzer::builder(self.words());
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
        index.tokenizers().register(&analyzer.tokenizer(), analyzer.build());
        index.tokenizers().register(&analyzer.words_tokenizer(), analyzer.words());
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
    }

    #[test]
    fn words_are_those_of_unicode() {
        let simple = |text| words("simple", text);
        assert_eq!(
            simple("can't stop; pi is 3.14, e.g. snake_case"),
            ["can't", "stop", "pi", "is", "3.14", "e.g", "snake_case"]
        );
        assert_eq!(simple("co-operate (COVID-19)"), ["co", "operate", "covid", "19"]);
        assert_eq!(simple("🙂 – … \u{301}"), [""; 0]);
        // Vowel signs do not cut a word.
        assert_eq!(simple("हिन्दी भाषा"), ["हिन्दी", "भाषा"]);
        assert_eq!(simple("العَرَبِيَّة"), ["العَرَبِيَّة"]);
        assert_eq!(simple("ภาษาไทยง่าย"), ["ภาษา", "ไทย", "ง่าย"]);
        assert_eq!(
            simple("我喜欢北京烤鸭。"),
            ["我", "我喜", "喜欢", "欢北", "北京", "京烤", "烤鸭"]
        );
        assert_eq!(simple("東京に住む、 PC用"), ["東京", "京に", "に", "に住", "住む", "pc", "用"]);
        assert_eq!(simple("한국어 문장"), ["한국어", "한국", "국어", "문장"]);
    }

    /// Whoever asks for a word finds it in a longer one.
    #[test]
    fn words_in_words_of_chinese_japanese_and_korean_are_words() {
        for (text, query) in [
            ("他在清华大学读书", "清华"),
            ("데이터베이스를 씁니다", "데이터"),
            ("나는 학교에서 공부한다", "학교"),
            ("新しいデータベースです", "データ"),
            ("国際連合総会", "連合"),
        ] {
            let (text, mut query) = (words("simple", text), words("simple", query));
            query.retain(|word| word.chars().count() == 2);
            assert!(!query.is_empty() && query.iter().all(|word| text.contains(word)), "{text:?}");
        }
        // Spaces, signs and other scripts end a run of pairs.
        let apart = ["学校", "школа", "ประเทศ", "茶", "水", "a", "茶"];
        assert_eq!(words("simple", "学校 школа ประเทศ 茶，水 a茶"), apart);
    }

    #[test]
    fn one_word_has_one_form() {
        let simple = |text| words("simple", text);
        assert_eq!(simple("re\u{301}sume\u{301}"), simple("Résumé"));
        assert_eq!(simple("Ａｂｃ １２"), ["abc", "12"]);
        assert_eq!(simple("ﬁne co\u{AD}operate"), ["fine", "cooperate"]);
        assert_eq!(simple("ΟΔΟΣ"), simple("οδος"));
        assert_eq!(simple("don’t"), ["don't"]);
        assert_eq!(simple("İzmir"), ["izmir"]);
        assert_eq!(words("turkish", "IŞIK"), words("turkish", "ışık"));
        assert_eq!(words("english", "dog’s"), ["dog"]);
        assert_eq!(words("french", "L’avion d'Alice"), ["avion", "alic"]);
    }

    #[test]
    fn long_words_are_cut_and_not_dropped() {
        let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        assert_eq!(words("simple", hash), [hash]);
        let compound = "donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamten";
        assert_eq!(words("simple", compound), [compound]);
        let pieces = |unit: &str, count: usize| -> Vec<usize> {
            words("simple", &unit.repeat(count)).iter().map(|it| it.chars().count()).collect()
        };
        assert_eq!(pieces("x", 255), [255]);
        assert_eq!(pieces("x", 600), [255, 255, 90]);
        assert_eq!(pieces("é", 256), [255, 1]);
        // Longer than what is segmented at once.
        assert_eq!(pieces("x", 10_000).iter().sum::<usize>(), 10_000);
        let pairs = pieces("한", 10_000);
        assert!(pairs.len() > 9_990 && pairs.iter().all(|&chars| chars == 2));
    }

    #[test]
    fn words_know_where_they_stand() {
        let text = "  Der Hund’s, 北京 x 한국어를 y";
        let mut analyzer = Analyzer::SIMPLE.build();
        let mut found = Vec::new();
        analyzer.token_stream(text).process(&mut |token| {
            found.push((token.position, &text[token.offset_from..token.offset_to]));
        });
        let korean = [(4, "한국어를"), (4, "한국"), (5, "국어"), (6, "어를"), (7, "y")];
        let expected = [(0, "Der"), (1, "Hund’s"), (2, "北京"), (3, "x")];
        assert_eq!(found, [&expected[..], &korean].concat());
    }
}
