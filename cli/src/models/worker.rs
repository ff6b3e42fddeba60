//! The models of an indexing run, and what one encoding thread does with them.
//!
//! Which models a run needs, and whether they are those of the index, the command and
//! `dense_fields` say.

use gleaner_encoder::{DenseEncoder, DenseModel, Encoder, Model, Side, SparseVector};
use gleaner_indexer::{DocumentEncoder, EncodedRow, EncodedText};
use gleaner_searcher::{LongTexts, Manifest};

use super::long::spans;

/// What texts are encoded with.
#[derive(Default)]
pub(crate) struct Models {
    /// Without it, sparse vectors are empty.
    pub(crate) sparse: Option<Model>,
    /// By the name of the dense field.
    pub(crate) dense: Vec<(String, DenseModel)>,
}

impl Models {
    /// So many threads for an index.
    pub(crate) fn workers(
        &self,
        manifest: &Manifest,
        threads: usize,
    ) -> anyhow::Result<Vec<Box<dyn DocumentEncoder>>> {
        let named = |name: &String| self.dense.iter().find(|(field, _)| field == name);
        let fields = manifest.dense.iter().filter(|field| field.model.is_some());
        let dense: Vec<&DenseModel> =
            fields.filter_map(|field| Some(&named(&field.spec.name)?.1)).collect();
        let worker = |_| {
            let sparse = self.sparse.as_ref().map(|model| model.encoder(1)).transpose()?;
            let dense = dense.iter().map(|model| model.encoder(1)).collect::<Result<_, _>>()?;
            let worker: Box<dyn DocumentEncoder> =
                Box::new(Worker { sparse, dense, long: manifest.long });
            anyhow::Ok(worker)
        };
        (0..threads).map(worker).collect()
    }
}

/// One encoding thread of the indexing pipeline.
struct Worker {
    sparse: Option<Encoder>,
    /// By dense field that has a model, in the order of the index.
    dense: Vec<DenseEncoder>,
    /// What it does with long texts.
    long: LongTexts,
}

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
