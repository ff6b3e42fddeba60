//! `gleaner model selftest`: the golden texts encoded again.

use std::io::Write;

use gleaner::model::ModelKind;

use crate::{
    args::ModelArgs,
    failure::Failure,
    io::{
        model_folder::{open, open_dense},
        output::stdout,
    },
};

/// `gleaner model selftest`
pub(super) fn run(args: &ModelArgs) -> anyhow::Result<()> {
    let test = match ModelKind::of(&args.folder)? {
        ModelKind::Sparse => open(&args.folder, None, &args.runtime)?.selftest()?,
        ModelKind::Dense => open_dense(&args.folder, &args.runtime)?.selftest()?,
    };
    let mut out = stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&test)?)?;
    } else {
        let verdict = if test.passed { "passed" } else { "FAILED" };
        let against = match test.has_golden {
            true => format!(
                "largest error {:.2e} of {:.0e} allowed",
                test.largest_error, test.tolerance
            ),
            false => "no golden vectors: only batches were checked".to_owned(),
        };
        writeln!(
            out,
            "{verdict}: {} texts, {against}, largest difference between batches {:.2e}",
            test.texts, test.largest_batch_difference
        )?;
        test.failures.iter().try_for_each(|failure| writeln!(out, "  {failure}"))?;
    }
    out.flush()?;
    if test.passed { Ok(()) } else { Err(Failure::SelfTest.into()) }
}
