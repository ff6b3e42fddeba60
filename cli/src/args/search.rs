//! The flags of `search`, `batch-search`, `eval` and `inspect`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gleaner_searcher::THREADS_LIMIT;

use super::QueryModelArgs;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum QueryFormatArg {
    /// Binary vectors (by their counts), else JSONL of texts
    Auto,
    /// A JSON object per line: `_id` (or `id`), `text`
    Jsonl,
    /// The binary exchange file; the query's id is the row's number, from 0
    Vectors,
    /// A JSON object per line: `id`, `vector`. Tokens are term ids, or with --model tokens of its
    /// vocabulary
    VectorsJsonl,
}

/// What orders the hits and where a list of them ends, alike for all commands that search.
#[derive(Args, Clone)]
pub(crate) struct RankingArgs {
    /// What orders the hits: sparse, bm25, dense or dense:FIELD; or several of them fused,
    /// rrf:sparse,bm25,dense or convex:sparse=.6,bm25=.4. Among the legs stand options: k=60 (rrf),
    /// norm=minmax, tmm or bound (convex), window=N
    #[arg(long, value_name = "RANK", default_value = "sparse")]
    pub(crate) rank: String,
    /// Make the query of a leg anew from the first answers: sparse:docs=10,terms=50,weight=.3,
    /// dense:average,docs=3 or dense:rocchio,alpha=.4,beta=.6; interpolate=before, after or both says
    /// which side of fusion it stands on. Repeatable, once a leg
    #[arg(long, value_name = "LEG:OPTIONS")]
    pub(crate) feedback: Vec<String>,
    /// Leave out hits that score less
    #[arg(long, value_name = "SCORE", allow_hyphen_values = true)]
    pub(crate) min_score: Option<f32>,
    /// End the list before its knee, where scores have fallen
    #[arg(long)]
    pub(crate) until_knee: bool,
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
    /// Texts or vectors
    #[arg(long, value_name = "FILE")]
    pub(crate) queries: PathBuf,
    /// What the queries are
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) format: QueryFormatArg,
    /// Where the TREC run is written
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

#[derive(Args)]
pub(crate) struct EvalArgs {
    /// Index folder
    #[arg(long, value_name = "DIR", required_unless_present = "from_run")]
    pub(crate) index: Option<PathBuf>,
    /// Measure this TREC run instead of searching an index
    #[arg(long, value_name = "FILE", conflicts_with = "index")]
    pub(crate) from_run: Option<PathBuf>,
    /// BEIR folder with queries.jsonl and qrels
    #[arg(long, value_name = "DIR")]
    pub(crate) dataset: PathBuf,
    /// Which judgements: qrels/SPLIT.tsv
    #[arg(long, value_name = "SPLIT", default_value = "test")]
    pub(crate) split: String,
    #[command(flatten)]
    pub(crate) ranking: RankingArgs,
    /// Share of the work to do, above 0 and at most 1: 1 is exact, below it hits may be missed
    #[arg(long, value_name = "E", default_value_t = 1.0, value_parser = effort)]
    pub(crate) effort: f32,
    /// Queries searched at the same time [default: all cores]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<usize>,
    /// Measures, in ir_measures' names
    #[arg(long, value_name = "M,…", default_value = "nDCG@10,AP,RR@10,R@100,R@1000")]
    pub(crate) metrics: String,
    /// Remove a hit whose id is the query's (ArguAna, Quora)
    #[arg(long)]
    pub(crate) ignore_identical_ids: bool,
    /// Write means with their intervals, and every query's values
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write the TREC run
    #[arg(long, value_name = "FILE")]
    pub(crate) run: Option<PathBuf>,
    /// Exit with 5 if this is true, e.g. 'nDCG@10<0.64'; repeatable
    #[arg(long, value_name = "CONDITION")]
    pub(crate) fail_if: Vec<String>,
    #[command(flatten)]
    pub(crate) model: QueryModelArgs,
}

#[derive(Args)]
pub(crate) struct InspectArgs {
    /// Index folder
    #[arg(long, value_name = "DIR")]
    pub(crate) index: PathBuf,
    /// Measure what less effort costs and saves on these queries, texts or vectors
    #[arg(long, value_name = "FILE")]
    pub(crate) queries: Option<PathBuf>,
    /// What the queries are
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) format: QueryFormatArg,
    /// Number of hits compared per query
    #[arg(short, long, value_name = "N", default_value_t = 10)]
    pub(crate) k: usize,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) model: QueryModelArgs,
}

/// A number above 0 and at most 1; not a number is not above 0 either.
fn effort(text: &str) -> Result<f32, &'static str> {
    let effort = text.parse().ok().filter(|&effort: &f32| effort > 0.0 && effort <= 1.0);
    effort.ok_or("it is a number above 0 and at most 1, and 1 is exact")
}

/// A number of threads that a search can have.
fn threads(text: &str) -> Result<usize, String> {
    let threads = text.parse().ok().filter(|threads| (1..=THREADS_LIMIT).contains(threads));
    threads.ok_or_else(|| format!("it is a number from 1 to {THREADS_LIMIT}"))
}

/// A number of milliseconds in which something can be found.
fn timeout_ms(text: &str) -> Result<u64, &'static str> {
    let ms = text.parse().ok().filter(|&ms: &u64| ms > 0);
    ms.ok_or("it is a whole number of 1 or more; leave it out to wait for the exact answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effort_is_a_share_of_the_work() {
        assert_eq!(["0.25", "1", "1e-9"].map(effort), [Ok(0.25), Ok(1.0), Ok(1e-9)]);
        for text in ["0", "-0.5", "1.0001", "NaN", "inf", "1e-60", "half", ""] {
            assert!(effort(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_limit_leaves_time() {
        assert_eq!(["1", "18446744073709551615"].map(timeout_ms), [Ok(1), Ok(u64::MAX)]);
        for text in ["0", "-1", "1.5", "soon", ""] {
            assert!(timeout_ms(text).is_err(), "{text}");
        }
    }
}
