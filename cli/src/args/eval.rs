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
    /// The folder of the index that is searched.
    #[arg(long, value_name = "DIR", required_unless_present = "from_run", help_heading = "Input")]
    pub(crate) index: Option<PathBuf>,
    /// A BEIR folder or zip with the queries and the judgements.
    ///
    /// It has queries.jsonl and qrels/SPLIT.tsv. A judgement says how well a document answers a query.
    #[arg(
        long,
        value_name = "DIR",
        required_unless_present = "qrels",
        conflicts_with = "qrels",
        help_heading = "Input"
    )]
    pub(crate) dataset: Option<PathBuf>,
    /// A file of judgements, in BEIR's or TREC's format, in place of --dataset.
    ///
    /// Give --queries as well, unless --from-run names a run.
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub(crate) qrels: Option<PathBuf>,
    /// The queries of --qrels: JSON lines, or CSV or TSV with a header.
    #[arg(
        long, value_name = "FILE", requires = "qrels", conflicts_with_all = ["dataset", "from_run"],
        help_heading = "Input"
    )]
    pub(crate) queries: Option<PathBuf>,
    /// Which judgements of --dataset are used: those in qrels/SPLIT.tsv.
    #[arg(long, value_name = "SPLIT", default_value = "test", help_heading = "Input")]
    pub(crate) split: String,
    /// Measure this run, and search no index; `-` reads stdin.
    ///
    /// A run is a file with the hits of every query, in TREC's format.
    #[arg(long, value_name = "FILE", conflicts_with = "index", help_heading = "Input")]
    pub(crate) from_run: Option<PathBuf>,
    /// What orders the hits; may be repeated [default: every leg of the index, and hybrid].
    ///
    /// The values are those of `gleaner search --rank`. A leg is one way to rank: sparse, bm25 or
    /// dense. The last ranking counts for --fail-if, --run and the top members of --json.
    #[arg(long, value_name = "RANK", conflicts_with = "from_run", help_heading = "Ranking")]
    pub(crate) rank: Vec<String>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
    /// The metrics to compute, separated by commas.
    ///
    /// Known are nDCG@k, AP, AP@k, RR, RR@k, R@k, P@k and Success@k.
    #[arg(
        long,
        alias = "measures",
        value_name = "M,…",
        default_value = "nDCG@10,AP,RR@10,R@100,R@1000",
        help_heading = "Evaluation"
    )]
    pub(crate) metrics: String,
    /// Exit with code 5 if this is true; may be repeated.
    ///
    /// For example 'nDCG@10<0.64'.
    #[arg(long, value_name = "CONDITION", help_heading = "Evaluation")]
    pub(crate) fail_if: Vec<String>,
    /// Remove a hit whose id is the query's id.
    ///
    /// In ArguAna and Quora every query is a document, too.
    #[arg(long, help_heading = "Evaluation")]
    pub(crate) ignore_identical_ids: bool,
    /// Write the means, their intervals and the values of every query to this file, as JSON.
    ///
    /// With `-` they go to stdout, and the table goes to stderr.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) json: Option<PathBuf>,
    /// Write the hits of every query to this file, in TREC's format.
    ///
    /// With `-` they go to stdout, and the table goes to stderr. To read a run, give --from-run.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) run: Option<PathBuf>,
    /// The share of the work to do, above 0 and at most 1.
    ///
    /// 1 is exact. Below 1 the search is faster, and hits may be missing.
    #[arg(
        long, value_name = "E", default_value_t = 1.0, value_parser = effort, help_heading = "Speed"
    )]
    pub(crate) effort: f32,
    /// How many queries are searched at the same time [default: all cores].
    #[arg(long, value_name = "N", value_parser = threads, help_heading = "Speed")]
    pub(crate) threads: Option<usize>,
    #[command(flatten)]
    pub(crate) model: QueryModelArgs,
}
