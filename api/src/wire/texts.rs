//! One text or a list of them, as JSON has them.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};

use crate::{
    error::{Code, Problem},
    limits::Limits,
};

/// One text or a list of them.
#[derive(Debug)]
pub(crate) struct Texts(pub(crate) Vec<String>);

impl Texts {
    /// Checks their number and their lengths, as `inputs` of a request.
    ///
    /// Errors: `limit_exceeded`.
    pub(super) fn check(&self, limits: &Limits) -> Result<(), Problem> {
        let (found, limit) = (self.0.len(), limits.encode_inputs);
        if found > limit {
            let detail = format!("{found} texts, the limit is {limit}");
            return Err(Problem::new(Code::LimitExceeded, detail).field("inputs"));
        }
        self.0.iter().try_for_each(|text| limits.check_text(text, "inputs"))
    }
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
