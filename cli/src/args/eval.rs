//! The flags of `eval`.

use std::path::PathBuf;

use clap::Args;

use super::{
    encoders::QueryModelArgs,
    ranking::ListArgs,
    values::{effort, threads},
};

#[derive(Args)]
pub(crate) struct EvalArgs {
    /// Index folder
    #[arg(long, value_name = "DIR", required_unless_present = "from_run")]
    pub(crate) index: Option<PathBuf>,
    /// Measure this TREC run instead of searching an index; `-` reads stdin
    #[arg(long, value_name = "FILE", conflicts_with = "index")]
    pub(crate) from_run: Option<PathBuf>,
    /// BEIR folder or zip with queries.jsonl and qrels
    #[arg(long, value_name = "DIR")]
    pub(crate) dataset: PathBuf,
    /// Which judgements: qrels/SPLIT.tsv
    #[arg(long, value_name = "SPLIT", default_value = "test")]
    pub(crate) split: String,
    /// What orders the hits; repeatable. Without it, every leg of the index is measured by itself, and
    /// `hybrid`. The last ranking counts for --fail-if, --run and the top members of --json
    #[arg(long, value_name = "RANK", conflicts_with = "from_run")]
    pub(crate) rank: Vec<String>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
    /// Share of the work to do, above 0 and at most 1: 1 is exact, below it hits may be missed
    #[arg(long, value_name = "E", default_value_t = 1.0, value_parser = effort)]
    pub(crate) effort: f32,
    /// Queries searched at the same time [default: all cores]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<usize>,
    /// Measures, in ir_measures' names
    #[arg(
        long,
        visible_alias = "measures",
        value_name = "M,…",
        default_value = "nDCG@10,AP,RR@10,R@100,R@1000"
    )]
    pub(crate) metrics: String,
    /// Remove a hit whose id is the query's (ArguAna, Quora)
    #[arg(long)]
    pub(crate) ignore_identical_ids: bool,
    /// Write means with their intervals, and every query's values; `-` is stdout, and the table then
    /// goes to stderr
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write the TREC run; `-` is stdout, and the table then goes to stderr
    #[arg(long, value_name = "FILE")]
    pub(crate) run: Option<PathBuf>,
    /// Exit with 5 if this is true, e.g. 'nDCG@10<0.64'; repeatable
    #[arg(long, value_name = "CONDITION")]
    pub(crate) fail_if: Vec<String>,
    #[command(flatten)]
    pub(crate) model: QueryModelArgs,
}
