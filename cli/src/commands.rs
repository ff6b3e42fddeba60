//! The commands: a file for each, and a folder beside it where one file is not enough.
//!
//! A command reads its flags (`args`), has the front door do the work, and prints.

mod batch_search;
mod compare;
mod demo;
mod doctor;
mod documents;
mod encode;
mod eval;
mod export;
mod index;
mod inspect;
mod merge;
mod model;
mod reference;
mod search;
mod serve;

use crate::args::Command;

/// Runs a command.
///
/// Errors: those of the command; `failure` has their exit codes.
pub(crate) fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Model { command } => model::run(&command),
        Command::Encode(args) => encode::run(&args),
        Command::Index(args) => index::run(&args),
        Command::Get(args) => documents::get(&args),
        Command::Delete(args) => documents::delete(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Search(args) => search::run(&args),
        Command::BatchSearch(args) => batch_search::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Reference => reference::run(),
    }
}
