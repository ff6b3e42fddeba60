//! JSON of the command line that cannot be read: where it goes wrong, and how it is written.
//!
//! What is wrong with tokens and weights themselves, the reader of vectors says.

use gleaner::exchange::reason_of;
use serde_json::Value;

/// How `--tokens` is written.
const TOKENS: &str = "give an object of tokens and weights, such as --tokens '{\"1012\": 0.8}'";
/// How an entry of a list is written, which `gleaner serve` answers.
const ENTRY: &str =
    "an entry of a list is written {\"id\": 7, \"weight\": 1.5}, with or without \"token\"";
const DENSE: &str = "give an array of numbers, such as --dense-vector '[0.1, 0.7]', or an object of \
     such arrays by field, '{\"FIELD\": [0.1, 0.7]}'";

/// Why `--tokens` is refused; `reason` is what the reader of vectors says.
pub(super) fn tokens_reason(json: &str, reason: &str) -> String {
    let value = match read(json, TOKENS) {
        Ok(value) => value,
        Err(mistake) => return weight_reason(reason).unwrap_or(mistake),
    };
    match &value {
        Value::Object(object)
            if !object.contains_key("tokens") && !object.contains_key("embeddings") =>
        {
            let other = object.iter().find(|(_, weight)| !weight.is_number());
            other.map_or_else(
                || reason.to_owned(),
                |(token, weight)| format!("the weight of {token:?} is {weight}; give a number"),
            )
        }
        Value::Array(entries) => {
            let is_other = |entry: &Value| {
                let has = |name: &str, other: &str| {
                    let value = entry.get(name).or_else(|| entry.get(other));
                    value.is_some_and(Value::is_number)
                };
                !(has("id", "index") && has("weight", "value"))
            };
            match entries.iter().find(|entry| is_other(entry)) {
                Some(entry) => format!("{entry} is none: {ENTRY}; or {TOKENS}"),
                None => reason.to_owned(),
            }
        }
        Value::Object(_) => reason.to_owned(),
        other => format!("{other} is no vector; {TOKENS}"),
    }
}

/// The same where the reader of vectors names the token whose weight is no JSON, such as NaN.
fn weight_reason(reason: &str) -> Option<String> {
    let (start, _) = reason.strip_prefix("cannot read the weight of ")?.rsplit_once("\": ")?;
    Some(format!("the weight of {start}\" is no number"))
}

/// Why `--dense-vector` is refused.
pub(super) fn dense_reason(json: &str) -> String {
    match read(json, DENSE) {
        Ok(_) => DENSE.to_owned(),
        Err(reason) => reason,
    }
}

fn read(json: &str, how: &str) -> Result<Value, String> {
    serde_json::from_str(json).map_err(|error| {
        // Without single quotes a shell takes the double ones away.
        let lost = if json.contains(['{', ':']) && !json.contains('"') {
            "; names stand in double quotes, and the whole in single quotes"
        } else {
            ""
        };
        format!("{}{lost}; {how}", reason_of(&error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_vector_is_said_with_its_place() {
        for (json, says) in [
            (
                "abc",
                "not JSON: there is no value of JSON (NaN and Infinity are none), at column 1; give an object",
            ),
            ("{1: 2}", "names stand in double quotes"),
            ("{\"1\": \"x\"}", "the weight of \"1\" is \"x\"; give a number"),
            ("[1]", "1 is none: an entry of a list is written"),
            ("7", "7 is no vector"),
            ("{\"1\": -1}", "negative"),
        ] {
            let reason = tokens_reason(json, "negative");
            assert!(reason.contains(says), "{json}: {reason}");
        }
        let nan = tokens_reason("{\"5\": NaN}", "cannot read the weight of \"5\": expected value");
        assert_eq!(nan, "the weight of \"5\" is no number");
        assert!(dense_reason("[1,").contains("column 3"), "{}", dense_reason("[1,"));
        assert!(dense_reason("[\"x\"]").starts_with("give an array of numbers"));
    }
}
