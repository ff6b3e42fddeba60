//! `gleaner index`: documents, or vectors, into an index.
//!
//! Models and dense fields are found first (`models`), and nothing is created before all that is
//! asked for is possible. Reading, encoding and committing are the indexer's; `ingest` joins them
//! with models and progress.

mod ingest;

use std::time::Duration;

use gleaner_encoder::Model;
use gleaner_indexer::{
    IndexError, IndexSettings, IndexStore, IngestOptions, Input, InputFile, InputFormat, InputKind,
    OnError, Progress, find_inputs,
};
use gleaner_searcher::Manifest;

pub(super) use ingest::ingest_with_progress;

use ingest::{are_needed_by, has_texts};

use crate::{
    args::{IndexArgs, InputFormatArg, OnErrorArg, threads_or_cores},
    failure::Failure,
    io::{
        interrupt::{STOP, stop_on_signal},
        progress::IndexingProgress,
    },
    models::{
        binding::{binding, open_if_there, recorded_folder},
        dense_fields::{self, DenseFields},
        folder, long,
        terms::terms,
        worker::Models,
    },
};

/// A crash loses at most this much encoding, and a chunk.
const COMMIT_INTERVAL: Duration = Duration::from_secs(2);

/// Where vectors are given: they are read again sooner than small segments are merged.
const GIVEN_COMMIT_INTERVAL: Duration = Duration::from_secs(20);

/// Said when texts become no sparse vectors.
const WITHOUT_SPARSE: &str = "note: the index has no sparse model, so ranking by sparse finds none of \
     these documents; an index created with --model has one";

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
    let mut display = IndexingProgress::new(args.progress);
    if has_texts(inputs) && models.sparse.is_none() {
        display.say(WITHOUT_SPARSE);
    }
    // Naming the model says that the vectors are its own.
    if args.model.is_none() {
        note_foreign_vectors(store, inputs, &display);
    }
    let options = IngestOptions {
        on_error: match args.on_error {
            OnErrorArg::Fail => OnError::Fail,
            OnErrorArg::Skip => OnError::Skip { max_errors: args.max_errors.unwrap_or(u64::MAX) },
        },
        commit_interval: match are_needed_by(models, inputs) {
            true => COMMIT_INTERVAL,
            false => GIVEN_COMMIT_INTERVAL,
        },
        resume: args.resume,
        stop: &STOP,
    };
    let threads = threads_or_cores(args.threads);
    let report = ingest_with_progress(store, inputs, models, threads, &options, &mut display)?;
    display.finish(&report.progress);
    if store.manifest().long.is_cut() && report.progress.longer > 0 {
        display.say(long::CUT_NOTE);
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
fn note_foreign_vectors(store: &IndexStore, inputs: &[InputFile], display: &IndexingProgress) {
    let is_given = |input: &&InputFile| match input.kind {
        InputKind::Texts => false,
        InputKind::Vectors | InputKind::VectorsJsonl | InputKind::Ciff => true,
    };
    let given = inputs.iter().find(is_given);
    if let (Some(bound), Some(given)) = (&store.manifest().model, given) {
        display.say(&format!(
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
    let model = folder::open(&folder, args.query_encoder, &args.runtime)?;
    if args.model.is_some() {
        inputs.iter_mut().for_each(|input| input.vocabulary = Some(terms(&model)));
    }
    Ok(Some(model))
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
