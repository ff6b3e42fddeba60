//! Body and answer of `/embed_sparse`, with the members of Text Embeddings Inference (TEI).

use gleaner::Side;
use serde::{Deserialize, Serialize};

use super::{names::NameOf, texts::Texts};
use crate::{error::Problem, limits::Limits};

/// The body of a request to TEI. As there, other members are passed over: clients send some that
/// mean nothing for sparse vectors, such as `normalize`.
#[derive(Debug, Deserialize)]
pub(crate) struct EmbedBody {
    pub(crate) inputs: Texts,
    /// Whether a text that is too long is cut (the default here) or refused.
    #[serde(default)]
    pub(crate) truncate: Option<bool>,
    #[serde(default)]
    truncation_direction: Option<String>,
    #[serde(default)]
    prompt_name: Option<String>,
}

impl EmbedBody {
    /// Checks everything that needs no model. Errors: `limit_exceeded`, `invalid_request`.
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), Problem> {
        let refuse = |field, detail| Err(Problem::invalid_request(field, detail));
        if self.inputs.0.is_empty() {
            return refuse("inputs", "it is empty");
        }
        let direction = self.truncation_direction.as_deref();
        if direction.is_some_and(|direction| !direction.eq_ignore_ascii_case("right")) {
            return refuse("truncation_direction", "only the end of a text is cut: `Right`");
        }
        self.inputs.check(limits)
    }

    /// The side of the texts: TEI has no word for it, so `prompt_name` says it.
    ///
    /// Errors: `invalid_request`.
    pub(crate) fn side(&self) -> Result<Side, Problem> {
        match self.prompt_name.as_deref() {
            None | Some("document" | "passage") => Ok(Side::Document),
            Some("query") => Ok(Side::Query),
            Some(other) => Err(NameOf::Prompt.unknown(other).field("prompt_name")),
        }
    }
}

/// One entry of a vector as TEI writes it.
#[derive(Debug, Serialize)]
pub(crate) struct TermValue {
    pub(crate) index: u32,
    pub(crate) value: f32,
}
