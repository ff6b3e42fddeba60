//! A text whose head is read has the tokens of the text that is read whole.

#![allow(clippy::unwrap_used)]
use super::*;

/// Pieces of texts, each of which could make a cut be felt.
const PIECES: [&str; 14] = [
    "retrieval ",
    "Unbelievably",
    "naïve",
    "cafe\u{301} ",
    "検索エンジン",
    "1,024 ",
    "e.g.",
    "\u{301}",
    " \t\n ",
    "[SEP]",
    "\u{0}\u{200b}",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "ﬁancé",
    "! ",
];

fn side(template: &str, max_length: usize) -> SideTokenizer {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/models/splade-tiny");
    let bytes = std::fs::read(folder.join("tokenizer.json")).unwrap();
    let tokens = Tokens::read(&bytes, &folder).unwrap();
    let template = Template::parse(template).unwrap();
    let texts = SideTexts { template: &template, max_length, lower_case: false };
    tokens.side(Side::Document, &texts, &folder).unwrap()
}

/// Texts of random pieces, and texts of one piece each, of about so many bytes.
fn texts(len_bytes: usize) -> Vec<String> {
    let mut state = 7u64;
    let mut random = move |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut texts: Vec<String> =
        PIECES.iter().map(|piece| piece.repeat(len_bytes / piece.len())).collect();
    for kinds in [2, 4, PIECES.len()] {
        for _ in 0..8 {
            let chosen: Vec<&str> = (0..kinds).map(|_| PIECES[random(PIECES.len())]).collect();
            let mut text = String::new();
            while text.len() < len_bytes {
                text += chosen[random(kinds)];
            }
            texts.push(text);
        }
    }
    texts
}

#[test]
fn a_head_has_the_tokens_of_the_whole_text() {
    let wanted = Wanted { units: None, words: true, blanks: true };
    for template in
        ["{text}", "passage: {text}", "query {text} means that:", "{text} again: {text} end"]
    {
        for max_length in [16, 64] {
            let side = side(template, max_length);
            assert!(matches!(side.locality, Locality::ShortWords { chars: 100 }));
            let mut heads = 0;
            for text in texts(24_000) {
                let whole = side.tokenize_with(&text, wanted, None).unwrap().unwrap();
                assert_eq!(side.tokenize(&text, wanted).unwrap(), whole, "{template} {text:.80}");
                assert_eq!(side.is_cut(&text).unwrap(), whole.is_cut);
                heads += usize::from(side.tokenize_head(&text, wanted).unwrap().is_some());
            }
            assert!(heads > 20, "{heads} texts were known by their heads");
        }
    }
}

#[test]
fn words_that_are_cut_at_spaces_have_the_tokens_of_the_whole_text() {
    let mut side = side("{text}", 32);
    side.locality = Locality::Words;
    let wanted = Wanted { units: None, words: true, blanks: true };
    for text in texts(24_000) {
        let whole = side.tokenize_with(&text, wanted, None).unwrap().unwrap();
        assert_eq!(side.tokenize(&text, wanted).unwrap(), whole, "{text:.80}");
    }
}

#[test]
fn runs_that_are_squeezed_have_the_tokens_of_the_whole_text() {
    let side = side("passage: {text}", 64);
    let wanted = Wanted { units: None, words: false, blanks: true };
    let run = |piece: &str| piece.repeat(SQUEEZED_FROM_BYTES / piece.len() + 1000);
    for text in [run("x"), run("ä7"), run(" "), run("y") + " sparse " + &run("z") + ", end"] {
        let whole = side.tokenize_with(&text, wanted, None).unwrap().unwrap();
        assert_eq!(side.tokenize(&text, wanted).unwrap(), whole, "{text:.40}");
    }
}
