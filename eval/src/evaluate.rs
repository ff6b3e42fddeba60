//! The evaluation of a run: values per query, their means, and their JSON.
//!
//! Means are over all queries that have a relevant judgement, so a query that a run does not answer
//! counts as 0. (trec_eval leaves such queries out unless it is told `-c`.) Comparing two
//! evaluations, and what a low mean leads to, is decided elsewhere.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use crate::error::EvalError;
use crate::interval::{Bootstrap, Interval, mean_interval};
use crate::measure::Measure;
use crate::measure::{JudgedList, sum};
use crate::qrels::Qrels;
use crate::run::Run;

/// What [`evaluate`] found out.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Each measure and its mean over all `queries`, in the order asked for.
    pub means: Vec<(Measure, f64)>,
    /// Per query with a relevant judgement its values, in the order of `means`.
    pub per_query: BTreeMap<String, Vec<f64>>,
    /// Number of queries with a relevant judgement: what the means are divided by.
    pub queries: usize,
    /// How many of these the run has no results for.
    pub queries_without_results: usize,
    /// Number of queries in the run that were ignored, having no relevant judgement.
    pub queries_ignored: usize,
}

impl Evaluation {
    /// Returns the mean of a measure, or `None` if it was not asked for.
    pub fn mean(&self, measure: Measure) -> Option<f64> {
        self.means.iter().find(|(known, _)| *known == measure).map(|&(_, mean)| mean)
    }

    /// Returns a measure's value of every query, in ascending order of query id, or `None` if the
    /// measure was not asked for.
    pub fn values(&self, measure: Measure) -> Option<Vec<f64>> {
        let place = self.means.iter().position(|(known, _)| *known == measure)?;
        self.per_query.values().map(|values| values.get(place).copied()).collect()
    }

    /// Returns each measure's confidence interval, in the order of `means`. All measures are
    /// resampled by the same draws, so an interval does not depend on what else was asked for.
    /// Errors: `BadLevel`, `NoResamples`; `NoQueries` and `NotFinite` for an evaluation that
    /// [`evaluate`] did not make.
    pub fn intervals(&self, bootstrap: &Bootstrap) -> Result<Vec<(Measure, Interval)>, EvalError> {
        let of_measure = |&(measure, _): &(Measure, f64)| {
            let values = self.values(measure).ok_or(EvalError::NotEvaluated { measure })?;
            Ok((measure, mean_interval(&[values], bootstrap)?))
        };
        self.means.iter().map(of_measure).collect()
    }
}

/// Computes measures of a run: per query and as means over all queries with a relevant judgement.
/// A measure asked for twice is computed once. Sums go by ascending query id, so equal inputs give
/// equal bits.
/// Errors: `NoRelevantJudgements`.
/// Cost: O((results + judgements) · log judgements) per query, once for all measures.
/// Source: trec_eval with `-c`. Differs: queries whose judgements are all below 1 do not count.
pub fn evaluate(qrels: &Qrels, run: &Run, measures: &[Measure]) -> Result<Evaluation, EvalError> {
    let mut distinct: Vec<Measure> = Vec::with_capacity(measures.len());
    for &measure in measures {
        if !distinct.contains(&measure) {
            distinct.push(measure);
        }
    }
    let mut per_query = BTreeMap::new();
    for (query, judged) in qrels.iter().filter(|(query, _)| qrels.has_relevant(query)) {
        let list = JudgedList::new(run.docs(query), judged);
        let values: Vec<f64> = distinct.iter().map(|measure| measure.value(&list)).collect();
        per_query.insert(query.to_owned(), values);
    }
    if per_query.is_empty() {
        return Err(EvalError::NoRelevantJudgements);
    }
    Ok(Evaluation {
        means: means(&distinct, &per_query),
        queries: per_query.len(),
        queries_without_results: per_query.keys().filter(|id| run.docs(id).is_empty()).count(),
        queries_ignored: run.iter().filter(|(id, _)| !per_query.contains_key(*id)).count(),
        per_query,
    })
}

fn means(measures: &[Measure], per_query: &BTreeMap<String, Vec<f64>>) -> Vec<(Measure, f64)> {
    let mean_of =
        |index: usize| sum(per_query.values().map(|values| values[index])) / per_query.len() as f64;
    measures.iter().enumerate().map(|(index, &measure)| (measure, mean_of(index))).collect()
}

/// `{"metrics": {"nDCG@10": 0.64, …}, "per_query": {"q1": {"nDCG@10": 1.0, …}, …}}`, measures in
/// the order asked for, queries ascending.
impl Serialize for Evaluation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names: Vec<String> =
            self.means.iter().map(|(measure, _)| measure.to_string()).collect();
        let means: Vec<f64> = self.means.iter().map(|&(_, mean)| mean).collect();
        let mut object = serializer.serialize_struct("Evaluation", 2)?;
        object.serialize_field("metrics", &Named { names: &names, values: &means })?;
        object.serialize_field("per_query", &PerQuery { names: &names, rows: &self.per_query })?;
        object.end()
    }
}

struct Named<'a> {
    names: &'a [String],
    values: &'a [f64],
}

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.names.iter().zip(self.values))
    }
}

struct PerQuery<'a> {
    names: &'a [String],
    rows: &'a BTreeMap<String, Vec<f64>>,
}

impl Serialize for PerQuery<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.rows.len()))?;
        for (query, values) in self.rows {
            map.serialize_entry(query, &Named { names: self.names, values })?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::scored_doc::ScoredDoc;

    fn qrels(text: &str) -> Qrels {
        Qrels::read_trec(text.as_bytes(), Path::new("qrels")).unwrap()
    }

    fn run(text: &str) -> Run {
        Run::read(text.as_bytes(), Path::new("run")).unwrap()
    }

    fn measures(names: &str) -> Vec<Measure> {
        Measure::parse_list(names).unwrap()
    }

    #[test]
    fn means_are_over_all_queries_with_a_relevant_judgement() {
        // q1 answered at rank 2, q2 not answered, q3 has no relevant document, q4 no judgement.
        let qrels = qrels("q1 0 a 1\nq1 0 b 0\nq2 0 a 1\nq3 0 a 0\n");
        let run = run("q1 Q0 b 1 2 t\nq1 Q0 a 2 1 t\nq3 Q0 a 1 1 t\nq4 Q0 a 1 1 t\n");
        let evaluation = evaluate(&qrels, &run, &measures("RR@10,P@1,RR")).unwrap();
        assert_eq!(evaluation.queries, 2);
        assert_eq!(evaluation.queries_without_results, 1);
        assert_eq!(evaluation.queries_ignored, 2);
        assert_eq!(evaluation.mean("RR@10".parse().unwrap()), Some(0.25));
        assert_eq!(evaluation.mean("AP".parse().unwrap()), None);
        assert_eq!(evaluation.per_query["q1"], [0.5, 0.0, 0.5]);
        assert_eq!(evaluation.per_query["q2"], [0.0, 0.0, 0.0]);
        assert_eq!(evaluation.values("RR".parse().unwrap()), Some(vec![0.5, 0.0]));
        assert_eq!(evaluation.values("AP".parse().unwrap()), None);
        assert_eq!(
            serde_json::to_string(&evaluation).unwrap(),
            "{\"metrics\":{\"RR@10\":0.25,\"P@1\":0.0,\"RR\":0.25},\"per_query\":{\
             \"q1\":{\"RR@10\":0.5,\"P@1\":0.0,\"RR\":0.5},\
             \"q2\":{\"RR@10\":0.0,\"P@1\":0.0,\"RR\":0.0}}}"
        );
    }

    #[test]
    fn nothing_relevant_is_an_error() {
        let nothing = evaluate(&qrels("q 0 a 0\n"), &Run::new(), &measures("AP"));
        assert!(matches!(nothing, Err(EvalError::NoRelevantJudgements)));
    }

    #[test]
    fn an_empty_run_shows_a_plain_zero() {
        let all = measures("nDCG@10,AP,RR,R@5,P@5,Success@5");
        let evaluation = evaluate(&qrels("q 0 a 1\n"), &Run::new(), &all).unwrap();
        assert!(!serde_json::to_string(&evaluation).unwrap().contains("-0"));
    }

    #[test]
    fn an_interval_does_not_depend_on_what_else_is_asked_for() {
        let qrels = qrels("q1 0 a 1\nq2 0 a 1\nq3 0 a 1\n");
        let run = run("q1 Q0 b 1 2 t\nq1 Q0 a 2 1 t\nq3 Q0 a 1 1 t\n");
        let bootstrap = Bootstrap { level: 0.95, resamples: 500, seed: 1 };
        let intervals = |names: &str| {
            evaluate(&qrels, &run, &measures(names)).unwrap().intervals(&bootstrap).unwrap()
        };
        let (alone, together) = (intervals("RR"), intervals("P@1,RR"));
        assert_eq!(alone[0], together[1]);
        assert!(alone[0].1.low <= 0.5 && 0.5 <= alone[0].1.high);
    }

    #[test]
    fn repeated_measures_are_computed_once() {
        let twice = [measures("AP")[0], measures("AP")[0]];
        let evaluation = evaluate(&qrels("q 0 a 1\n"), &Run::new(), &twice).unwrap();
        assert_eq!(evaluation.means, [(twice[0], 0.0)]);
    }

    #[test]
    fn ranked_results_keep_their_order_through_ties() {
        let qrels = qrels("q 0 a 1\n");
        let tied = || vec![ScoredDoc::new("a", 1.0), ScoredDoc::new("b", 1.0)];
        let (mut ours, mut theirs) = (Run::new(), Run::new());
        ours.insert_ranked("q", tied()).unwrap();
        theirs.insert("q", tied()).unwrap();
        assert_eq!(evaluate(&qrels, &ours, &measures("RR")).unwrap().means[0].1, 1.0);
        assert_eq!(evaluate(&qrels, &theirs, &measures("RR")).unwrap().means[0].1, 0.5);
    }

    /// Lines of a judgement file and of a run file over few queries, documents and scores.
    fn lines() -> impl Strategy<Value = (Vec<String>, Vec<String>)> {
        let judgement = (0u8..6, 0u8..12);
        let judged = prop::collection::btree_map(judgement, -1i32..4, 1..60).prop_map(|map| {
            map.iter().map(|((q, d), grade)| format!("q{q} 0 d{d} {grade}\n")).collect()
        });
        let found = prop::collection::btree_map((0u8..7, 0u8..14), 0u8..4, 0..80).prop_map(|map| {
            map.iter().map(|((q, d), score)| format!("q{q} Q0 d{d} 0 {score} t\n")).collect()
        });
        (judged, found)
    }

    proptest! {
        #[test]
        fn the_order_of_lines_changes_nothing(
            ((judged, found), (judged_shuffled, found_shuffled)) in lines().prop_flat_map(|(j, f)| {
                let shuffled = (Just(j.clone()).prop_shuffle(), Just(f.clone()).prop_shuffle());
                (Just((j, f)), shuffled)
            })
        ) {
            let all = measures("nDCG@3,AP,AP@4,RR,RR@2,R@3,P@5,Success@1");
            let of = |judged: &[String], found: &[String]| {
                evaluate(&qrels(&judged.concat()), &run(&found.concat()), &all).ok()
            };
            prop_assert_eq!(of(&judged, &found), of(&judged_shuffled, &found_shuffled));
        }

        #[test]
        fn unjudged_queries_change_nothing((judged, found) in lines()) {
            let all = measures("nDCG@3,AP");
            let qrels = qrels(&judged.concat());
            let more = format!("{}unjudged Q0 d1 0 1 t\n", found.concat());
            let means = |text: &str| evaluate(&qrels, &run(text), &all).map(|e| e.means).ok();
            prop_assert_eq!(means(&found.concat()), means(&more));
        }
    }
}
