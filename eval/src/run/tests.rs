//! Tests of runs: parsing, refusals, and that a written run keeps a searcher's order.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Run, EvalError> {
    Run::read(text.as_bytes(), Path::new("a.run"))
}

fn docs(pairs: &[(&str, f32)]) -> Vec<ScoredDoc> {
    pairs.iter().map(|&(id, score)| ScoredDoc::new(id, score)).collect()
}

fn ids(docs: &[ScoredDoc]) -> Vec<&str> {
    docs.iter().map(|doc| doc.id.as_str()).collect()
}

fn written(docs: &[ScoredDoc]) -> Result<String, EvalError> {
    let mut writer = RunWriter::new(Vec::new(), "tag")?;
    writer.write_ranked("q", docs)?;
    Ok(String::from_utf8(writer.finish()?).unwrap())
}

/// What any reader of run files does, written independently of [`Run::read`].
fn reader_order(text: &str, parse: impl Fn(&str) -> f32) -> Vec<String> {
    let mut rows: Vec<(f32, String)> = Vec::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        assert_eq!(fields.len(), 6);
        assert!(fields[4].bytes().all(|byte| b"-.0123456789".contains(&byte)), "{line}");
        rows.push((parse(fields[4]), fields[2].to_owned()));
    }
    rows.sort_by(|a, b| b.partial_cmp(a).unwrap());
    rows.into_iter().map(|(_, id)| id).collect()
}

#[test]
fn ties_are_read_by_descending_id_and_ranks_are_ignored() {
    let run = read("q Q0 a 1 1.5 t\nq Q0 b 2 1.5 t\nq Q0 c 3 2e0 t\np\tQ0 a 0 -1 t\n").unwrap();
    assert_eq!(ids(run.docs("q")), ["c", "b", "a"]);
    assert_eq!(ids(run.docs("p")), ["a"]);
    assert!(run.docs("none").is_empty());
    assert_eq!(run.len(), 2);
}

#[test]
fn scores_equal_as_f32_are_ties() {
    let run = read("q Q0 a 1 1.00000001 t\nq Q0 b 2 1.0 t\nq Q0 c 3 -0 t\nq Q0 d 4 0 t\n").unwrap();
    assert_eq!(ids(run.docs("q")), ["b", "a", "d", "c"]);
}

#[test]
fn bad_lines_are_named() {
    for (text, expected) in [
        ("q Q0 a 1 1.0\n", "line 1: expected 6 fields"),
        ("q Q0 a 1 1.0 t\nq Q0 a 2 0.5 t\n", "line 2: query \"q\" has document \"a\" twice"),
        ("q Q0 a 1 NaN t\n", "line 1: the score \"NaN\" is not finite"),
        ("q Q0 a 1 inf t\n", "line 1: the score \"inf\" is not finite"),
        ("q Q0 a 1 1e39 t\n", "line 1: the score \"1e39\" is not finite"),
        ("q Q0 a 1 x t\n", "line 1: the score \"x\" is not a number"),
    ] {
        let message = read(text).unwrap_err().to_string();
        assert!(message.starts_with("a.run, ") && message.contains(expected), "{message}");
    }
}

#[test]
fn ties_step_to_the_next_lower_f32() {
    let text = written(&docs(&[("a", 1.0), ("b", 1.0), ("c", 1.0), ("d", 0.99999994)])).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "q Q0 a 1 1 tag");
    assert_eq!(lines[1], "q Q0 b 2 0.99999994 tag");
    assert_eq!(lines[2], "q Q0 c 3 0.9999999 tag");
    assert_eq!(lines[3], "q Q0 d 4 0.9999998 tag");
}

#[test]
fn digits_survive_being_rounded_twice() {
    let astray = 7.038531e-26_f32;
    assert_ne!("7.038531e-26".parse::<f64>().unwrap() as f32, astray);
    let text = score_text(astray);
    assert_eq!(text.parse::<f64>().unwrap() as f32, astray);
    assert_eq!(text.parse::<f32>().unwrap(), astray);
}

#[test]
fn what_cannot_be_written_faithfully_is_refused() {
    type Check = fn(&EvalError) -> bool;
    let cases: [(&[(&str, f32)], Check); 8] = [
        (&[("a b", 1.0)], |e| matches!(e, EvalError::UnwritableId { .. })),
        (&[("a\u{a0}b", 1.0)], |e| matches!(e, EvalError::UnwritableId { .. })),
        (&[("", 1.0)], |e| matches!(e, EvalError::UnwritableId { .. })),
        (&[("a", f32::NAN)], |e| matches!(e, EvalError::NonFiniteScore { .. })),
        (&[("a", 2.0), ("a", 1.0)], |e| matches!(e, EvalError::DuplicateDocument { .. })),
        (&[("a", 1.0), ("b", 2.0)], |e| matches!(e, EvalError::OutOfOrder { rank: 2, .. })),
        (&[("b", 1.0), ("a", 1.0)], |e| matches!(e, EvalError::OutOfOrder { rank: 2, .. })),
        (&[("a", f32::MIN), ("b", f32::MIN)], |e| matches!(e, EvalError::NoLowerScore { .. })),
    ];
    for (list, expected) in cases {
        let error = written(&docs(list)).unwrap_err();
        assert!(expected(&error), "{error}");
    }
    assert!(RunWriter::new(Vec::new(), "two words").is_err());
    let mut writer = RunWriter::new(Vec::new(), "t").unwrap();
    writer.write_ranked("q", &docs(&[("a", 1.0)])).unwrap();
    assert!(writer.write_ranked("p", &docs(&[("b c", 1.0)])).is_err());
    writer.write_ranked("p", &docs(&[("b", 1.0)])).unwrap();
    let twice = writer.write_ranked("q", &docs(&[("a", 1.0)])).unwrap_err();
    assert!(matches!(twice, EvalError::DuplicateQuery { .. }));
    assert!(writer.write_ranked("q 2", &[]).is_err());
}

#[test]
fn identical_ids_are_removed_from_their_own_query_only() {
    let mut run = read("a Q0 a 1 3 t\na Q0 b 2 2 t\nb Q0 a 1 1 t\n").unwrap();
    remove_identical_ids(&mut run);
    assert_eq!(ids(run.docs("a")), ["b"]);
    assert_eq!(ids(run.docs("b")), ["a"]);
}

fn score() -> impl Strategy<Value = f32> {
    prop_oneof![
        4 => prop::sample::select(vec![0.0, -0.0, 1.0, 0.1, -1.0, 1e-45, f32::MAX, 1e-30, -3e38]),
        2 => (-50i32..50).prop_map(|n| n as f32 / 8.0),
        1 => -1e38f32..1e38,
        1 => any::<u32>().prop_map(f32::from_bits).prop_filter("finite, with room below", |score| {
            score.is_finite() && *score > -3.3e38
        }),
    ]
}

/// Results in a searcher's order, with many equal scores.
fn ranked() -> impl Strategy<Value = Vec<ScoredDoc>> {
    prop::collection::btree_map("[a-z0-9é_-]{1,4}", score(), 0..200).prop_map(|map| {
        let mut docs: Vec<_> = map.into_iter().map(|(id, s)| ScoredDoc::new(id, s)).collect();
        docs.sort_by(|a, b| b.score.partial_cmp(&a.score).unwrap().then(a.id.cmp(&b.id)));
        docs
    })
}

proptest! {
    #[test]
    fn written_runs_are_read_in_our_order(list in ranked()) {
        let text = written(&list).unwrap();
        prop_assert_eq!(reader_order(&text, |s| s.parse::<f32>().unwrap()), ids(&list));
        prop_assert_eq!(reader_order(&text, |s| s.parse::<f64>().unwrap() as f32), ids(&list));
    }

    #[test]
    fn a_run_in_memory_equals_its_file(list in ranked()) {
        let mut run = Run::new();
        run.insert_ranked("q", list.clone()).unwrap();
        prop_assert_eq!(ids(run.docs("q")), ids(&list));
        let mut file = Vec::new();
        run.write(&mut file, "tag").unwrap();
        prop_assert_eq!(&String::from_utf8(file.clone()).unwrap(), &written(&list).unwrap());
        if !list.is_empty() {
            prop_assert_eq!(Run::read(file.as_slice(), Path::new("f")).unwrap(), run);
        }
    }

    #[test]
    fn digits_give_the_same_f32_by_either_way(bits: u32) {
        let score = f32::from_bits(bits);
        prop_assume!(score.is_finite());
        let text = score_text(score);
        prop_assert_eq!(text.parse::<f32>().unwrap(), score);
        prop_assert_eq!(text.parse::<f64>().unwrap() as f32, score);
    }

    #[test]
    fn reading_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Run::read(bytes.as_slice(), Path::new("f"));
        let _ = crate::qrels::Qrels::read_beir(bytes.as_slice(), Path::new("f"));
        let _ = crate::qrels::Qrels::read_trec(bytes.as_slice(), Path::new("f"));
    }
}

#[test]
fn thousands_of_ties_keep_our_order() {
    for score in [0.0, 1.0, -2.5, f32::MAX, 1e-44] {
        let list: Vec<_> = (0..5000).map(|n| ScoredDoc::new(format!("d{n:05}"), score)).collect();
        let text = written(&list).unwrap();
        assert_eq!(reader_order(&text, |s| s.parse::<f32>().unwrap()), ids(&list));
    }
}
