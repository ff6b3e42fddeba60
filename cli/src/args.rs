//! The command line, as declared data: a file of flags for each command or pair of commands.
//!
//! Every flag has a `GLEANER_*` twin in the environment. A flag is read here and nothing is opened:
//! what it leads to is its command's, in `commands`. `examples` has the examples of `--help`.

mod compare;
mod demo;
mod documents;
mod encode;
mod encoders;
mod eval;
mod examples;
mod export;
mod index;
mod inspect;
mod model;
mod ranking;
mod search;
mod serve;
mod values;

use std::{ffi::OsString, fmt::Write};

use clap::{Arg, ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand};

use values::switch;

pub(crate) use compare::CompareArgs;
pub(crate) use demo::{DEFAULT_DEMO_INDEX, DemoArgs};
pub(crate) use documents::{DeleteArgs, GetArgs};
pub(crate) use encode::{EncodeArgs, SideArg, VectorFormat};
pub(crate) use encoders::{QueryEncoderArg, RuntimeArgs};
pub(crate) use eval::EvalArgs;
pub(crate) use examples::{Example, examples};
pub(crate) use export::{ExportArgs, ExportFormat};
pub(crate) use gleaner::threads_or_cores;
pub(crate) use index::{IndexArgs, InputFormatArg, LongArg, MergeArgs, OnErrorArg, ProgressArg};
pub(crate) use inspect::{DoctorArgs, DoctorLevel, InspectArgs};
pub(crate) use model::{
    InspectModelArgs, ModelArgs, ModelCommand, ModelListArgs, OptimizeArgs, PullArgs,
};
pub(crate) use search::{BatchSearchArgs, QueryFormatArg, SearchArgs};
pub(crate) use serve::ServeArgs;

/// Gleaner is a search engine: it finds documents by the words of a text and by what they mean.
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
    /// Index the sample documents, search them and measure the answers, to show what Gleaner does.
    Demo(DemoArgs),
    /// Add documents, or their vectors, to an index; documents with a known `_id` are replaced.
    Index(IndexArgs),
    /// Search an index for a text.
    Search(SearchArgs),
    /// Search an index for every query of a file, and write the hits as a run in TREC's format.
    BatchSearch(BatchSearchArgs),
    /// Measure how well an index ranks, with queries whose right answers are known.
    Eval(EvalArgs),
    /// Compare runs: how much they differ, and whether the difference could be chance.
    Compare(CompareArgs),
    /// Answer searches over HTTP, for every index in a folder.
    Serve(ServeArgs),
    /// Make vectors of texts with a model, sparse or dense.
    Encode(EncodeArgs),
    /// Write the vectors of an index to a file.
    Export(ExportArgs),
    /// Look at models, check them and fetch them.
    Model {
        #[command(subcommand)]
        command: ModelCommand,
    },
    /// Show what an index holds.
    Inspect(InspectArgs),
    /// Check an index for damage.
    Doctor(DoctorArgs),
    /// Show documents as they were given, by their `_id`s.
    Get(GetArgs),
    /// Delete documents by their `_id`s, or by a filter.
    Delete(DeleteArgs),
    /// Merge the parts of an index, its segments, into as few as possible.
    Merge(MergeArgs),
    /// Print the page docs/cli.md: every command with its flags, and their variables.
    #[command(hide = true)]
    Reference,
}

/// The commands in groups, as `gleaner --help` shows them.
pub(crate) const GROUPS: [(&str, &[&str]); 4] = [
    ("Start here", &["demo", "index", "search"]),
    ("Many queries, quality, HTTP", &["batch-search", "eval", "compare", "serve"]),
    ("Vectors and models", &["encode", "export", "model"]),
    ("Look after an index", &["inspect", "get", "delete", "doctor", "merge"]),
];

/// Where the table of variables is, and what they are.
const TWINS: &str = "Every flag can also be set by a variable: --on-error is GLEANER_ON_ERROR.\n\
                     docs/cli.md has all flags and the table of their variables.";

/// A command: what it does, how it is called, examples, flags.
const TEMPLATE: &str = "{about-with-newline}\n{usage-heading} {usage}{after-help}\n\n{all-args}";

/// Parses the command line.
///
/// Errors: what is to be shown in place of a command's work: a mistake, the help, the version.
pub(crate) fn parse() -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&command().try_get_matches_from(words())?)
}

/// The words of the call; `gleaner help search` is `gleaner search --help`.
pub(crate) fn words() -> Vec<OsString> {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    if words.get(1).is_some_and(|word| word == "help") {
        words.remove(1);
        words.push("--help".into());
    }
    words
}

/// The declaration of the command line, with the twins of all flags and the examples of all commands.
pub(crate) fn command() -> clap::Command {
    let mut command = dressed(Cli::command(), "gleaner");
    let groups = grouped(&command);
    let more = |footer: &str| format!("{groups}\n{}\n\n{footer}\n{TWINS}", shown("gleaner", 3));
    command = command.help_template("{about-with-newline}\n{usage-heading} {usage}{after-help}");
    command = command.override_usage("gleaner COMMAND [FLAGS]");
    command = command.after_help(more("`gleaner COMMAND -h` lists the flags of a command."));
    command.after_long_help(more("`gleaner COMMAND --help` explains a command and its flags."))
}

/// The commands by group, a line each.
fn grouped(command: &clap::Command) -> String {
    let mut lines = "Commands:".to_owned();
    for (group, names) in GROUPS {
        let _ = write!(lines, "\n  {group}:\n");
        for name in names {
            let about = command.find_subcommand(name).and_then(clap::Command::get_about);
            let about = about.map_or_else(String::new, ToString::to_string);
            let _ = writeln!(lines, "    {name:<13} {about}");
        }
    }
    lines
}

/// The first examples of a command.
fn shown(path: &str, count: usize) -> String {
    let mut lines = "Examples:".to_owned();
    for Example { line, does } in examples(path).iter().take(count) {
        let _ = write!(lines, "\n  {line}\n      {does}");
    }
    lines
}

/// Gives every flag its environment twin (`--on-error` is `GLEANER_ON_ERROR`), and every command the
/// form of its help.
fn dressed(command: clap::Command, path: &str) -> clap::Command {
    let mut command = command.disable_help_flag(true).disable_help_subcommand(true);
    if command.get_subcommands().next().is_none() {
        command = command.help_template(TEMPLATE).after_help(shown(path, 1));
        command = command.after_long_help(shown(path, usize::MAX));
    }
    let command = command.mut_args(|arg| {
        let Some(long) = arg.get_long().map(str::to_owned) else { return arg };
        if long == "version" {
            return arg;
        }
        let arg = match arg.get_action() {
            ArgAction::SetTrue => arg.value_parser(switch),
            // A value below 0 is refused as a value, not as a flag that does not exist.
            _ => arg.allow_negative_numbers(true),
        };
        arg.env(variable(&long)).hide_env(true)
    });
    let command = command.arg(help_flag());
    command.mut_subcommands(|below| {
        let path = format!("{path} {}", below.get_name());
        dressed(below, &path)
    })
}

/// The variable of a flag.
pub(crate) fn variable(long: &str) -> String {
    format!("GLEANER_{}", long.to_uppercase().replace('-', "_"))
}

/// `--help`, which has no twin.
fn help_flag() -> Arg {
    let help = "Show this help; -h shows it in short, --help at length";
    let arg = Arg::new("help").short('h').long("help").action(ArgAction::Help).help(help);
    arg.help_heading("Help")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declaration_is_consistent() {
        command().debug_assert();
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
        check(&command());
    }

    #[test]
    fn every_command_is_in_one_group() {
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        let command = command();
        let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
        let mut shown: Vec<&str> = shown.map(clap::Command::get_name).collect();
        grouped.sort_unstable();
        shown.sort_unstable();
        assert_eq!(grouped, shown);
    }

    #[test]
    fn every_command_has_examples_and_every_flag_a_heading() {
        fn check(command: &clap::Command, path: &str) {
            let below: Vec<_> = command.get_subcommands().collect();
            assert!(
                !below.is_empty() || command.is_hide_set() || !examples(path).is_empty(),
                "{path}"
            );
            for arg in command.get_arguments().filter(|arg| arg.get_long().is_some()) {
                let is_version = arg.get_id() == "version";
                assert!(is_version || arg.get_help_heading().is_some(), "{path} {}", arg.get_id());
                assert!(arg.get_help().is_some(), "{path} {}", arg.get_id());
            }
            below.iter().for_each(|below| check(below, &format!("{path} {}", below.get_name())));
        }
        check(&command(), "gleaner");
    }
}
