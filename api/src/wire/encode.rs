//! Texts to vectors: bodies and answers of `/v1/encode` and `/embed_sparse`.

use std::fmt;

use gleaner_encoder::Side;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{SeqAccess, Visitor},
};

use super::check_text;
use crate::{
    error::{Code, Problem},
    serve::Limits,
};

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

/// One text or a list of them.
#[derive(Debug)]
pub(crate) struct Texts(pub(crate) Vec<String>);

impl EncodeBody {
    /// Checks everything that needs no model. Errors: `limit_exceeded`, `invalid_request`.
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), Problem> {
        if self.field.is_some() && self.index.is_none() {
            let detail = "`field` names a dense field of the index that `index` names";
            return Err(Problem::new(Code::InvalidRequest, detail).field("index"));
        }
        self.inputs.check(limits)
    }
}

impl Texts {
    fn check(&self, limits: &Limits) -> Result<(), Problem> {
        let (found, limit) = (self.0.len(), limits.encode_inputs);
        if found > limit {
            let detail = format!("{found} texts, the limit is {limit}");
            return Err(Problem::new(Code::LimitExceeded, detail).field("inputs"));
        }
        self.0.iter().try_for_each(|text| check_text(text, "inputs", limits))
    }
}

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
    pub(crate) prompt_name: Option<String>,
}

impl EmbedBody {
    /// Checks everything that needs no model. Errors: `limit_exceeded`, `invalid_request`.
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), Problem> {
        let refuse = |field, detail| Err(Problem::new(Code::InvalidRequest, detail).field(field));
        if self.inputs.0.is_empty() {
            return refuse("inputs", "it is empty");
        }
        let direction = self.truncation_direction.as_deref();
        if direction.is_some_and(|direction| !direction.eq_ignore_ascii_case("right")) {
            return refuse("truncation_direction", "only the end of a text is cut: `Right`");
        }
        self.inputs.check(limits)
    }
}

/// One entry of a vector as TEI writes it.
#[derive(Debug, Serialize)]
pub(crate) struct TermValue {
    pub(crate) index: u32,
    pub(crate) value: f32,
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Texts;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text or a list of texts")
            }

            fn visit_str<E>(self, text: &str) -> Result<Texts, E> {
                Ok(Texts(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(Texts(texts))
            }
        }

        deserializer.deserialize_any(OneOrMany)
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
