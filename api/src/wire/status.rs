//! What there is to say about indexes and about the server.

use gleaner::DenseField;
use serde::{Serialize, Serializer};

use crate::error::Code;

/// What there is to say about one index that is served.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IndexSummary {
    /// The folder's name.
    pub name: String,
    /// Documents that are not deleted; null if the index could not be opened.
    pub documents: Option<u64>,
    /// Number of the commit that is served; null if the index could not be opened.
    pub generation: Option<u64>,
    /// Fingerprint of the model that the index was made with, null for an index of given vectors.
    pub model: Option<String>,
    /// Its dense fields; none if it could not be opened.
    pub dense: Vec<DenseSummary>,
    /// The code of what keeps it from being served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Code>,
}

/// What there is to say about a dense field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DenseSummary {
    /// Its name.
    pub name: String,
    /// Numbers in a vector.
    pub dims: usize,
    /// `dot` or `cosine`.
    pub metric: String,
    /// What is kept of a vector: `f32`, `f16`, `int8` or `int8+f32`.
    pub storage: String,
    /// Fingerprint of the model that made its vectors, null for given vectors.
    pub model: Option<String>,
}

impl DenseSummary {
    pub(crate) fn of(field: &DenseField) -> Self {
        let DenseField { spec, model } = field;
        Self {
            name: spec.name.clone(),
            dims: spec.dims,
            metric: spec.metric.to_string(),
            storage: spec.storage.to_string(),
            model: model.as_ref().map(|model| model.fingerprint.clone()),
        }
    }
}

/// The list of indexes.
#[derive(Debug, Serialize)]
pub(crate) struct IndexList {
    pub(crate) indexes: Vec<IndexSummary>,
}

/// Whether the server can do its work.
#[derive(Debug, Serialize)]
pub(crate) struct Readiness {
    pub(crate) status: ReadyState,
    /// What was looked at; left out for strangers when a key is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checks: Option<Vec<Check>>,
}

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReadyState {
    /// No check failed.
    Ready,
    /// One did.
    NotReady,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(crate) struct Check {
    pub(crate) check: CheckKind,
    /// The index it is about, `INDEX/FIELD` for a dense field's model, or the model.
    pub(crate) subject: String,
    /// `pass`, `warn` (worth knowing) or `fail`.
    pub(crate) outcome: Outcome,
    /// Why it did not pass, or what was not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// As it should be.
    Pass,
    /// Worth knowing, no reason to stop sending requests.
    Warn,
    /// Some requests will be refused.
    Fail,
}

/// What a check looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckKind {
    /// Whether the index could be opened.
    IndexOpen,
    /// Whether its newest commit could be read.
    IndexRefreshed,
    /// Whether a model is there.
    ModelLoaded,
    /// Whether it is the one that made the vectors.
    ModelMatches,
    /// Whether it computes what its folder says.
    ModelSelftest,
}

impl CheckKind {
    /// Its name in answers and warnings.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::IndexOpen => "index_open",
            Self::IndexRefreshed => "index_refreshed",
            Self::ModelLoaded => "model_loaded",
            Self::ModelMatches => "model_matches",
            Self::ModelSelftest => "model_selftest",
        }
    }
}

impl Serialize for CheckKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
