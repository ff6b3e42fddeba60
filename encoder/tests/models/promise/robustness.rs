//! No text makes the encoder panic or fail.

use gleaner_encoder::Side;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::model;
use crate::harness::assert_same;

#[test]
fn no_text_is_too_strange() {
    let Some(model) = model() else { return };
    let mut encoder = model.encoder(1).unwrap();
    let mut runner = TestRunner::deterministic();
    let strange = proptest::string::string_regex("(?s).{0,60}").unwrap();
    let mut texts: Vec<String> =
        (0..200).map(|_| strange.new_tree(&mut runner).unwrap().current()).collect();
    let words = proptest::collection::vec(proptest::char::any(), 0..2000);
    texts.extend((0..20).map(|_| -> String {
        words.new_tree(&mut runner).unwrap().current().into_iter().collect()
    }));
    texts.push((0u8..=127).map(char::from).collect());
    texts.push("\u{202e}\u{feff}\u{301}\u{301}\u{fffd}".to_owned());
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for side in [Side::Query, Side::Document] {
        let vectors = encoder.encode(side, &texts).unwrap();
        assert_eq!(vectors.len(), texts.len());
    }
}

#[test]
fn a_text_of_a_megabyte_is_cut() {
    let Some(model) = model() else { return };
    let mut encoder = model.encoder(1).unwrap();
    let long_words = "x".repeat(1 << 20);
    let many_words = "harbour ".repeat(1 << 17);
    let beginning = "harbour ".repeat(254);
    let vectors = encoder.encode(Side::Document, &[&long_words, &many_words, &beginning]).unwrap();
    assert!(!vectors[0].is_empty());
    assert_same(&vectors[1], &vectors[2], "the part beyond 256 tokens");
}

#[test]
fn no_texts_give_no_vectors() {
    let Some(model) = model() else { return };
    let mut encoder = model.encoder(1).unwrap();
    assert_eq!(encoder.encode(Side::Query, &[]).unwrap(), []);
    assert_eq!(encoder.encode(Side::Query, &["", "", ""]).unwrap().len(), 3);
}
