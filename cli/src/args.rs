//! The command line, as declared data: a file of flags for each command or pair of commands.
//!
//! Every flag has a `GLEANER_*` twin in the environment. A flag is read here and nothing is opened:
//! what it leads to is its command's, in `commands`.

mod compare;
mod demo;
mod encode;
mod encoders;
mod eval;
mod export;
mod index;
mod inspect;
mod model;
mod ranking;
mod search;
mod serve;
mod values;

use clap::{
    ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand, builder::BoolishValueParser,
};

pub(crate) use compare::CompareArgs;
pub(crate) use demo::{DEFAULT_DEMO_INDEX, DemoArgs};
pub(crate) use encode::{EncodeArgs, SideArg, VectorFormat};
pub(crate) use encoders::{QueryEncoderArg, RuntimeArgs};
pub(crate) use eval::EvalArgs;
pub(crate) use export::{ExportArgs, ExportFormat};
pub(crate) use gleaner::threads_or_cores;
pub(crate) use index::{IndexArgs, InputFormatArg, LongArg, MergeArgs, OnErrorArg, ProgressArg};
pub(crate) use inspect::{DoctorArgs, DoctorLevel, InspectArgs};
pub(crate) use model::{
    InspectModelArgs, ModelArgs, ModelCommand, ModelListArgs, OptimizeArgs, PullArgs,
};
pub(crate) use search::{BatchSearchArgs, QueryFormatArg, SearchArgs};
pub(crate) use serve::ServeArgs;

/// A search engine for learned sparse retrieval.
#[derive(Parser)]
#[command(name = "gleaner", version = VERSION, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

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

/// Parses the command line.
///
/// Errors: what is to be shown in place of a command's work: a mistake, the help, the version.
pub(crate) fn parse() -> Result<Cli, clap::Error> {
    let matches = with_environment(Cli::command()).try_get_matches()?;
    Cli::from_arg_matches(&matches)
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
