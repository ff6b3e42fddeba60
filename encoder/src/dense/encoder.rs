//! One worker of a dense model: texts to vectors, pooled and normalised in float64.
//!
//! The law of batches holds here too: padding is masked in the graph and left out of pooling, so a
//! number is within 1e-6 of that of the text encoded alone. A graph that quantises activations over
//! a batch has more noise, so its texts run alone; what else has states `batching = "single"`, and
//! the self-test finds out.

use std::borrow::Cow;
use std::sync::Arc;

use ort::session::Session;

use crate::dense::opened::OpenedDense;
use crate::error::EncodeError;
use crate::family::choices::{Batching, DensePooling};
use crate::session::batch::{Batch, Budget, plan};
use crate::session::feed::Fed;
use crate::session::graph_session::GraphSession;
use crate::session::readers::outputs::floats;
use crate::side::Side;
use crate::text::tokenize::{TokenizedText, Wanted};

/// Vectors shorter than this keep their direction and stay shorter, as in sentence-transformers.
const SMALLEST_NORM: f64 = 1e-12;

/// One worker of a dense model, with a session of its own; workers share nothing that changes.
pub struct DenseEncoder {
    pub(super) model: Arc<OpenedDense>,
    session: GraphSession,
}

/// Vectors of texts, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    dims: usize,
    values: Vec<f32>,
}

impl Embeddings {
    /// Numbers in a vector, at least one.
    pub fn dims(&self) -> usize {
        self.dims
    }

    /// Number of vectors.
    pub fn len(&self) -> usize {
        self.values.len() / self.dims
    }

    /// Whether there is no vector.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The vectors, in the order of their texts.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.dims)
    }

    /// All numbers, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// All numbers, row by row.
    pub fn into_values(self) -> Vec<f32> {
        self.values
    }
}

impl DenseEncoder {
    pub(super) fn new(model: Arc<OpenedDense>, session: Session) -> Result<Self, EncodeError> {
        let graph = &model.graph;
        let batching = if graph.is_single { Batching::Single } else { model.card.batching };
        let budget = match graph.is_pooled {
            true => Budget::new(batching, 0, graph.dims),
            false => Budget::of_hidden_states(batching, graph.dims),
        };
        let budget = budget.at_most(graph.fixed.batch);
        let session = GraphSession::reading([graph.output.as_str()], budget, session)?;
        Ok(Self { model, session })
    }

    pub(super) fn into_session(self) -> Session {
        self.session.session
    }

    /// Encodes texts, as many as the caller likes; batching is done here.
    ///
    /// Shapes: one vector of `dims` finite numbers per text, in the order of `texts`. A text longer
    /// than the side's maximum length is cut, its beginning kept. A text without tokens, which only
    /// a tokenizer without specials can make, has zeros.
    /// Errors: `Tokenize` or `NonFiniteEmbedding` with the text's position; `Runtime` or
    /// `OutputShape` when the graph fails. Panics: never on input.
    /// Cost: memory for all tokens and vectors and one batch's output.
    pub fn encode(&mut self, side: Side, texts: &[&str]) -> Result<Embeddings, EncodeError> {
        let tokens = self.tokenize(side, texts)?;
        let lengths: Vec<usize> = tokens.iter().map(|tokens| tokens.ids.len()).collect();
        let dims = self.model.graph.dims;
        let mut values = vec![0.0; texts.len() * dims];
        for batch in plan(&lengths, self.session.budget) {
            self.run(&batch, &tokens, &mut values)?;
        }
        Ok(Embeddings { dims, values })
    }

    pub(super) fn tokenize(
        &self,
        side: Side,
        texts: &[&str],
    ) -> Result<Vec<TokenizedText>, EncodeError> {
        let tokenizer = match side {
            Side::Query => &self.model.tokenizers[0],
            Side::Document => &self.model.tokenizers[1],
        };
        let tokenize = |(text, content): (usize, &&str)| {
            let content = match self.model.card.lower_case {
                true => Cow::Owned(content.to_lowercase()),
                false => Cow::Borrowed(*content),
            };
            let tokens =
                tokenizer.tokenize(&content, Wanted { units: None, words: false, blanks: true });
            tokens.map_err(|source| EncodeError::Tokenize { text, source })
        };
        texts.iter().enumerate().map(tokenize).collect()
    }

    /// Runs a batch and puts every vector into its row of `values`.
    fn run(
        &mut self,
        batch: &Batch,
        tokens: &[TokenizedText],
        values: &mut [f32],
    ) -> Result<(), EncodeError> {
        let graph = &self.model.graph;
        let length = graph.fixed.length.unwrap_or(batch.length);
        let batch = Batch { texts: batch.texts.clone(), length };
        let rows = graph.fixed.batch.unwrap_or(batch.texts.len());
        let fed = Fed::new(&graph.inputs, &batch, tokens, rows);
        let session = &mut self.session;
        let outputs = session
            .session
            .run_with_options(fed.tensors(&graph.inputs, [rows, length])?, &session.options)
            .map_err(EncodeError::runtime("run the graph"))?;
        let tensor = floats(&graph.output, &outputs[graph.output.as_str()])?;
        match graph.is_pooled {
            true => tensor.check(&[rows, graph.dims])?,
            false => tensor.check(&[rows, length, graph.dims])?,
        }
        let row_len = if graph.is_pooled { graph.dims } else { length * graph.dims };
        for (&text, row) in batch.texts.iter().zip(tensor.values.chunks_exact(row_len)) {
            let row = match graph.is_pooled {
                true => row,
                false => &row[..tokens[text].ids.len() * graph.dims],
            };
            let vector = self.model.finish(text, row)?;
            values[text * graph.dims..][..graph.dims].copy_from_slice(&vector);
        }
        Ok(())
    }
}

impl OpenedDense {
    /// Makes a text's vector of the rows of its tokens, `[tokens, dims]`, or of the one row it has.
    ///
    /// Errors: `NonFiniteEmbedding`.
    fn finish(&self, text: usize, rows: &[f32]) -> Result<Vec<f32>, EncodeError> {
        let mut vector = pool(self.card.pooling, rows, self.graph.dims);
        if self.card.normalize {
            normalize(&mut vector);
        }
        let vector: Vec<f32> = vector.into_iter().map(|value| value as f32).collect();
        match vector.iter().position(|value| !value.is_finite()) {
            Some(dimension) => {
                let value = vector[dimension];
                Err(EncodeError::NonFiniteEmbedding { text, dimension, value })
            }
            None => Ok(vector),
        }
    }
}

/// Pools `[tokens, dims]`, at least one token. A NaN in any row that is pooled stays one.
fn pool(pooling: DensePooling, rows: &[f32], dims: usize) -> Vec<f64> {
    let wide = |row: &[f32]| row.iter().map(|&value| f64::from(value)).collect::<Vec<f64>>();
    let mut each = rows.chunks_exact(dims);
    let mut pooled = each.next().map_or_else(|| vec![0.0; dims], wide);
    match pooling {
        DensePooling::Graph | DensePooling::Cls => {}
        DensePooling::Mean => {
            for row in each {
                pooled.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
            }
            let tokens = (rows.len() / dims) as f64;
            pooled.iter_mut().for_each(|sum| *sum /= tokens);
        }
        DensePooling::Max => {
            for row in each {
                for (largest, &value) in pooled.iter_mut().zip(row) {
                    let value = f64::from(value);
                    // Not `max`, which would pass over a NaN.
                    if value > *largest || value.is_nan() {
                        *largest = value;
                    }
                }
            }
        }
    }
    pooled
}

/// Brings a vector to length 1; zeros stay zeros.
fn normalize(vector: &mut [f64]) {
    let norm = vector.iter().map(|value| value * value).sum::<f64>().sqrt().max(SMALLEST_NORM);
    vector.iter_mut().for_each(|value| *value /= norm);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pooling_is_over_the_rows() {
        let rows = [1.0, -2.0, 3.0, -4.0];
        assert_eq!(pool(DensePooling::Mean, &rows, 2), [2.0, -3.0]);
        assert_eq!(pool(DensePooling::Cls, &rows, 2), [1.0, -2.0]);
        assert_eq!(pool(DensePooling::Max, &rows, 2), [3.0, -2.0]);
        assert_eq!(pool(DensePooling::Graph, &rows[..2], 2), [1.0, -2.0]);
    }

    #[test]
    fn what_is_no_number_is_never_pooled_away() {
        for rows in [[1.0, 2.0, f32::NAN, 4.0], [f32::NAN, 2.0, 3.0, 4.0]] {
            for pooling in [DensePooling::Mean, DensePooling::Max] {
                assert!(pool(pooling, &rows, 2)[0].is_nan(), "{pooling:?} {rows:?}");
            }
        }
    }

    #[test]
    fn zeros_have_no_direction() {
        let (mut zeros, mut vector) = ([0.0, 0.0], [3.0, -4.0]);
        normalize(&mut zeros);
        normalize(&mut vector);
        assert_eq!((zeros, vector), ([0.0, 0.0], [0.6, -0.8]));
    }
}
