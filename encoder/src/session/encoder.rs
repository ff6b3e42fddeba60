//! One worker of a sparse model: tokens to vectors, in the order of the texts.
//!
//! **Why a vector does not depend on its batch.** Padding is exact: the mask keeps padded positions
//! out of attention and pooling. What is left is rounding, because a matrix product over more rows
//! may be summed in another order. On the shipped graph that moves a weight by up to 2.4e-7. Such
//! noise could still make a term appear or vanish at the threshold below which weights are dropped.
//!
//! So the vector of a text encoded *alone* is the definition. A text in whose row some weight comes
//! near the threshold is encoded again alone, and that vector is returned. (`pool.rs` names the
//! band, nearly four times the noise.) Outside the band, noise cannot carry a weight across. Hence
//! the same terms always, and weights within [`BATCH_TOLERANCE`]; about one passage in 1,700 pays
//! for it. A graph with more noise says `batching = "single"` in its settings; the self-test finds
//! out.
//!
//! The same holds where a gate or a pruning rule decides. Where logits are summed over tokens, the
//! noise is too: such texts always run alone. At most one batch's output tensor is alive: rows
//! become vectors (`readers.rs`) before the next batch runs.

use std::sync::Arc;

use gleaner_format::SparseVector;
use ort::session::Session;

use crate::error::EncodeError;
use crate::family::choices::{Batching, Pooling};
use crate::family::side::Kind;
use crate::model::opened::OpenedModel;
use crate::session::batch::{Batch, Budget, plan};
use crate::session::feed::Fed;
use crate::session::graph_session::{GraphSession, open_session};
use crate::session::pool::sparse;
use crate::session::readers;
use crate::session::readers::outputs::Outputs;
use crate::session::readers::run::{Run, Space};
use crate::session::table::Table;
use crate::side::Side;
use crate::text::tokenize::TokenizedText;

/// How far a weight may be from the weight of the same text encoded alone.
pub const BATCH_TOLERANCE: f32 = 1e-6;

/// One worker of a model, with sessions of its own; workers share nothing that changes.
pub struct Encoder {
    pub(crate) model: Arc<OpenedModel>,
    threads: usize,
    /// By graph; opened when the first text needs it.
    sessions: Vec<Option<GraphSession>>,
    /// One row of the vocabulary, reused.
    space: Space,
    /// Blank texts have the vector that the model gives them; only the self-test asks for it.
    pub(crate) sees_blanks: bool,
}

impl Encoder {
    /// A worker; `kept` are sessions by graph that are open already, single-threaded.
    pub(crate) fn new(
        model: Arc<OpenedModel>,
        threads: usize,
        kept: Vec<Option<Session>>,
    ) -> Result<Self, EncodeError> {
        let mut sessions = Vec::with_capacity(kept.len());
        for (graph, session) in model.graphs.iter().zip(kept) {
            let open = |session| GraphSession::new(&graph.layout, model.batching, session);
            sessions.push(session.map(open).transpose()?);
        }
        Ok(Self { model, threads, sessions, space: Space::default(), sees_blanks: false })
    }

    /// Opens what a side needs, which the side's first text would do otherwise.
    ///
    /// Errors: `InvalidFile` when a graph has become unreadable since the model was opened.
    pub fn prepare(&mut self, side: Side) -> Result<(), EncodeError> {
        let model = Arc::clone(&self.model);
        if let Kind::Graph(at) = model.side(side).kind
            && self.sessions[at].is_none()
        {
            let graph = &model.graphs[at];
            let session = open_session(&model.runtime, &graph.file, self.threads)?;
            self.sessions[at] = Some(GraphSession::new(&graph.layout, model.batching, session)?);
        }
        Ok(())
    }

    /// Encodes texts, as many as the caller likes; batching is done here.
    ///
    /// Shapes: one vector per text, in the order of `texts`; weights are above
    /// [`crate::DROPPED_WEIGHT`]. A text longer than the side's maximum length is cut, its
    /// beginning kept. A text without tokens of its own, such as a blank one, has the empty vector:
    /// what a model makes of its special tokens alone says nothing about a text.
    /// Errors: `Tokenize`, `NonFinite`, `NotSparse`, `UnknownTerm` or `Vector` with the text's
    /// position; `Runtime` or `OutputShape` when the graph fails. Panics: never on input.
    /// Cost: memory for all tokens and vectors and one batch's output.
    pub fn encode(&mut self, side: Side, texts: &[&str]) -> Result<Vec<SparseVector>, EncodeError> {
        let tokens = self.tokenize(side, texts, false)?;
        self.encode_tokens(side, &tokens)
    }

    /// The vectors of texts that are tokenized.
    pub(crate) fn encode_tokens(
        &mut self,
        side: Side,
        tokens: &[TokenizedText],
    ) -> Result<Vec<SparseVector>, EncodeError> {
        self.prepare(side)?;
        let model = Arc::clone(&self.model);
        let at = match &model.side(side).kind {
            Kind::Table(table) => return self.look_up(side, table, tokens),
            Kind::Graph(at) => *at,
        };
        let lengths: Vec<usize> = tokens.iter().map(|tokens| tokens.ids.len()).collect();
        // A text without tokens is in no batch and keeps the empty vector.
        let mut vectors = vec![SparseVector::default(); tokens.len()];
        for batch in plan(&lengths, self.budget(at, model.side(side).pooling)) {
            let rows = self.run(side, &batch, tokens, readers::read)?;
            for (&text, row) in batch.texts.iter().zip(rows) {
                vectors[text] = if row.doubtful && batch.texts.len() > 1 {
                    self.run_alone(side, text, tokens)?
                } else {
                    row.vector
                };
            }
        }
        Ok(vectors)
    }

    /// Gives the sessions back for another worker.
    pub(crate) fn into_sessions(self) -> Vec<Option<Session>> {
        self.sessions.into_iter().map(|session| session.map(|session| session.session)).collect()
    }

    pub(crate) fn tokenize(
        &self,
        side: Side,
        texts: &[&str],
        words: bool,
    ) -> Result<Vec<TokenizedText>, EncodeError> {
        let tokenize = |(text, content): (usize, &&str)| {
            let tokens = self.model.tokenize(side, content, (words, self.sees_blanks));
            tokens.map_err(|source| EncodeError::Tokenize { text, source })
        };
        texts.iter().enumerate().map(tokenize).collect()
    }

    /// What may run at once on a graph that is open, pooled like this.
    fn budget(&self, graph: usize, pooling: Pooling) -> Budget {
        let single = Budget::new(Batching::Single, 1, 1);
        let session = self.sessions[graph].as_ref().filter(|_| !pooling.runs_alone());
        session.map_or(single, |session| session.budget)
    }

    fn look_up(
        &self,
        side: Side,
        table: &Table,
        tokens: &[TokenizedText],
    ) -> Result<Vec<SparseVector>, EncodeError> {
        let finish = self.model.finish(side);
        let vector = |(text, tokens): (usize, &TokenizedText)| {
            let pairs = table.look_up(&tokens.units);
            sparse(pairs.into_iter(), finish, text).map(|pooled| pooled.vector)
        };
        tokens.iter().enumerate().map(vector).collect()
    }

    fn run_alone(
        &mut self,
        side: Side,
        text: usize,
        tokens: &[TokenizedText],
    ) -> Result<SparseVector, EncodeError> {
        let batch = Batch::single(text, tokens[text].ids.len());
        let mut rows = self.run(side, &batch, tokens, readers::read)?;
        Ok(rows.pop().map(|row| row.vector).unwrap_or_default())
    }

    /// Runs one batch on the side's graph and reads what comes back.
    pub(crate) fn run<R>(
        &mut self,
        side: Side,
        batch: &Batch,
        tokens: &[TokenizedText],
        read: impl FnOnce(&Run<'_>, &Outputs<'_>, &mut Space) -> Result<R, EncodeError>,
    ) -> Result<R, EncodeError> {
        let opened = self.model.side(side);
        let Kind::Graph(at) = opened.kind else {
            unreachable!("a side without a graph is looked up")
        };
        let graph = &self.model.graphs[at].layout;
        let Some(session) = &mut self.sessions[at] else {
            unreachable!("prepared before the first run")
        };
        let length = graph.fixed.length.unwrap_or(batch.length);
        let batch = Batch { texts: batch.texts.clone(), length };
        let rows = graph.fixed.batch.unwrap_or(batch.texts.len());
        let values = Fed::new(&graph.inputs, &batch, tokens, rows);
        let outputs = session
            .session
            .run_with_options(values.tensors(&graph.inputs, [rows, length])?, &session.options)
            .map_err(EncodeError::runtime("run the graph"))?;
        let outputs = Outputs::take(graph, &outputs)?;
        let run = Run {
            graph,
            head: self.model.graphs[at].head.as_ref(),
            batch: &batch,
            rows,
            tokens,
            terms: &self.model.terms,
            pooling: opened.pooling,
            finish: self.model.finish(side),
            gate: self.model.gate,
        };
        read(&run, &outputs, &mut self.space)
    }
}
