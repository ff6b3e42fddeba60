//! `gleaner merge`: as few segments as possible.

use gleaner_indexer::{IndexSettings, IndexStore, OpenIndex};

use crate::args::MergeArgs;

pub(crate) fn run(args: &MergeArgs) -> anyhow::Result<()> {
    let opened = OpenIndex::open(&args.index)?;
    let model = opened.commit().manifest().model.clone();
    let mut store = IndexStore::open_checked(&opened, model, &IndexSettings::default())?;
    // Files that a merge replaces are let go with it.
    drop(opened);
    let report = store.merge()?;
    eprintln!("{} segments became {}", report.before, report.after);
    Ok(())
}
