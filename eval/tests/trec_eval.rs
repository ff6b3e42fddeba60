//! The golden table: values computed by trec_eval, which this crate must reproduce.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

use gleaner_eval::{Measure, Qrels, Run, evaluate};
use serde::Deserialize;

const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct Golden {
    measures: Vec<String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    qrels: BTreeMap<String, BTreeMap<String, i32>>,
    run: BTreeMap<String, BTreeMap<String, serde_json::Number>>,
    means: Vec<f64>,
    per_query: BTreeMap<String, Vec<f64>>,
}

impl Case {
    fn qrels(&self) -> Qrels {
        let mut text = String::new();
        for (query, judged) in &self.qrels {
            for (id, grade) in judged {
                text.push_str(&format!("{query} 0 {id} {grade}\n"));
            }
        }
        Qrels::read_trec(text.as_bytes(), Path::new(&self.name)).unwrap()
    }

    fn run(&self) -> Run {
        let mut text = String::new();
        for (query, docs) in &self.run {
            for (id, score) in docs {
                text.push_str(&format!("{query} Q0 {id} 0 {score} golden\n"));
            }
        }
        Run::read(text.as_bytes(), Path::new(&self.name)).unwrap()
    }
}

#[track_caller]
fn assert_close(expected: &[f64], found: &[f64], measures: &[String], place: &str) {
    assert_eq!(expected.len(), found.len(), "{place}");
    for ((expected, found), measure) in expected.iter().zip(found).zip(measures) {
        let close = (expected - found).abs() <= TOLERANCE;
        assert!(close, "{place}: {measure} is {found}, trec_eval says {expected}");
    }
}

#[test]
fn measures_equal_trec_eval() {
    let golden: Golden = serde_json::from_str(include_str!("fixtures/trec_eval.json")).unwrap();
    let measures: Vec<Measure> = golden.measures.iter().map(|m| m.parse().unwrap()).collect();
    assert!(golden.cases.len() >= 6);
    for case in &golden.cases {
        let evaluation = evaluate(&case.qrels(), &case.run(), &measures).unwrap();
        let means: Vec<f64> = evaluation.means.iter().map(|&(_, mean)| mean).collect();
        assert_close(&case.means, &means, &golden.measures, &case.name);
        assert_eq!(case.per_query.len(), evaluation.per_query.len(), "{}", case.name);
        for (query, expected) in &case.per_query {
            let place = format!("{}, {query}", case.name);
            assert_close(expected, &evaluation.per_query[query], &golden.measures, &place);
        }
    }
}

#[test]
fn a_rewritten_run_has_the_same_measures() {
    let golden: Golden = serde_json::from_str(include_str!("fixtures/trec_eval.json")).unwrap();
    let measures: Vec<Measure> = golden.measures.iter().map(|m| m.parse().unwrap()).collect();
    for case in &golden.cases {
        let mut file = Vec::new();
        case.run().write(&mut file, "again").unwrap();
        let again = Run::read(file.as_slice(), Path::new("again")).unwrap();
        assert_eq!(
            evaluate(&case.qrels(), &case.run(), &measures).unwrap(),
            evaluate(&case.qrels(), &again, &measures).unwrap(),
            "{}",
            case.name
        );
    }
}
