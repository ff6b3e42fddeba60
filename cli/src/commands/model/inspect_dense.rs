//! `gleaner model inspect` of a dense folder.

use std::io::Write;

use gleaner::{Side, model::DenseCard};
use serde_json::json;

use super::card::{print_origins, print_tensors, side_name};
use crate::{
    args::InspectModelArgs,
    io::{
        model_folder::{open_dense, refuse_sparse_flags},
        output::stdout,
    },
};

/// Numbers of a vector shown to people.
const NUMBERS_SHOWN: usize = 6;

/// What became of a text on one side.
#[derive(serde::Serialize)]
struct Embedded {
    side: Side,
    /// The vector's length.
    norm: f64,
    vector: Vec<f32>,
}

/// `gleaner model inspect` of a dense folder.
pub(super) fn run(args: &InspectModelArgs) -> anyhow::Result<()> {
    refuse_sparse_flags(&[("--query-encoder", args.query_encoder.is_some())])?;
    let model = open_dense(&args.model.folder, &args.model.runtime)?;
    let mut encoder = model.encoder(1)?;
    let embed = |side| -> anyhow::Result<Embedded> {
        let vector = encoder.encode(side, &[&args.text])?.into_values();
        let norm = vector.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
        Ok(Embedded { side, norm, vector })
    };
    let embedded =
        [Side::Query, Side::Document].into_iter().map(embed).collect::<anyhow::Result<Vec<_>>>()?;
    let mut out = stdout();
    if args.model.json {
        let mut report = serde_json::to_value(model.card())?;
        report["text"] = json!(args.text);
        report["vectors"] = serde_json::to_value(embedded)?;
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
        return Ok(out.flush()?);
    }
    print_card(&mut out, model.card())?;
    writeln!(out, "text          {:?}", args.text)?;
    for Embedded { side, norm, vector } in &embedded {
        let side = side_name(*side);
        let numbers = vector.iter().take(NUMBERS_SHOWN).map(|value| format!("{value:.4}"));
        let numbers = numbers.collect::<Vec<_>>().join(", ");
        writeln!(out, "  {side:<11} length {norm:.4}, {numbers}, …")?;
    }
    Ok(out.flush()?)
}

fn print_card(out: &mut impl Write, card: &DenseCard) -> anyhow::Result<()> {
    writeln!(out, "model         {} (dense)", card.folder.display())?;
    writeln!(out, "fingerprint   {}", card.fingerprint)?;
    writeln!(out, "graph         {} ({} bytes)", card.graph.display(), card.graph_bytes)?;
    writeln!(out, "dimensions    {}", card.dims)?;
    writeln!(out, "pooling       {} ({})", card.pooling.name(), card.output)?;
    writeln!(out, "normalised    {}", if card.normalize { "yes" } else { "not after the graph" })?;
    let lengths = card.max_length;
    writeln!(out, "max length    queries {}, documents {}", lengths.query, lengths.document)?;
    for (name, side) in [("queries", &card.query), ("documents", &card.document)] {
        if side.template != "{text}" {
            writeln!(out, "{name:<13} {:?}", side.template)?;
        }
    }
    if card.lower_case {
        writeln!(out, "lower case    yes")?;
    }
    writeln!(out, "batching      {:?}", card.batching)?;
    print_origins(out, &card.from)?;
    print_tensors(out, &card.inputs, &card.outputs)?;
    let (version, path) = (&card.runtime_version, card.runtime.display());
    Ok(writeln!(out, "runtime       ONNX Runtime {version} at {path}")?)
}
