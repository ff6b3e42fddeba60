//! `gleaner index`: documents, or vectors, into an index.
//!
//! Flags become an [`IndexBuilder`], which opens models and proves them before anything is created.
//! Progress, notes and Ctrl-C are added here.

use std::cell::RefCell;

use gleaner::{
    Index, IndexBuilder, Indexing, InputFile, InputFormat, InputKind, LongTextsAsked, OnError,
};

use crate::{
    args::{IndexArgs, InputFormatArg, LongArg, OnErrorArg, threads_or_cores},
    failure::Failure,
    io::{
        interrupt::{STOP, stop_on_signal},
        progress::IndexingProgress,
    },
};

/// Said when texts become no sparse vectors.
const WITHOUT_SPARSE: &str = "note: the index has no sparse model, so ranking by sparse finds none of \
     these documents; an index created with --model has one";

/// Said when texts lost their ends.
const CUT_NOTE: &str = "note: the end of what is longer than the model reads was dropped; \
     an index created with --long max or passages keeps it";

/// `gleaner index`
pub(crate) fn run(args: &IndexArgs) -> anyhow::Result<()> {
    if args.on_error == OnErrorArg::Fail && args.max_errors.is_some() {
        let message = "--max-errors tolerates lines only with --on-error skip";
        return Err(Failure::Usage(message.to_owned()).into());
    }
    let builder = builder(args)?.max_line_bytes(args.max_line_bytes);
    let indexing = builder.files(&args.input, input_format(args.format))?;
    let indexing = indexing.stop_when(&STOP).resume(args.resume).on_error(match args.on_error {
        OnErrorArg::Fail => OnError::Fail,
        OnErrorArg::Skip => OnError::Skip { max_errors: args.max_errors.unwrap_or(u64::MAX) },
    });
    // From here on, so that no signal leaves an index into which nothing was indexed.
    stop_on_signal()?;
    let display = RefCell::new(IndexingProgress::new(args.progress));
    for moved in indexing.models().take_moved() {
        display.borrow().say(&format!("note: {moved}"));
    }
    let opened = show_progress(indexing, args.resume, &display).open()?;
    if opened.indexing().has_texts() && !opened.indexing().encodes_sparse() {
        display.borrow().say(WITHOUT_SPARSE);
    }
    // Naming the model says that the vectors are its own.
    if args.model.is_none() {
        note_foreign_vectors(opened.indexing(), &display.borrow());
    }
    let inputs = opened.indexing().inputs().to_vec();
    let report = opened.run()?;
    let mut display = display.into_inner();
    display.finish(&report.progress);
    if report.long.is_cut() && report.progress.longer > 0 {
        display.say(CUT_NOTE);
    }
    for (field, missing) in &report.without_dense {
        let of = report.progress.indexed;
        display.say(&format!(
            "note: {missing} of {of} documents have no vector in the dense field {field:?}; ranking by it \
             does not find them"
        ));
    }
    if report.is_interrupted {
        return Err(Failure::Interrupted.into());
    }
    Ok(report.check_not_empty(&inputs)?)
}

/// Shows how a run gets on.
pub(super) fn show_progress<'a>(
    indexing: Indexing<'a>,
    is_resumed: bool,
    display: &'a RefCell<IndexingProgress>,
) -> Indexing<'a> {
    let again = if indexing.encodes() { "encoded" } else { "indexed" };
    let mut unsaid = is_resumed;
    indexing.on_progress(Box::new(move |progress| {
        let mut display = display.borrow_mut();
        if std::mem::take(&mut unsaid) {
            let found = progress.found;
            display.say(&format!("{found} documents found committed; they are not {again} again"));
        }
        display.update(progress);
    }))
}

/// What the flags ask of the index.
fn builder(args: &IndexArgs) -> anyhow::Result<IndexBuilder> {
    let mut builder = Index::create(&args.index)
        .models(&args.runtime.models())
        .wait_for_lock(args.lock.time())
        .threads(threads_or_cores(args.threads));
    if let Some(encoder) = args.query_encoder {
        builder = builder.query_encoder(encoder.into());
    }
    if let Some(folder) = &args.model {
        builder = builder.model(folder);
    }
    if let Some(folder) = &args.dense.dense_model {
        builder = builder.dense_model(folder);
    }
    if let Some(metric) = args.dense.dense_metric {
        builder = builder.dense_metric(metric);
    }
    if let Some(storage) = args.dense.dense_storage {
        builder = builder.dense_storage(storage);
    }
    builder = args.dense.dense_field.iter().cloned().fold(builder, IndexBuilder::dense_field);
    if let Some(long) = long_texts(args)? {
        builder = builder.long_texts(long);
    }
    if let Some(analyzer) = args.analyzer {
        builder = builder.analyzer(analyzer);
    }
    Ok(match args.fusion_depth {
        Some(depth) => builder.fusion_depth(depth),
        None => builder,
    })
}

/// `--long`: what becomes of texts that are longer than the model reads.
fn long_texts(args: &IndexArgs) -> anyhow::Result<Option<LongTextsAsked>> {
    let (length, overlap) = (args.window, args.overlap);
    Ok(match args.long {
        None => None,
        Some(LongArg::Max) => Some(LongTextsAsked::Max { length, overlap }),
        Some(LongArg::Passages) => Some(LongTextsAsked::Passages { length, overlap }),
        Some(LongArg::Cut) if length.is_none() && overlap.is_none() => Some(LongTextsAsked::Cut),
        Some(LongArg::Cut) => {
            let message = "--window and --overlap are for --long max and passages; --long cut has \
                           no windows";
            return Err(Failure::Usage(message.to_owned()).into());
        }
    })
}

/// Says what nothing can check: weights do not tell which model they come from.
fn note_foreign_vectors(indexing: &Indexing<'_>, display: &IndexingProgress) {
    let given = indexing.inputs().iter().find(|input: &&InputFile| !input.kind.is_texts());
    if let (Some(bound), Some(given)) = (indexing.model(), given) {
        display.say(&format!(
            "note: the index belongs to the model {}; the vectors of {} must come from that same \
             model, or their scores mean nothing",
            bound.path,
            given.path.display()
        ));
    }
}

fn input_format(format: InputFormatArg) -> InputFormat {
    match format {
        InputFormatArg::Auto => InputFormat::Auto,
        InputFormatArg::Beir => InputFormat::Beir,
        InputFormatArg::Jsonl => InputFormat::Files(InputKind::Texts),
        InputFormatArg::Csv => InputFormat::Files(InputKind::Csv),
        InputFormatArg::Tsv => InputFormat::Files(InputKind::Tsv),
        InputFormatArg::Vectors => InputFormat::Files(InputKind::Vectors),
        InputFormatArg::VectorsJsonl => InputFormat::Files(InputKind::VectorsJsonl),
        InputFormatArg::Ciff => InputFormat::Files(InputKind::Ciff),
    }
}
