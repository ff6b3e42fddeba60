//! `gleaner merge`: as few segments as possible.

use gleaner_indexer::IndexStore;
use gleaner_searcher::Index;

use crate::args::MergeArgs;

pub(crate) fn run(args: &MergeArgs) -> anyhow::Result<()> {
    let model = Index::open(&args.index)?.snapshot().manifest().model.clone();
    let report = IndexStore::open(&args.index, model)?.merge()?;
    eprintln!("{} segments became {}", report.before, report.after);
    Ok(())
}
