//! The command line, as declared data. Every flag has a `GLEANER_*` twin in the environment.

mod compare;
mod index;
mod pull;
mod search;
mod serve;

use std::path::PathBuf;

use clap::{
    ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum,
    builder::BoolishValueParser,
};

pub(crate) use compare::CompareArgs;
pub(crate) use index::{
    DenseArgs, GivenField, IndexArgs, InputFormatArg, LongArg, MergeArgs, OnErrorArg,
};
pub(crate) use pull::{ModelListArgs, PullArgs};
pub(crate) use search::{
    BatchSearchArgs, EvalArgs, InspectArgs, QueryFormatArg, RankingArgs, SearchArgs,
};
pub(crate) use serve::ServeArgs;

/// A search engine for learned sparse retrieval.
#[derive(Parser)]
#[command(name = "gleaner", version = VERSION, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the demo keeps its index unless told otherwise.
pub(crate) const DEFAULT_DEMO_INDEX: &str = "out/demo.index";

/// Builds with assertions are slower: they say so, lest someone measures one.
const VERSION: &str = if cfg!(debug_assertions) {
    concat!(env!("CARGO_PKG_VERSION"), " (checked build: assertions on, do not measure)")
} else {
    env!("CARGO_PKG_VERSION")
};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Index the sample corpus, search it with explanations, evaluate it.
    Demo(DemoArgs),
    /// Look at a model folder.
    Model {
        #[command(subcommand)]
        command: ModelCommand,
    },
    /// Encode texts to vectors, sparse or dense.
    Encode(EncodeArgs),
    /// Encode documents, or take their vectors, and add them to an index (created if missing;
    /// upserts by `_id`).
    Index(IndexArgs),
    /// Merge an index's segments into as few as possible.
    Merge(MergeArgs),
    /// Write an index's stored vectors.
    Export(ExportArgs),
    /// Search an index.
    Search(SearchArgs),
    /// Run a file of queries and write a TREC run.
    BatchSearch(BatchSearchArgs),
    /// Measure ranking quality on a BEIR folder.
    Eval(EvalArgs),
    /// Compare TREC runs: differences, their intervals, and whether they could be chance.
    Compare(CompareArgs),
    /// Serve every index in a folder over HTTP.
    Serve(ServeArgs),
    /// Say what an index holds.
    Inspect(InspectArgs),
    /// Check an index: structure, checksums and, at level full, every bound.
    Doctor(DoctorArgs),
}

#[derive(Subcommand)]
pub(crate) enum ModelCommand {
    /// Print layout, sides, settings and fingerprints, and how sparse a text's vectors are.
    Inspect(InspectModelArgs),
    /// Encode the model's golden texts again and compare.
    Selftest(ModelArgs),
    /// Make the faster form of a model, whose output layer Gleaner computes itself.
    Optimize(OptimizeArgs),
    /// Fetch a model: the only command that uses the network.
    Pull(PullArgs),
    /// List the model folders in a folder.
    List(ModelListArgs),
}

#[derive(Args)]
pub(crate) struct OptimizeArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// Folder to make [default: the graph goes beside the original]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Store large tensors as float16: half the size, weights within 5e-3
    #[arg(long)]
    pub(crate) half: bool,
}

/// Where the ONNX Runtime is.
#[derive(Args, Clone)]
pub(crate) struct RuntimeArgs {
    /// ONNX Runtime library [default: searched; `make setup` fetches it]
    #[arg(long, value_name = "FILE")]
    pub(crate) ort_lib: Option<PathBuf>,
}

/// How queries become vectors.
#[derive(Args, Clone)]
pub(crate) struct QueryModelArgs {
    /// Model folder [default: the one recorded in the index]
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// What encodes queries [default: what the model folder states]; the folder must offer it
    #[arg(long, value_enum, value_name = "ENCODER")]
    pub(crate) query_encoder: Option<QueryEncoderArg>,
    /// Dense model folder [default: the one recorded in the index]
    #[arg(long, value_name = "DIR")]
    pub(crate) dense_model: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) runtime: RuntimeArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum QueryEncoderArg {
    /// The model's graph
    Graph,
    /// A table of weights, idf.json: every distinct term has its weight there; no graph is run
    Idf,
    /// Every distinct term weighs 1
    Ones,
    /// A table of sparse rows
    Embedding,
}

#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Folder with `sample` and `models/splade-tiny`
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(crate) data: PathBuf,
    /// Where the demo keeps its index
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DEMO_INDEX)]
    pub(crate) demo_index: PathBuf,
    #[command(flatten)]
    pub(crate) runtime: RuntimeArgs,
}

#[derive(Args)]
pub(crate) struct ModelArgs {
    /// Model folder
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) runtime: RuntimeArgs,
}

#[derive(Args)]
pub(crate) struct InspectModelArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// A text to encode on both sides
    #[arg(long, value_name = "TEXT", default_value = "What is learned sparse retrieval?")]
    pub(crate) text: String,
    /// What encodes queries [default: what the model folder states]; the folder must offer it
    #[arg(long, value_enum, value_name = "ENCODER")]
    pub(crate) query_encoder: Option<QueryEncoderArg>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SideArg {
    Query,
    Document,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VectorFormat {
    /// One JSON array of `{"index", "value"}` per text, as TEI's /embed_sparse; of numbers from a dense
    /// model, as /embed
    Tei,
    /// Anserini's JsonVectorCollection: token → round(100 × weight)
    Anserini,
    /// The binary exchange file: rows in order, empty rows kept. Held in memory until the end
    Vectors,
    /// Seismic's JSONL: token → weight; from a dense model, `id` and an array of numbers
    VectorsJsonl,
    /// The Common Index File Format: postings by token, round(100 × weight), zeros left out. Held in
    /// memory until the end
    Ciff,
}

#[derive(Args)]
pub(crate) struct EncodeArgs {
    /// Model folder
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// Which side of the search the texts are on
    #[arg(long, value_enum, default_value = "document")]
    pub(crate) side: SideArg,
    /// JSONL with `_id`, `text` and optionally `title`; `-` reads stdin
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) input: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value = "vectors-jsonl")]
    pub(crate) format: VectorFormat,
    /// Write JSON lines instead that say which word of the text gave every term its weight
    #[arg(long, conflicts_with_all = ["format", "resume"])]
    pub(crate) provenance: bool,
    /// What encodes queries [default: what the model folder states]; the folder must offer it
    #[arg(long, value_enum, value_name = "ENCODER")]
    pub(crate) query_encoder: Option<QueryEncoderArg>,
    /// Output file, which appears when it is whole; `-` writes stdout
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) out: PathBuf,
    /// Go on with the FILE.part of an interrupted run
    #[arg(long)]
    pub(crate) resume: bool,
    /// Encoder threads [default: all cores]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    #[command(flatten)]
    pub(crate) runtime: RuntimeArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressArg {
    Auto,
    Plain,
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// The binary exchange file, with the ids beside it in FILE.ids
    Vectors,
    /// Seismic's JSONL, with term ids as names
    VectorsJsonl,
    /// The Common Index File Format, with term ids as names and round(100 × weight), zeros left out
    Ciff,
}

#[derive(Args)]
pub(crate) struct ExportArgs {
    /// Index folder
    #[arg(long, value_name = "DIR")]
    pub(crate) index: PathBuf,
    /// Output format; passages have ids of their own, `_id#0`, `_id#1` and so on
    #[arg(long, value_enum, required_unless_present = "dense")]
    pub(crate) format: Option<ExportFormat>,
    /// Write the vectors of this dense field instead, a JSON line each: `id` and an array of numbers
    #[arg(long, value_name = "FIELD", conflicts_with = "format")]
    pub(crate) dense: Option<String>,
    /// Output file
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DoctorLevel {
    /// Structure and checksums of every file
    Fast,
    /// Also: every column, maximum and dense code recomputed, every document and dense vector read,
    /// every id unique
    Full,
}

#[derive(Args)]
pub(crate) struct DoctorArgs {
    /// Index folder
    #[arg(long, value_name = "DIR")]
    pub(crate) index: PathBuf,
    /// How thorough
    #[arg(long, value_enum, default_value = "fast")]
    pub(crate) level: DoctorLevel,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Parses the command line; usage errors end the process with exit code 2.
pub(crate) fn parse() -> Cli {
    let matches = with_environment(Cli::command()).get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// Gives every flag its environment twin: `--on-error` is `GLEANER_ON_ERROR`.
fn with_environment(command: clap::Command) -> clap::Command {
    command
        .mut_args(|arg| {
            let Some(long) = arg.get_long().map(str::to_owned) else { return arg };
            if matches!(long.as_str(), "help" | "version") {
                return arg;
            }
            let name = format!("GLEANER_{}", long.to_uppercase().replace('-', "_"));
            let arg = match arg.get_action() {
                ArgAction::SetTrue => arg.value_parser(BoolishValueParser::new()),
                _ => arg,
            };
            arg.env(name).hide_env_values(true)
        })
        .mut_subcommands(with_environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declaration_is_consistent() {
        with_environment(Cli::command()).debug_assert();
    }

    #[test]
    fn every_long_flag_has_an_environment_twin() {
        fn check(command: &clap::Command) {
            for arg in command.get_arguments().filter(|arg| arg.get_long().is_some()) {
                let is_builtin = ["help", "version"].contains(&arg.get_id().as_str());
                assert!(is_builtin || arg.get_env().is_some(), "{}", arg.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        check(&with_environment(Cli::command()));
    }
}
