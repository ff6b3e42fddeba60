//! Conditions on a mean, such as `nDCG@10<0.64`, which make a build fail.
//!
//! A condition says when to fail, not when to pass. Turning it into an exit code is the command
//! line's part.

use std::fmt;
use std::str::FromStr;

use crate::error::EvalError;
use crate::evaluate::Evaluation;
use crate::measure::Measure;

/// How a mean is compared with a threshold's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A measure, an operator and a value: the condition to fail on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// The measure whose mean is tested.
    pub measure: Measure,
    /// How the mean is compared with `value`.
    pub operator: Operator,
    /// A finite number.
    pub value: f64,
}

impl Threshold {
    /// Tells whether the condition is true of an evaluation, that is, whether to fail. The mean is
    /// compared as it is, without rounding.
    /// Errors: `NotEvaluated` if the evaluation lacks the measure.
    pub fn is_true_of(&self, evaluation: &Evaluation) -> Result<bool, EvalError> {
        let mean = evaluation
            .mean(self.measure)
            .ok_or(EvalError::NotEvaluated { measure: self.measure })?;
        Ok(match self.operator {
            Operator::Less => mean < self.value,
            Operator::LessOrEqual => mean <= self.value,
            Operator::Greater => mean > self.value,
            Operator::GreaterOrEqual => mean >= self.value,
        })
    }
}

impl FromStr for Threshold {
    type Err = EvalError;

    /// Reads `measure operator number`, white space between them optional.
    /// Errors: `BadThreshold`; `UnknownMeasure`.
    fn from_str(text: &str) -> Result<Self, EvalError> {
        let bad = |reason: &str| EvalError::BadThreshold {
            text: text.to_owned(),
            reason: reason.to_owned(),
        };
        let place = text.find(['<', '>']).ok_or_else(|| bad("it has none of < <= > >="))?;
        let (measure, rest) = text.split_at(place);
        let (operator, value) = split_operator(rest);
        let value: f64 = value.trim().parse().map_err(|_| bad("no number follows the operator"))?;
        if !value.is_finite() {
            return Err(bad("the number is not finite"));
        }
        Ok(Self { measure: measure.trim().parse()?, operator, value })
    }
}

/// Splits what starts with `<` or `>` into the operator and the rest.
fn split_operator(text: &str) -> (Operator, &str) {
    let (first, rest) = text.split_at(1);
    match (first, rest.strip_prefix('=')) {
        ("<", None) => (Operator::Less, rest),
        ("<", Some(rest)) => (Operator::LessOrEqual, rest),
        (_, None) => (Operator::Greater, rest),
        (_, Some(rest)) => (Operator::GreaterOrEqual, rest),
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.measure, self.operator, self.value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn evaluation(mean: f64) -> Evaluation {
        Evaluation {
            means: vec![("nDCG@10".parse().unwrap(), mean)],
            per_query: BTreeMap::new(),
            queries: 1,
            queries_without_results: 0,
            queries_ignored: 0,
        }
    }

    #[test]
    fn every_operator_is_read_and_tested() {
        for (text, below, equal, above) in [
            ("nDCG@10<0.64", true, false, false),
            ("nDCG@10 <= 0.64", true, true, false),
            (" nDCG@10> 0.64 ", false, false, true),
            ("nDCG@10>=.64", false, true, true),
        ] {
            let threshold: Threshold = text.parse().unwrap();
            for (mean, expected) in [(0.63, below), (0.64, equal), (0.65, above)] {
                assert_eq!(threshold.is_true_of(&evaluation(mean)).unwrap(), expected, "{text}");
            }
            assert_eq!(threshold.to_string().parse::<Threshold>().unwrap(), threshold);
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (text, expected) in [
            ("nDCG@10", "none of < <= > >="),
            ("nDCG@10=0.6", "none of < <= > >="),
            ("nDCG@10<", "no number follows"),
            ("nDCG@10<é", "no number follows"),
            ("nDCG@10==<0.6", "unknown metric \"nDCG@10==\""),
            ("nDCG@10<NaN", "not finite"),
            ("<0.5", "unknown metric \"\""),
            ("", "none of"),
        ] {
            let message = text.parse::<Threshold>().unwrap_err().to_string();
            assert!(message.contains(expected), "{text}: {message}");
        }
    }

    #[test]
    fn a_measure_that_was_not_evaluated_is_an_error() {
        let threshold: Threshold = "AP<0.5".parse().unwrap();
        let error = threshold.is_true_of(&evaluation(0.5)).unwrap_err();
        assert_eq!(error.to_string(), "AP was not among the metrics computed");
    }
}
