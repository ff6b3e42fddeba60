//! A model that encodes: opened, tested, with its batcher.
//!
//! One way for sparse and for dense models; [`ServedModel`] is what they differ in. A model that
//! fails its self-test stays loaded to be reported, and encodes nothing.

use gleaner_encoder::{DenseModel, EncodeError, MaxLength, Model, SelfTest, Side, SparseVector};

use crate::{
    batcher::{Batcher, Pending, TextEncoder},
    error::{Code, Problem, chain},
    metrics::ModelMetrics,
    queue::Lane,
    serve::BatchLimits,
    wire::Outcome,
};

/// What is served of a model folder.
pub(crate) trait ServedModel: Clone + Send + Sync + 'static {
    /// What it makes of a text.
    type Vector: Send + 'static;

    /// Names what it makes of documents.
    fn fingerprint(&self) -> &str;

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
pub(crate) struct Loaded<M: ServedModel> {
    model: M,
    selftest: (Outcome, Option<String>),
    batcher: Batcher<M::Vector>,
}

impl<M: ServedModel> Loaded<M> {
    /// Tests a model and starts `encoders` workers.
    pub(super) fn new(
        model: M,
        encoders: usize,
        batching: BatchLimits,
    ) -> Result<Self, EncodeError> {
        let selftest = outcome(model.selftest());
        let made = model.clone();
        let make = Box::new(move || made.worker());
        let batcher = Batcher::start(encoders, batching, model.lengths(), make)?;
        Ok(Self { model, selftest, batcher })
    }

    /// Names what the model computes.
    pub(crate) fn fingerprint(&self) -> &str {
        self.model.fingerprint()
    }

    /// How the self-test at the start ended.
    pub(crate) fn selftest(&self) -> (Outcome, Option<&str>) {
        (self.selftest.0, self.selftest.1.as_deref())
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
        if let (Outcome::Fail, detail) = &self.selftest {
            let detail = detail.as_deref().unwrap_or_default();
            return Err(Problem::new(Code::ModelUntrusted, detail));
        }
        self.batcher.submit(lane, texts)
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

fn outcome(tested: Result<SelfTest, EncodeError>) -> (Outcome, Option<String>) {
    match tested {
        Ok(report) if report.passed => (Outcome::Pass, None),
        // Nobody vouched for its vectors; that a batch moves them is no reason to have none.
        Ok(report) if !report.has_golden => (Outcome::Warn, Some(report.failures.join("; "))),
        Ok(report) => (Outcome::Fail, Some(report.failures.join("; "))),
        // Most folders have none. Silence does not mean that something was compared.
        Err(error @ EncodeError::NoGolden { .. }) => (Outcome::Pass, Some(chain(&error))),
        // A model that was copied without its golden file can be used, unproven.
        Err(error @ EncodeError::MissingFile { .. }) => (Outcome::Warn, Some(chain(&error))),
        Err(error) => (Outcome::Fail, Some(chain(&error))),
    }
}
