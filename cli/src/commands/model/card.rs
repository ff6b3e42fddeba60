//! What the cards of sparse and dense models have in common in print.

use std::io::Write;

use gleaner::{Side, model::TensorCard};

/// The inputs and outputs of a graph.
pub(super) fn print_tensors(
    out: &mut impl Write,
    inputs: &[TensorCard],
    outputs: &[TensorCard],
) -> anyhow::Result<()> {
    for input in inputs {
        writeln!(out, "input         {} {} {:?}", input.name, input.element, input.shape)?;
    }
    for output in outputs {
        writeln!(out, "output        {} {} {:?}", output.name, output.element, output.shape)?;
    }
    Ok(())
}

/// The side as it is printed.
pub(super) fn side_name(side: Side) -> &'static str {
    match side {
        Side::Query => "query",
        Side::Document => "document",
    }
}
