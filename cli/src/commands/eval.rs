//! `gleaner eval`: a BEIR folder's queries, searched and measured.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    path::{Path, PathBuf},
};

use gleaner::{
    BatchSearch, Index, Snapshot,
    eval::{
        Dataset, EvalError, Measure, Run, ScoredDoc, Threshold, evaluate, remove_identical_ids,
    },
};

use crate::{
    args::{EvalArgs, threads_or_cores},
    failure::{Failure, with_rank},
    io::{
        intervals::{Measured, SEED, bootstrap, interval_text},
        output::{create, is_standard_stream, stdout},
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
    let table = table_out([&args.json, &args.run])?;
    let json = args.json.as_deref().map(create).transpose()?;
    let run_file = args.run.as_deref().map(create).transpose()?;
    let mut run = match (&args.from_run, &args.index) {
        (Some(path), _) => {
            let run = Run::open(path)?;
            warn_of_other_run(&dataset, &run, path);
            run
        }
        (None, Some(index)) => {
            let models = args.model.models();
            let snapshot = Index::open_with(index, &models)?.snapshot();
            check_judged(&dataset, &snapshot, index)?;
            let rank = search.ranking().clone();
            eprintln!("searching {} queries by {rank}, depth {k}", dataset.qrels.len());
            let search = search.k(k + usize::from(args.ignore_identical_ids));
            let batch = BatchSearch::new(&snapshot, &models, search);
            let run = batch.threads(threads_or_cores(args.threads)).run(&dataset);
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
    let printed = print(table, &measured);
    for threshold in &thresholds {
        if threshold.is_true_of(&evaluation)? {
            return Err(Failure::Threshold { condition: threshold.to_string() }.into());
        }
    }
    Ok(printed?)
}

/// Refuses judgements of which no document is in the index, and warns if that is most of them: an
/// evaluation would call a good ranking bad.
fn check_judged(dataset: &Dataset, snapshot: &Snapshot, index: &Path) -> anyhow::Result<()> {
    let judged: BTreeSet<&str> = dataset
        .qrels
        .iter()
        .flat_map(|(_, documents)| documents.keys())
        .map(|id| &id[..])
        .collect();
    let mut found = 0;
    for id in &judged {
        found += usize::from(snapshot.has_document(id)?);
    }
    let judged = judged.len();
    if found == 0 && judged > 0 {
        return Err(Failure::OtherCollection { judged, index: index.to_path_buf() }.into());
    }
    if found * 2 < judged {
        eprintln!(
            "warning: only {found} of {judged} judged documents are in the index; is it of this \
             collection?"
        );
    }
    Ok(())
}

/// Warns of a run that finds no document which is judged.
fn warn_of_other_run(dataset: &Dataset, run: &Run, path: &Path) {
    let is_judged = |(query, docs): (&str, &[ScoredDoc])| {
        let judged = dataset.qrels.grades(query);
        judged.is_some_and(|judged| docs.iter().any(|doc| judged.contains_key(&doc.id)))
    };
    if !run.is_empty() && !run.iter().any(is_judged) {
        eprintln!(
            "warning: no document that {} finds is judged; are run and judgements of one collection?",
            path.display()
        );
    }
}

/// Hits per query that the measures look at; those without a cut-off see [`UNCUT_HITS`].
pub(super) fn hits_measured(measures: &[Measure]) -> usize {
    measures.iter().filter_map(Measure::cutoff).max().unwrap_or(0).max(UNCUT_HITS)
}

/// Where the table of measures goes: stdout, or stderr where a file is written to stdout.
///
/// Errors: `Usage` for two files there.
fn table_out(files: [&Option<PathBuf>; 2]) -> anyhow::Result<Box<dyn Write>> {
    let on_stdout = files.into_iter().flatten().filter(|path| is_standard_stream(path)).count();
    match on_stdout {
        0 => Ok(Box::new(stdout())),
        1 => Ok(Box::new(io::stderr())),
        _ => {
            let message = "--json and --run cannot both be `-`: one stdout is there";
            Err(Failure::Usage(message.to_owned()).into())
        }
    }
}

fn print(mut out: Box<dyn Write>, measured: &Measured<'_>) -> io::Result<()> {
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
