//! The flags of `index` and `merge`.

use std::{fmt::Display, path::PathBuf, str::FromStr};

use clap::{
    Args, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use gleaner::{Analyzer, DenseStorage, GivenField, Metric, exchange::LINE_LIMIT_BYTES};

use super::{
    documents::LockArgs,
    encoders::{QueryEncoderArg, RuntimeArgs},
    values::{one_or_more, whole, whole_u64},
};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InputFormatArg {
    /// Recognised: BEIR folders and zips, folders of texts, binary vectors by their counts, *.ciff, *.csv
    /// and *.tsv; all else is JSONL of texts
    Auto,
    /// BEIR folders and zips: their corpus.jsonl
    Beir,
    /// A JSON object a line: `_id`, `text`, `title`; other keys are for filters
    Jsonl,
    /// A table whose first row names the columns: `_id` or `id`, `text`, `title`; other columns are for
    /// filters
    Csv,
    /// The same with tabs between the cells, and without quotes
    Tsv,
    /// The binary file that benchmarks exchange; the `_id` of a vector is its row number, from 0
    Vectors,
    /// A JSON object a line: `id`, `vector` (token and weight), optionally `content`; other keys are for
    /// filters. Tokens are term ids, or with --model tokens of its vocabulary
    VectorsJsonl,
    /// The Common Index File Format, with integer weights. Its terms are term ids, or with --model tokens
    /// of its vocabulary. Reading takes up to 512 MiB of memory
    Ciff,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnErrorArg {
    /// Stop, and keep all that was indexed before
    Fail,
    /// Report it, leave it out and go on
    Skip,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LongArg {
    /// Their end is dropped
    Cut,
    /// They are encoded in windows that overlap; every term has its highest weight of all windows
    Max,
    /// They are encoded in windows that overlap; the best window gives the document its score
    Passages,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressArg {
    /// A bar on a terminal, lines elsewhere
    Auto,
    /// Lines
    Plain,
    /// JSON lines
    Json,
}

/// The dense fields of an index. All are fixed when it is created.
#[derive(Args)]
pub(crate) struct DenseArgs {
    /// The folder of the dense model [default: the one recorded in the index; a new index has none].
    ///
    /// It encodes every text into the dense field `dense`.
    #[arg(long, value_name = "DIR", help_heading = "Model")]
    pub(crate) dense_model: Option<PathBuf>,
    /// How the vectors of --dense-model are stored [default: f16].
    ///
    /// f32 is 4 bytes a number, f16 is 2 and int8 is 1. int8+f32 stores both: it searches with int8 and
    /// scores with f32.
    #[arg(
        long, value_name = "STORAGE", requires = "dense_model", help_heading = "Index settings",
        value_parser = PossibleValuesParser::new(DenseStorage::ALL.map(DenseStorage::name))
            .try_map(|name| name.parse::<DenseStorage>())
    )]
    pub(crate) dense_storage: Option<DenseStorage>,
    /// How the vectors of --dense-model are compared [default: cosine].
    #[arg(
        long, value_name = "METRIC", requires = "dense_model", help_heading = "Index settings",
        value_parser = PossibleValuesParser::new(Metric::ALL.map(Metric::name))
            .try_map(|name| name.parse::<Metric>())
    )]
    pub(crate) dense_metric: Option<Metric>,
    /// A dense field whose vectors the documents bring; may be repeated.
    ///
    /// For example emb=768:dot:f32. Documents have an array of DIMS numbers under the key NAME. Metric
    /// and storage have the values of --dense-metric and --dense-storage.
    #[arg(
        long, value_name = "NAME=DIMS[:METRIC[:STORAGE]]", value_parser = given_field,
        help_heading = "Index settings"
    )]
    pub(crate) dense_field: Vec<GivenField>,
}

/// Reads a value of `--dense-field`; what is left out is as the index has it, or the default of a new
/// one.
fn given_field(value: &str) -> Result<GivenField, String> {
    let (name, rest) = value.split_once('=').ok_or("give NAME=DIMS, such as emb=768")?;
    let mut parts = rest.split(':');
    let dims = parts.next().unwrap_or_default();
    let dims = dims.parse().map_err(|_| {
        format!("{dims:?} is no number of dimensions; give NAME=DIMS, such as emb=768")
    })?;
    let (metric, storage) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if let Some(rest) = parts.next() {
        return Err(format!("{rest:?} is too much; give NAME=DIMS:METRIC:STORAGE"));
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
    /// What is indexed: files or folders of texts, or files of vectors; `-` reads stdin.
    ///
    /// Folders and zips in BEIR's form are read, and packed files (.gz, .zst). docs/formats.md lists the
    /// formats.
    #[arg(
        long, value_name = "PATH", required = true, num_args = 1.., help_heading = "Input"
    )]
    pub(crate) input: Vec<PathBuf>,
    /// The format of the inputs.
    #[arg(long, value_enum, default_value = "auto", help_heading = "Input")]
    pub(crate) format: InputFormatArg,
    /// What happens at a line or row that cannot be indexed.
    #[arg(long, value_enum, default_value = "fail", help_heading = "Input")]
    pub(crate) on_error: OnErrorArg,
    /// How many such lines and rows --on-error skip leaves out before it stops [default: no limit].
    #[arg(long, value_name = "N", value_parser = whole_u64, help_heading = "Input")]
    pub(crate) max_errors: Option<u64>,
    /// The length of the longest line that is read, in bytes.
    ///
    /// A longer line is one that cannot be indexed.
    #[arg(
        long, value_name = "N", default_value_t = LINE_LIMIT_BYTES, value_parser = whole,
        help_heading = "Input"
    )]
    pub(crate) max_line_bytes: usize,
    /// Go on after the last commit of an interrupted run.
    #[arg(long, help_heading = "Input")]
    pub(crate) resume: bool,
    /// The folder of the sparse model [default: the one recorded in the index].
    ///
    /// A new index of texts needs it, or a dense field. Vectors do not need it; if it is given, their
    /// tokens are those of its vocabulary.
    #[arg(long, value_name = "DIR", help_heading = "Model")]
    pub(crate) model: Option<PathBuf>,
    /// Check that the model folder offers this encoder of queries.
    ///
    /// It changes nothing in the index.
    #[arg(long, value_enum, value_name = "ENCODER", help_heading = "Model")]
    pub(crate) query_encoder: Option<QueryEncoderArg>,
    #[command(flatten)]
    pub(crate) dense: DenseArgs,
    /// What makes words of a text for bm25 [default: what the index has; a new index has english].
    ///
    /// A language has its stop words and its stemming. `simple` has neither.
    #[arg(
        long, value_name = "NAME", value_parser = analyzer(), help_heading = "Index settings"
    )]
    pub(crate) analyzer: Option<Analyzer>,
    /// How many hits of each leg are fused [default: what the index has; a new index has 1000].
    ///
    /// A leg is one way to rank: sparse, bm25 or dense.
    #[arg(
        long, alias = "fusion-window", value_name = "N", value_parser = whole,
        help_heading = "Index settings"
    )]
    pub(crate) fusion_depth: Option<usize>,
    /// What happens to texts longer than the model reads [default: as the index has it; a new index cuts].
    #[arg(long, value_enum, value_name = "MODE", help_heading = "Index settings")]
    pub(crate) long: Option<LongArg>,
    /// How many tokens a window of --long max or passages has [default: as many as the model reads].
    #[arg(
        long, value_name = "TOKENS", requires = "long", value_parser = whole,
        help_heading = "Index settings"
    )]
    pub(crate) window: Option<usize>,
    /// How many tokens two windows share [default: an eighth of a window].
    #[arg(
        long, value_name = "TOKENS", requires = "long", value_parser = whole,
        help_heading = "Index settings"
    )]
    pub(crate) overlap: Option<usize>,
    /// The folder of the index, made if it is missing.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) index: PathBuf,
    /// How progress is shown on stderr.
    #[arg(long, value_enum, default_value = "auto", help_heading = "Output")]
    pub(crate) progress: ProgressArg,
    /// How many threads encode [default: all cores].
    #[arg(long, value_name = "N", value_parser = one_or_more, help_heading = "Speed")]
    pub(crate) threads: Option<usize>,
    #[command(flatten)]
    pub(crate) runtime: RuntimeArgs,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
}

#[derive(Args)]
pub(crate) struct MergeArgs {
    /// The folder of the index.
    #[arg(long, value_name = "DIR", help_heading = "Input")]
    pub(crate) index: PathBuf,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
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
