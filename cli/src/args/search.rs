//! The flags of `search` and `batch-search`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{
    encoders::QueryModelArgs,
    ranking::RankingArgs,
    values::{effort, one_or_more, threads, timeout_ms, whole},
};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum QueryFormatArg {
    /// Recognised: binary vectors by their counts, answers of /v1/encode, *.csv and *.tsv; all else is
    /// JSONL of texts
    Auto,
    /// A JSON object a line: `_id` (or `id`) and `text`
    Jsonl,
    /// The binary file that benchmarks exchange; the id of a query is its row number, from 0
    Vectors,
    /// A JSON object a line: `id` and `vector`, token and weight; or answers of /v1/encode, numbered
    /// from 0. Tokens are the model's, or term ids where all are numbers and --model is not given
    VectorsJsonl,
}

#[derive(Args)]
pub(crate) struct SearchArgs {
    /// The text to search for; several words are one text.
    ///
    /// Quotes keep the shell from reading signs such as ? and *. A text that begins with a dash stands
    /// behind `--`.
    #[arg(value_name = "TEXT", required_unless_present_any = ["tokens", "dense_vector", "like"])]
    pub(crate) query: Vec<String>,
    /// The folder of the index.
    #[arg(long, value_name = "DIR", help_heading = "Input")]
    pub(crate) index: PathBuf,
    /// The sparse query as a vector, in place of the text's: an object of tokens and weights.
    ///
    /// For example '{"1012": 0.8}'. Tokens are term ids, or with --model tokens of its vocabulary. A text
    /// beside it is for the other legs.
    #[arg(long, value_name = "JSON", help_heading = "Input")]
    pub(crate) tokens: Option<String>,
    /// The dense query as a vector, in place of the text's: an array of numbers.
    ///
    /// For example '[0.1, 0.7]', or '{"FIELD": [0.1, 0.7]}' where the index has several dense fields. A
    /// text beside it is for the other legs.
    #[arg(long, value_name = "JSON", help_heading = "Input")]
    pub(crate) dense_vector: Option<String>,
    /// Find documents that are like the one with this id, in place of a text.
    ///
    /// The vectors and the text of that document are the query. The answer leaves it out.
    #[arg(
        long, value_name = "ID", conflicts_with_all = ["query", "tokens", "dense_vector"],
        help_heading = "Input"
    )]
    pub(crate) like: Option<String>,
    /// Multiply the weight of a token of the sparse query; may be repeated.
    ///
    /// For example vaccine=2. A token is one of the model's vocabulary, or a term id. `gleaner encode`
    /// shows the tokens of a text.
    #[arg(long, value_name = "TOKEN=FACTOR", help_heading = "Input")]
    pub(crate) boost: Vec<String>,
    /// Leave a token of the sparse query out; may be repeated.
    #[arg(long, value_name = "TOKEN", help_heading = "Input")]
    pub(crate) mute: Vec<String>,
    /// How many hits are shown.
    #[arg(
        short, long, value_name = "N", default_value_t = 10, value_parser = one_or_more,
        help_heading = "Ranking"
    )]
    pub(crate) k: usize,
    /// How many of the best hits are left out before the first one shown.
    #[arg(
        long, value_name = "N", default_value_t = 0, value_parser = whole, help_heading = "Ranking"
    )]
    pub(crate) offset: usize,
    /// Search only documents that match these conditions [default: all documents].
    ///
    /// For example 'year:>=2015 AND lang:en'. docs/filters.md lists the conditions.
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true, help_heading = "Ranking")]
    pub(crate) filter: Option<String>,
    #[command(flatten)]
    pub(crate) ranking: RankingArgs,
    /// Which keys of the documents are shown, separated by commas [default: the title].
    ///
    /// With --json no key is shown unless it is named here.
    #[arg(long, value_name = "KEY,…", value_delimiter = ',', help_heading = "Output")]
    pub(crate) fields: Vec<String>,
    /// Show where every score comes from: its eight heaviest terms and the sum of the others.
    ///
    /// With --json every term is shown.
    #[arg(long, help_heading = "Output")]
    pub(crate) explain: bool,
    /// Show what the search did: blocks scored and skipped, and the time of each phase.
    #[arg(long, help_heading = "Output")]
    pub(crate) profile: bool,
    /// Print JSON in place of text.
    ///
    /// It is the object that the HTTP server answers.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// The share of the work to do, above 0 and at most 1.
    ///
    /// 1 is exact. Below 1 the search is faster, and hits may be missing. The answer says so.
    #[arg(
        long, value_name = "E", default_value_t = 1.0, value_parser = effort, help_heading = "Speed"
    )]
    pub(crate) effort: f32,
    /// Return the best hits found after this many milliseconds [default: no limit].
    ///
    /// Only the search counts. The answer says whether it is complete.
    #[arg(long, value_name = "MS", value_parser = timeout_ms, help_heading = "Speed")]
    pub(crate) timeout_ms: Option<u64>,
    /// How many threads share a large segment.
    ///
    /// More than 1 is faster from about a million documents on.
    #[arg(
        long, value_name = "N", default_value_t = 1, value_parser = threads, help_heading = "Speed"
    )]
    pub(crate) threads: usize,
    #[command(flatten)]
    pub(crate) model: QueryModelArgs,
}

impl SearchArgs {
    /// The text that is searched for; words without quotes are one text.
    pub(crate) fn text(&self) -> Option<String> {
        (!self.query.is_empty()).then(|| self.query.join(" "))
    }
}

#[derive(Args)]
pub(crate) struct BatchSearchArgs {
    /// The folder of the index.
    #[arg(long, value_name = "DIR", help_heading = "Input")]
    pub(crate) index: PathBuf,
    /// The file of queries, texts or vectors; `-` reads stdin.
    ///
    /// Packed files (.gz, .zst) are read as they are.
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub(crate) queries: PathBuf,
    /// The format of the file of queries.
    #[arg(long, value_enum, default_value = "auto", help_heading = "Input")]
    pub(crate) format: QueryFormatArg,
    /// How many hits every query has.
    #[arg(
        short, long, value_name = "N", default_value_t = 1000, value_parser = one_or_more,
        help_heading = "Ranking"
    )]
    pub(crate) k: usize,
    /// Search only documents that match these conditions [default: all documents].
    ///
    /// For example 'year:>=2015 AND lang:en'. docs/filters.md lists the conditions.
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true, help_heading = "Ranking")]
    pub(crate) filter: Option<String>,
    #[command(flatten)]
    pub(crate) ranking: RankingArgs,
    /// The file to which the hits are written, in TREC's format; `-` is stdout.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) run: PathBuf,
    /// The share of the work to do, above 0 and at most 1.
    ///
    /// 1 is exact. Below 1 the search is faster, and hits may be missing.
    #[arg(
        long, value_name = "E", default_value_t = 1.0, value_parser = effort, help_heading = "Speed"
    )]
    pub(crate) effort: f32,
    /// Return the best hits of a query found after this many milliseconds [default: no limit].
    #[arg(long, value_name = "MS", value_parser = timeout_ms, help_heading = "Speed")]
    pub(crate) timeout_ms: Option<u64>,
    /// How many queries are searched at the same time [default: all cores].
    #[arg(long, value_name = "N", value_parser = threads, help_heading = "Speed")]
    pub(crate) threads: Option<usize>,
    #[command(flatten)]
    pub(crate) model: QueryModelArgs,
}
