//! `gleaner compare`: TREC runs beside a baseline, with how likely their differences are by chance.
//!
//! Statistics are those of `gleaner-eval`; here they become a table, JSON, or a value per query.

use std::{
    io::{self, Write},
    path::Path,
};

use gleaner_eval::{
    Dataset, EvalError, Evaluation, Interval, Measure, Paired, Permutations, Qrels, Run, Tally,
    evaluate, holm, mean_interval, randomisation_test, remove_identical_ids,
};
use serde::Serialize;

use crate::{
    args::CompareArgs,
    failure::Failure,
    intervals::{LEVEL, RESAMPLES, bootstrap, by_name, interval_text},
    output::{Output, stdout},
};

pub(crate) fn run(args: &CompareArgs) -> anyhow::Result<()> {
    let measures = Measure::parse_list(&args.metrics)
        .map_err(|error: EvalError| Failure::Usage(error.to_string()))?;
    let per_query = args.per_query.as_deref().map(Output::create).transpose()?;
    let qrels = judgements(args)?;
    let systems = args.runs.iter().map(|path| System::open(path, &qrels, &measures, args));
    let systems = systems.collect::<anyhow::Result<Vec<_>>>()?;
    let report = Report::new(&systems, &measures, args)?;
    if let Some(mut out) = per_query {
        write_per_query(&mut out, &systems)?;
        out.finish()?;
    }
    let mut out = stdout();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        eprintln!(
            "{} queries; 95 % intervals of {RESAMPLES} resamples; p of {} permutations, adjusted \
             by Holm for {} tests",
            report.queries,
            args.permutations,
            report.comparisons.len()
        );
        write_table(&mut out, &report.table())?;
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

/// A run and what it measures.
struct System {
    name: String,
    evaluation: Evaluation,
}

impl System {
    fn open(
        path: &Path,
        qrels: &Qrels,
        measures: &[Measure],
        args: &CompareArgs,
    ) -> anyhow::Result<Self> {
        let mut run = Run::open(path)?;
        if args.ignore_identical_ids {
            remove_identical_ids(&mut run);
        }
        let evaluation = evaluate(qrels, &run, measures)?;
        let name = path.display().to_string();
        let empty = evaluation.queries_without_results;
        if empty > 0 {
            eprintln!("warning: {name} has no results for {empty} queries; they count as 0");
        }
        Ok(Self { name, evaluation })
    }
}

/// All that `--json` prints. The first run is the baseline of every comparison.
#[derive(Serialize)]
struct Report {
    queries: usize,
    level: f64,
    resamples: usize,
    permutations: usize,
    seed: u64,
    runs: Vec<Means>,
    comparisons: Vec<Comparison>,
}

/// What one run measures.
#[derive(Serialize)]
struct Means {
    run: String,
    #[serde(serialize_with = "by_name")]
    metrics: Vec<(Measure, f64)>,
    #[serde(serialize_with = "by_name")]
    intervals: Vec<(Measure, Interval)>,
}

/// A run beside the baseline by one measure.
#[derive(Serialize)]
struct Comparison {
    run: String,
    measure: String,
    difference: f64,
    interval: Interval,
    #[serde(flatten)]
    tally: Tally,
    effect: Option<f64>,
    p: f64,
    p_holm: f64,
}

impl Report {
    fn new(systems: &[System], measures: &[Measure], args: &CompareArgs) -> anyhow::Result<Self> {
        let bootstrap = bootstrap(args.seed);
        let means = |system: &System| -> Result<Means, EvalError> {
            Ok(Means {
                run: system.name.clone(),
                metrics: system.evaluation.means.clone(),
                intervals: system.evaluation.intervals(&bootstrap)?,
            })
        };
        Ok(Self {
            queries: systems.first().map_or(0, |system| system.evaluation.queries),
            level: LEVEL,
            resamples: RESAMPLES,
            permutations: args.permutations,
            seed: args.seed,
            runs: systems.iter().map(means).collect::<Result<_, _>>()?,
            comparisons: comparisons(systems, measures, args)?,
        })
    }

    /// Rows of the printed table, the heading first: per measure the baseline, then the others.
    fn table(&self) -> Vec<Row> {
        let mut rows = vec![Row::heading()];
        let measures = self.runs.first().map_or(&[][..], |baseline| &baseline.metrics);
        for (place, (measure, _)) in measures.iter().enumerate() {
            let measure = measure.to_string();
            let mut comparisons = self.comparisons.iter().filter(|found| found.measure == measure);
            for (index, means) in self.runs.iter().enumerate() {
                let against = if index == 0 { None } else { comparisons.next() };
                rows.push(Row::new(&measure, means, place, against));
            }
        }
        rows
    }
}

/// Every measure of every run but the first, measure by measure.
fn comparisons(
    systems: &[System],
    measures: &[Measure],
    args: &CompareArgs,
) -> anyhow::Result<Vec<Comparison>> {
    let Some((baseline, others)) = systems.split_first() else { return Ok(Vec::new()) };
    let mut comparisons = Vec::with_capacity(measures.len() * others.len());
    for &measure in measures {
        for other in others {
            let paired = Paired::new(&baseline.evaluation, &other.evaluation, measure)?;
            let differences = [paired.differences()];
            let permutations = Permutations { count: args.permutations, seed: args.seed };
            let tested = randomisation_test(&differences, permutations)?;
            comparisons.push(Comparison {
                run: other.name.clone(),
                measure: measure.to_string(),
                difference: tested.difference,
                interval: mean_interval(&differences, &bootstrap(args.seed))?,
                tally: Tally::of(&differences[0]),
                effect: tested.effect,
                p: tested.p,
                p_holm: tested.p,
            });
        }
    }
    let adjusted = holm(&comparisons.iter().map(|found| found.p).collect::<Vec<_>>());
    for (comparison, p) in comparisons.iter_mut().zip(adjusted) {
        comparison.p_holm = p;
    }
    Ok(comparisons)
}

const COLUMNS: usize = 12;

/// A row of the printed table.
struct Row([String; COLUMNS]);

impl Row {
    fn heading() -> Self {
        let names = ["measure", "run", "mean", "95 %", "difference", "95 %"];
        let more = ["wins", "losses", "ties", "effect", "p", "p (Holm)"];
        let mut names = names.into_iter().chain(more);
        Self(std::array::from_fn(|_| names.next().unwrap_or_default().to_owned()))
    }

    /// A run's mean and interval, and how it compares with the baseline if it is not the baseline.
    fn new(measure: &str, means: &Means, place: usize, against: Option<&Comparison>) -> Self {
        let (mean, interval) = (means.metrics[place].1, means.intervals[place].1);
        let mut row = Self(std::array::from_fn(|_| String::new()));
        row.0[0] = measure.to_owned();
        row.0[1] = means.run.clone();
        row.0[2] = format!("{mean:.4}");
        row.0[3] = interval_text(interval);
        let Some(found) = against else {
            row.0[4] = "baseline".to_owned();
            return row;
        };
        row.0[4] = format!("{:+.4}", found.difference);
        row.0[5] = interval_text(found.interval);
        row.0[6] = found.tally.wins.to_string();
        row.0[7] = found.tally.losses.to_string();
        row.0[8] = found.tally.ties.to_string();
        row.0[9] = found.effect.map_or("–".to_owned(), |effect| format!("{effect:+.2}"));
        row.0[10] = p_text(found.p);
        row.0[11] = p_text(found.p_holm);
        row
    }
}

/// Measures and runs to the left, all else to the right, two spaces between.
fn write_table(out: &mut impl Write, rows: &[Row]) -> io::Result<()> {
    let width = |column: usize| {
        rows.iter().map(|row| row.0[column].chars().count()).max().unwrap_or_default()
    };
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    for row in rows {
        let cells = row.0.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            if column < 2 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// Four decimals, or what a small p is of the size of.
fn p_text(p: f64) -> String {
    if p < 0.0001 { format!("{p:.1e}") } else { format!("{p:.4}") }
}

/// A line per query and measure, with a column of values per run.
fn write_per_query(out: &mut impl Write, systems: &[System]) -> io::Result<()> {
    let Some(baseline) = systems.first().map(|system| &system.evaluation) else { return Ok(()) };
    write!(out, "query\tmeasure")?;
    systems.iter().try_for_each(|system| write!(out, "\t{}", system.name))?;
    writeln!(out)?;
    for query in baseline.per_query.keys() {
        for (place, (measure, _)) in baseline.means.iter().enumerate() {
            write!(out, "{query}\t{measure}")?;
            for system in systems {
                write!(out, "\t{}", system.evaluation.per_query[query][place])?;
            }
            writeln!(out)?;
        }
    }
    Ok(())
}
