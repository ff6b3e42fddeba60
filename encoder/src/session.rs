//! Running the graph: one worker's session, from tokens to vectors in input order.
//!
//! **Why a vector does not depend on its batch.** Padding is exact: the mask keeps padded positions
//! out of attention and pooling. What is left is rounding, because a matrix product over more rows
//! may be summed in another order; on the shipped graph that moves a weight by up to 1.2e-7. Such
//! noise could still make a term appear or vanish at the threshold below which weights are dropped.
//! So the vector of a text encoded *alone* is the definition, and a text in whose row some weight
//! comes near the threshold (`pool.rs` names the band, eight times the noise) is encoded again
//! alone, and that vector is returned. Outside the band, noise cannot carry a weight across. Hence
//! the same terms always, and weights within [`BATCH_TOLERANCE`]; about one passage in 1,700 pays
//! for it. A graph with more noise than that says `batching = "single"` in its settings; the
//! self-test finds out.
//!
//! At most one batch's output tensor is alive: rows become vectors before the next batch runs.

use std::sync::Arc;

use gleaner_format::SparseVector;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, Session, SessionInputValue};
use ort::value::TensorRef;

use crate::Side;
use crate::batch::{Batch, Budget, plan};
use crate::error::EncodeError;
use crate::head::{Head, Scratch};
use crate::layout::Layout;
use crate::model::Opened;
use crate::pool::{Pooled, max_over_tokens, sparse, sum_over_tokens};
use crate::runtime::Runtime;
use crate::settings::{Activation, Pooling};
use crate::tokenize::Tokens;

/// How far a weight may be from the weight of the same text encoded alone.
pub const BATCH_TOLERANCE: f32 = 1e-6;

/// One worker of a model, with a session of its own; workers share nothing that changes.
pub struct Encoder {
    model: Arc<Opened>,
    session: Session,
    options: RunOptions<HasSelectedOutputs>,
    budget: Budget,
    /// One row of the vocabulary, reused.
    pooled: Vec<f32>,
    /// Space for the output layer, where that is ours.
    scratch: Scratch,
}

/// Opens a session on a graph file.
pub(crate) fn open(
    runtime: &Runtime,
    graph: &std::path::Path,
    threads: usize,
) -> Result<Session, EncodeError> {
    let open = || -> ort::Result<Session> {
        let builder = Session::builder(runtime.environment())?
            .with_optimization_level(GraphOptimizationLevel::Level3)?
            .with_intra_threads(threads)?
            .with_inter_threads(1)?
            // Waiting threads would burn the time of the other workers.
            .with_intra_op_spinning(false)?
            // Memory plans are kept per input shape, and here nearly every batch has its own.
            .with_memory_pattern(false)?;
        { builder }.commit_from_file(graph)
    };
    open().map_err(|error| EncodeError::InvalidFile {
        what: "graph",
        path: graph.to_owned(),
        source: error.into(),
    })
}

impl Encoder {
    pub(crate) fn new(model: Arc<Opened>, session: Session) -> Result<Self, EncodeError> {
        let selector = OutputSelector::no_default().with(model.graph.output.as_str());
        let options = RunOptions::new()
            .map_err(EncodeError::runtime("prepare a run"))?
            .with_outputs(selector);
        let columns = model.graph.columns;
        let budget = match model.graph.layout {
            Layout::Pooled => Budget::new(model.shaping.batching, 0, columns),
            Layout::Logits => Budget::new(model.shaping.batching, columns, 0),
            Layout::Hidden => Budget::of_hidden_states(model.shaping.batching, columns),
        };
        let (pooled, scratch) = (vec![0.0; columns], Scratch::default());
        Ok(Self { pooled, scratch, model, session, options, budget })
    }

    /// Encodes texts, as many as the caller likes; batching is done here.
    ///
    /// Shapes: one vector per text, in the order of `texts`; term ids are token ids; weights are
    /// above [`crate::DROPPED_WEIGHT`]. A text longer than the side's maximum length is cut, its
    /// beginning kept. An empty text has the vector the model gives it.
    /// Errors: `Tokenize`, `NonFinite` or `Vector` with the text's position; `Runtime` or
    /// `OutputShape` when the graph fails. Panics: never on input.
    /// Cost: memory for all tokens and vectors and one batch's output.
    pub fn encode(&mut self, side: Side, texts: &[&str]) -> Result<Vec<SparseVector>, EncodeError> {
        let tokens = self.tokenize(side, texts)?;
        let lengths: Vec<usize> = tokens.iter().map(|tokens| tokens.ids.len()).collect();
        // A text without tokens is in no batch and keeps the empty vector.
        let mut vectors = vec![SparseVector::default(); texts.len()];
        for batch in plan(&lengths, self.budget) {
            let rows = self.run(&batch, &tokens)?;
            for (&text, row) in batch.texts.iter().zip(rows) {
                vectors[text] = if row.doubtful && batch.texts.len() > 1 {
                    self.run_alone(text, &tokens)?
                } else {
                    row.vector
                };
            }
        }
        Ok(vectors)
    }

    /// Gives the session back for another worker.
    pub(crate) fn into_session(self) -> Session {
        self.session
    }

    pub(crate) fn tokenize(&self, side: Side, texts: &[&str]) -> Result<Vec<Tokens>, EncodeError> {
        let tokenize = |(text, content): (usize, &&str)| {
            let tokens = self.model.vocabulary.tokenize(side, content);
            tokens.map_err(|source| EncodeError::Tokenize { text, source })
        };
        texts.iter().enumerate().map(tokenize).collect()
    }

    fn run_alone(&mut self, text: usize, tokens: &[Tokens]) -> Result<SparseVector, EncodeError> {
        let batch = Batch::single(text, tokens[text].ids.len());
        let mut rows = self.run(&batch, tokens)?;
        Ok(rows.pop().map(|row| row.vector).unwrap_or_default())
    }

    /// Runs one batch: one row per text of the batch, in its order.
    fn run(&mut self, batch: &Batch, tokens: &[Tokens]) -> Result<Vec<Pooled>, EncodeError> {
        let graph = &self.model.graph;
        let shape = [batch.texts.len(), batch.length];
        let values: Vec<Vec<i64>> =
            graph.inputs.iter().map(|(_, role)| batch.input(*role, tokens)).collect();
        let mut inputs: Vec<(&str, SessionInputValue<'_>)> = Vec::with_capacity(values.len());
        for ((name, _), values) in graph.inputs.iter().zip(&values) {
            let tensor = TensorRef::from_array_view((shape, values.as_slice()))
                .map_err(EncodeError::runtime("take an input"))?;
            inputs.push((name, tensor.into()));
        }
        let outputs = self
            .session
            .run_with_options(inputs, &self.options)
            .map_err(EncodeError::runtime("run the graph"))?;
        let (shape, values) = outputs[0]
            .try_extract_tensor::<f32>()
            .map_err(EncodeError::runtime("return float32 values"))?;
        let expected = expected_shape(graph.layout, batch, graph.columns);
        if **shape != *expected {
            let (output, found) = (graph.output.clone(), shape.to_vec());
            return Err(EncodeError::OutputShape { output, expected, found });
        }
        match &self.model.head {
            Some(head) => head_rows((&self.model, head), batch, tokens, values, &mut self.scratch),
            None => rows(&self.model, batch, tokens, values, &mut self.pooled),
        }
    }
}

fn expected_shape(layout: Layout, batch: &Batch, columns: usize) -> Vec<i64> {
    let dimensions = match layout {
        Layout::Pooled => vec![batch.texts.len(), columns],
        Layout::Logits | Layout::Hidden => vec![batch.texts.len(), batch.length, columns],
    };
    dimensions.into_iter().map(|dimension| dimension as i64).collect()
}

/// As [`rows`], for hidden states: `values` is `[texts, length, hidden]`.
fn head_rows(
    (model, head): (&Opened, &Head),
    batch: &Batch,
    tokens: &[Tokens],
    values: &[f32],
    scratch: &mut Scratch,
) -> Result<Vec<Pooled>, EncodeError> {
    let dims = model.graph.columns;
    let steps = (model.shaping.pooling, model.shaping.activation);
    let texts = batch.texts.iter().zip(values.chunks_exact(batch.length * dims));
    let pool = |(&text, values): (&usize, &[f32])| {
        let real = &values[..tokens[text].ids.len() * dims];
        head.pool(real, (model.vocabulary.len(), text), steps, scratch)
    };
    texts.map(pool).collect()
}

/// Reads a batch's output: `values` is the tensor of [`expected_shape`], `pooled` one row of space.
fn rows(
    model: &Opened,
    batch: &Batch,
    tokens: &[Tokens],
    values: &[f32],
    pooled: &mut [f32],
) -> Result<Vec<Pooled>, EncodeError> {
    let columns = model.graph.columns;
    // Columns past the last token are padding of the model's output layer.
    let terms = model.vocabulary.len();
    let activation = model.shaping.activation;
    let values_per_text = values.len() / batch.texts.len();
    let mut rows = Vec::with_capacity(batch.texts.len());
    for (&text, values) in batch.texts.iter().zip(values.chunks_exact(values_per_text)) {
        let real = &values[..values.len().min(tokens[text].ids.len() * columns)];
        rows.push(match model.shaping.pooling {
            Pooling::Graph => sparse(&values[..terms], activation, text)?,
            Pooling::Max => {
                // Activations do not descend, so the largest logit gives the largest weight.
                max_over_tokens(real, pooled);
                sparse(&pooled[..terms], activation, text)?
            }
            Pooling::Sum => {
                sum_over_tokens(real, activation, pooled);
                sparse(&pooled[..terms], Activation::Graph, text)?
            }
        });
    }
    Ok(rows)
}
