//! The flags of `index` and `merge`.

use std::{fmt::Display, path::PathBuf, str::FromStr};

use clap::{
    Args, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use gleaner::{Analyzer, DenseStorage, GivenField, Metric, exchange::LINE_LIMIT_BYTES};

use super::encoders::{QueryEncoderArg, RuntimeArgs};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InputFormatArg {
    /// BEIR folders and zips, folders of texts, binary vectors (by their counts), *.ciff, *.csv, *.tsv,
    /// and JSONL of texts
    Auto,
    /// BEIR folders and zips: their corpus.jsonl
    Beir,
    /// A JSON object per line: `_id`, `text`, `title`; other keys for filters
    Jsonl,
    /// A table with a heading: the columns `_id` or `id`, `text`, `title`; other columns for filters
    Csv,
    /// The same with tabs between the cells, and without quotes
    Tsv,
    /// The binary exchange file; the `_id` is the row's number, from 0
    Vectors,
    /// A JSON object per line: `id`, `vector` (token → weight), optionally `content`; other keys for
    /// filters. Tokens are term ids, or with --model tokens of its vocabulary
    VectorsJsonl,
    /// The Common Index File Format; integer weights are taken as they are. Terms are term ids, or
    /// with --model tokens of its vocabulary. Holds 8 bytes a posting in memory, 512 MiB at most
    Ciff,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnErrorArg {
    Fail,
    Skip,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LongArg {
    /// Their end is dropped
    Cut,
    /// They are read in windows that overlap; every term has its highest weight of all windows
    Max,
    /// They are read in windows that overlap, and every window is searched: the best one counts
    Passages,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressArg {
    Auto,
    Plain,
    Json,
}

/// The dense fields of an index. All are fixed when it is created.
#[derive(Args)]
pub(crate) struct DenseArgs {
    /// Dense model folder: the dense field `dense` has its vectors of the texts [default: the one
    /// recorded in the index, and a new one has none]
    #[arg(long, value_name = "DIR")]
    pub(crate) dense_model: Option<PathBuf>,
    /// How the vectors of --dense-model are kept: f32, f16 (half the size), int8 (a quarter), or
    /// int8+f32, which searches as int8 and scores as f32 [default: f16]
    #[arg(
        long, value_name = "STORAGE", requires = "dense_model", hide_possible_values = true,
        value_parser = PossibleValuesParser::new(DenseStorage::ALL.map(DenseStorage::name))
            .try_map(|name| name.parse::<DenseStorage>())
    )]
    pub(crate) dense_storage: Option<DenseStorage>,
    /// How they are compared: cosine or dot [default: cosine]
    #[arg(
        long, value_name = "METRIC", requires = "dense_model", hide_possible_values = true,
        value_parser = PossibleValuesParser::new(Metric::ALL.map(Metric::name))
            .try_map(|name| name.parse::<Metric>())
    )]
    pub(crate) dense_metric: Option<Metric>,
    /// A dense field whose vectors documents bring under the key NAME, an array of DIMS numbers;
    /// metric and storage as above, such as emb=768:dot:f32; repeatable
    #[arg(long, value_name = "NAME=DIMS[:METRIC[:STORAGE]]", value_parser = given_field)]
    pub(crate) dense_field: Vec<GivenField>,
}

/// Reads a value of `--dense-field`; what is left out is as the index has it, or the default of a new
/// one.
fn given_field(value: &str) -> Result<GivenField, String> {
    let (name, rest) = value.split_once('=').ok_or("it is NAME=DIMS, such as emb=768")?;
    let mut parts = rest.split(':');
    let dims = parts.next().unwrap_or_default();
    let dims = dims.parse().map_err(|_| format!("{dims:?} is no number of dimensions"))?;
    let (metric, storage) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if let Some(rest) = parts.next() {
        return Err(format!("{rest:?} is too much: it is NAME=DIMS:METRIC:STORAGE"));
    }
    let mut field = GivenField::new(name, dims);
    if let Some(metric) = part(metric)? {
        field = field.metric(metric);
    }
    if let Some(storage) = part(storage)? {
        field = field.storage(storage);
    }
    Ok(field)
}

/// One part of a value, where it is not left out.
fn part<T: FromStr<Err: Display>>(text: &str) -> Result<Option<T>, String> {
    (!text.is_empty()).then(|| text.parse()).transpose().map_err(|error: T::Err| error.to_string())
}

fn analyzer() -> impl TypedValueParser<Value = Analyzer> {
    let names = PossibleValuesParser::new(Analyzer::all().map(Analyzer::name));
    names.try_map(|name| name.parse::<Analyzer>())
}

#[derive(Args)]
pub(crate) struct IndexArgs {
    /// Index folder
    #[arg(long, value_name = "DIR")]
    pub(crate) index: PathBuf,
    /// BEIR folders or zips, folders of texts, files of texts or of vectors, packed (.gz, .zst) or not;
    /// `-` reads stdin
    #[arg(long, value_name = "PATH", required = true, num_args = 1..)]
    pub(crate) input: Vec<PathBuf>,
    /// Model folder [default: the one recorded in the index]; not needed for vectors, whose tokens it
    /// resolves if given, nor where there is a dense field
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Check that the model folder offers this encoder for queries; documents are indexed the same
    #[arg(long, value_enum, value_name = "ENCODER")]
    pub(crate) query_encoder: Option<QueryEncoderArg>,
    /// What the inputs are
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) format: InputFormatArg,
    #[command(flatten)]
    pub(crate) dense: DenseArgs,
    /// What makes words of text for bm25: a language's stop words and stemming, or neither (simple);
    /// fixed when the index is created [default: what the index has, and a new one is english]
    #[arg(long, value_name = "NAME", value_parser = analyzer())]
    pub(crate) analyzer: Option<Analyzer>,
    /// Hits of each leg that take part in fusion; fixed when the index is created [default: what the
    /// index has, and a new one 1000]
    #[arg(long, alias = "fusion-window", value_name = "N")]
    pub(crate) fusion_depth: Option<usize>,
    /// What becomes of texts longer than the model reads; fixed when the index is created [default:
    /// what the index does, and a new one cuts]
    #[arg(long, value_enum, value_name = "MODE")]
    pub(crate) long: Option<LongArg>,
    /// With --long, but not cut: tokens of a window [default: as many as the model reads]
    #[arg(long, value_name = "TOKENS", requires = "long")]
    pub(crate) window: Option<usize>,
    /// With --long, but not cut: tokens that two windows share [default: an eighth of a window]
    #[arg(long, value_name = "TOKENS", requires = "long")]
    pub(crate) overlap: Option<usize>,
    /// Go on after the last commit of an interrupted run
    #[arg(long)]
    pub(crate) resume: bool,
    /// Bytes of the longest line that is read; a longer one is rejected
    #[arg(long, value_name = "N", default_value_t = LINE_LIMIT_BYTES)]
    pub(crate) max_line_bytes: usize,
    /// What to do with a line or row that cannot be indexed
    #[arg(long, value_enum, default_value = "fail")]
    pub(crate) on_error: OnErrorArg,
    /// With --on-error skip: lines and rows tolerated
    #[arg(long, value_name = "N")]
    pub(crate) max_errors: Option<u64>,
    /// Progress on stderr: a bar on a terminal, lines elsewhere; or JSON lines
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) progress: ProgressArg,
    /// Encoder threads [default: all cores]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    #[command(flatten)]
    pub(crate) runtime: RuntimeArgs,
}

#[derive(Args)]
pub(crate) struct MergeArgs {
    /// Index folder
    #[arg(long, value_name = "DIR")]
    pub(crate) index: PathBuf,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_given_field_is_read_part_by_part() {
        let parse = |value: &str| given_field(value).unwrap();
        let field = || GivenField::new("emb", 768);
        assert_eq!(parse("emb=768"), field());
        assert_eq!(parse("emb=768:dot"), field().metric(Metric::Dot));
        assert_eq!(parse("emb=768::int8"), field().storage(DenseStorage::Int8));
        let whole = field().metric(Metric::Cosine).storage(DenseStorage::Int8WithF32);
        assert_eq!(parse("emb=768:cosine:int8+f32"), whole);
        for (value, says) in [
            ("emb", "NAME=DIMS"),
            ("emb=", "\"\" is no number of dimensions"),
            ("emb=-3", "no number"),
            ("emb=3:l2", "\"l2\" is no metric: dot and cosine are"),
            ("emb=3:dot:f8", "\"f8\" is no storage"),
            ("emb=3:dot:f32:x", "\"x\" is too much"),
        ] {
            let refused = given_field(value).unwrap_err();
            assert!(refused.contains(says), "{value}: {refused}");
        }
    }
}
