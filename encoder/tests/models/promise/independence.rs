//! The law of batches: a text's vector does not depend on the texts it is encoded with.

use gleaner_encoder::{Side, SparseVector};
use serde::Deserialize;

use super::model;
use crate::harness::{assert_same, root};

#[derive(Deserialize)]
struct Golden {
    text: String,
}

/// The golden texts, and others made of them: every length up to the maximum, halves, repetitions.
fn texts() -> Vec<String> {
    let bytes = std::fs::read(root().join("data/models/splade-tiny/golden.json")).unwrap();
    let goldens: Vec<Golden> = serde_json::from_slice(&bytes).unwrap();
    let mut texts: Vec<String> = goldens.into_iter().map(|golden| golden.text).collect();
    let words: Vec<String> =
        texts.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect();
    for (start, count) in (0..60).map(|n| (n * 37 % words.len(), 1 + n * n % 190)) {
        let cycle = words.iter().cycle().skip(start).take(count);
        texts.push(cycle.cloned().collect::<Vec<_>>().join(" "));
    }
    texts.push("\u{0}\u{1}\u{7f}\t\r\n".to_owned());
    texts.push("mixed ".repeat(4000));
    texts
}

#[test]
fn a_vector_does_not_depend_on_its_batch() {
    let Some(model) = model() else { return };
    let mut encoder = model.encoder(1).unwrap();
    let texts = texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for side in [Side::Query, Side::Document] {
        let alone: Vec<SparseVector> =
            texts.iter().map(|text| encoder.encode(side, &[text]).unwrap().remove(0)).collect();
        let mut largest = 0.0_f32;
        for (name, order) in compositions(texts.len()) {
            for (part, chunk) in order.chunks(chunk_size(name)).enumerate() {
                let chosen: Vec<&str> = chunk.iter().map(|&text| texts[text]).collect();
                let vectors = encoder.encode(side, &chosen).unwrap();
                assert_eq!(vectors.len(), chunk.len());
                for (&text, vector) in chunk.iter().zip(&vectors) {
                    let what = format!("text {text} ({side:?}, {name}, part {part})");
                    largest = largest.max(assert_same(vector, &alone[text], &what));
                }
            }
        }
        eprintln!("{side:?}: largest difference between batch and alone {largest:e}");
    }
}

fn compositions(count: usize) -> Vec<(&'static str, Vec<usize>)> {
    let forward: Vec<usize> = (0..count).collect();
    let stride: Vec<usize> = forward.iter().map(|text| text * 41 % count).collect();
    let twice = forward.iter().chain(&forward).copied().collect();
    vec![
        ("together", forward.clone()),
        ("backwards", forward.iter().rev().copied().collect()),
        ("by three", stride.clone()),
        ("by seventeen", stride),
        ("twice", twice),
    ]
}

fn chunk_size(composition: &str) -> usize {
    match composition {
        "by three" => 3,
        "by seventeen" => 17,
        _ => usize::MAX,
    }
}

#[test]
fn workers_and_threads_agree() {
    let Some(model) = model() else { return };
    let texts = texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let expected = model.encoder(1).unwrap().encode(Side::Document, &texts).unwrap();
    let workers: Vec<_> = (0..2)
        .map(|worker| {
            let (model, texts) = (model.clone(), texts.iter().map(|&t| t.to_owned()).collect());
            std::thread::spawn(move || -> Vec<SparseVector> {
                let texts: Vec<String> = texts;
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                model.encoder(1 + worker).unwrap().encode(Side::Document, &texts).unwrap()
            })
        })
        .collect();
    for worker in workers {
        for (text, vector) in worker.join().unwrap().iter().enumerate() {
            assert_same(vector, &expected[text], &format!("text {text} in another thread"));
        }
    }
}
