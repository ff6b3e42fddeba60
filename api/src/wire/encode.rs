//! Body and answer of `/v1/encode`.

use gleaner::Side;
use serde::{Deserialize, Serialize};

use super::texts::Texts;
use crate::{error::Problem, limits::Limits};

fn default_side() -> Side {
    Side::Query
}

/// The body of an encoding request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EncodeBody {
    pub(crate) inputs: Texts,
    #[serde(default = "default_side")]
    pub(crate) side: Side,
    #[serde(default)]
    pub(crate) index: Option<String>,
    /// A dense field of the index, whose model is then the one that encodes.
    #[serde(default)]
    pub(crate) field: Option<String>,
}

impl EncodeBody {
    /// Checks everything that needs no model. Errors: `limit_exceeded`, `invalid_request`.
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), Problem> {
        if self.field.is_some() && self.index.is_none() {
            let detail = "`field` names a dense field of the index that `index` names";
            return Err(Problem::invalid_request("index", detail));
        }
        self.inputs.check(limits)
    }
}

/// The answer to an encoding request.
#[derive(Debug, Serialize)]
pub(crate) struct EncodeAnswer {
    /// The model's fingerprint.
    pub(crate) model: String,
    /// One per input, in order.
    pub(crate) embeddings: Vec<Embedding>,
}

/// One text's vector.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Embedding {
    /// Of a sparse model.
    Sparse {
        /// The heaviest first, ties by id.
        tokens: Vec<WeightedToken>,
    },
    /// Of a dense model.
    Dense {
        /// Its numbers.
        vector: Vec<f32>,
    },
}

/// One entry of a vector.
#[derive(Debug, Serialize)]
pub(crate) struct WeightedToken {
    pub(crate) token: Option<String>,
    pub(crate) id: u32,
    pub(crate) weight: f32,
}
