//! Texts of searches to query vectors: those of one request together, by the models that encode
//! them.
//!
//! Only the models that a ranking asks for are asked. They work at the same time: every text is
//! handed in before the first vector is waited for. A text that several searches of a request share
//! is encoded once. What fails, fails for the searches that need it.

use std::{sync::Arc, time::Instant};

use gleaner::{DenseModel, Model, SparseVector};

use crate::{
    encoding::{Lane, Pending},
    error::Problem,
    models::{LoadedModel, ServedModel},
};

/// The texts that a request wants encoded.
#[derive(Default)]
pub(crate) struct QueryTexts {
    pub(crate) sparse: TextsByModel<Model>,
    pub(crate) dense: TextsByModel<DenseModel>,
}

/// Texts by the models of one kind.
pub(crate) struct TextsByModel<M: ServedModel>(Vec<(Arc<LoadedModel<M>>, Vec<String>)>);

impl<M: ServedModel> Default for TextsByModel<M> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// The number of texts that were handed in to a model, and what it said.
type Submitted<'a, V> = (usize, Result<Pending<'a, V>, Problem>);

/// Where the vector of a text will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    model: usize,
    text: usize,
}

/// The vectors of a request's texts, or why there are none.
pub(crate) struct QueryVectors {
    sparse: Vec<Vec<Result<SparseVector, Problem>>>,
    dense: Vec<Vec<Result<Vec<f32>, Problem>>>,
    /// Microseconds that all of it took, the wait for encoders included.
    pub(crate) took_us: u64,
}

impl<M: ServedModel> TextsByModel<M> {
    /// Adds a text for a model, unless it is there.
    pub(crate) fn add(&mut self, model: &Arc<LoadedModel<M>>, text: &str) -> Ticket {
        let known = self.0.iter().position(|(known, _)| Arc::ptr_eq(known, model));
        let at = known.unwrap_or_else(|| {
            self.0.push((Arc::clone(model), Vec::new()));
            self.0.len() - 1
        });
        let texts = &mut self.0[at].1;
        let known = texts.iter().position(|known| known == text);
        let text = known.unwrap_or_else(|| {
            texts.push(text.to_owned());
            texts.len() - 1
        });
        Ticket { model: at, text }
    }

    /// Hands in the texts of every model, with their number.
    fn submit(&self) -> Vec<Submitted<'_, M::Vector>> {
        let each = self.0.iter();
        each.map(|(model, texts)| (texts.len(), model.submit(Lane::Search, texts.clone())))
            .collect()
    }
}

impl QueryTexts {
    /// Encodes everything that is encoded by the deadline; what is not is `timed_out`.
    pub(crate) async fn encode(self, deadline: Instant) -> QueryVectors {
        let start = Instant::now();
        let (sparse, dense) = (self.sparse.submit(), self.dense.submit());
        let (sparse, dense) = (results(sparse, deadline).await, results(dense, deadline).await);
        QueryVectors { sparse, dense, took_us: start.elapsed().as_micros() as u64 }
    }
}

/// Waits for the texts of every model. A model that refuses refuses all of its texts.
async fn results<V>(
    submitted: Vec<Submitted<'_, V>>,
    deadline: Instant,
) -> Vec<Vec<Result<V, Problem>>> {
    let mut all = Vec::with_capacity(submitted.len());
    for (texts, pending) in submitted {
        let results = match pending {
            Ok(pending) => pending.results_by(deadline).await,
            Err(problem) => Err(problem),
        };
        let refused = |problem: Problem| (0..texts).map(|_| Err(problem.clone())).collect();
        all.push(results.unwrap_or_else(refused));
    }
    all
}

impl QueryVectors {
    /// A sparse vector. Errors: those of the model, about `query.text`.
    pub(crate) fn sparse(&self, ticket: Ticket) -> Result<&SparseVector, Problem> {
        let result = self.sparse[ticket.model][ticket.text].as_ref();
        result.map_err(|problem| problem.clone().field("query.text"))
    }

    /// A dense vector. Errors: as [`Self::sparse`].
    pub(crate) fn dense(&self, ticket: Ticket) -> Result<&[f32], Problem> {
        let result = self.dense[ticket.model][ticket.text].as_deref();
        result.map_err(|problem| problem.clone().field("query.text"))
    }
}
