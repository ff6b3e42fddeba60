//! The index of the demo: built once, found again, and built anew where the sample has changed.

use std::{
    io::Write,
    path::Path,
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use gleaner_indexer::{IndexError, IndexSettings, IndexStore, IngestOptions, OnError};
use gleaner_searcher::{CatalogError, Index, SearchError};

use crate::{
    args::{DEFAULT_DEMO_INDEX, DemoArgs, ProgressArg, threads_or_cores},
    commands::index::ingest_with_progress,
    failure::{Failure, chain},
    io::progress::IndexingProgress,
    models::{binding::binding, dense_fields, folder, worker::Models},
};

static NEVER: AtomicBool = AtomicBool::new(false);

/// Builds the demo's index, or finds it complete from an earlier run.
pub(super) fn build(out: &mut impl Write, args: &DemoArgs, sample: &Path) -> anyhow::Result<()> {
    let folder = args.data.join("models/splade-tiny");
    let model = folder::open(&folder, None, &args.runtime)?;
    let input = sample.join("corpus.jsonl");
    check_ownership(&args.demo_index, &input)?;
    writeln!(out, "Model   {} ({})", folder.display(), &model.fingerprint()[..19])?;
    let binding = binding(&model)?;
    let folder = args.data.join("models/minilm");
    let minilm = folder::open_dense(&folder, &args.runtime)?;
    writeln!(out, "        {} ({}), dense", folder.display(), &minilm.fingerprint()[..19])?;
    let field = dense_fields::of_model(&minilm)?;
    let settings = IndexSettings { dense: Some(vec![field.clone()]), ..IndexSettings::default() };
    let models = Models { sparse: Some(model), dense: vec![(field.spec.name, minilm)] };
    let start = Instant::now();
    let mut display = IndexingProgress::new(ProgressArg::Auto);
    let attempt = |resume: bool, display: &mut IndexingProgress| {
        let binding = Some(binding.clone());
        let mut store = IndexStore::open_or_create_with(&args.demo_index, binding, &settings)?;
        let options = IngestOptions {
            on_error: OnError::Fail,
            commit_interval: Duration::from_secs(5),
            resume,
            stop: &NEVER,
        };
        let inputs = [input.clone().into()];
        ingest_with_progress(
            &mut store,
            &inputs,
            &models,
            threads_or_cores(None),
            &options,
            display,
        )
    };
    let report = match attempt(true, &mut display) {
        // The sample or the model changed since: the demo owns its index and starts over.
        Err(error) if is_outdated(&error) => {
            std::fs::remove_dir_all(&args.demo_index)?;
            attempt(false, &mut display)?
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
                || matches!(error, SearchError::Catalog(CatalogError::EarlierVersion { .. })))
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
    if is_sample && snapshot.live_docs() <= from_sample {
        return Ok(());
    }
    let message = format!(
        "{} holds other documents than the demo's; name another folder with --demo-index",
        index.display()
    );
    Err(Failure::Usage(message).into())
}

fn is_outdated(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(
            IndexError::ChangedInput { .. }
                | IndexError::OtherInputs { .. }
                | IndexError::ModelMismatch { .. }
                | IndexError::Catalog(
                    CatalogError::DenseMismatch { .. } | CatalogError::DenseModelMismatch { .. }
                )
        )
    )
}
