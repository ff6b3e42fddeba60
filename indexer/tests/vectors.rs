//! Vectors as inputs: every format indexes what it holds, stops and resumes, refuses what is bad by
//! name, and says when a file is not what was indexed from it.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use gleaner_format::{CiffBuilder, SparseVector, write_vectors};
use gleaner_indexer::{
    IndexError, IndexStore, IngestOptions, IngestReport, InputFile, InputFormat, InputKind,
    OnError, Place, Progress, Vocabulary, find_inputs, ingest,
};
use gleaner_searcher::{Index, Rank, SearchRequest};

const KINDS: [InputKind; 3] = [InputKind::Vectors, InputKind::VectorsJsonl, InputKind::Ciff];

static NEVER: AtomicBool = AtomicBool::new(false);

fn options(resume: bool, on_error: OnError) -> IngestOptions<'static> {
    IngestOptions { on_error, commit_interval: Duration::ZERO, resume, stop: &NEVER }
}

fn run(
    index: &Path,
    inputs: &[InputFile],
    options: &IngestOptions<'_>,
    report: &mut dyn FnMut(&Progress),
) -> Result<IngestReport, IndexError> {
    let mut store = IndexStore::open_or_create(index, None)?;
    ingest(&mut store, inputs, Vec::new(), options, report)
}

fn index(path: &Path, input: &InputFile) -> Result<IngestReport, IndexError> {
    run(path, std::slice::from_ref(input), &options(false, OnError::Fail), &mut |_| {})
}

/// Integer weights: exact in every format that multiplies by 100 or quantises.
fn vectors(rows: usize, seed: u64) -> Vec<SparseVector> {
    let mut state = seed;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % below
    };
    (0..rows)
        .map(|_| {
            let pairs: std::collections::BTreeMap<u32, f32> =
                (0..next(30)).map(|_| (next(500) as u32, 1.0 + next(50) as f32)).collect();
            SparseVector::from_pairs(pairs).unwrap()
        })
        .collect()
}

fn write(path: &Path, kind: InputKind, vectors: &[SparseVector]) -> InputFile {
    let mut bytes = Vec::new();
    match kind {
        InputKind::Vectors => write_vectors(vectors, 500, &mut bytes).unwrap(),
        InputKind::Ciff => {
            let mut lists = CiffBuilder::new();
            for (id, vector) in vectors.iter().enumerate() {
                let pairs = vector.iter().map(|(term, weight)| (term, weight / 100.0));
                let scaled = SparseVector::from_pairs(pairs).unwrap();
                lists.push(id.to_string(), &scaled).unwrap();
            }
            lists.write(|term| term.to_string(), "", &mut bytes).unwrap();
        }
        _ => {
            for (id, vector) in vectors.iter().enumerate() {
                let pairs: Vec<String> =
                    vector.iter().map(|(term, weight)| format!("\"{term}\":{weight}")).collect();
                bytes.extend(
                    format!("{{\"id\":{id},\"vector\":{{{}}}}}\n", pairs.join(",")).bytes(),
                );
            }
        }
    }
    fs::write(path, bytes).unwrap();
    InputFile::new(path, kind)
}

fn search(index: &Path, query: &SparseVector) -> Vec<(String, f32)> {
    let snapshot = Index::open(index).unwrap().snapshot();
    let request = SearchRequest {
        vector: Some(query),
        fields: &["_id".to_owned()],
        ..SearchRequest::exact(&Rank::SPARSE, 10_000)
    };
    let hits = snapshot.search(&request, &|_| None).unwrap().hits;
    assert!(hits.iter().all(|hit| hit.fields.as_ref().unwrap()["_id"] == hit.id[..]));
    hits.into_iter().map(|hit| (hit.id, hit.score)).collect()
}

/// What the vectors themselves say, rows as ids.
fn expected(vectors: &[SparseVector], query: &SparseVector) -> Vec<(String, f32)> {
    let score = |vector: &SparseVector| {
        let weight = |term| query.iter().find(|entry| entry.0 == term).map_or(0.0, |entry| entry.1);
        vector.iter().map(|(term, stored)| f64::from(weight(term)) * f64::from(stored)).sum::<f64>()
    };
    let mut hits: Vec<(String, f32)> = vectors
        .iter()
        .enumerate()
        .map(|(row, vector)| (row.to_string(), score(vector) as f32))
        .filter(|hit| hit.1 > 0.0)
        .collect();
    hits.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    hits
}

fn query() -> SparseVector {
    SparseVector::from_pairs([(3, 1.0), (77, 0.5), (200, 2.0), (499, 0.25)]).unwrap()
}

#[test]
fn every_format_indexes_the_vectors_that_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let vectors = vectors(3000, 5);
    for kind in KINDS {
        let path = folder.path().join(format!("{kind:?}"));
        let input = write(&path.with_extension("in"), kind, &vectors);
        let report = index(&path, &input).unwrap();
        assert_eq!(report.progress.committed, 3000, "empty rows count");
        assert_eq!(search(&path, &query()), expected(&vectors, &query()), "{kind:?}");
        let snapshot = Index::open(&path).unwrap().snapshot();
        assert_eq!(snapshot.manifest().model, None);
        let progress = &snapshot.manifest().inputs[0];
        assert!(progress.complete && progress.documents == 3000 && progress.lines == 3000);
    }
}

#[test]
fn an_interrupted_run_resumes_and_refuses_a_changed_file() {
    let folder = tempfile::tempdir().unwrap();
    let vectors = vectors(12_000, 9);
    for kind in KINDS {
        let path = folder.path().join(format!("{kind:?}"));
        let file = path.with_extension("in");
        let input = write(&file, kind, &vectors);
        let stop = AtomicBool::new(false);
        let stopping = IngestOptions { stop: &stop, ..options(false, OnError::Fail) };
        let stopped = run(&path, std::slice::from_ref(&input), &stopping, &mut |progress| {
            stop.store(progress.indexed > 0, Ordering::Relaxed);
        });
        let stopped = stopped.unwrap();
        let committed = stopped.progress.committed;
        assert!(stopped.interrupted && 0 < committed && committed < 12_000, "{stopped:?}");

        let resume = || {
            let input = InputFile::new(&file, kind);
            run(&path, &[input], &options(true, OnError::Fail), &mut |_| {})
        };
        let sound = fs::read(&file).unwrap();
        let mut changed = vectors.clone();
        changed[7] = SparseVector::from_pairs([(1, 9.0)]).unwrap();
        write(&file, kind, &changed);
        assert!(matches!(resume(), Err(IndexError::ChangedInput { .. })), "{kind:?}");
        write(&file, kind, &vectors[..100]);
        assert!(matches!(resume(), Err(IndexError::ChangedInput { .. })), "{kind:?}");

        fs::write(&file, sound).unwrap();
        let resumed = resume().unwrap();
        assert_eq!(resumed.progress.found, committed);
        assert_eq!(resumed.progress.indexed, 12_000 - committed);
        assert!(!resumed.interrupted);
        assert_eq!(search(&path, &query()), expected(&vectors, &query()), "{kind:?}");
        assert_eq!(resume().unwrap().progress.indexed, 0);
    }
}

#[test]
fn a_resumed_file_may_have_grown_where_rows_are_independent() {
    let folder = tempfile::tempdir().unwrap();
    let vectors = vectors(2500, 3);
    let (path, file) = (folder.path().join("i"), folder.path().join("v.bin"));
    // A bad row ends the first run; the file that follows is mended and longer.
    let input = write(&file, InputKind::Vectors, &vectors[..2000]);
    let mut bytes = fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] |= 0x80;
    fs::write(&file, &bytes).unwrap();
    let Err(IndexError::Rejected { rejection }) = index(&path, &input) else { panic!() };
    let Place::Row(row) = rejection.place else { panic!() };
    assert!(vectors[row as usize + 1..2000].iter().all(SparseVector::is_empty));
    assert!(rejection.to_string().contains(&format!("v.bin: row {row}: term ")), "{rejection}");
    assert!(rejection.reason.contains("negative"), "{rejection}");
    assert_eq!(Index::open(&path).unwrap().snapshot().live_docs(), row);
    let input = write(&file, InputKind::Vectors, &vectors);
    let resumed = run(&path, &[input], &options(true, OnError::Fail), &mut |_| {}).unwrap();
    assert_eq!((resumed.progress.found, resumed.progress.indexed), (row, 2500 - row));
    assert_eq!(search(&path, &query()), expected(&vectors, &query()));
}

#[test]
fn bad_rows_and_lines_are_skipped_counted_and_limited() {
    let folder = tempfile::tempdir().unwrap();
    let vectors =
        [[(1, 1.0)], [(2, 2.0)], [(3, 3.0)]].map(|pairs| SparseVector::from_pairs(pairs).unwrap());
    for kind in KINDS {
        let path = folder.path().join(format!("{kind:?}"));
        let file = path.with_extension("in");
        write(&file, kind, &vectors);
        let mut bytes = fs::read(&file).unwrap();
        match kind {
            // The second weight becomes NaN.
            InputKind::Vectors => {
                let at = bytes.len() - 8;
                bytes[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
            }
            // The second id becomes one that no document may have.
            InputKind::Ciff => {
                let at = bytes.len() - bytes.iter().rev().position(|&b| b == b'1').unwrap() - 1;
                bytes[at] = b' ';
            }
            _ => bytes = text(&bytes).replace(":2}", ":\"2\"}").into_bytes(),
        }
        fs::write(&file, bytes).unwrap();
        let input = InputFile::new(&file, kind);
        let mut seen = Vec::new();
        let skip = |max_errors| options(false, OnError::Skip { max_errors });
        let inputs = std::slice::from_ref(&input);
        let report = run(&path, inputs, &skip(1), &mut |progress| {
            seen.extend(progress.rejections.iter().map(|rejection| rejection.place));
        });
        let progress = report.unwrap().progress;
        assert_eq!((progress.committed, progress.rejected), (2, 1), "{kind:?}");
        let again = IngestOptions { resume: true, ..skip(1) };
        let resumed = run(&path, inputs, &again, &mut |_| {}).unwrap().progress;
        assert_eq!((resumed.found, resumed.indexed, resumed.rejected), (2, 0, 1), "{kind:?}");
        let place = if kind == InputKind::VectorsJsonl { Place::Line(2) } else { Place::Row(1) };
        assert_eq!(seen, [place]);
        let over = run(&path, inputs, &skip(0), &mut |_| {});
        assert!(matches!(over, Err(IndexError::TooManyRejected { rejected: 1, .. })));
        let ids: Vec<String> = [1, 3]
            .iter()
            .flat_map(|&term| search(&path, &SparseVector::from_pairs([(term, 1.0)]).unwrap()))
            .map(|hit| hit.0)
            .collect();
        assert_eq!(ids, ["0", "2"], "rows keep their numbers");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_last_of_repeated_ids_stays_however_commits_fall() {
    let folder = tempfile::tempdir().unwrap();
    let (path, file) = (folder.path().join("i"), folder.path().join("v.jsonl"));
    let line =
        |id: usize, weight: usize| format!("{{\"id\":{id},\"vector\":{{\"9\":{weight}}}}}\n");
    // Repeats inside a chunk, and across chunks and commits.
    let lines = (0..3000).map(|i| line(i % 700, i + 1));
    fs::write(&file, lines.collect::<String>()).unwrap();
    let query = SparseVector::from_pairs([(9, 1.0)]).unwrap();
    for commit_interval in [Duration::ZERO, Duration::from_secs(60)] {
        let _ = fs::remove_dir_all(&path);
        let input = InputFile::new(&file, InputKind::VectorsJsonl);
        let options = IngestOptions { commit_interval, ..options(false, OnError::Fail) };
        run(&path, &[input], &options, &mut |_| {}).unwrap();
        let hits = search(&path, &query);
        assert_eq!(hits.len(), 700);
        assert!(hits.iter().all(|(id, score)| {
            let id: usize = id.parse().unwrap();
            *score as usize == (2300..3000).find(|i| i % 700 == id).unwrap() + 1
        }));
    }
    // An index that is opened again no longer knows what it holds, and replaces all the same.
    fs::write(&file, line(5, 9999)).unwrap();
    index(&path, &InputFile::new(&file, InputKind::VectorsJsonl)).unwrap();
    let hits = search(&path, &query);
    assert_eq!((hits.len(), &hits[0]), (700, &("5".to_owned(), 9999.0)));
}

#[test]
fn text_and_keys_beside_a_vector_are_indexed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, file) = (folder.path().join("i"), folder.path().join("v.jsonl"));
    let lines = "{\"id\":\"a\",\"content\":\"violins and maple\",\"vector\":{\"1\":2},\"year\":1999}\n\
                 {\"id\":\"b\",\"title\":\"A violin\",\"vector\":{\"1\":1},\"year\":2001}\n\
                 {\"id\":\"c\",\"vector\":{\"1\":3}}\n";
    fs::write(&file, lines).unwrap();
    index(&path, &InputFile::new(&file, InputKind::VectorsJsonl)).unwrap();
    let snapshot = Index::open(&path).unwrap().snapshot();
    let query = SparseVector::from_pairs([(1, 1.0)]).unwrap();
    let find = |rank, filter| {
        let fields = ["title".to_owned(), "vector".to_owned()];
        let request = SearchRequest {
            vector: Some(&query),
            text: Some("violin"),
            filter,
            fields: &fields,
            ..SearchRequest::exact(&rank, 10)
        };
        let hits = snapshot.search(&request, &|_| None).unwrap().hits;
        assert!(hits.iter().all(|hit| !hit.fields.as_ref().unwrap().contains_key("vector")));
        let mut ids: Vec<String> = hits.into_iter().map(|hit| hit.id).collect();
        ids.sort();
        ids
    };
    assert_eq!(find(Rank::BM25, None), ["a", "b"]);
    assert_eq!(find(Rank::SPARSE, None), ["a", "b", "c"]);
    assert_eq!(find(Rank::SPARSE, Some("year:>=2000")), ["b"]);
}

#[test]
fn formats_are_recognised_only_where_nothing_else_fits() {
    let folder = tempfile::tempdir().unwrap();
    let vectors = vectors(10, 1);
    let kind_of = |name: &str, kind: InputKind| {
        let path = folder.path().join(name);
        write(&path, kind, &vectors);
        find_inputs(&[path], InputFormat::Auto).unwrap()[0].kind
    };
    assert_eq!(kind_of("any.name", InputKind::Vectors), InputKind::Vectors);
    assert_eq!(kind_of("lists.ciff", InputKind::Ciff), InputKind::Ciff);
    // A key called "vector" may be a document's own.
    let texts = folder.path().join("texts.jsonl");
    fs::write(&texts, "{\"_id\": 1, \"text\": \"\", \"vector\": {\"1\": 1}}\n").unwrap();
    assert_eq!(find_inputs(&[texts], InputFormat::Auto).unwrap()[0].kind, InputKind::Texts);
    let empty = folder.path().join("empty.bin");
    fs::write(&empty, "").unwrap();
    assert_eq!(find_inputs(&[empty], InputFormat::Auto).unwrap()[0].kind, InputKind::Texts);
}

#[test]
fn a_file_that_looks_like_another_format_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let (vectors, file) = (vectors(10, 1), folder.path().join("input"));
    let bytes_of = |kind: InputKind| {
        write(&file, kind, &vectors);
        fs::read(&file).unwrap()
    };
    let seems = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        match find_inputs(std::slice::from_ref(&file), InputFormat::Auto) {
            Err(IndexError::OtherFormat { path, format, .. }) if path == file => format,
            other => panic!("{:?}", other.map(|inputs| inputs[0].kind)),
        }
    };
    let binary = bytes_of(InputKind::Vectors);
    for cut in [16, 20, 27, 28, binary.len() / 2, binary.len() - 1] {
        assert_eq!(seems(&binary[..cut]), "vectors", "{cut}");
    }
    assert_eq!(seems(&binary[..10]), "vectors or --format ciff");
    assert_eq!(seems(&[&binary[..], b"x"].concat()), "vectors");
    assert_eq!(seems(&bytes_of(InputKind::Ciff)), "ciff");
    let lines = bytes_of(InputKind::VectorsJsonl);
    assert_eq!(seems(&lines), "vectors-jsonl");
    assert_eq!(seems(&[b"\n \n", &lines[..]].concat()), "vectors-jsonl");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &lines).unwrap();
    assert_eq!(seems(&gzip.finish().unwrap()), "vectors-jsonl");
    // What no other format fits is read as text, whose own reader says what is wrong.
    for text in [&b"plain text"[..], b"\xff\xfe{\0", b"\x1f\x8b", b"{\"id\": 1, \"vector\": 3}"] {
        fs::write(&file, text).unwrap();
        let found = find_inputs(std::slice::from_ref(&file), InputFormat::Auto).unwrap();
        assert_eq!(found[0].kind, InputKind::Texts);
    }
}

#[test]
fn files_that_contradict_themselves_are_refused_whole() {
    let folder = tempfile::tempdir().unwrap();
    let vectors = vectors(50, 2);
    for kind in [InputKind::Vectors, InputKind::Ciff] {
        let file = folder.path().join(format!("{kind:?}.in"));
        write(&file, kind, &vectors);
        let bytes = fs::read(&file).unwrap();
        for (attempt, cut) in [0, 1, 19, bytes.len() / 2, bytes.len() - 1].into_iter().enumerate() {
            fs::write(&file, &bytes[..cut]).unwrap();
            let path = folder.path().join(format!("{kind:?}{attempt}"));
            let result = index(&path, &InputFile::new(&file, kind));
            assert!(matches!(result, Err(IndexError::Malformed { .. })), "{kind:?} {cut}");
        }
    }
}

#[test]
fn terms_of_ciff_are_ids_or_a_vocabulary_s() {
    let folder = tempfile::tempdir().unwrap();
    let (path, file) = (folder.path().join("i"), folder.path().join("c.ciff"));
    let mut lists = CiffBuilder::new();
    lists.push("x".to_owned(), &SparseVector::from_pairs([(7, 0.5)]).unwrap()).unwrap();
    let mut bytes = Vec::new();
    lists.write(|_| "dog".to_owned(), "", &mut bytes).unwrap();
    fs::write(&file, bytes).unwrap();
    let mut input = InputFile::new(&file, InputKind::Ciff);
    let Err(IndexError::Malformed { source, .. }) = index(&path, &input) else { panic!() };
    assert!(source.to_string().contains("\"dog\"") && source.to_string().contains("--model"));
    struct Dog;
    impl Vocabulary for Dog {
        fn term(&self, token: &str) -> Option<u32> {
            (token == "dog").then_some(40)
        }
    }
    input.vocabulary = Some(std::sync::Arc::new(Dog));
    index(&path, &input).unwrap();
    let query = SparseVector::from_pairs([(40, 1.0)]).unwrap();
    assert_eq!(search(&path, &query), [("x".to_owned(), 50.0)]);
}
