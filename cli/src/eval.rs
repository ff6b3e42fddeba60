//! `gleaner eval`: a BEIR folder's queries, searched and measured.

use std::{
    fs::File,
    io::{BufWriter, Write},
};

use anyhow::Context;
use gleaner_eval::{Dataset, Evaluation, Measure, Run, Threshold, evaluate, remove_identical_ids};
use gleaner_searcher::{Index, Rank, Snapshot};

use crate::{
    args::{EvalArgs, QueryModelArgs},
    batch_search::BatchSearcher,
    failure::Failure,
};

/// Hits per query that measures without a cut-off see.
const RUN_DEPTH: usize = 1_000;

pub(crate) fn run(args: &EvalArgs) -> anyhow::Result<()> {
    let rank: Rank = args.rank.parse()?;
    let usage = |error: gleaner_eval::EvalError| Failure::Usage(error.to_string());
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
    let snapshot = Index::open(&args.index)?.snapshot();
    let run = search(&snapshot, &args.model, rank, &dataset, args.ignore_identical_ids)?;
    let evaluation = evaluate(&dataset.qrels, &run, &measures)?;
    print(&evaluation);
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&evaluation)?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = &args.run {
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut out = BufWriter::new(file);
        run.write(&mut out, "gleaner")?;
        out.flush()?;
    }
    for threshold in &thresholds {
        if threshold.is_true_of(&evaluation)? {
            return Err(Failure::Threshold { condition: threshold.to_string() }.into());
        }
    }
    Ok(())
}

/// Searches every query with a relevant judgement.
pub(crate) fn search(
    snapshot: &Snapshot,
    model: &QueryModelArgs,
    rank: Rank,
    dataset: &Dataset,
    ignore_identical_ids: bool,
) -> anyhow::Result<Run> {
    let queries: Vec<_> = dataset.relevant_queries().collect();
    let texts: Vec<&str> = queries.iter().map(|query| &query.text[..]).collect();
    let depth = RUN_DEPTH + usize::from(ignore_identical_ids);
    let answers = BatchSearcher::new(snapshot, model, rank)?.search(&texts, depth, None)?;
    let mut run = Run::new();
    for (query, hits) in queries.iter().zip(answers) {
        // Scores as they are, ties as trec_eval breaks them: on a collection with duplicates the
        // order that a search shows (ids ascending) would give other figures than trec_eval's.
        run.insert(&query.id, hits)?;
    }
    if ignore_identical_ids {
        remove_identical_ids(&mut run);
    }
    Ok(run)
}

fn print(evaluation: &Evaluation) {
    for (measure, mean) in &evaluation.means {
        println!("{:<8} {mean:.4}", measure.to_string());
    }
    println!("{:<8} {}", "queries", evaluation.queries);
    if evaluation.queries_without_results > 0 {
        println!("{:<8} {} (they count as 0)", "empty", evaluation.queries_without_results);
    }
}
