//! `gleaner inspect`: what an index holds and where its bytes are.
//!
//! `report` gathers it, `print` shows it to people. With `--queries`, `effort` measures what less
//! effort costs.

mod effort;
mod print;
mod report;

use std::io::Write;

use gleaner::{Index, Models, Snapshot};

use effort::EffortPoint;
use print::print_report;
use report::IndexReport;

use crate::{
    args::InspectArgs,
    failure::Failure,
    io::{model_folder::say_where_found, output::stdout, query_file::QueryFile},
};

/// `gleaner inspect`
pub(crate) fn run(args: &InspectArgs) -> anyhow::Result<()> {
    let models = args.model.models();
    let snapshot = Index::open_with(&args.index, &models)?.snapshot();
    let curve = effort_curve(args, &snapshot, &models)?;
    say_where_found(&models);
    let report = IndexReport::of(&snapshot, curve)?;
    let mut out = stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        print_report(&mut out, &report)?;
        if let Some(curve) = &report.effort {
            effort::print(&mut out, curve, args.k)?;
        }
    }
    Ok(out.flush()?)
}

fn effort_curve(
    args: &InspectArgs,
    snapshot: &Snapshot,
    models: &Models,
) -> anyhow::Result<Option<Vec<EffortPoint>>> {
    let Some(file) = &args.queries else { return Ok(None) };
    let manifest = snapshot.manifest();
    let queries = QueryFile::read(file, args.format, manifest, models)?;
    let vectors = queries.into_vectors(manifest, models)?;
    if vectors.is_empty() {
        let message = format!("there is no query in {}", file.display());
        return Err(Failure::Usage(message).into());
    }
    effort::curve(snapshot, &vectors, args.k).map(Some)
}
