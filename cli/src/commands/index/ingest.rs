//! Documents through models into an index that is open: what `index` and `demo` share.

use gleaner_indexer::{IndexStore, IngestOptions, IngestReport, InputFile, InputKind, ingest};

use crate::{
    io::progress::IndexingProgress,
    models::{dense_fields, worker::Models},
};

/// Encodes texts, indexes and merges, and shows how it gets on.
///
/// Errors: those of the encoder and of the indexer.
pub(crate) fn ingest_with_progress(
    store: &mut IndexStore,
    inputs: &[InputFile],
    models: &Models,
    threads: usize,
    options: &IngestOptions<'_>,
    display: &mut IndexingProgress,
) -> anyhow::Result<IngestReport> {
    let workers = match are_needed_by(models, inputs) {
        true => models.workers(store.manifest(), threads)?,
        false => Vec::new(),
    };
    let again = if workers.is_empty() { "indexed" } else { "encoded" };
    let mut unsaid = options.resume;
    let report = ingest(store, inputs, workers, options, &mut |progress| {
        if std::mem::take(&mut unsaid) {
            let found = progress.found;
            display.say(&format!("{found} documents found committed; they are not {again} again"));
        }
        display.update(progress);
    })?;
    if !report.interrupted {
        store.settle(report.progress.indexed)?;
    }
    Ok(report)
}

/// Whether anything of these inputs is encoded.
pub(super) fn are_needed_by(models: &Models, inputs: &[InputFile]) -> bool {
    has_texts(inputs) || !models.dense.is_empty() && dense_fields::has_texts(inputs)
}

/// Whether there are texts for a sparse model.
pub(super) fn has_texts(inputs: &[InputFile]) -> bool {
    inputs.iter().any(|input| match input.kind {
        InputKind::Texts => true,
        InputKind::Vectors | InputKind::VectorsJsonl | InputKind::Ciff => false,
    })
}
