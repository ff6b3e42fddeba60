//! What one encoding thread of an index does with documents.
//!
//! Which models an index has is `builder`'s; in what order documents are indexed is `indexer`'s.

use std::{panic::resume_unwind, thread::ScopedJoinHandle};

use gleaner_catalog::{LongTexts, Manifest};
use gleaner_encoder::{DenseEncoder, DenseModel, Encoder, Model, Side, Spans, SparseVector};
use gleaner_indexer::{DocumentEncoder, EncodedRow, EncodedText};

use crate::error::Error;

/// What the documents of an index are encoded with.
#[derive(Clone, Default)]
pub(crate) struct DocumentModels {
    /// Without it, sparse vectors are empty.
    pub(crate) sparse: Option<Model>,
    /// By the name of the dense field.
    pub(crate) dense: Vec<(String, DenseModel)>,
}

impl DocumentModels {
    /// So many threads for an index.
    pub(crate) fn workers(
        &self,
        manifest: &Manifest,
        threads: usize,
    ) -> Result<Vec<Box<dyn DocumentEncoder>>, Error> {
        let named = |name: &String| self.dense.iter().find(|(field, _)| field == name);
        let fields = manifest.dense.iter().filter(|field| field.model.is_some());
        let dense: Vec<&DenseModel> =
            fields.filter_map(|field| Some(&named(&field.spec.name)?.1)).collect();
        let worker = |_| {
            let sparse = self.sparse.as_ref().map(|model| model.encoder(1)).transpose()?;
            let dense = dense.iter().map(|model| model.encoder(1)).collect::<Result<_, _>>()?;
            let worker: Box<dyn DocumentEncoder> =
                Box::new(Worker { sparse, dense, long: manifest.long });
            Ok(worker)
        };
        (0..threads).map(worker).collect()
    }
}

/// One encoding thread.
struct Worker {
    sparse: Option<Encoder>,
    /// By dense field that has a model, in the order of the index.
    dense: Vec<DenseEncoder>,
    /// What it does with long texts.
    long: LongTexts,
}

/// Why an encoder failed, in its own words.
type Cause = Box<dyn std::error::Error + Send + Sync>;

impl DocumentEncoder for Worker {
    fn encode(&mut self, texts: &[&str]) -> Result<Vec<SparseVector>, Cause> {
        match &mut self.sparse {
            Some(encoder) => Ok(encoder.encode(Side::Document, texts)?),
            None => Ok(vec![SparseVector::default(); texts.len()]),
        }
    }

    fn encode_texts(&mut self, texts: &[&str]) -> Result<Vec<EncodedText>, Cause> {
        let Some(encoder) = &mut self.sparse else {
            return Ok(self.encode(texts)?.into_iter().map(EncodedText::from).collect());
        };
        let encoded = encoder.encode_long(Side::Document, texts, spans(self.long))?;
        let is_passages = self.long.is_passages();
        let texts = encoded.into_iter().map(|text| {
            let is_longer = text.is_longer;
            if !is_passages {
                return EncodedText { is_longer, ..text.into_highest_weights().into() };
            }
            let rows = text.passages.into_iter().map(|passage| EncodedRow {
                vector: passage.vector,
                dense: Vec::new(),
                bytes: Some(passage.bytes),
            });
            EncodedText { rows: rows.collect(), is_longer }
        });
        Ok(texts.collect())
    }

    fn encode_dense(&mut self, texts: &[&str]) -> Result<Vec<Vec<Vec<f32>>>, Cause> {
        let encode = |encoder: &mut DenseEncoder| {
            let vectors = encoder.encode(Side::Document, texts)?;
            Ok(vectors.rows().map(<[f32]>::to_vec).collect())
        };
        self.dense.iter_mut().map(encode).collect()
    }
}

/// Hands every worker an even share of some items, on a thread of its own; what they made, in the order
/// of the items.
pub(crate) fn on_all<W: Send, T: Send, R: Send, E: Send>(
    workers: &mut [W],
    items: Vec<T>,
    work: impl Fn(&mut W, Vec<T>) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let share = items.len().div_ceil(workers.len().max(1)).max(1);
    let (mut items, work) = (items.into_iter(), &work);
    std::thread::scope(|scope| {
        let mut running = Vec::new();
        for worker in workers {
            let share: Vec<T> = items.by_ref().take(share).collect();
            if !share.is_empty() {
                running.push(scope.spawn(move || work(worker, share)));
            }
        }
        let join = |thread: ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| resume_unwind(panic))
        };
        running.into_iter().map(join).collect()
    })
}

/// The spans that long texts are encoded in, if they are.
pub(crate) fn spans(long: LongTexts) -> Option<Spans> {
    match long {
        LongTexts::Cut => None,
        LongTexts::Max { length, overlap } | LongTexts::Passages { length, overlap } => {
            Some(Spans { length, overlap })
        }
    }
}
