//! Shapes of JSON that the derived readers do not have.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};

/// A JSON object, kept as pairs so that a name given twice is seen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Members<T>(pub(crate) Vec<(String, T)>);

impl<T> Members<T> {
    /// Number of pairs.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The pairs in the order of their names, or a name that is given twice.
    pub(crate) fn distinct(mut self) -> Result<Vec<(String, T)>, String> {
        self.0.sort_by(|a, b| a.0.cmp(&b.0));
        match self.0.windows(2).position(|pair| pair[0].0 == pair[1].0) {
            Some(first) => Err(self.0.swap_remove(first).0),
            None => Ok(self.0),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Pairs(PhantomData))
    }
}

struct Pairs<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
    type Value = Members<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<T>, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Members(pairs))
    }
}

/// An entry of a sparse vector as `/v1/encode` answers it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `id` and `weight`")]
pub(crate) struct EncodedToken {
    /// It says the same as the id.
    #[serde(rename = "token", default)]
    _token: Option<String>,
    pub(crate) id: u32,
    pub(crate) weight: f32,
}

/// Tokens of a query.
#[derive(Debug)]
pub(crate) enum GivenTokens {
    /// Weights by token.
    Weights(Members<f32>),
    /// A vector as `/v1/encode` answers it.
    Encoded(Vec<EncodedToken>),
}

impl<'de> Deserialize<'de> for GivenTokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectOrList;

        impl<'de> Visitor<'de> for ObjectOrList {
            type Value = GivenTokens;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter
                    .write_str("an object of tokens with weights, or a list as /v1/encode answers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<GivenTokens, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(GivenTokens::Encoded)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<GivenTokens, A::Error> {
                Pairs(PhantomData).visit_map(map).map(GivenTokens::Weights)
            }
        }

        deserializer.deserialize_any(ObjectOrList)
    }
}

/// Dense vectors: one for the only field, or several by the names of their fields.
#[derive(Debug)]
pub(crate) enum DenseVectors {
    /// Of the only dense field.
    Only(Vec<f32>),
    /// By field.
    Fields(Members<Vec<f32>>),
}

impl<'de> Deserialize<'de> for DenseVectors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListOrObject;

        impl<'de> Visitor<'de> for ListOrObject {
            type Value = DenseVectors;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of numbers, or an object of such lists by field")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<DenseVectors, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(DenseVectors::Only)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<DenseVectors, A::Error> {
                Pairs(PhantomData).visit_map(map).map(DenseVectors::Fields)
            }
        }

        deserializer.deserialize_any(ListOrObject)
    }
}

/// A value that must be an object. Serde would also take a list of its members in order for a
/// struct; that is refused.
#[derive(Debug)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer).map(Object)
    }
}

/// For `deserialize_with`: a value that must be an object.
pub(crate) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    struct ObjectVisitor<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
        type Value = T;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_map(ObjectVisitor(PhantomData))
}
