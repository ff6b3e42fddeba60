//! Chunks of documents to their vectors: what an encoder makes of texts, and what the input gave.
//!
//! Every worker thread runs [`encode_chunks`] with an encoder of its own. Which chunks there are and in
//! what order they are indexed is `ingest`'s.

use std::{
    ops::Range,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, SyncSender},
    },
};

use gleaner_catalog::{DenseField, InputProgress};
use gleaner_format::{DenseError, SparseVector};

use crate::{
    document::Document,
    error::{IndexError, Rejection},
};

/// Why an encoder failed, in its own words.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Makes vectors of texts; one per worker thread.
pub trait DocumentEncoder: Send {
    /// One vector per text, in order.
    fn encode(&mut self, texts: &[&str]) -> Result<Vec<SparseVector>, Cause>;

    /// One entry per text, in order, of an encoder that knows which texts are too long for it. Rows
    /// come without dense vectors.
    fn encode_texts(&mut self, texts: &[&str]) -> Result<Vec<EncodedText>, Cause> {
        Ok(self.encode(texts)?.into_iter().map(EncodedText::from).collect())
    }

    /// By dense field that has a model, in the order of the index: one vector per text, in order.
    /// Asked only of an index with such fields, for texts that are not blank.
    fn encode_dense(&mut self, _: &[&str]) -> Result<Vec<Vec<Vec<f32>>>, Cause> {
        Err("this encoder makes no dense vectors".into())
    }
}

/// What an encoder makes of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedText {
    /// The document's rows: one, or one a passage for an index of passages.
    pub rows: Vec<EncodedRow>,
    /// Whether the text is longer than the model reads at once.
    pub is_longer: bool,
}

/// A text's vectors, or a passage's.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedRow {
    /// The sparse vector.
    pub vector: SparseVector,
    /// The dense vectors, prepared for their fields (`DenseSpec::prepare`), one entry per dense field
    /// of the index; empty for none.
    pub dense: Vec<Option<Vec<f32>>>,
    /// Where in the text the passage is, if the index keeps passages.
    pub bytes: Option<Range<usize>>,
}

impl From<SparseVector> for EncodedText {
    fn from(vector: SparseVector) -> Self {
        let row = EncodedRow { vector, dense: Vec::new(), bytes: None };
        Self { rows: vec![row], is_longer: false }
    }
}

/// Lines of one input on their way to the encoders.
pub(crate) struct Chunk {
    pub(crate) sequence: u64,
    pub(crate) file: PathBuf,
    pub(crate) first_line: u64,
    pub(crate) documents: Vec<Document>,
    /// Sparse vectors of the documents where the input gives them; its inputs do all or none.
    pub(crate) given: Option<Vec<SparseVector>>,
    /// Dense vectors that the documents bring, by document: one entry per dense field, or none.
    pub(crate) dense: Vec<Vec<Option<Vec<f32>>>>,
    pub(crate) rejections: Vec<Rejection>,
    /// Progress of all inputs once this chunk is indexed.
    pub(crate) inputs: Vec<InputProgress>,
    pub(crate) read_bytes: u64,
}

/// A chunk and what became of its documents.
pub(crate) type Encoded = (Chunk, Result<Vec<EncodedText>, IndexError>);

/// Stands where nothing is to be encoded.
pub(crate) struct NoEncoder;

impl DocumentEncoder for NoEncoder {
    fn encode(&mut self, _: &[&str]) -> Result<Vec<SparseVector>, Cause> {
        Err("there is no encoder".into())
    }
}

/// Encodes chunks as they come, until there are no more or nobody wants them.
pub(crate) fn encode_chunks(
    encoder: &mut dyn DocumentEncoder,
    fields: &[DenseField],
    chunks: &Mutex<Receiver<Result<Chunk, IndexError>>>,
    out: &SyncSender<Result<Encoded, IndexError>>,
) {
    loop {
        let next = chunks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let message = match next {
            Err(_) => return,
            Ok(Err(error)) => Err(error),
            Ok(Ok(mut chunk)) => {
                let texts = encode_chunk(encoder, fields, &mut chunk);
                Ok((chunk, texts))
            }
        };
        if out.send(message).is_err() {
            return;
        }
    }
}

fn encode_chunk(
    encoder: &mut dyn DocumentEncoder,
    fields: &[DenseField],
    chunk: &mut Chunk,
) -> Result<Vec<EncodedText>, IndexError> {
    let mut texts = match chunk.given.take() {
        Some(vectors) => vectors.into_iter().map(EncodedText::from).collect(),
        None => encode_sparse(encoder, chunk)?,
    };
    if !fields.is_empty() {
        for (text, given) in texts.iter_mut().zip(std::mem::take(&mut chunk.dense)) {
            take_dense(text, given, fields.len());
        }
        encode_dense(encoder, fields, chunk, &mut texts)?;
    }
    Ok(texts)
}

fn encode_sparse(
    encoder: &mut dyn DocumentEncoder,
    chunk: &Chunk,
) -> Result<Vec<EncodedText>, IndexError> {
    let texts: Vec<&str> = chunk.documents.iter().map(|document| &document.text[..]).collect();
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let encoded = encoder.encode_texts(&texts).map_err(|source| chunk.failed(source))?;
    check_count(texts.len(), encoded.len())?;
    Ok(encoded)
}

/// Vectors that a document brings belong to its first row.
fn take_dense(text: &mut EncodedText, given: Vec<Option<Vec<f32>>>, fields: usize) {
    text.rows.iter_mut().for_each(|row| row.dense = vec![None; fields]);
    if let Some(first) = text.rows.first_mut()
        && !given.is_empty()
    {
        first.dense = given;
    }
}

/// Gives every row that has a text the vectors of the dense fields that have a model.
fn encode_dense(
    encoder: &mut dyn DocumentEncoder,
    fields: &[DenseField],
    chunk: &Chunk,
    texts: &mut [EncodedText],
) -> Result<(), IndexError> {
    let with_model = |at: &usize| fields[*at].model.is_some();
    let models: Vec<usize> = (0..fields.len()).filter(with_model).collect();
    let mut rows = Vec::new();
    for (text, document) in texts.iter_mut().zip(&chunk.documents) {
        for row in &mut text.rows {
            let passage = row.bytes.clone().and_then(|bytes| document.text.get(bytes));
            rows.push((row, passage.unwrap_or(&document.text)));
        }
    }
    rows.retain(|(_, text)| !text.trim().is_empty());
    if models.is_empty() || rows.is_empty() {
        return Ok(());
    }
    let texts: Vec<&str> = rows.iter().map(|(_, text)| *text).collect();
    let encoded = encoder.encode_dense(&texts).map_err(|source| chunk.failed(source))?;
    check_count(models.len() * texts.len(), encoded.iter().map(Vec::len).sum())?;
    for (at, vectors) in models.into_iter().zip(encoded) {
        check_count(rows.len(), vectors.len())?;
        for ((row, _), vector) in rows.iter_mut().zip(vectors) {
            row.dense[at] = match fields[at].spec.prepare(&vector) {
                Ok(vector) => Some(vector),
                // A text in which the model knows no token.
                Err(DenseError::NoDirection { .. }) => None,
                Err(error) => return Err(chunk.failed(error.into())),
            };
        }
    }
    Ok(())
}

fn check_count(expected: usize, found: usize) -> Result<(), IndexError> {
    match expected == found {
        true => Ok(()),
        false => Err(IndexError::EncoderCount { expected, found }),
    }
}

impl Chunk {
    /// The encoder's error, with the lines it had.
    fn failed(&self, source: Cause) -> IndexError {
        IndexError::Encode {
            file: self.file.clone(),
            first_line: self.first_line,
            last_line: self.first_line + (self.documents.len() as u64).saturating_sub(1),
            source,
        }
    }
}
