//! Runs measured, and compared with the first of them.

use std::path::Path;

use gleaner::eval::{
    EvalError, Evaluation, Interval, Measure, Paired, Permutations, Qrels, Run, Tally, evaluate,
    holm, mean_interval, randomisation_test, remove_identical_ids,
};
use serde::Serialize;

use crate::{
    args::CompareArgs,
    commands::eval::check_run,
    io::intervals::{LEVEL, RESAMPLES, bootstrap, by_name},
};

/// A run and what it measures.
pub(super) struct MeasuredRun {
    pub(super) name: String,
    pub(super) evaluation: Evaluation,
}

impl MeasuredRun {
    /// Measures a run. Documents with the id of their query are left out where that is asked for.
    pub(super) fn of(
        mut run: Run,
        path: &Path,
        qrels: &Qrels,
        (measures, leaves_identical_out): (&[Measure], bool),
    ) -> anyhow::Result<Self> {
        if leaves_identical_out {
            remove_identical_ids(&mut run);
        }
        check_run(qrels, &run, path)?;
        let evaluation = evaluate(qrels, &run, measures)?;
        let name = path.display().to_string();
        let empty = evaluation.queries_without_results;
        if empty > 0 {
            say!("warning: {name} has no results for {empty} queries; they count as 0");
        }
        Ok(Self { name, evaluation })
    }
}

/// All that `--json` prints. The first run is the baseline of every comparison.
#[derive(Serialize)]
pub(super) struct ComparisonReport {
    pub(super) queries: usize,
    pub(super) level: f64,
    pub(super) resamples: usize,
    pub(super) permutations: usize,
    pub(super) seed: u64,
    pub(super) runs: Vec<RunMeans>,
    pub(super) comparisons: Vec<Comparison>,
}

/// What one run measures.
#[derive(Serialize)]
pub(super) struct RunMeans {
    pub(super) run: String,
    #[serde(serialize_with = "by_name")]
    pub(super) metrics: Vec<(Measure, f64)>,
    #[serde(serialize_with = "by_name")]
    pub(super) intervals: Vec<(Measure, Interval)>,
}

/// A run beside the baseline by one measure.
#[derive(Serialize)]
pub(super) struct Comparison {
    pub(super) run: String,
    pub(super) metric: String,
    /// The older name of `metric`.
    pub(super) measure: String,
    pub(super) difference: f64,
    pub(super) interval: Interval,
    #[serde(flatten)]
    pub(super) tally: Tally,
    pub(super) effect: Option<f64>,
    pub(super) p: f64,
    pub(super) p_holm: f64,
}

impl ComparisonReport {
    /// Compares runs, the first of which is the baseline.
    pub(super) fn new(
        runs: &[MeasuredRun],
        measures: &[Measure],
        args: &CompareArgs,
    ) -> anyhow::Result<Self> {
        let bootstrap = bootstrap(args.seed);
        let means = |run: &MeasuredRun| -> Result<RunMeans, EvalError> {
            Ok(RunMeans {
                run: run.name.clone(),
                metrics: run.evaluation.means.clone(),
                intervals: run.evaluation.intervals(&bootstrap)?,
            })
        };
        Ok(Self {
            queries: runs.first().map_or(0, |run| run.evaluation.queries),
            level: LEVEL,
            resamples: RESAMPLES,
            permutations: args.permutations,
            seed: args.seed,
            runs: runs.iter().map(means).collect::<Result<_, _>>()?,
            comparisons: comparisons(runs, measures, args)?,
        })
    }
}

/// Every measure of every run but the first, measure by measure.
fn comparisons(
    runs: &[MeasuredRun],
    measures: &[Measure],
    args: &CompareArgs,
) -> anyhow::Result<Vec<Comparison>> {
    let Some((baseline, others)) = runs.split_first() else { return Ok(Vec::new()) };
    let mut comparisons = Vec::with_capacity(measures.len() * others.len());
    for &measure in measures {
        for other in others {
            let paired = Paired::new(&baseline.evaluation, &other.evaluation, measure)?;
            let differences = [paired.differences()];
            let permutations = Permutations { count: args.permutations, seed: args.seed };
            let tested = randomisation_test(&differences, permutations)?;
            comparisons.push(Comparison {
                run: other.name.clone(),
                metric: measure.to_string(),
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
