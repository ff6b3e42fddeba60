//! `gleaner eval`: a BEIR folder's queries, searched and measured.
//!
//! Without a ranking, every leg of the index is measured by itself, and `hybrid`, which fuses them.
//! How the figures are shown is `report.rs`'s.

mod report;

use std::{
    collections::BTreeSet,
    io::Write,
    path::{Path, PathBuf},
};

use gleaner::{
    BatchSearch, Index, Models, Query, Rank, Ranking, Snapshot,
    eval::{
        Dataset, EvalError, Measure, Qrels, Run, ScoredDoc, Threshold, evaluate,
        remove_identical_ids,
    },
};

use report::{MeasuredRanking, Origin, Report};

use crate::{
    args::{EvalArgs, threads_or_cores},
    failure::{Failure, with_rank},
    io::{
        intervals::{SEED, bootstrap},
        model_folder::say_where_found,
        output::{create, is_standard_stream, stdout},
        query_file::read_texts,
        stderr::stderr,
    },
};

/// Hits per query that measures without a cut-off see, at least.
const UNCUT_HITS: usize = 1_000;
/// Stands for a query's text where only the legs of an index are asked for.
const ANY_TEXT: &str = "text";

/// `gleaner eval`
pub(crate) fn run(args: &EvalArgs) -> anyhow::Result<()> {
    let rankings = args.rank.iter().map(|rank| rank.parse()).collect::<Result<Vec<_>, _>>()?;
    let usage = |error: EvalError| Failure::Usage(error.to_string());
    let mut measures = Measure::parse_list(&args.metrics).map_err(usage)?;
    let thresholds = args.fail_if.iter().map(|condition| condition.parse::<Threshold>());
    let thresholds = thresholds.collect::<Result<Vec<_>, _>>().map_err(usage)?;
    for threshold in &thresholds {
        if !measures.contains(&threshold.measure) {
            measures.push(threshold.measure);
        }
    }
    let dataset = dataset(args)?;
    let table = table_out([&args.json, &args.run])?;
    let json = args.json.as_deref().map(create).transpose()?;
    let run_file = args.run.as_deref().map(create).transpose()?;
    let (mut runs, index) = match (&args.from_run, &args.index) {
        (Some(path), _) => (vec![RankedRun::read(path, &dataset)?], None),
        (None, Some(index)) => {
            let models = args.model.models();
            let snapshot = Index::open_with(index, &models)?.snapshot();
            check_judged(&dataset, &snapshot, index)?;
            let searched = Searched { args, snapshot: &snapshot, models: &models };
            let runs = searched.runs(rankings, &dataset, hits_measured(&measures))?;
            say_where_found(&models);
            (runs, Some(snapshot))
        }
        (None, None) => {
            let message = "name an index with --index or a run with --from-run";
            return Err(Failure::Usage(message.to_owned()).into());
        }
    };
    if args.ignore_identical_ids {
        runs.iter_mut().for_each(|ranked| remove_identical_ids(&mut ranked.run));
    }
    let measured = runs.iter().map(|ranked| {
        let evaluation = evaluate(&dataset.qrels, &ranked.run, &measures)?;
        let intervals = evaluation.intervals(&bootstrap(SEED))?;
        Ok(MeasuredRanking::new(&ranked.rank, ranked.ranking.clone(), evaluation, intervals))
    });
    let measured = measured.collect::<Result<Vec<_>, EvalError>>()?;
    let report = Report::new(measured, Origin::new(args, index.as_ref()));
    let (Some(report), Some(main)) = (report, runs.last()) else { return Ok(()) };
    if let Some(mut out) = json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
        out.finish()?;
    }
    if let Some(mut out) = run_file {
        main.run.write(&mut out, "gleaner")?;
        out.finish()?;
    }
    let printed = report.print(table);
    for threshold in &thresholds {
        if threshold.is_true_of(&report.main().evaluation)? {
            return Err(Failure::Threshold { condition: threshold.to_string() }.into());
        }
    }
    Ok(printed?)
}

/// The queries and their judgements.
///
/// Errors: those of reading them; `Usage` for judgements without the queries that are to be searched;
/// `OtherQueries` if no judged query is among them.
fn dataset(args: &EvalArgs) -> anyhow::Result<Dataset> {
    let dataset = match (&args.dataset, &args.qrels, &args.queries) {
        (Some(folder), _, _) => Dataset::open(folder, &args.split)?,
        (None, Some(qrels), Some(queries)) => {
            Dataset { queries: read_texts(queries)?, qrels: Qrels::open(qrels)? }
        }
        // A run has its own queries.
        (None, Some(qrels), None) if args.from_run.is_some() => {
            return Ok(Dataset { queries: Vec::new(), qrels: Qrels::open(qrels)? });
        }
        (None, _, _) => {
            let message = "--qrels has judgements and no queries: give --queries FILE as well, or \
                           --from-run FILE to measure a run";
            return Err(Failure::Usage(message.to_owned()).into());
        }
    };
    let (unknown, judged) = (dataset.unknown_queries().len(), dataset.qrels.len());
    if unknown == judged && judged > 0 {
        return Err(Failure::OtherQueries { judged }.into());
    }
    if unknown > 0 {
        say!("warning: {unknown} judged queries have no text; they count as 0");
    }
    Ok(dataset)
}

/// A run, and what made it.
struct RankedRun {
    /// The ranking as it was asked for; nothing of a run that was read.
    rank: Option<Ranking>,
    /// By its legs.
    ranking: Option<String>,
    run: Run,
}

impl RankedRun {
    fn read(path: &Path, dataset: &Dataset) -> anyhow::Result<Self> {
        let run = Run::open(path)?;
        check_run(&dataset.qrels, &run, path)?;
        Ok(Self { rank: None, ranking: None, run })
    }
}

/// An index that is searched.
struct Searched<'a> {
    args: &'a EvalArgs,
    snapshot: &'a Snapshot,
    models: &'a Models,
}

impl Searched<'_> {
    /// The runs of several rankings; the last of them is the one that counts.
    fn runs(
        &self,
        rankings: Vec<Ranking>,
        dataset: &Dataset,
        k: usize,
    ) -> anyhow::Result<Vec<RankedRun>> {
        let rankings = if rankings.is_empty() { self.every_leg()? } else { rankings };
        rankings.into_iter().map(|ranking| self.run(ranking, dataset, k)).collect()
    }

    /// Every leg of the index by itself, and `hybrid`; where there is one leg, that is `hybrid`.
    fn every_leg(&self) -> anyhow::Result<Vec<Ranking>> {
        let mut rankings = match self.legs_of(&Ranking::Hybrid)? {
            Rank::Leg(_) => Vec::new(),
            rank @ Rank::Fused(_) => {
                rank.legs().map(|leg| Rank::Leg(leg.clone()).into()).collect::<Vec<_>>()
            }
        };
        rankings.push(Ranking::Hybrid);
        Ok(rankings)
    }

    /// A ranking of texts by the legs of this index.
    fn legs_of(&self, ranking: &Ranking) -> anyhow::Result<Rank> {
        Ok(ranking.in_index(&Query::text(ANY_TEXT), self.snapshot, self.models)?)
    }

    fn run(&self, ranking: Ranking, dataset: &Dataset, k: usize) -> anyhow::Result<RankedRun> {
        let args = self.args;
        let legs = self.legs_of(&ranking)?.to_string();
        say!("searching {} queries by {ranking}, depth {k}", dataset.qrels.len());
        let search = args.list.search(ranking.clone())?.effort(args.effort);
        let search = search.k(k + usize::from(args.ignore_identical_ids));
        let batch = BatchSearch::new(self.snapshot, self.models, search);
        let run = batch.threads(threads_or_cores(args.threads)).run(dataset);
        let run = run.map_err(with_rank(&ranking))?;
        Ok(RankedRun { rank: Some(ranking), ranking: Some(legs), run })
    }
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
        say!(
            "warning: only {found} of {judged} judged documents are in the index; is it of this \
             collection?"
        );
    }
    Ok(())
}

/// Refuses a run of other queries than the judged ones, and warns of one that finds no judged document.
///
/// Errors: `OtherRun`.
pub(super) fn check_run(qrels: &Qrels, run: &Run, path: &Path) -> anyhow::Result<()> {
    let is_judged = |(query, docs): (&str, &[ScoredDoc])| {
        qrels
            .grades(query)
            .is_some_and(|judged| docs.iter().any(|doc| judged.contains_key(&doc.id)))
    };
    if !run.iter().any(|(query, docs)| !docs.is_empty() && qrels.grades(query).is_some()) {
        return Err(Failure::OtherRun { judged: qrels.len(), run: path.to_path_buf() }.into());
    }
    if !run.iter().any(is_judged) {
        say!(
            "warning: no document that {} finds is judged; are run and judgements of one collection?",
            path.display()
        );
    }
    Ok(())
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
        1 => Ok(Box::new(stderr())),
        _ => {
            let message = "--json and --run cannot both be `-`: one stdout is there";
            Err(Failure::Usage(message.to_owned()).into())
        }
    }
}
