//! The flags of `compare`.

use std::path::PathBuf;

use clap::Args;

use super::values::permutations;

#[derive(Args)]
pub(crate) struct CompareArgs {
    /// TREC runs, packed or not; the first is the baseline that the others are compared with; one may
    /// be `-`, which reads stdin
    #[arg(value_name = "RUN", required = true, num_args = 2..)]
    pub(crate) runs: Vec<PathBuf>,
    /// Judgements, BEIR's or TREC's
    #[arg(long, value_name = "FILE", required_unless_present = "dataset")]
    pub(crate) qrels: Option<PathBuf>,
    /// BEIR folder or zip with queries.jsonl and qrels
    #[arg(long, value_name = "DIR", conflicts_with = "qrels")]
    pub(crate) dataset: Option<PathBuf>,
    /// Which judgements of the BEIR folder: qrels/SPLIT.tsv
    #[arg(long, value_name = "SPLIT", default_value = "test")]
    pub(crate) split: String,
    /// Measures, in ir_measures' names; each makes the correction for several tests stricter
    #[arg(long, visible_alias = "measures", value_name = "M,…", default_value = "nDCG@10,R@100")]
    pub(crate) metrics: String,
    /// Remove a hit whose id is the query's (ArguAna, Quora)
    #[arg(long)]
    pub(crate) ignore_identical_ids: bool,
    /// What queries are resampled and signs flipped by; equal seeds give equal results
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Permutations of the randomisation test; no p is below 1 / (N + 1)
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = permutations)]
    pub(crate) permutations: usize,
    /// Write every query's values, tab-separated; `-` is stdout, and the table then goes to stderr
    #[arg(long, value_name = "FILE")]
    pub(crate) per_query: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
