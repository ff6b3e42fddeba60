//! `gleaner compare`: TREC runs beside a baseline, with how likely their differences are by chance.
//!
//! Statistics are those of `gleaner::eval`. Here they become a table, JSON, or a value per query.

mod report;
mod table;

use std::io::{self, Write};

use gleaner::eval::{Dataset, EvalError, Measure, Qrels, Run};

use report::{ComparisonReport, MeasuredRun};
use table::{table, write_table};

use crate::{
    args::CompareArgs,
    failure::Failure,
    io::{
        intervals::RESAMPLES,
        output::{create, is_standard_stream, stdout},
        stderr::stderr,
    },
};

/// `gleaner compare`
pub(crate) fn run(args: &CompareArgs) -> anyhow::Result<()> {
    let measures = Measure::parse_list(&args.metrics)
        .map_err(|error: EvalError| Failure::Usage(error.to_string()))?;
    let per_query = args.per_query.as_deref().map(create).transpose()?;
    let qrels = judgements(args)?;
    // All are read before one is measured: what cannot be read is said first.
    let read = args.runs.iter().map(|path| Ok((path, Run::open(path)?)));
    let read = read.collect::<anyhow::Result<Vec<_>>>()?;
    let runs = read.into_iter().map(|(path, run)| {
        MeasuredRun::of(run, path, &qrels, (&measures, args.ignore_identical_ids))
    });
    let runs = runs.collect::<anyhow::Result<Vec<_>>>()?;
    let report = ComparisonReport::new(&runs, &measures, args)?;
    if let Some(mut out) = per_query {
        write_per_query(&mut out, &runs)?;
        out.finish()?;
    }
    let per_query_is_stdout = args.per_query.as_deref().is_some_and(is_standard_stream);
    let mut out: Box<dyn Write> =
        if per_query_is_stdout { Box::new(stderr()) } else { Box::new(stdout()) };
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        say!(
            "{} queries; 95 % intervals of {RESAMPLES} resamples; p of {} permutations, adjusted \
             by Holm for {} tests",
            report.queries,
            args.permutations,
            report.comparisons.len()
        );
        write_table(&mut out, &table(&report))?;
    }
    Ok(out.flush()?)
}

fn judgements(args: &CompareArgs) -> anyhow::Result<Qrels> {
    match (&args.qrels, &args.dataset) {
        (Some(file), _) => Ok(Qrels::open(file)?),
        (None, Some(folder)) => Ok(Dataset::open(folder, &args.split)?.qrels),
        (None, None) => {
            let message = "name judgements with --qrels or a BEIR folder with --dataset";
            Err(Failure::Usage(message.to_owned()).into())
        }
    }
}

/// A line per query and measure, with a column of values per run.
fn write_per_query(out: &mut impl Write, runs: &[MeasuredRun]) -> io::Result<()> {
    let Some(baseline) = runs.first().map(|run| &run.evaluation) else { return Ok(()) };
    write!(out, "query\tmeasure")?;
    runs.iter().try_for_each(|run| write!(out, "\t{}", run.name))?;
    writeln!(out)?;
    for query in baseline.per_query.keys() {
        for (place, (measure, _)) in baseline.means.iter().enumerate() {
            write!(out, "{query}\t{measure}")?;
            for run in runs {
                write!(out, "\t{}", run.evaluation.per_query[query][place])?;
            }
            writeln!(out)?;
        }
    }
    Ok(())
}
