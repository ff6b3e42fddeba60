//! The figures of `eval`: a row for each ranking, the last of them at length; and all of it as JSON.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::Path,
};

use gleaner::{
    Ranking, Snapshot,
    eval::{Evaluation, Interval, Measure},
};
use serde::Serialize;

use crate::{
    args::EvalArgs,
    io::intervals::{by_name, interval_text},
};

/// What a ranking reached.
#[derive(Serialize)]
pub(super) struct MeasuredRanking {
    /// As it was asked for; null of a run that was read.
    rank: Option<String>,
    /// By its legs.
    ranking: Option<String>,
    #[serde(flatten)]
    pub(super) evaluation: Evaluation,
    #[serde(serialize_with = "by_name")]
    intervals: Vec<(Measure, Interval)>,
}

/// What the figures are of.
#[derive(Serialize)]
pub(super) struct Origin<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    dataset: Option<&'a Path>,
    /// Of the dataset.
    #[serde(skip_serializing_if = "Option::is_none")]
    split: Option<&'a str>,
    /// The judgements, in place of a dataset.
    #[serde(skip_serializing_if = "Option::is_none")]
    qrels: Option<&'a Path>,
    /// The run that was read, in place of an index.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_run: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<MeasuredIndex<'a>>,
}

/// The index that was searched.
#[derive(Serialize)]
struct MeasuredIndex<'a> {
    path: Option<&'a Path>,
    generation: u64,
    documents: u64,
    /// Fingerprint of the sparse model.
    model: Option<&'a str>,
    /// Fingerprints of the dense models by field.
    dense_models: BTreeMap<&'a str, &'a str>,
}

/// Everything that was measured. The members of the main ranking stand at the top.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    #[serde(flatten)]
    origin: Origin<'a>,
    #[serde(flatten)]
    main: MeasuredRanking,
    rankings: Vec<MeansOfRanking>,
}

/// A row.
#[derive(Serialize)]
struct MeansOfRanking {
    rank: Option<String>,
    ranking: Option<String>,
    #[serde(serialize_with = "by_name")]
    metrics: Vec<(Measure, f64)>,
    #[serde(serialize_with = "by_name")]
    intervals: Vec<(Measure, Interval)>,
}

impl MeasuredRanking {
    pub(super) fn new(
        rank: &Option<Ranking>,
        ranking: Option<String>,
        evaluation: Evaluation,
        intervals: Vec<(Measure, Interval)>,
    ) -> Self {
        let rank = rank.as_ref().map(Ranking::to_string);
        Self { rank, ranking, evaluation, intervals }
    }

    fn means(&self) -> MeansOfRanking {
        MeansOfRanking {
            rank: self.rank.clone(),
            ranking: self.ranking.clone(),
            metrics: self.evaluation.means.clone(),
            intervals: self.intervals.clone(),
        }
    }
}

impl<'a> Origin<'a> {
    /// What the flags name, and the commit that was searched.
    pub(super) fn new(args: &'a EvalArgs, snapshot: Option<&'a Snapshot>) -> Self {
        let index = snapshot.map(|snapshot| {
            let manifest = snapshot.manifest();
            let dense = manifest.dense.iter().filter_map(|field| {
                Some((&field.spec.name[..], &field.model.as_ref()?.fingerprint[..]))
            });
            MeasuredIndex {
                path: args.index.as_deref(),
                generation: snapshot.generation(),
                documents: snapshot.documents(),
                model: manifest.model.as_ref().map(|model| &model.fingerprint[..]),
                dense_models: dense.collect(),
            }
        });
        let (dataset, qrels) = (args.dataset.as_deref(), args.qrels.as_deref());
        let split = dataset.map(|_| &args.split[..]);
        Self { dataset, split, qrels, from_run: args.from_run.as_deref(), index }
    }
}

impl<'a> Report<'a> {
    /// The last ranking is the main one. Without any there is no report.
    pub(super) fn new(mut measured: Vec<MeasuredRanking>, origin: Origin<'a>) -> Option<Self> {
        let rankings = measured.iter().map(MeasuredRanking::means).collect();
        Some(Self { origin, main: measured.pop()?, rankings })
    }

    /// The ranking that counts.
    pub(super) fn main(&self) -> &MeasuredRanking {
        &self.main
    }

    /// Prints a row for each ranking, where there are several, and the main one with its intervals.
    pub(super) fn print(&self, mut out: Box<dyn Write>) -> io::Result<()> {
        let out = &mut out;
        if self.rankings.len() > 1 {
            self.print_rows(out)?;
            let (rank, ranking) = (&self.main.rank, &self.main.ranking);
            let name = |name: &Option<String>| name.clone().unwrap_or_default();
            match rank == ranking {
                true => writeln!(out, "\n{}", name(rank))?,
                false => writeln!(out, "\n{} = {}", name(rank), name(ranking))?,
            }
        }
        let MeasuredRanking { evaluation, intervals, .. } = &self.main;
        for ((measure, mean), (_, interval)) in evaluation.means.iter().zip(intervals) {
            writeln!(out, "{:<8} {mean:.4}  {}", measure.to_string(), interval_text(*interval))?;
        }
        writeln!(out, "{:<8} {}", "queries", evaluation.queries)?;
        if evaluation.queries_without_results > 0 {
            let empty = evaluation.queries_without_results;
            writeln!(out, "{:<8} {empty} (they count as 0)", "empty")?;
        }
        out.flush()
    }

    fn print_rows(&self, out: &mut impl Write) -> io::Result<()> {
        let name = |row: &MeansOfRanking| row.rank.clone().unwrap_or_default();
        let width = self.rankings.iter().map(|row| name(row).len()).max().unwrap_or(0);
        let measures = self.main.evaluation.means.iter();
        let measures: Vec<String> = measures.map(|(measure, _)| measure.to_string()).collect();
        write!(out, "{:<width$}", "")?;
        measures.iter().try_for_each(|measure| write!(out, "  {measure:>7}"))?;
        for row in &self.rankings {
            write!(out, "\n{:<width$}", name(row))?;
            for ((_, mean), measure) in row.metrics.iter().zip(&measures) {
                write!(out, "  {mean:>width$.4}", width = measure.len().max(7))?;
            }
        }
        writeln!(out)
    }
}
