//! The index of the demo: built once, found again, and built anew where the sample has changed.

use std::{
    cell::RefCell,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use gleaner::{
    CatalogError, Error, Index, IndexError, Indexing, InputFormat, InputKind, Models, chain,
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

/// Builds the demo's index, or finds it complete from an earlier run, and opens it.
pub(super) fn build(
    out: &mut impl Write,
    args: &DemoArgs,
    models: &Models,
    sample: &Path,
) -> anyhow::Result<Index> {
    let [splade, minilm] = model_folders(args);
    let model = models.open_sparse(&splade)?;
    writeln!(out, "Model   {} ({})", splade.display(), &model.fingerprint()[..19])?;
    let model = models.open_dense(&minilm)?;
    writeln!(out, "        {} ({}), dense", minilm.display(), &model.fingerprint()[..19])?;
    let input = sample.join("corpus.jsonl");
    let start = Instant::now();
    let display = RefCell::new(IndexingProgress::new(ProgressArg::Auto));
    let prepare = || {
        let index = Index::create(&args.demo_index).models(models);
        let index = index.model(&splade).dense_model(&minilm);
        index.files(std::slice::from_ref(&input), InputFormat::Files(InputKind::Texts))
    };
    let run = |indexing: Indexing<'_>, is_resumed| {
        let indexing = indexing.commit_interval(COMMIT_INTERVAL).resume(is_resumed);
        show_progress(indexing, is_resumed, &display).open()?.run_and_search()
    };
    let replaced = |error: &Error| -> anyhow::Result<()> {
        say!("the demo's index is built anew: {}", chain(error));
        Ok(std::fs::remove_dir_all(&args.demo_index)?)
    };
    let indexing = match prepare() {
        // Its own default folder the demo may mend; another one may be anybody's.
        Err(error) if is_broken(&error) && args.demo_index == Path::new(DEFAULT_DEMO_INDEX) => {
            replaced(&error)?;
            prepare()?
        }
        other => other?,
    };
    check_ownership(&indexing, &args.demo_index, &input)?;
    let (report, index) = match run(indexing, true) {
        // The sample or the model changed since: the demo owns its index and starts over.
        Err(error) if is_outdated(&error) => {
            replaced(&error)?;
            run(prepare()?, false)?
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
    Ok(index)
}

/// Refuses an index that holds anything but the demo's sample: the demo replaces what is outdated.
fn check_ownership(indexing: &Indexing<'_>, index: &Path, input: &Path) -> anyhow::Result<()> {
    let Some(found) = indexing.found() else { return Ok(()) };
    let sample = input.canonicalize()?;
    let inputs = &found.manifest().inputs;
    let from_sample: u64 = inputs.iter().map(|input| input.documents).sum();
    let is_sample = inputs.iter().all(|input| Path::new(&input.path) == sample);
    if is_sample && found.documents() <= from_sample {
        return Ok(());
    }
    let message = format!(
        "{} holds other documents than the demo's; name another folder with --demo-index",
        index.display()
    );
    Err(Failure::Usage(message).into())
}

/// Whether an index cannot be read any more.
fn is_broken(error: &Error) -> bool {
    error.is_damage() || matches!(error, Error::Catalog(CatalogError::EarlierVersion { .. }))
}

/// Whether an index holds an earlier sample, or was made by other models.
fn is_outdated(error: &Error) -> bool {
    match error {
        Error::Index(error) => matches!(
            error,
            IndexError::ChangedInput { .. }
                | IndexError::OtherInputs { .. }
                | IndexError::ModelMismatch { .. }
        ),
        Error::Catalog(error) => matches!(
            error,
            CatalogError::DenseMismatch { .. } | CatalogError::DenseModelMismatch { .. }
        ),
        _ => false,
    }
}
