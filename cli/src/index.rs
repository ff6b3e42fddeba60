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
    IndexError, IndexSettings, IndexStore, IngestOptions, IngestReport, Input, InputFile,
    InputFormat, InputKind, OnError, Progress, find_inputs, ingest,
};
use gleaner_searcher::{CatalogError, Manifest, ModelBinding, OpenIndex};

use crate::{
    args::{IndexArgs, InputFormatArg, MergeArgs, OnErrorArg},
    dense_fields::{self, DenseFields},
    failure::Failure,
    long, model,
    progress::Reporter,
    worker::Models,
};

/// A crash loses at most this much encoding, and a chunk.
const COMMIT_INTERVAL: Duration = Duration::from_secs(2);

/// Where vectors are given: they are read again sooner than small segments are merged.
const GIVEN_COMMIT_INTERVAL: Duration = Duration::from_secs(20);

/// Said where texts come without a model.
const WITHOUT_MODEL: &str = "a new index of texts needs --model DIR (for example \
     data/models/splade-tiny), or a dense field (--dense-model DIR, --dense-field NAME=DIMS)";

/// Said when texts become no sparse vectors.
const WITHOUT_SPARSE: &str = "note: the index has no sparse model, so ranking by sparse finds none of \
     these documents; an index created with --model has one";

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
    let opened = open_if_there(&args.index)?;
    let recorded = opened.as_ref().map(|opened| opened.commit().manifest().clone());
    let recorded = recorded.as_ref();
    let DenseFields { asked, models: dense } = dense_fields::resolve(args, recorded, &inputs)?;
    let has_dense = match (&asked, recorded) {
        (Some(fields), _) => !fields.is_empty(),
        (None, manifest) => manifest.is_some_and(|manifest| !manifest.dense.is_empty()),
    };
    let sparse = open_model(args, recorded, has_dense, &mut inputs)?;
    let settings = IndexSettings {
        long: long::resolve(args, sparse.as_ref(), recorded.map(|manifest| manifest.long))?,
        dense: asked,
        analyzer: args.analyzer,
        fusion_depth: args.fusion_window,
    };
    let binding = match &sparse {
        Some(model) => Some(binding(model)?),
        None => recorded.and_then(|manifest| manifest.model.clone()),
    };
    // From here on, so that no signal leaves an index into which nothing was indexed.
    stop_on_signal()?;
    let mut store = match opened {
        Some(opened) => IndexStore::open_checked(&opened, binding, &settings)?,
        None => IndexStore::open_or_create_with(&args.index, binding, &settings)?,
    };
    let filled = fill(&mut store, args, &inputs, &Models { sparse, dense });
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
    models: &Models,
) -> anyhow::Result<()> {
    let mut reporter = Reporter::new(args.progress);
    if has_texts(inputs) && models.sparse.is_none() {
        reporter.say(WITHOUT_SPARSE);
    }
    // Naming the model says that the vectors are its own.
    if args.model.is_none() {
        note_foreign_vectors(store, inputs, &reporter);
    }
    let options = IngestOptions {
        on_error: match args.on_error {
            OnErrorArg::Fail => OnError::Fail,
            OnErrorArg::Skip => OnError::Skip { max_errors: args.max_errors.unwrap_or(u64::MAX) },
        },
        commit_interval: match models.are_needed_by(inputs) {
            true => COMMIT_INTERVAL,
            false => GIVEN_COMMIT_INTERVAL,
        },
        resume: args.resume,
        stop: &STOP,
    };
    let threads = model::threads(args.threads);
    let report = build(store, inputs, models, threads, &options, &mut reporter)?;
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
fn open_model(
    args: &IndexArgs,
    recorded: Option<&Manifest>,
    has_dense: bool,
    inputs: &mut [InputFile],
) -> anyhow::Result<Option<Model>> {
    let folder = match &args.model {
        Some(folder) => folder.clone(),
        None if !has_texts(inputs) => return Ok(None),
        None => match recorded_folder(recorded, has_dense)? {
            Some(folder) => folder,
            None => return Ok(None),
        },
    };
    dense_fields::refuse_as_sparse(&folder)?;
    let model = model::open(&folder, args.query_encoder, &args.runtime)?;
    if args.model.is_some() {
        inputs.iter_mut().for_each(|input| input.vocabulary = Some(model::terms(&model)));
    }
    Ok(Some(model))
}

fn has_texts(inputs: &[InputFile]) -> bool {
    inputs.iter().any(|input| input.kind == InputKind::Texts)
}

impl Models {
    /// Whether anything of these inputs is encoded.
    fn are_needed_by(&self, inputs: &[InputFile]) -> bool {
        has_texts(inputs) || !self.dense.is_empty() && dense_fields::has_texts(inputs)
    }
}

/// Encodes texts, indexes and merges: what `index` and `demo` share.
pub(crate) fn build(
    store: &mut IndexStore,
    inputs: &[InputFile],
    models: &Models,
    threads: usize,
    options: &IngestOptions<'_>,
    reporter: &mut Reporter,
) -> anyhow::Result<IngestReport> {
    let workers = match models.are_needed_by(inputs) {
        true => models.workers(store.manifest(), threads)?,
        false => Vec::new(),
    };
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
    bind(model.folder(), model.fingerprint())
}

/// What an index records of a model folder.
pub(crate) fn bind(folder: &Path, fingerprint: &str) -> anyhow::Result<ModelBinding> {
    let absolute = folder
        .canonicalize()
        .with_context(|| format!("cannot resolve the model folder {}", folder.display()))?;
    let path = absolute.to_string_lossy().into_owned();
    Ok(ModelBinding { path, fingerprint: fingerprint.to_owned() })
}

/// The model that the index was built with; none for an index that has dense fields only.
fn recorded_folder(
    recorded: Option<&Manifest>,
    has_dense: bool,
) -> anyhow::Result<Option<PathBuf>> {
    let bound = recorded.map(|manifest| manifest.model.as_ref());
    match bound {
        None | Some(None) if has_dense => Ok(None),
        None => Err(Failure::Usage(WITHOUT_MODEL.to_owned()).into()),
        Some(None) => Err(Failure::TextsWithoutModel.into()),
        Some(Some(bound)) => {
            let path = PathBuf::from(&bound.path);
            match path.is_dir() {
                true => Ok(Some(path)),
                false => Err(Failure::ModelNotFound { path }.into()),
            }
        }
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
    let opened = OpenIndex::open(&args.index)?;
    let model = opened.commit().manifest().model.clone();
    let mut store = IndexStore::open_checked(&opened, model, &IndexSettings::default())?;
    // Files that a merge replaces are let go with it.
    drop(opened);
    let report = store.merge()?;
    eprintln!("{} segments became {}", report.before, report.after);
    Ok(())
}

/// The index, if there is one. Its files are read here, and nowhere else in a run.
fn open_if_there(index: &Path) -> anyhow::Result<Option<OpenIndex>> {
    match OpenIndex::open(index) {
        Ok(opened) => Ok(Some(opened)),
        Err(CatalogError::IndexNotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
