//! `gleaner eval`: a BEIR folder's queries, searched and measured.

use std::io::{self, Write};

use gleaner::{
    BatchSearch, Index,
    eval::{Dataset, EvalError, Measure, Run, Threshold, evaluate, remove_identical_ids},
};

use crate::{
    args::{EvalArgs, threads_or_cores},
    failure::{Failure, with_rank},
    io::{
        intervals::{Measured, SEED, bootstrap, interval_text},
        model_folder::say_where_found,
        output::{WholeFile, stdout},
    },
};

/// Hits per query that measures without a cut-off see, at least.
const UNCUT_HITS: usize = 1_000;

/// `gleaner eval`
pub(crate) fn run(args: &EvalArgs) -> anyhow::Result<()> {
    let search = args.ranking.search()?.effort(args.effort);
    let usage = |error: EvalError| Failure::Usage(error.to_string());
    let mut measures = Measure::parse_list(&args.metrics).map_err(usage)?;
    let thresholds = args.fail_if.iter().map(|condition| condition.parse::<Threshold>());
    let thresholds = thresholds.collect::<Result<Vec<_>, _>>().map_err(usage)?;
    for threshold in &thresholds {
        if !measures.contains(&threshold.measure) {
            measures.push(threshold.measure);
        }
    }
    let dataset = Dataset::open(&args.dataset, &args.split)?;
    let unknown = dataset.unknown_queries().len();
    if unknown > 0 {
        eprintln!("warning: {unknown} judged queries have no text; they count as 0");
    }
    let k = hits_measured(&measures);
    let json = args.json.as_deref().map(WholeFile::create).transpose()?;
    let run_file = args.run.as_deref().map(WholeFile::create).transpose()?;
    let mut run = match (&args.from_run, &args.index) {
        (Some(path), _) => Run::open(path)?,
        (None, Some(index)) => {
            let models = args.model.models();
            let snapshot = Index::open_with(index, &models)?.snapshot();
            let rank = search.ranking().clone();
            eprintln!("searching {} queries by {rank}, depth {k}", dataset.qrels.len());
            let search = search.k(k + usize::from(args.ignore_identical_ids));
            let batch = BatchSearch::new(&snapshot, &models, search);
            let run = batch.threads(threads_or_cores(args.threads)).run(&dataset);
            say_where_found(&models);
            run.map_err(with_rank(&rank))?
        }
        (None, None) => {
            let message = "name an index with --index or a run with --from-run";
            return Err(Failure::Usage(message.to_owned()).into());
        }
    };
    if args.ignore_identical_ids {
        remove_identical_ids(&mut run);
    }
    let evaluation = evaluate(&dataset.qrels, &run, &measures)?;
    let intervals = evaluation.intervals(&bootstrap(SEED))?;
    let measured = Measured { evaluation: &evaluation, intervals };
    if let Some(mut out) = json {
        serde_json::to_writer_pretty(&mut out, &measured)?;
        out.finish()?;
    }
    if let Some(mut out) = run_file {
        run.write(&mut out, "gleaner")?;
        out.finish()?;
    }
    let printed = print(&measured);
    for threshold in &thresholds {
        if threshold.is_true_of(&evaluation)? {
            return Err(Failure::Threshold { condition: threshold.to_string() }.into());
        }
    }
    Ok(printed?)
}

/// Hits per query that the measures look at; those without a cut-off see [`UNCUT_HITS`].
pub(super) fn hits_measured(measures: &[Measure]) -> usize {
    measures.iter().filter_map(Measure::cutoff).max().unwrap_or(0).max(UNCUT_HITS)
}

fn print(measured: &Measured<'_>) -> io::Result<()> {
    let mut out = stdout();
    let evaluation = measured.evaluation;
    for ((measure, mean), (_, interval)) in evaluation.means.iter().zip(&measured.intervals) {
        writeln!(out, "{:<8} {mean:.4}  {}", measure.to_string(), interval_text(*interval))?;
    }
    writeln!(out, "{:<8} {}", "queries", evaluation.queries)?;
    if evaluation.queries_without_results > 0 {
        writeln!(out, "{:<8} {} (they count as 0)", "empty", evaluation.queries_without_results)?;
    }
    out.flush()
}
