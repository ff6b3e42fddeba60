//! `gleaner index` and `gleaner merge`.

use std::{
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::Context;
use gleaner_encoder::Model;
use gleaner_indexer::{
    DocumentEncoder, IndexError, IndexStore, IngestOptions, IngestReport, InputFormat, OnError,
    Progress, find_inputs, ingest,
};
use gleaner_searcher::{Index, ModelBinding};

use crate::{
    args::{IndexArgs, InputFormatArg, MergeArgs, OnErrorArg},
    failure::Failure,
    model::{self, Worker},
    progress::Reporter,
};

/// A crash loses at most this much encoding, and a chunk.
const COMMIT_INTERVAL: Duration = Duration::from_secs(2);

/// Set by Ctrl-C; a second one ends the process at once.
static STOP: AtomicBool = AtomicBool::new(false);

/// `gleaner index`
pub(crate) fn run(args: &IndexArgs) -> anyhow::Result<()> {
    if args.on_error == OnErrorArg::Fail && args.max_errors.is_some() {
        let message = "--max-errors tolerates lines only with --on-error skip";
        return Err(Failure::Usage(message.to_owned()).into());
    }
    let inputs = find_inputs(&args.input, input_format(args.format))?;
    check_not_empty(&inputs)?;
    let folder = model_folder(args)?;
    let model = model::open(&folder, &args.runtime)?;
    let mut reporter = Reporter::new(args.progress);
    let mut store = IndexStore::open_or_create(&args.index, Some(binding(&model)?))?;
    stop_on_signal()?;
    let options = IngestOptions {
        on_error: match args.on_error {
            OnErrorArg::Fail => OnError::Fail,
            OnErrorArg::Skip => OnError::Skip { max_errors: args.max_errors.unwrap_or(u64::MAX) },
        },
        commit_interval: COMMIT_INTERVAL,
        resume: args.resume,
        stop: &STOP,
    };
    let threads = model::threads(args.threads);
    let report = build(&mut store, &inputs, &model, threads, &options, &mut reporter)?;
    reporter.finish(&report.progress);
    if report.interrupted {
        return Err(Failure::Interrupted.into());
    }
    let Progress { found, indexed, rejected, .. } = report.progress;
    if found + indexed == 0 {
        return Err(IndexError::NothingIndexed { inputs: names(&inputs), rejected }.into());
    }
    Ok(())
}

/// Encodes, indexes and merges: what `index` and `demo` share.
pub(crate) fn build(
    store: &mut IndexStore,
    inputs: &[PathBuf],
    model: &Model,
    threads: usize,
    options: &IngestOptions<'_>,
    reporter: &mut Reporter,
) -> anyhow::Result<IngestReport> {
    let workers = (0..threads).map(|_| {
        let worker: Box<dyn DocumentEncoder> = Box::new(Worker(model.encoder(1)?));
        anyhow::Ok(worker)
    });
    let workers = workers.collect::<anyhow::Result<Vec<_>>>()?;
    let mut unsaid = options.resume;
    let report = ingest(store, inputs, workers, options, &mut |progress| {
        if std::mem::take(&mut unsaid) {
            let found = progress.found;
            reporter.say(&format!("{found} documents found committed; they are not encoded again"));
        }
        reporter.update(progress);
    })?;
    if !report.interrupted {
        store.settle(report.progress.indexed)?;
    }
    Ok(report)
}

/// What an index records of its model.
pub(crate) fn binding(model: &Model) -> anyhow::Result<ModelBinding> {
    let folder = model.folder();
    let absolute = folder
        .canonicalize()
        .with_context(|| format!("cannot resolve the model folder {}", folder.display()))?;
    Ok(ModelBinding {
        path: absolute.to_string_lossy().into_owned(),
        fingerprint: model.fingerprint().to_owned(),
    })
}

/// The model given, or the one the index was built with.
fn model_folder(args: &IndexArgs) -> anyhow::Result<PathBuf> {
    if let Some(folder) = &args.model {
        return Ok(folder.clone());
    }
    if !args.index.join("meta.json").is_file() {
        let message = "a new index needs --model DIR (for example data/models/splade-tiny)";
        return Err(Failure::Usage(message.to_owned()).into());
    }
    let bound = Index::open(&args.index)?.snapshot().manifest().model.clone();
    let folder = PathBuf::from(bound.ok_or(Failure::NoModel)?.path);
    match folder.is_dir() {
        true => Ok(folder),
        false => Err(Failure::ModelNotFound { path: folder }.into()),
    }
}

/// Refuses inputs without a single document before anything is created.
fn check_not_empty(inputs: &[PathBuf]) -> anyhow::Result<()> {
    for input in inputs {
        if gleaner_indexer::Input::open(input)?.has_lines()? {
            return Ok(());
        }
    }
    Err(IndexError::EmptyCorpus { inputs: names(inputs) }.into())
}

fn names(inputs: &[PathBuf]) -> String {
    inputs.iter().map(|input| input.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn input_format(format: InputFormatArg) -> InputFormat {
    match format {
        InputFormatArg::Auto => InputFormat::Auto,
        InputFormatArg::Beir => InputFormat::Beir,
        InputFormatArg::Jsonl => InputFormat::Jsonl,
    }
}

fn stop_on_signal() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            process::exit(130);
        }
        eprintln!("stopping after the documents under way; again to stop at once");
    })
    .context("cannot listen for Ctrl-C")
}

/// `gleaner merge`
pub(crate) fn merge(args: &MergeArgs) -> anyhow::Result<()> {
    let model = open_binding(&args.index)?;
    let report = IndexStore::open(&args.index, model)?.merge()?;
    eprintln!("{} segments became {}", report.before, report.after);
    Ok(())
}

fn open_binding(index: &Path) -> anyhow::Result<Option<ModelBinding>> {
    Ok(Index::open(index)?.snapshot().manifest().model.clone())
}
