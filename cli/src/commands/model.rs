//! `gleaner model …`: model folders looked at, tested, made faster, fetched and listed.

mod card;
mod inspect;
mod inspect_dense;
mod list;
mod optimize;
mod pull;
mod selftest;

use crate::args::ModelCommand;

/// `gleaner model`
pub(crate) fn run(command: &ModelCommand) -> anyhow::Result<()> {
    match command {
        ModelCommand::Inspect(args) => inspect::run(args),
        ModelCommand::Selftest(args) => selftest::run(args),
        ModelCommand::Optimize(args) => optimize::run(args),
        ModelCommand::Pull(args) => pull::run(args),
        ModelCommand::List(args) => list::run(args),
    }
}
