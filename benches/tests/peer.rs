//! `gleaner-peer` keeps the benchmark's contract: its files, its answers, its refusals.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path, process::Command};

use gleaner_format::{SparseVector, write_vectors};

fn peer(args: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_gleaner-peer")).args(args).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

fn write(path: &Path, vectors: &[SparseVector]) {
    let mut bytes = Vec::new();
    write_vectors(vectors, 0, &mut bytes).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn results_have_the_contract_s_shape_and_the_right_answers() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let docs: Vec<SparseVector> = (0..50u32)
        .map(|row| SparseVector::from_pairs([(row % 5, 1.0 + row as f32), (9, 0.5)]).unwrap())
        .collect();
    let queries = [
        SparseVector::from_pairs([(3, 2.0)]).unwrap(),
        SparseVector::from_pairs([(77, 1.0)]).unwrap(),
    ];
    write(path("docs.bin").as_ref(), &docs);
    write(path("queries.bin").as_ref(), &queries);
    let config = r#"{"build": {"id": "d"}, "searches": [{"id": "exact", "safe": "float"}]}"#;
    fs::write(path("config.json"), config).unwrap();
    let (root, config) = (path(""), path("config.json"));
    let common = ["--vectors", &root, "--index", &root, "--config", &config];
    assert!(peer(&[&["build"], &common[..]].concat()).0);
    let numbers = ["--k", "3", "--queries", "9", "--warmup", "1", "--passes", "3"];
    let search = [&["search"], &common[..], &numbers, &["--results", &root]].concat();
    let (ok, stdout) = peer(&search);
    assert!(ok && stdout.lines().count() == 1 && stdout.contains("\"exact\""), "{stdout}");
    let result = fs::read(path("exact.res")).unwrap();
    let word = |at: usize| u32::from_le_bytes(result[at * 4..at * 4 + 4].try_into().unwrap());
    assert_eq!((word(0), word(1)), (2, 3));
    assert_eq!([word(2), word(3), word(4)], [48, 43, 38]);
    assert_eq!([word(5), word(6), word(7)], [u32::MAX; 3]);
    assert_eq!(f32::from_bits(word(8)), 98.0);
    assert_eq!(result.len(), 8 + 2 * 3 * 8 + 2 * 16);
    fs::write(&config, r#"{"searches": [{"id": "fast", "safe": "no"}]}"#).unwrap();
    assert!(!peer(&search).0, "approximate search is not offered yet");
}
