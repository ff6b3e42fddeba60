//! A model that encodes: opened, tested, with its batcher.
//!
//! One way for sparse and for dense models; [`ServedModel`] is what they differ in. A model that
//! fails its self-test stays loaded to be reported, and encodes nothing.

use std::path::Path;

use gleaner::{
    DenseModel, EncodeError, Model, Side, SparseVector,
    model::{MaxLength, SelfTest},
};

use super::trust::Trust;
use crate::{
    encoding::{Batcher, Lane, ModelMetrics, Pending, TextEncoder},
    error::{Code, Problem},
    limits::BatchLimits,
};

/// What is served of a model folder.
pub(crate) trait ServedModel: Clone + Send + Sync + 'static {
    /// What it makes of a text.
    type Vector: Send + 'static;

    /// Names what it makes of documents.
    fn fingerprint(&self) -> &str;

    /// Where it lies.
    fn folder(&self) -> &Path;

    /// How many tokens of a text it reads.
    fn lengths(&self) -> MaxLength;

    /// Compares with what the folder says its vectors are.
    fn selftest(&self) -> Result<SelfTest, EncodeError>;

    /// A worker, ready for its first query.
    fn worker(&self) -> Result<Box<dyn TextEncoder<Self::Vector>>, EncodeError>;
}

impl ServedModel for Model {
    type Vector = SparseVector;

    fn fingerprint(&self) -> &str {
        Self::fingerprint(self)
    }

    fn folder(&self) -> &Path {
        Self::folder(self)
    }

    fn lengths(&self) -> MaxLength {
        self.card().max_length
    }

    fn selftest(&self) -> Result<SelfTest, EncodeError> {
        Self::selftest(self)
    }

    fn worker(&self) -> Result<Box<dyn TextEncoder<SparseVector>>, EncodeError> {
        let mut encoder = self.encoder(1)?;
        // Now rather than at somebody's first query.
        encoder.prepare(Side::Query)?;
        Ok(Box::new(encoder))
    }
}

impl ServedModel for DenseModel {
    type Vector = Vec<f32>;

    fn fingerprint(&self) -> &str {
        Self::fingerprint(self)
    }

    fn folder(&self) -> &Path {
        Self::folder(self)
    }

    fn lengths(&self) -> MaxLength {
        self.card().max_length
    }

    fn selftest(&self) -> Result<SelfTest, EncodeError> {
        Self::selftest(self)
    }

    fn worker(&self) -> Result<Box<dyn TextEncoder<Vec<f32>>>, EncodeError> {
        Ok(Box::new(self.encoder(1)?))
    }
}

/// A model that encodes.
pub(crate) struct LoadedModel<M: ServedModel> {
    model: M,
    trust: Trust,
    batcher: Batcher<M::Vector>,
}

impl<M: ServedModel> LoadedModel<M> {
    /// Tests a model and starts `encoders` workers.
    pub(super) fn new(
        model: M,
        encoders: usize,
        batching: BatchLimits,
    ) -> Result<Self, EncodeError> {
        let trust = Trust::of(model.selftest());
        let made = model.clone();
        let make = Box::new(move || made.worker());
        let batcher = Batcher::start(encoders, batching, model.lengths(), make)?;
        Ok(Self { model, trust, batcher })
    }

    /// Names what the model computes.
    pub(crate) fn fingerprint(&self) -> &str {
        self.model.fingerprint()
    }

    /// How the self-test at the start ended.
    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// The model itself, for what needs no encoder.
    pub(crate) fn model(&self) -> &M {
        &self.model
    }

    /// Hands in texts to be encoded; no thread is held while they wait.
    ///
    /// Errors: `model_untrusted` when the self-test failed; those of the batcher.
    pub(crate) fn submit(
        &self,
        lane: Lane,
        texts: Vec<String>,
    ) -> Result<Pending<'_, M::Vector>, Problem> {
        match &self.trust {
            Trust::Sound(_) | Trust::Unproven(_) => self.batcher.submit(lane, texts),
            Trust::Refuted(reason) => Err(Problem::new(Code::ModelUntrusted, reason.as_str())),
        }
    }

    /// Encodes the texts of an encoding request; vectors in their order.
    ///
    /// Errors: those of [`Self::submit`] and [`Pending::vectors`].
    pub(crate) async fn encode(
        &self,
        side: Side,
        texts: Vec<String>,
    ) -> Result<Vec<M::Vector>, Problem> {
        self.submit(Lane::of_vectors(side), texts)?.vectors().await
    }

    /// What was counted of its encoding.
    pub(crate) fn metrics(&self) -> ModelMetrics<'_> {
        ModelMetrics {
            model: self.fingerprint(),
            waiting: Lane::ALL.map(|lane| self.batcher.waiting(lane)),
            counted: self.batcher.metrics(),
        }
    }
}
