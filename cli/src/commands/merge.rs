//! `gleaner merge`: as few segments as possible.

use gleaner::Index;

use crate::args::MergeArgs;

pub(crate) fn run(args: &MergeArgs) -> anyhow::Result<()> {
    let report = Index::merge_at(&args.index, args.lock.time())?;
    say!("{} segments became {}", report.before, report.after);
    Ok(())
}
