//! The index of the demo: built once, found again, and built anew where the sample has changed.

use std::{
    cell::RefCell,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use gleaner::{
    CatalogError, Error, Index, IndexError, IndexingReport, InputFormat, InputKind, Models, chain,
};

use crate::{
    args::{DEFAULT_DEMO_INDEX, DemoArgs, ProgressArg},
    commands::index::show_progress,
    failure::Failure,
    io::progress::IndexingProgress,
};

/// A crash loses at most this much encoding, and a chunk.
const COMMIT_INTERVAL: Duration = Duration::from_secs(5);

/// The folders of the demo's models, below its data.
pub(super) fn model_folders(args: &DemoArgs) -> [PathBuf; 2] {
    ["models/splade-tiny", "models/minilm"].map(|folder| args.data.join(folder))
}

/// Builds the demo's index, or finds it complete from an earlier run.
pub(super) fn build(
    out: &mut impl Write,
    args: &DemoArgs,
    models: &Models,
    sample: &Path,
) -> anyhow::Result<()> {
    let [splade, minilm] = model_folders(args);
    let model = models.open_sparse(&splade)?;
    let input = sample.join("corpus.jsonl");
    check_ownership(&args.demo_index, &input)?;
    writeln!(out, "Model   {} ({})", splade.display(), &model.fingerprint()[..19])?;
    let model = models.open_dense(&minilm)?;
    writeln!(out, "        {} ({}), dense", minilm.display(), &model.fingerprint()[..19])?;
    let start = Instant::now();
    let display = RefCell::new(IndexingProgress::new(ProgressArg::Auto));
    let attempt = |is_resumed| -> anyhow::Result<IndexingReport> {
        let index = Index::create(&args.demo_index).models(models);
        let index = index.model(&splade).dense_model(&minilm);
        let inputs = std::slice::from_ref(&input);
        let indexing = index.files(inputs, InputFormat::Files(InputKind::Texts))?;
        let indexing = indexing.commit_interval(COMMIT_INTERVAL).resume(is_resumed);
        Ok(show_progress(indexing, is_resumed, &display).run()?)
    };
    let report = match attempt(true) {
        // The sample or the model changed since: the demo owns its index and starts over.
        Err(error) if is_outdated(&error) => {
            std::fs::remove_dir_all(&args.demo_index)?;
            attempt(false)?
        }
        other => other?,
    };
    writeln!(
        out,
        "Index   {}: {} documents encoded in {:.1} s, {} found from before",
        args.demo_index.display(),
        report.progress.indexed,
        start.elapsed().as_secs_f64(),
        report.progress.found
    )?;
    Ok(())
}

/// Refuses an index that holds anything but the demo's sample: the demo replaces what is outdated.
fn check_ownership(index: &Path, input: &Path) -> anyhow::Result<()> {
    if !index.join("meta.json").is_file() {
        return Ok(());
    }
    let sample = input.canonicalize()?;
    let snapshot = match Index::open(index) {
        Ok(opened) => opened.snapshot(),
        // Its own default folder the demo may mend; another one may be anybody's.
        Err(error)
            if (error.is_damage()
                || matches!(error, Error::Catalog(CatalogError::EarlierVersion { .. })))
                && index == Path::new(DEFAULT_DEMO_INDEX) =>
        {
            eprintln!("the demo's index is built anew: {}", chain(&error));
            return Ok(std::fs::remove_dir_all(index)?);
        }
        Err(error) => return Err(error.into()),
    };
    let inputs = &snapshot.manifest().inputs;
    let from_sample: u64 = inputs.iter().map(|input| input.documents).sum();
    let is_sample = inputs.iter().all(|input| Path::new(&input.path) == sample);
    if is_sample && snapshot.documents() <= from_sample {
        return Ok(());
    }
    let message = format!(
        "{} holds other documents than the demo's; name another folder with --demo-index",
        index.display()
    );
    Err(Failure::Usage(message).into())
}

fn is_outdated(error: &anyhow::Error) -> bool {
    match error.downcast_ref() {
        Some(Error::Index(error)) => matches!(
            error,
            IndexError::ChangedInput { .. }
                | IndexError::OtherInputs { .. }
                | IndexError::ModelMismatch { .. }
        ),
        Some(Error::Catalog(error)) => matches!(
            error,
            CatalogError::DenseMismatch { .. } | CatalogError::DenseModelMismatch { .. }
        ),
        Some(_) | None => false,
    }
}
