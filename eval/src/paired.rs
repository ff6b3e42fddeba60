//! Two evaluations side by side: one measure's values of the same queries.
//!
//! The first is the baseline; a positive difference is in favour of the other. Whether differences
//! could be chance is decided in `significance`.

use crate::error::EvalError;
use crate::evaluate::Evaluation;
use crate::measure::Measure;

/// Differences no larger than this are ties. Measures of lists with the same grades at the same
/// ranks are equal to the bit; sums of the same worth in another order may differ in the last bits.
const TIE: f64 = 1e-12;

/// The values that two systems have of one measure on the same queries, in ascending order of id.
#[derive(Debug, Clone, PartialEq)]
pub struct Paired {
    /// The ids of the queries.
    pub queries: Vec<String>,
    /// The values of the system that the other one is compared with.
    pub baseline: Vec<f64>,
    /// The other system's values.
    pub other: Vec<f64>,
}

impl Paired {
    /// Pairs a measure's values by query id.
    /// Errors: `NotEvaluated` if an evaluation lacks the measure; `Unpaired`, naming a query that
    /// only one evaluation has, as when they come from different judgements.
    pub fn new(
        baseline: &Evaluation,
        other: &Evaluation,
        measure: Measure,
    ) -> Result<Self, EvalError> {
        let first_of = |evaluation: &Evaluation, lacking: &Evaluation| {
            let only = |id: &&String| !lacking.per_query.contains_key(*id);
            evaluation.per_query.keys().find(only).cloned()
        };
        let unpaired = first_of(baseline, other)
            .map(|query| EvalError::Unpaired { query, only_in_baseline: true })
            .or_else(|| {
                let query = first_of(other, baseline)?;
                Some(EvalError::Unpaired { query, only_in_baseline: false })
            });
        if let Some(error) = unpaired {
            return Err(error);
        }
        let values = |evaluation: &Evaluation| {
            evaluation.values(measure).ok_or(EvalError::NotEvaluated { measure })
        };
        Ok(Self {
            queries: baseline.per_query.keys().cloned().collect(),
            baseline: values(baseline)?,
            other: values(other)?,
        })
    }

    /// Returns the other system's value less the baseline's, per query.
    pub fn differences(&self) -> Vec<f64> {
        self.other.iter().zip(&self.baseline).map(|(other, baseline)| other - baseline).collect()
    }
}

/// How many queries of a collection one of two systems answers better than the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// Queries with a positive difference.
    pub wins: usize,
    /// Queries with a negative difference.
    pub losses: usize,
    /// Queries without a difference, or none that is more than rounding.
    pub ties: usize,
}

impl Tally {
    /// Counts the signs of differences, such as those of [`Paired::differences`].
    pub fn of(differences: &[f64]) -> Self {
        let count = |is: fn(f64) -> bool| differences.iter().filter(|&&value| is(value)).count();
        let (wins, losses) = (count(|value| value > TIE), count(|value| value < -TIE));
        Self { wins, losses, ties: differences.len() - wins - losses }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::evaluate::evaluate;
    use crate::qrels::Qrels;
    use crate::run::Run;

    fn evaluation(qrels: &str, run: &str) -> Evaluation {
        let qrels = Qrels::read_trec(qrels.as_bytes(), Path::new("qrels")).unwrap();
        let run = Run::read(run.as_bytes(), Path::new("run")).unwrap();
        evaluate(&qrels, &run, &Measure::parse_list("P@1,RR").unwrap()).unwrap()
    }

    const QRELS: &str = "q1 0 a 1\nq2 0 a 1\nq3 0 a 1\n";

    #[test]
    fn values_are_paired_by_query() {
        let baseline = evaluation(QRELS, "q1 Q0 a 1 2 t\nq3 Q0 b 1 2 t\nq3 Q0 a 2 1 t\n");
        let other = evaluation(QRELS, "q3 Q0 a 1 1 t\nq2 Q0 a 1 1 t\n");
        let paired = Paired::new(&baseline, &other, "RR".parse().unwrap()).unwrap();
        assert_eq!(paired.queries, ["q1", "q2", "q3"]);
        assert_eq!(paired.baseline, [1.0, 0.0, 0.5]);
        assert_eq!(paired.other, [0.0, 1.0, 1.0]);
        assert_eq!(paired.differences(), [-1.0, 1.0, 0.5]);
        assert_eq!(Tally::of(&paired.differences()), Tally { wins: 2, losses: 1, ties: 0 });
    }

    #[test]
    fn a_query_that_only_one_has_is_named() {
        let all = evaluation(QRELS, "q1 Q0 a 1 2 t\n");
        let fewer = evaluation("q1 0 a 1\nq3 0 a 1\n", "q1 Q0 a 1 2 t\n");
        let measure = "RR".parse().unwrap();
        let message =
            |baseline, other| Paired::new(baseline, other, measure).unwrap_err().to_string();
        assert_eq!(message(&all, &fewer), "only the baseline's evaluation has the query \"q2\"");
        assert_eq!(message(&fewer, &all), "only the other evaluation has the query \"q2\"");
        let unknown = Paired::new(&all, &all, "AP".parse().unwrap());
        assert!(matches!(unknown, Err(EvalError::NotEvaluated { .. })));
    }

    #[test]
    fn rounding_is_a_tie() {
        let differences = [0.1 + 0.2 - 0.3, 0.0, -0.0, 1e-9, -0.5, -1.0];
        assert_eq!(Tally::of(&differences), Tally { wins: 1, losses: 2, ties: 3 });
        assert_eq!(Tally::of(&[]), Tally { wins: 0, losses: 0, ties: 0 });
    }
}
