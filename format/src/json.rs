//! JSON in which no key stands twice: of two values one would be lost in silence.
//!
//! Which keys there may be, and what they mean, is left to readers.

mod reason;

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

pub use reason::{plain_reason, reason_of, reason_within};

/// A value none of whose objects has a key twice, however deep it lies.
#[derive(Debug, Clone, PartialEq)]
pub struct UniqueValue(pub Value);

/// An object as [`UniqueValue`] has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UniqueObject(pub Map<String, Value>);

/// The error of a key that stands twice.
pub fn repeated_key<E: de::Error>(key: &str) -> E {
    E::custom(format_args!("the key {key:?} is given twice"))
}

/// Reads the entries of an object.
fn unique_entries<'de, A: MapAccess<'de>>(mut map: A) -> Result<Map<String, Value>, A::Error> {
    let mut entries = Map::new();
    while let Some(key) = map.next_key::<String>()? {
        if entries.contains_key(&key) {
            return Err(repeated_key(&key));
        }
        let UniqueValue(value) = map.next_value()?;
        entries.insert(key, value);
    }
    Ok(entries)
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = UniqueValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<UniqueValue, E> {
        Ok(UniqueValue(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<UniqueValue, E> {
        Ok(UniqueValue(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<UniqueValue, E> {
        Ok(UniqueValue(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<UniqueValue, E> {
        Ok(UniqueValue(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<UniqueValue, E> {
        Ok(UniqueValue(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<UniqueValue, E> {
        Ok(UniqueValue(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<UniqueValue, E> {
        Ok(UniqueValue(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<UniqueValue, A::Error> {
        let mut values = Vec::new();
        while let Some(UniqueValue(value)) = seq.next_element()? {
            values.push(value);
        }
        Ok(UniqueValue(values.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<UniqueValue, A::Error> {
        Ok(UniqueValue(unique_entries(map)?.into()))
    }
}

impl<'de> Deserialize<'de> for UniqueValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = UniqueObject;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<UniqueObject, A::Error> {
        Ok(UniqueObject(unique_entries(map)?))
    }
}

impl<'de> Deserialize<'de> for UniqueObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_key_twice_is_read_as_ever() {
        for text in [
            "null",
            "[1, -2, 3.5, \"x\", true, {\"a\": {\"a\": {}}}, [{\"a\": 1}, {\"a\": 2}]]",
            "{\"a\": 18446744073709551615, \"b\": [], \"\": \"\\u00e9\\n\"}",
        ] {
            let UniqueValue(value) = serde_json::from_str(text).unwrap();
            assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_named_however_deep_it_lies() {
        for text in [
            "{\"a\": 1, \"a\": 1}",
            "{\"b\": {\"a\": 1, \"c\": 2, \"a\": 3}}",
            "{\"b\": [0, {\"a\": 1, \"\\u0061\": null}]}",
        ] {
            let error = serde_json::from_str::<UniqueObject>(text).unwrap_err().to_string();
            assert!(error.contains("the key \"a\" is given twice"), "{error}");
        }
    }
}
