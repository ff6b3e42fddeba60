//! The models of an index's documents, opened when a text comes, and the threads that use them.
//!
//! What one thread does is `worker`'s.

use gleaner_catalog::Manifest;
use gleaner_indexer::{Document, DocumentEncoder, EncodedText, InputDocument, encode_given};

use crate::{
    error::Error,
    models::Models,
    search::encode::threads_or_cores,
    worker::{DocumentModels, on_all},
};

/// Encoders of the documents of one index.
pub(crate) struct DocumentEncoders {
    opened: DocumentModels,
    /// Made with the first document that is encoded.
    workers: Vec<Box<dyn DocumentEncoder>>,
    threads: Option<usize>,
}

impl DocumentEncoders {
    /// Encoders with the models that are open already; so many threads, or one for each core.
    pub(crate) fn new(opened: DocumentModels, threads: Option<usize>) -> Self {
        Self { opened, workers: Vec::new(), threads }
    }

    /// The vectors of documents, in their order.
    ///
    /// Errors: `TextsNeedModel`; those of [`Models::sparse_of`] and [`Models::dense_of`]; `Index` for a text
    /// that cannot be encoded.
    pub(crate) fn encode(
        &mut self,
        manifest: &Manifest,
        models: &Models,
        documents: Vec<InputDocument>,
    ) -> Result<Vec<(Document, EncodedText)>, Error> {
        let needs_models =
            documents.iter().any(|it| it.vector.is_none() || is_encoded(it, manifest));
        if needs_models && self.workers.is_empty() {
            self.open_models(manifest, models, &documents)?;
            self.workers = self.opened.workers(manifest, threads_or_cores(self.threads))?;
        }
        let fields = &manifest.dense[..];
        if self.workers.is_empty() {
            return Ok(encode_given(None, fields, documents)?);
        }
        let encoded = on_all(&mut self.workers, documents, |worker, share| {
            encode_given(Some(worker.as_mut()), fields, share)
        })?;
        Ok(encoded.into_iter().flatten().collect())
    }

    /// Finds the models that the builder was not asked to open.
    fn open_models(
        &mut self,
        manifest: &Manifest,
        models: &Models,
        documents: &[InputDocument],
    ) -> Result<(), Error> {
        if self.opened.sparse.is_none() && manifest.model.is_some() {
            self.opened.sparse = Some(models.sparse_of(manifest)?);
        }
        for field in manifest.dense.iter().filter(|field| field.model.is_some()) {
            let name = &field.spec.name;
            if self.opened.dense.iter().all(|(known, _)| known != name) {
                let model = models.dense_of(field)?;
                self.opened.dense.push((name.clone(), model));
            }
        }
        let has_texts = documents.iter().any(|document| document.vector.is_none());
        match has_texts && self.opened.sparse.is_none() && manifest.dense.is_empty() {
            true => Err(Error::TextsNeedModel),
            false => Ok(()),
        }
    }
}

/// Whether a dense model makes a vector of the document's text.
fn is_encoded(document: &InputDocument, manifest: &Manifest) -> bool {
    let has_model = manifest.dense.iter().any(|field| field.model.is_some());
    has_model && !document.document.text.is_empty()
}
