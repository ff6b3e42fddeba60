//! The `gleaner` binary: the composition root.
//!
//! `args` is the command line, `commands` has a file for each command, `io` is what goes in and out,
//! and `failure` turns errors into messages and exit codes. What is done, the crate `gleaner` does.

mod args;
mod commands;
mod failure;
mod io;

use std::process::ExitCode;

fn main() -> ExitCode {
    match commands::run(args::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(error),
    }
}
