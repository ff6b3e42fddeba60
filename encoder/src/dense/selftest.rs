//! Checking a dense model against its golden vectors, and against its own batches.
//!
//! The file is a JSON array of `{"text", "input_ids", "vector"}`, with `"side": "query"` where the
//! text is encoded as a query; other keys are ignored.

use serde::Deserialize;

use crate::dense::encoder::DenseEncoder;
use crate::error::EncodeError;
use crate::family::settings::golden::Golden;
use crate::selftest::{SelfTest, invalid, read};
use crate::session::encoder::BATCH_TOLERANCE;
use crate::side::Side;

#[derive(Deserialize)]
struct GoldenEmbedding {
    text: String,
    #[serde(default = "document")]
    side: Side,
    input_ids: Vec<i64>,
    vector: Vec<f32>,
}

fn document() -> Side {
    Side::Document
}

/// Encodes the golden texts, each on its side, alone and together, and compares.
pub(super) fn run(encoder: &mut DenseEncoder, golden: &Golden) -> Result<SelfTest, EncodeError> {
    let goldens: Vec<GoldenEmbedding> = read(golden)?;
    let dims = encoder.model.graph.dims;
    if let Some(text) = goldens.iter().position(|golden| golden.vector.len() != dims) {
        let reason = format!("text {text} has not {dims} numbers");
        return Err(invalid(golden, reason.into()));
    }
    let mut report = SelfTest::begin(goldens.len(), Some(golden.tolerance));
    for side in [Side::Document, Side::Query] {
        let own = |(_, golden): &(usize, &GoldenEmbedding)| golden.side == side;
        let own: Vec<(usize, &GoldenEmbedding)> = goldens.iter().enumerate().filter(own).collect();
        compare(encoder, side, &own, &mut report)?;
    }
    Ok(report)
}

/// Compares the texts of one side; each comes with its place in the file.
fn compare(
    encoder: &mut DenseEncoder,
    side: Side,
    goldens: &[(usize, &GoldenEmbedding)],
    report: &mut SelfTest,
) -> Result<(), EncodeError> {
    let texts: Vec<&str> = goldens.iter().map(|(_, golden)| golden.text.as_str()).collect();
    let tokens = encoder.tokenize(side, &texts)?;
    let together = encoder.encode(side, &texts)?;
    for ((&(text, golden), tokens), row) in goldens.iter().zip(tokens).zip(together.rows()) {
        let alone = encoder.encode(side, &[&golden.text])?.into_values();
        let (from_golden, from_batch) =
            (largest_difference(&alone, &golden.vector), largest_difference(&alone, row));
        report.largest_error = report.largest_error.max(from_golden);
        report.largest_batch_difference = report.largest_batch_difference.max(from_batch);
        if tokens.ids != golden.input_ids {
            report.fail(format!("text {text} is tokenized differently"));
        }
        if from_golden > report.tolerance {
            report.fail(format!("text {text} is off by {from_golden:e} in some dimension"));
        }
        if from_batch > BATCH_TOLERANCE {
            report.fail(format!(
                "text {text}: a batch changes the vector by {from_batch:e}; this graph needs \
                 batching = \"single\""
            ));
        }
    }
    Ok(())
}

/// The largest difference of a number between vectors of the same length.
fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}
