//! The flags of `search` and `batch-search`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{
    encoders::QueryModelArgs,
    ranking::RankingArgs,
    values::{effort, threads, timeout_ms},
};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum QueryFormatArg {
    /// Binary vectors (by their counts), answers of /v1/encode, *.csv, *.tsv, else JSONL of texts
    Auto,
    /// A JSON object per line: `_id` (or `id`), `text`
    Jsonl,
    /// The binary exchange file; the query's id is the row's number, from 0
    Vectors,
    /// A JSON object per line: `id`, `vector`; or answers of /v1/encode, numbered from 0. Tokens are
    /// those of the index's model, or term ids where all are numbers and --model is not given
    VectorsJsonl,
}

#[derive(Args)]
pub(crate) struct SearchArgs {
    /// Index folder
    #[arg(long, value_name = "DIR")]
    pub(crate) index: PathBuf,
    /// What to search for
    #[arg(value_name = "QUERY", required_unless_present_any = ["tokens", "dense_vector", "like"])]
    pub(crate) query: Option<String>,
    /// The sparse query as a vector, e.g. '{"1012": 0.8}': term ids, or with --model tokens of its
    /// vocabulary; with a QUERY beside it, that is for the other legs
    #[arg(long, value_name = "JSON")]
    pub(crate) tokens: Option<String>,
    /// The dense query as a vector: '[0.1, …]', or '{"FIELD": [0.1, …]}' where there are several
    /// fields; with a QUERY beside it, that is for the other legs
    #[arg(long, value_name = "JSON")]
    pub(crate) dense_vector: Option<String>,
    /// More like this document, by its own vectors and text; it is left out of the answer
    #[arg(long, value_name = "ID", conflicts_with_all = ["query", "tokens", "dense_vector"])]
    pub(crate) like: Option<String>,
    /// Multiply the weight of a term of the sparse query: a token of the model's vocabulary, or a term
    /// id. Repeatable
    #[arg(long, value_name = "TOKEN=FACTOR")]
    pub(crate) boost: Vec<String>,
    /// Silence a term of the sparse query. Repeatable
    #[arg(long, value_name = "TOKEN")]
    pub(crate) mute: Vec<String>,
    /// Number of hits
    #[arg(short, long, value_name = "N", default_value_t = 10)]
    pub(crate) k: usize,
    /// Hits to pass over first
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) offset: usize,
    #[command(flatten)]
    pub(crate) ranking: RankingArgs,
    /// Only documents that match, e.g. 'year:>=2015 AND lang:en'
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true)]
    pub(crate) filter: Option<String>,
    /// Keys of the stored documents to show
    #[arg(long, value_name = "KEY,…", value_delimiter = ',')]
    pub(crate) fields: Vec<String>,
    /// Share of the work to do, above 0 and at most 1: 1 is exact, below it hits may be missed
    #[arg(long, value_name = "E", default_value_t = 1.0, value_parser = effort)]
    pub(crate) effort: f32,
    /// Return the best found after this many milliseconds of searching [default: wait]
    #[arg(long, value_name = "MS", value_parser = timeout_ms)]
    pub(crate) timeout_ms: Option<u64>,
    /// Threads that share a large segment: worth it from about a million documents on
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = threads)]
    pub(crate) threads: usize,
    /// Say where every score comes from: the eight heaviest terms and the sum of the others; with
    /// --json every term
    #[arg(long)]
    pub(crate) explain: bool,
    /// Say what the search did: blocks scored and skipped, time per phase
    #[arg(long)]
    pub(crate) profile: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) model: QueryModelArgs,
}

#[derive(Args)]
pub(crate) struct BatchSearchArgs {
    /// Index folder
    #[arg(long, value_name = "DIR")]
    pub(crate) index: PathBuf,
    /// Texts or vectors, packed (.gz, .zst) or not; `-` reads stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) queries: PathBuf,
    /// What the queries are
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) format: QueryFormatArg,
    /// Where the TREC run is written; `-` is stdout
    #[arg(long, value_name = "FILE")]
    pub(crate) run: PathBuf,
    /// Number of hits per query
    #[arg(short, long, value_name = "N", default_value_t = 1000)]
    pub(crate) k: usize,
    #[command(flatten)]
    pub(crate) ranking: RankingArgs,
    /// Only documents that match
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true)]
    pub(crate) filter: Option<String>,
    /// Share of the work to do, above 0 and at most 1: 1 is exact, below it hits may be missed
    #[arg(long, value_name = "E", default_value_t = 1.0, value_parser = effort)]
    pub(crate) effort: f32,
    /// Return the best found after this many milliseconds of searching, for each query [default: wait]
    #[arg(long, value_name = "MS", value_parser = timeout_ms)]
    pub(crate) timeout_ms: Option<u64>,
    /// Queries searched at the same time [default: all cores]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<usize>,
    #[command(flatten)]
    pub(crate) model: QueryModelArgs,
}
