//! What the cards of sparse and dense models have in common in print.

use std::{collections::BTreeMap, io::Write};

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

/// What states the settings of a model; those that nothing states are left out.
pub(super) fn print_origins(
    out: &mut impl Write,
    from: &BTreeMap<&'static str, String>,
) -> anyhow::Result<()> {
    for (setting, from) in from.iter().filter(|(_, from)| *from != "default") {
        writeln!(out, "  {setting:<11} is from {from}")?;
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
