//! Long texts: passages fit and leave nothing out, and their vectors are those of the passages.

use std::ops::Range;

use gleaner_encoder::{EncodeError, Model, Side, Spans, highest_weights};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::model;
use crate::harness::assert_same;

const SPANS: Spans = Spans { length: 64, overlap: 8 };

/// A text whose every stretch has other words.
fn story(words: usize) -> String {
    let known = ["harbour", "ship", "penicillin", "Straße", "überaus", "tariff", "cat", "日本語"];
    (0..words).map(|at| format!("{} {at}{} ", known[at % 8], [".", ""][at % 2])).collect()
}

/// Asserts that passages are slices in order that cover the text, and that each fits.
fn assert_covers(model: &Model, text: &str, passages: &[Range<usize>], spans: Spans) {
    assert_eq!((passages[0].start, passages[passages.len() - 1].end), (0, text.len()));
    for pair in passages.windows(2) {
        assert!(pair[0].start < pair[1].start && pair[0].end < pair[1].end, "{pair:?}");
        assert!(pair[1].start <= pair[0].end, "a gap: {pair:?}");
    }
    for passage in passages {
        let again = model.passages(Side::Document, &text[passage.clone()], spans).unwrap();
        assert_eq!((again.len(), again[0].end), (1, passage.len()), "{passage:?}");
    }
}

#[test]
fn passages_cover_the_text_and_overlap_at_words() {
    let Some(model) = model() else { return };
    let text = story(2000);
    let passages = model.passages(Side::Document, &text, SPANS).unwrap();
    assert!(passages.len() > 100, "{}", passages.len());
    assert_covers(&model, &text, &passages, SPANS);
    for pair in passages.windows(2) {
        assert!(pair[1].start < pair[0].end, "no overlap: {pair:?}");
        let (before, behind) = text.split_at(pair[1].start);
        let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() && c < '\u{3000}');
        let is_within = is_letter(before.chars().last()) && is_letter(behind.chars().next());
        assert!(!is_within, "{pair:?}");
    }
    let none = Spans { overlap: 0, ..SPANS };
    let passages = model.passages(Side::Document, &text, none).unwrap();
    assert!(passages.windows(2).all(|pair| pair[1].start == pair[0].end));
    assert_covers(&model, &text, &passages, none);
}

#[test]
fn a_long_text_has_the_vectors_of_its_passages() {
    let Some(model) = model() else { return };
    let mut encoder = model.encoder(1).unwrap();
    let (long, short) = (story(300), "a ship in the harbour");
    let texts = [short, &long, "", short];
    let found = encoder.encode_long(Side::Document, &texts, Some(SPANS)).unwrap();
    assert_eq!(found.len(), 4);
    for (text, found) in texts.iter().zip(&found) {
        let passages = model.passages(Side::Document, text, SPANS).unwrap();
        let vectors: Vec<_> = passages
            .iter()
            .map(|at| encoder.encode(Side::Document, &[&text[at.clone()]]).unwrap().pop().unwrap())
            .collect();
        assert_eq!(passages, found.passages.iter().map(|p| p.bytes.clone()).collect::<Vec<_>>());
        for (passage, alone) in found.passages.iter().zip(&vectors) {
            assert_same(&passage.vector, alone, "a passage");
        }
        let highest = found.clone().into_highest_weights();
        assert_same(&highest, &highest_weights(&vectors), "the highest weights");
        assert_eq!(found.is_longer, text.len() > 100);
    }
    assert!(found[1].passages.len() > 10 && found[0].passages.len() == 1);
}

#[test]
fn without_spans_the_end_is_cut_and_said_to_be() {
    let Some(model) = model() else { return };
    let mut encoder = model.encoder(1).unwrap();
    // Specials included, 256 tokens are read: this fits, one word more does not.
    let (fits, longer) = ("harbour ".repeat(254), "harbour ".repeat(255));
    let texts = [&fits[..], &longer];
    let found = encoder.encode_long(Side::Document, &texts, None).unwrap();
    assert_eq!(found.iter().map(|text| text.is_longer).collect::<Vec<_>>(), [false, true]);
    assert!(found.iter().all(|text| text.passages.len() == 1));
    let whole = Spans { length: 256, overlap: 32 };
    let found = encoder.encode_long(Side::Document, &texts, Some(whole)).unwrap();
    let passages: Vec<_> = found.iter().map(|text| text.passages.len()).collect();
    assert_eq!((passages, found[0].is_longer, found[1].is_longer), (vec![1, 2], false, true));
}

#[test]
fn a_text_of_a_megabyte_is_cut_into_passages() {
    let Some(model) = model() else { return };
    let whole = Spans { length: 256, overlap: 32 };
    for text in
        ["harbour ".repeat(1 << 17), story(1 << 16), "x".repeat(1 << 20), "é.".repeat(1 << 18)]
    {
        let passages = model.passages(Side::Document, &text, whole).unwrap();
        let (first, last) = (&passages[0], &passages[passages.len() - 1]);
        assert_eq!((first.start, last.end), (0, text.len()));
        assert!(passages.windows(2).all(|pair| pair[1].start <= pair[0].end));
    }
}

#[test]
fn no_text_is_too_strange_to_be_cut() {
    let Some(model) = model() else { return };
    let mut runner = TestRunner::deterministic();
    let texts = proptest::collection::vec(proptest::char::any(), 0..400);
    let texts = texts.prop_map(|text| text.into_iter().collect::<String>());
    let small = Spans { length: 9, overlap: 3 };
    for _ in 0..60 {
        let text = texts.new_tree(&mut runner).unwrap().current();
        let passages = model.passages(Side::Document, &text, small).unwrap();
        assert_eq!((passages[0].start, passages[passages.len() - 1].end), (0, text.len()));
        assert!(passages.windows(2).all(|pair| pair[1].start <= pair[0].end));
        assert!(passages.iter().all(|at| text.get(at.clone()).is_some()));
    }
}

#[test]
fn spans_of_no_use_are_refused() {
    let Some(model) = model() else { return };
    let refused = |length, overlap| {
        let error = model.check_spans(Side::Document, Spans { length, overlap }).unwrap_err();
        assert!(matches!(error, EncodeError::Spans { .. }));
        error.to_string()
    };
    assert!(refused(257, 0).contains("reads 256 tokens"));
    assert!(refused(2, 0).contains("no room"));
    assert!(refused(0, 0).contains("no room"));
    assert!(refused(102, 51).contains("half"));
    model.check_spans(Side::Document, Spans { length: 102, overlap: 50 }).unwrap();
}
