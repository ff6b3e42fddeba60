//! The flags of `compare`.

use std::path::PathBuf;

use clap::Args;

use super::values::{one_or_more, whole_u64};

#[derive(Args)]
pub(crate) struct CompareArgs {
    /// The runs to compare; the first is the baseline.
    ///
    /// A run is a file with the hits of every query, in TREC's format. Packed files (.gz, .zst) are
    /// read as they are. One of the runs may be `-`, which reads stdin.
    #[arg(value_name = "RUN", required = true, num_args = 2..)]
    pub(crate) runs: Vec<PathBuf>,
    /// The file of judgements (qrels), in BEIR's or TREC's format.
    ///
    /// A judgement says how well a document answers a query. Give this or --dataset.
    #[arg(long, value_name = "FILE", required_unless_present = "dataset", help_heading = "Input")]
    pub(crate) qrels: Option<PathBuf>,
    /// A BEIR folder or zip with judgements, in place of --qrels.
    ///
    /// It has queries.jsonl and qrels/SPLIT.tsv.
    #[arg(long, value_name = "DIR", conflicts_with = "qrels", help_heading = "Input")]
    pub(crate) dataset: Option<PathBuf>,
    /// Which judgements of --dataset are used: those in qrels/SPLIT.tsv.
    #[arg(long, value_name = "SPLIT", default_value = "test", help_heading = "Input")]
    pub(crate) split: String,
    /// The metrics to compare, separated by commas.
    ///
    /// Known are nDCG@k, AP, AP@k, RR, RR@k, R@k, P@k and Success@k. Every metric more makes the
    /// correction for several tests stricter.
    #[arg(
        long,
        alias = "measures",
        value_name = "M,…",
        default_value = "nDCG@10,R@100",
        help_heading = "Evaluation"
    )]
    pub(crate) metrics: String,
    /// Remove a hit whose id is the query's id.
    ///
    /// In ArguAna and Quora every query is a document, too.
    #[arg(long, help_heading = "Evaluation")]
    pub(crate) ignore_identical_ids: bool,
    /// The seed of the random numbers; equal seeds give equal results.
    #[arg(
        long, value_name = "N", default_value_t = 1, value_parser = whole_u64,
        help_heading = "Evaluation"
    )]
    pub(crate) seed: u64,
    /// How many permutations the randomisation test makes.
    ///
    /// No p is below 1 / (N + 1).
    #[arg(
        long, value_name = "N", default_value_t = 100_000, value_parser = one_or_more,
        help_heading = "Evaluation"
    )]
    pub(crate) permutations: usize,
    /// Write the values of every query to this file, with tabs between them.
    ///
    /// With `-` they go to stdout, and the table goes to stderr.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) per_query: Option<PathBuf>,
    /// Print JSON in place of a table.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}
