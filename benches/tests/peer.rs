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

/// A folder with a small set, and the arguments that every call takes.
struct Peer {
    folder: tempfile::TempDir,
}

impl Peer {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let docs: Vec<SparseVector> = (0..50u32)
            .map(|row| SparseVector::from_pairs([(row % 5, 1.0 + row as f32), (9, 0.5)]).unwrap())
            .collect();
        let queries = [
            SparseVector::from_pairs([(3, 2.0)]).unwrap(),
            SparseVector::from_pairs([(77, 1.0)]).unwrap(),
        ];
        write(&folder.path().join("docs.bin"), &docs);
        write(&folder.path().join("queries.bin"), &queries);
        Self { folder }
    }

    fn call(&self, verb: &str, config: &str) -> (bool, String) {
        let path = |name: &str| self.folder.path().join(name).to_str().unwrap().to_owned();
        fs::create_dir_all(path("index")).unwrap();
        fs::write(path("config.json"), config).unwrap();
        let (root, index, config) = (path(""), path("index"), path("config.json"));
        let common = [verb, "--vectors", &root, "--index", &index, "--config", &config];
        let search = ["--k", "3", "--queries", "9", "--warmup", "1", "--passes", "3", "--results"];
        match verb {
            "search" => peer(&[&common[..], &search, &[&root]].concat()),
            _ => peer(&common),
        }
    }
}

#[test]
fn results_have_the_contract_s_shape_and_the_right_answers() {
    for record in ["product", "bare"] {
        let peer = Peer::new();
        let config = format!(
            r#"{{"build": {{"id": "d", "record": "{record}"}},
                "searches": [{{"id": "exact", "safe": "float", "effort": 1.0}}]}}"#
        );
        assert!(peer.call("build", &config).0);
        let (ok, stdout) = peer.call("search", &config);
        assert!(ok && stdout.lines().count() == 1 && stdout.contains("\"exact\""), "{stdout}");
        let result = fs::read(peer.folder.path().join("exact.res")).unwrap();
        let word = |at: usize| u32::from_le_bytes(result[at * 4..at * 4 + 4].try_into().unwrap());
        assert_eq!((word(0), word(1)), (2, 3));
        assert_eq!([word(2), word(3), word(4)], [48, 43, 38]);
        assert_eq!([word(5), word(6), word(7)], [u32::MAX; 3]);
        assert_eq!(f32::from_bits(word(8)), 98.0);
        assert_eq!(result.len(), 8 + 2 * 3 * 8 + 2 * 16);
    }
}

#[test]
fn what_is_not_offered_is_refused() {
    let peer = Peer::new();
    let built = r#"{"build": {"id": "d"}, "searches": []}"#;
    assert!(peer.call("build", built).0);
    let search = |keys: &str| {
        let config =
            format!(r#"{{"build": {{"id": "d"}}, "searches": [{{"id": "exact", {keys}}}]}}"#);
        peer.call("search", &config).0
    };
    assert!(search(r#""safe": "no""#), "exact answers keep every promise");
    assert!(!search(r#""safe": "perhaps""#));
    assert!(search(r#""safe": "no", "effort": 0.5"#));
    assert!(search(r#""effort": 0.5"#));
    assert!(!search(r#""safe": "own", "effort": 0.5"#), "less effort is not safe");
    assert!(!search(r#""safe": "no", "effort": 0"#) && !search(r#""safe": "no", "effort": 1.5"#));
    assert!(!search(r#""speed": 9"#), "a misspelt key must not be measured");
    let misspelt = r#"{"build": {"id": "d", "recrod": "bare"}, "searches": []}"#;
    assert!(!peer.call("build", misspelt).0);
    let bare_deletes =
        r#"{"build": {"id": "d", "record": "bare", "deleted": [1]}, "searches": []}"#;
    assert!(!peer.call("build", bare_deletes).0, "the bare file has no deletes");
}
