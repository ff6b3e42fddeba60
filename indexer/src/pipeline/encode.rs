//! Chunks of documents to their vectors: what an encoder makes of texts, and what the input gave.
//!
//! Every worker thread runs [`encode_chunks`] with an encoder of its own. Which chunks there are and in
//! what order they are indexed is left to `read` and `ingest`.

use std::sync::{
    Mutex, PoisonError,
    mpsc::{Receiver, SyncSender},
};

use gleaner_catalog::DenseField;
use gleaner_format::{DenseError, is_blank};

use super::chunk::{Chunk, Encoded};
use crate::{
    document::{Document, InputDocument},
    encoder::{DocumentEncoder, EncodedText, NoEncoder},
    error::IndexError,
};

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

/// Encodes documents of a program. `encoder` may be missing where every document brings its sparse
/// vector and no dense field has a model.
///
/// # Errors
/// `Encode`, which names no file; `EncoderCount`.
pub fn encode_given(
    mut encoder: Option<&mut (dyn DocumentEncoder + 'static)>,
    fields: &[DenseField],
    given: Vec<InputDocument>,
) -> Result<Vec<(Document, EncodedText)>, IndexError> {
    let mut given = given.into_iter().peekable();
    let mut encoded = Vec::with_capacity(given.len());
    while let Some(first) = given.peek() {
        // A chunk has vectors for all of its documents, or for none.
        let is_given = first.vector.is_some();
        let mut chunk = Chunk::of_program();
        let mut vectors = Vec::new();
        while let Some(InputDocument { document, vector, dense }) =
            given.next_if(|next| next.vector.is_some() == is_given)
        {
            vectors.extend(vector);
            chunk.documents.push(document);
            chunk.dense.push(dense);
        }
        chunk.given = is_given.then_some(vectors);
        let texts = match encoder.as_deref_mut() {
            Some(encoder) => encode_chunk(encoder, fields, &mut chunk)?,
            None => encode_chunk(&mut NoEncoder, fields, &mut chunk)?,
        };
        encoded.extend(chunk.documents.into_iter().zip(texts));
    }
    Ok(encoded)
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
    rows.retain(|(_, text)| !is_blank(text));
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
