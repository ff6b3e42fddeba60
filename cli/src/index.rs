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
    DocumentEncoder, IndexError, IndexStore, IngestOptions, IngestReport, Input, InputFile,
    InputFormat, InputKind, OnError, Progress, find_inputs, ingest,
};
use gleaner_searcher::{Index, Manifest, ModelBinding, SearchError};

use crate::{
    args::{IndexArgs, InputFormatArg, MergeArgs, OnErrorArg},
    failure::Failure,
    long,
    model::{self, Worker},
    progress::Reporter,
};

/// A crash loses at most this much encoding, and a chunk.
const COMMIT_INTERVAL: Duration = Duration::from_secs(2);

/// Where vectors are given: they are read again sooner than small segments are merged.
const GIVEN_COMMIT_INTERVAL: Duration = Duration::from_secs(20);

/// Set by Ctrl-C; a second one ends the process at once.
pub(crate) static STOP: AtomicBool = AtomicBool::new(false);

/// `gleaner index`
pub(crate) fn run(args: &IndexArgs) -> anyhow::Result<()> {
    if args.on_error == OnErrorArg::Fail && args.max_errors.is_some() {
        let message = "--max-errors tolerates lines only with --on-error skip";
        return Err(Failure::Usage(message.to_owned()).into());
    }
    let mut inputs = find_inputs(&args.input, input_format(args.format))?;
    check_not_empty(&inputs)?;
    let model = open_model(args, &mut inputs)?;
    let recorded = recorded(&args.index)?;
    let long =
        long::resolve(args, model.as_ref(), recorded.as_ref().map(|manifest| manifest.long))?;
    let binding = match &model {
        Some(model) => Some(binding(model)?),
        None => recorded.and_then(|manifest| manifest.model),
    };
    // From here on, so that no signal leaves an index into which nothing was indexed.
    stop_on_signal()?;
    let mut store = IndexStore::open_or_create_with(&args.index, binding, long)?;
    let filled = fill(&mut store, args, &inputs, model.as_ref());
    if filled.is_err() {
        // The error that matters is why nothing was indexed, not what is left of it.
        let _ = store.discard_if_unused();
    }
    filled
}

/// Indexes the inputs into a store that is open.
fn fill(
    store: &mut IndexStore,
    args: &IndexArgs,
    inputs: &[InputFile],
    model: Option<&Model>,
) -> anyhow::Result<()> {
    let mut reporter = Reporter::new(args.progress);
    // Naming the model says that the vectors are its own.
    if args.model.is_none() {
        note_foreign_vectors(store, inputs, &reporter);
    }
    let options = IngestOptions {
        on_error: match args.on_error {
            OnErrorArg::Fail => OnError::Fail,
            OnErrorArg::Skip => OnError::Skip { max_errors: args.max_errors.unwrap_or(u64::MAX) },
        },
        commit_interval: if has_texts(inputs) { COMMIT_INTERVAL } else { GIVEN_COMMIT_INTERVAL },
        resume: args.resume,
        stop: &STOP,
    };
    let threads = model::threads(args.threads);
    let report = build(store, inputs, model, threads, &options, &mut reporter)?;
    reporter.finish(&report.progress);
    if store.manifest().long.is_cut() && report.progress.longer > 0 {
        reporter.say(long::CUT_NOTE);
    }
    if report.interrupted {
        return Err(Failure::Interrupted.into());
    }
    let Progress { found, indexed, rejected, .. } = report.progress;
    if found + indexed == 0 {
        return Err(IndexError::NothingIndexed { inputs: names(inputs), rejected }.into());
    }
    Ok(())
}

/// Says what nothing can check: weights do not tell which model they come from.
fn note_foreign_vectors(store: &IndexStore, inputs: &[InputFile], reporter: &Reporter) {
    let given = inputs.iter().find(|input| input.kind != InputKind::Texts);
    if let (Some(bound), Some(given)) = (&store.manifest().model, given) {
        reporter.say(&format!(
            "note: the index belongs to the model {}; the vectors of {} must come from that same \
             model, or their scores mean nothing",
            bound.path,
            given.path.display()
        ));
    }
}

/// Opens the model that texts are encoded with, or that names the tokens of given vectors.
fn open_model(args: &IndexArgs, inputs: &mut [InputFile]) -> anyhow::Result<Option<Model>> {
    let folder = match &args.model {
        Some(folder) => folder.clone(),
        None if has_texts(inputs) => recorded_folder(&args.index)?,
        None => return Ok(None),
    };
    let model = model::open(&folder, args.query_encoder, &args.runtime)?;
    if args.model.is_some() {
        inputs.iter_mut().for_each(|input| input.terms = Some(model::terms(&model)));
    }
    Ok(Some(model))
}

fn has_texts(inputs: &[InputFile]) -> bool {
    inputs.iter().any(|input| input.kind == InputKind::Texts)
}

/// Encodes texts, indexes and merges: what `index` and `demo` share. A model is needed for texts.
pub(crate) fn build(
    store: &mut IndexStore,
    inputs: &[InputFile],
    model: Option<&Model>,
    threads: usize,
    options: &IngestOptions<'_>,
    reporter: &mut Reporter,
) -> anyhow::Result<IngestReport> {
    let model = model.filter(|_| has_texts(inputs));
    let workers = model.into_iter().flat_map(|model| (0..threads).map(|_| model.encoder(1)));
    let long = store.manifest().long;
    let workers = workers.map(|encoder| {
        let worker: Box<dyn DocumentEncoder> = Box::new(Worker(encoder?, long));
        anyhow::Ok(worker)
    });
    let workers = workers.collect::<anyhow::Result<Vec<_>>>()?;
    let again = if workers.is_empty() { "indexed" } else { "encoded" };
    let mut unsaid = options.resume;
    let report = ingest(store, inputs, workers, options, &mut |progress| {
        if std::mem::take(&mut unsaid) {
            let found = progress.found;
            reporter.say(&format!("{found} documents found committed; they are not {again} again"));
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

/// The model that the index was built with.
fn recorded_folder(index: &Path) -> anyhow::Result<PathBuf> {
    if !index.join("meta.json").is_file() {
        let message =
            "a new index of texts needs --model DIR (for example data/models/splade-tiny)";
        return Err(Failure::Usage(message.to_owned()).into());
    }
    let bound = recorded(index)?.and_then(|manifest| manifest.model);
    let folder = PathBuf::from(bound.ok_or(Failure::TextsWithoutModel)?.path);
    match folder.is_dir() {
        true => Ok(folder),
        false => Err(Failure::ModelNotFound { path: folder }.into()),
    }
}

/// Refuses inputs without a single document before anything is created.
fn check_not_empty(inputs: &[InputFile]) -> anyhow::Result<()> {
    for input in inputs {
        if Input::open(input)?.has_entries()? {
            return Ok(());
        }
    }
    Err(IndexError::EmptyCorpus { inputs: names(inputs) }.into())
}

fn names(inputs: &[InputFile]) -> String {
    inputs.iter().map(|input| input.path.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn input_format(format: InputFormatArg) -> InputFormat {
    match format {
        InputFormatArg::Auto => InputFormat::Auto,
        InputFormatArg::Beir => InputFormat::Beir,
        InputFormatArg::Jsonl => InputFormat::Files(InputKind::Texts),
        InputFormatArg::Vectors => InputFormat::Files(InputKind::Vectors),
        InputFormatArg::VectorsJsonl => InputFormat::Files(InputKind::VectorsJsonl),
        InputFormatArg::Ciff => InputFormat::Files(InputKind::Ciff),
    }
}

/// Ctrl-C asks to stop; a second one stops.
pub(crate) fn stop_on_signal() -> anyhow::Result<()> {
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
    let model = Index::open(&args.index)?.snapshot().manifest().model.clone();
    let report = IndexStore::open(&args.index, model)?.merge()?;
    eprintln!("{} segments became {}", report.before, report.after);
    Ok(())
}

/// What an index says of itself, if there is one.
fn recorded(index: &Path) -> anyhow::Result<Option<Manifest>> {
    match Index::open(index) {
        Ok(index) => Ok(Some(index.snapshot().manifest().clone())),
        Err(SearchError::IndexNotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
