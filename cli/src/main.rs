//! The `gleaner` binary: the composition root.
//!
//! The only place that knows every stage. `args` is the command line, one module per command does
//! the work, `failure` turns errors into messages and exit codes. Data goes to stdout, everything
//! else to stderr.

mod args;
mod batch_search;
mod compare;
mod demo;
mod dense;
mod dense_fields;
mod doctor;
mod download;
mod effort;
mod encode;
mod eval;
mod export;
mod failure;
mod index;
mod inspect;
mod intervals;
mod lines;
mod long;
mod model;
mod models;
mod output;
mod progress;
mod pull;
mod queries;
mod resume;
mod search;
mod serve;
mod vectors;
mod worker;

use std::process::ExitCode;

use args::{Command, ModelCommand};

fn main() -> ExitCode {
    let args = args::parse();
    let result = match args.command {
        Command::Demo(args) => demo::run(&args),
        Command::Model { command: ModelCommand::Inspect(args) } => model::inspect(&args),
        Command::Model { command: ModelCommand::Selftest(args) } => model::selftest(&args),
        Command::Model { command: ModelCommand::Optimize(args) } => model::optimize(&args),
        Command::Model { command: ModelCommand::Pull(args) } => pull::run(&args),
        Command::Model { command: ModelCommand::List(args) } => models::run(&args),
        Command::Encode(args) => encode::run(&args),
        Command::Index(args) => index::run(&args),
        Command::Merge(args) => index::merge(&args),
        Command::Export(args) => export::run(&args),
        Command::Search(args) => search::run(&args),
        Command::BatchSearch(args) => batch_search::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Doctor(args) => doctor::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
