//! The object of a line, with its vectors taken out while it is read.
//!
//! A vector's numbers become numbers at once, never values of JSON. Tokens of a sparse vector are kept as
//! a list, since a map would hide repeated ones. What keys mean is left to `read`.

use std::fmt;

use gleaner_catalog::{DenseField, VECTOR_KEY};
use gleaner_format::json::{UniqueValue, reason_within, repeated_key};
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor,
    value::SeqAccessDeserializer,
};
use serde_json::{Map, Value};

/// The keys that hold vectors.
#[derive(Clone, Copy)]
pub(super) struct VectorKeys<'a> {
    /// Whether there is a sparse vector.
    pub(super) has_sparse: bool,
    /// The index's dense fields. Those without a model are keys.
    pub(super) dense: &'a [DenseField],
}

impl VectorKeys<'_> {
    /// The dense field whose vectors stand under this key.
    pub(super) fn given(&self, key: &str) -> Option<usize> {
        self.dense.iter().position(|field| field.model.is_none() && field.spec.name == key)
    }
}

/// A line's object.
pub(super) struct Object {
    /// The keys that hold no vectors.
    pub(super) keys: Map<String, Value>,
    /// The sparse vector.
    pub(super) sparse: Option<GivenVector>,
    /// One entry per dense field.
    pub(super) dense: Vec<Option<Vec<f32>>>,
    /// Whether a key of a dense field was there, `null` or not.
    pub(super) has_dense_keys: bool,
}

impl Object {
    /// An object without keys.
    pub(super) fn empty(keys: VectorKeys<'_>) -> Self {
        let (dense, keys) = (vec![None; keys.dense.len()], Map::new());
        Self { keys, sparse: None, dense, has_dense_keys: false }
    }

    /// Reads a line, in which no key may stand twice.
    pub(super) fn read(line: &str, keys: VectorKeys<'_>) -> Result<Self, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_str(line);
        let object = keys.deserialize(&mut reader)?;
        reader.end()?;
        Ok(object)
    }
}

impl<'de> DeserializeSeed<'de> for VectorKeys<'_> {
    type Value = Object;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Object, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for VectorKeys<'_> {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object (one document per line)")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut object = Object::empty(self);
        let mut dense_seen = vec![false; self.dense.len()];
        while let Some(key) = map.next_key::<String>()? {
            if self.has_sparse && key == VECTOR_KEY {
                if object.sparse.replace(map.next_value()?).is_some() {
                    return Err(repeated_key(&key));
                }
            } else if let Some(at) = self.given(&key) {
                if std::mem::replace(&mut dense_seen[at], true) {
                    return Err(repeated_key(&key));
                }
                object.dense[at] = map.next_value_seed(Numbers { field: &key })?;
            } else if object.keys.contains_key(&key) {
                return Err(repeated_key(&key));
            } else {
                object.keys.insert(key, map.next_value::<UniqueValue>()?.0);
            }
        }
        object.has_dense_keys = dense_seen.contains(&true);
        Ok(object)
    }
}

/// The vector of a dense field, `null` for none.
struct Numbers<'a> {
    field: &'a str,
}

impl<'de> DeserializeSeed<'de> for Numbers<'_> {
    type Value = Option<Vec<f32>>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Numbers<'_> {
    type Value = Option<Vec<f32>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of numbers for the dense field {:?}", self.field)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Self::Value, A::Error> {
        let mut vector = Vec::with_capacity(numbers.size_hint().unwrap_or(0));
        loop {
            let dimension = vector.len();
            let number = numbers.next_element::<f32>().map_err(|error| {
                let (field, error) = (self.field, reason_within(&error));
                de::Error::custom(format_args!(
                    "cannot read dimension {dimension} of the dense field {field:?}: {error}"
                ))
            })?;
            match number {
                Some(number) => vector.push(number),
                None => return Ok(Some(vector)),
            }
        }
    }
}

/// A sparse vector as a line gives it.
pub(super) enum GivenVector {
    /// Tokens with weights in the order of the line.
    Weights(Vec<(String, f32)>),
    /// A list of entries with ids.
    Entries(Value),
}

impl<'de> Deserialize<'de> for GivenVector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WeightsOrEntries;

        impl<'de> Visitor<'de> for WeightsOrEntries {
            type Value = GivenVector;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tokens with their weights, or a list of entries with ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<GivenVector, A::Error> {
                Ok(GivenVector::Weights(WeightsVisitor.visit_map(map)?.0))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<GivenVector, A::Error> {
                let list = SeqAccessDeserializer::new(list);
                Ok(GivenVector::Entries(UniqueValue::deserialize(list)?.0))
            }
        }

        deserializer.deserialize_any(WeightsOrEntries)
    }
}

/// Tokens with weights in the order of the line.
pub(super) struct Weights(pub(super) Vec<(String, f32)>);

struct WeightsVisitor;

impl<'de> Visitor<'de> for WeightsVisitor {
    type Value = Weights;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tokens with their weights")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Weights, A::Error> {
        let mut weights = Vec::with_capacity(map.size_hint().unwrap_or(0));
        while let Some(token) = map.next_key::<String>()? {
            let weight = map.next_value().map_err(|error: A::Error| {
                let error = reason_within(&error);
                de::Error::custom(format_args!("cannot read the weight of {token:?}: {error}"))
            })?;
            weights.push((token, weight));
        }
        Ok(Weights(weights))
    }
}

impl<'de> Deserialize<'de> for Weights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(WeightsVisitor)
    }
}
