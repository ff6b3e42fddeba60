//! The `gleaner` binary: the composition root.
//!
//! `args` is the command line, `commands` has a file for each command, `io` is what goes in and out,
//! and `failure` turns errors into messages and exit codes. What is done, the crate `gleaner` does.

// First: the others say their lines by its macro `say!`.
#[macro_use]
mod io;

mod args;
mod commands;
mod failure;

use std::process::ExitCode;

fn main() -> ExitCode {
    let done = match args::parse() {
        Ok(cli) => commands::run(cli.command),
        Err(shown) => return failure::of_arguments(&shown),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(error),
    }
}
