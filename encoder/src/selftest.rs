//! Checking a model against its golden vectors, and against its own batches.
//!
//! Catches a runtime, a processor or an edited folder that computes something else than the model
//! did when its golden file was made. The file is a JSON array of `{"text", "input_ids", "indices",
//! "weights"}`, with `"side": "query"` where the text is encoded as a query; other keys are
//! ignored. Without such a file, batches are compared on texts of our own.

use gleaner_format::SparseVector;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Cause, EncodeError};
use crate::family::settings::golden::Golden;
use crate::files::{json_cause, read_file};
use crate::session::encoder::{BATCH_TOLERANCE, Encoder};
use crate::side::Side;

/// Failures reported in words; the counts tell of the rest.
const NAMED_FAILURES: usize = 5;

/// Texts for models that have no golden ones, of many lengths and in several scripts.
pub(crate) const TEXTS: [&str; 8] = [
    "what is learned sparse retrieval",
    "harbour",
    "How long do you boil an egg, and why does the yolk turn green?",
    "The quick brown fox jumps over the lazy dog. 0123456789 !?;:()[]{}",
    "Penicillin was discovered in 1928 by Alexander Fleming, a Scottish physician, when mould in a \
     forgotten dish was seen to have killed the bacteria around it.",
    "La bibliothèque est fermée le dimanche. Die Bücherei ist sonntags geschlossen. 図書館は日曜日に休みです。",
    "for (i = 0; i < n; i++) { sum += a[i] * b[i]; } // inner product",
    "",
];

/// What a self-test found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SelfTest {
    /// Texts encoded.
    pub texts: usize,
    /// Whether they were compared with golden vectors. Without such, only batches were checked.
    pub has_golden: bool,
    /// Largest difference from a golden weight that passes; a missing term counts as weight 0.
    /// Without golden vectors, the largest difference between a text in a batch and alone.
    pub tolerance: f32,
    /// Largest difference found.
    pub largest_error: f32,
    /// Terms in only one of the two vectors, over all texts. They pass while their weight is
    /// within the tolerance.
    pub set_differences: usize,
    /// Largest difference between a text in a batch and alone.
    pub largest_batch_difference: f32,
    /// Whether everything was as it should be.
    pub passed: bool,
    /// The first few failures, in words.
    pub failures: Vec<String>,
}

#[derive(Deserialize)]
struct GoldenText {
    text: String,
    #[serde(default = "document")]
    side: Side,
    input_ids: Vec<i64>,
    indices: Vec<u32>,
    weights: Vec<f32>,
}

fn document() -> Side {
    Side::Document
}

/// Where two vectors differ.
#[derive(Debug, Default, PartialEq)]
struct Difference {
    /// Largest difference of a weight, a missing term counted as 0.
    largest: f32,
    /// The term that has it.
    term: u32,
    /// Terms in one vector only.
    one_sided: usize,
}

/// Encodes the golden texts, each on its side, alone and together, and compares.
pub(crate) fn run(encoder: &mut Encoder, golden: &Golden) -> Result<SelfTest, EncodeError> {
    // Golden files say what the model computes, which holds for blank texts too.
    encoder.sees_blanks = true;
    let goldens: Vec<GoldenText> = read(golden)?;
    let mut report = SelfTest::begin(goldens.len(), Some(golden.tolerance));
    for &side in sides(encoder) {
        let own = |(_, golden): &(usize, &GoldenText)| golden.side == side;
        let own: Vec<(usize, &GoldenText)> = goldens.iter().enumerate().filter(own).collect();
        compare(encoder, (side, &own), golden, &mut report)?;
    }
    Ok(report)
}

/// Encodes [`TEXTS`] on either side, alone and together, and compares.
pub(crate) fn run_batches(encoder: &mut Encoder) -> Result<SelfTest, EncodeError> {
    let mut report = SelfTest::begin(TEXTS.len(), None);
    for &side in sides(encoder) {
        let together = encoder.encode(side, &TEXTS)?;
        for (text, (content, together)) in TEXTS.iter().zip(&together).enumerate() {
            let alone = encoder.encode(side, &[content])?.pop().unwrap_or_default();
            report.compare_batch(text, together, &alone);
        }
    }
    Ok(report)
}

/// The sides that are encoded as the folder states.
fn sides(encoder: &Encoder) -> &'static [Side] {
    match encoder.model.query_is_stated {
        true => &[Side::Document, Side::Query],
        false => &[Side::Document],
    }
}

/// Compares the texts of one side; each comes with its place in the file.
fn compare(
    encoder: &mut Encoder,
    (side, goldens): (Side, &[(usize, &GoldenText)]),
    golden: &Golden,
    report: &mut SelfTest,
) -> Result<(), EncodeError> {
    let texts: Vec<&str> = goldens.iter().map(|(_, golden)| golden.text.as_str()).collect();
    let together = encoder.encode(side, &texts)?;
    let tokens = encoder.tokenize(side, &texts, false)?;
    for (at, &(text, golden_text)) in goldens.iter().enumerate() {
        let alone = encoder.encode(side, &[&golden_text.text])?.pop().unwrap_or_default();
        let from_golden = difference(&alone, &vector(golden_text, golden)?);
        report.largest_error = report.largest_error.max(from_golden.largest);
        report.set_differences += from_golden.one_sided;
        if tokens[at].ids != golden_text.input_ids {
            report.fail(format!("text {text} is tokenized differently"));
        }
        if from_golden.largest > golden.tolerance {
            let Difference { largest, term, .. } = from_golden;
            report.fail(format!("text {text}, term {term}: weight is off by {largest:e}"));
        }
        report.compare_batch(text, &together[at], &alone);
    }
    Ok(())
}

impl SelfTest {
    /// A report of so many texts that nothing has failed in yet; `tolerance` is that of golden
    /// vectors, where there are any.
    pub(crate) fn begin(texts: usize, tolerance: Option<f32>) -> Self {
        Self {
            texts,
            has_golden: tolerance.is_some(),
            tolerance: tolerance.unwrap_or(BATCH_TOLERANCE),
            largest_error: 0.0,
            set_differences: 0,
            largest_batch_difference: 0.0,
            passed: true,
            failures: Vec::new(),
        }
    }

    /// Compares a text's vector from a batch with its vector alone.
    fn compare_batch(&mut self, text: usize, together: &SparseVector, alone: &SparseVector) {
        let Difference { largest, term, one_sided } = difference(together, alone);
        self.largest_batch_difference = self.largest_batch_difference.max(largest);
        if largest > BATCH_TOLERANCE || one_sided > 0 {
            self.fail(format!(
                "text {text}, term {term}: a batch changes the vector by {largest:e}; \
                 this graph needs batching = \"single\""
            ));
        }
    }

    pub(crate) fn fail(&mut self, failure: String) {
        self.passed = false;
        if self.failures.len() < NAMED_FAILURES {
            self.failures.push(failure);
        }
    }
}

/// The texts of a golden file, at least one.
///
/// Errors: `MissingFile`, `Read` or `InvalidFile`.
pub(crate) fn read<T: DeserializeOwned>(golden: &Golden) -> Result<Vec<T>, EncodeError> {
    let bytes = read_file("golden file", &golden.file)?;
    let texts: Vec<T> =
        serde_json::from_slice(&bytes).map_err(|error| invalid(golden, json_cause(&error)))?;
    if texts.is_empty() {
        return Err(invalid(golden, "it has no texts".into()));
    }
    Ok(texts)
}

fn vector(text: &GoldenText, golden: &Golden) -> Result<SparseVector, EncodeError> {
    SparseVector::new(text.indices.clone(), text.weights.clone())
        .map_err(|error| invalid(golden, error.into()))
}

pub(crate) fn invalid(golden: &Golden, source: Cause) -> EncodeError {
    EncodeError::InvalidFile { what: "golden file", path: golden.file.clone(), source }
}

/// The golden texts of a model; none where it has no readable golden file.
pub(crate) fn golden_texts(golden: Option<&Golden>) -> Vec<String> {
    let texts = golden.and_then(|golden| read::<GoldenText>(golden).ok());
    texts.unwrap_or_default().into_iter().map(|golden| golden.text).collect()
}

/// The largest difference of a weight, a missing term counted as 0.
pub(crate) fn largest_difference(a: &SparseVector, b: &SparseVector) -> f32 {
    difference(a, b).largest
}

fn difference(a: &SparseVector, b: &SparseVector) -> Difference {
    let mut result = Difference::default();
    let (mut left, mut right) = (a.iter().peekable(), b.iter().peekable());
    loop {
        let (term, a, b) = match (left.peek().copied(), right.peek().copied()) {
            (None, None) => return result,
            (Some((term, weight)), other) if other.is_none_or(|(other, _)| term < other) => {
                left.next();
                (term, weight, 0.0)
            }
            (other, Some((term, weight))) if other.is_none_or(|(other, _)| term < other) => {
                right.next();
                (term, 0.0, weight)
            }
            (Some((term, a)), Some((_, b))) => {
                left.next();
                right.next();
                (term, a, b)
            }
            // Excluded by the two arms above.
            (Some(_), None) | (None, Some(_)) => return result,
        };
        result.one_sided += usize::from(a == 0.0 || b == 0.0);
        if (a - b).abs() > result.largest {
            result.largest = (a - b).abs();
            result.term = term;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn vector(pairs: &[(u32, f32)]) -> SparseVector {
        SparseVector::from_pairs(pairs.iter().copied()).unwrap()
    }

    #[test]
    fn missing_terms_count_as_zero() {
        let found = difference(
            &vector(&[(1, 1.0), (3, 0.25), (9, 2.0)]),
            &vector(&[(1, 1.5), (4, 0.75), (9, 2.0), (11, 0.125)]),
        );
        assert_eq!(found, Difference { largest: 0.75, term: 4, one_sided: 3 });
        assert_eq!(difference(&vector(&[]), &vector(&[])), Difference::default());
        let same = vector(&[(2, 1.0)]);
        assert_eq!(difference(&same, &same), Difference::default());
    }
}
