//! Why JSON could not be read, in plain words.
//!
//! serde's own sentences name types of Rust. Where the JSON came from is left to who read it.

use std::fmt::Display;

/// What is wrong with JSON of one line, and at which column.
pub fn reason_of(error: &serde_json::Error) -> String {
    let column = error.column();
    if error.is_syntax() || error.is_eof() {
        return format!("not JSON: the mistake is at column {column}");
    }
    format!("{}, at column {column}", reason_within(error))
}

/// What is wrong with JSON inside of a larger piece, without a place.
pub fn reason_within(error: &impl Display) -> String {
    let message = error.to_string();
    plain_reason(message.split(" at line ").next().unwrap_or_default())
}

/// What serde says of a member that does not fit, in plain words.
pub fn plain_reason(reason: &str) -> String {
    let quoted = |text: &str| text.split('`').nth(1).map(str::to_owned);
    if let (Some(rest), Some(name)) = (reason.strip_prefix("unknown field "), quoted(reason)) {
        let known: Vec<&str> = rest.split('`').skip(3).step_by(2).collect();
        return match &known[..] {
            [] => format!("there is no member `{name}`"),
            known => format!("there is no member `{name}`; there are {}", known.join(", ")),
        };
    }
    if let (true, Some(name)) = (reason.starts_with("missing field "), quoted(reason)) {
        return format!("the member `{name}` is missing");
    }
    let misfit = reason.strip_prefix("invalid type: ").or(reason.strip_prefix("invalid value: "));
    if let Some((found, expected)) = misfit.and_then(|misfit| misfit.rsplit_once(", expected ")) {
        let expected = expected.split_once(" at line ").map_or(expected, |(expected, _)| expected);
        return format!("it is {}, and must be {}", found_value(found), expected_value(expected));
    }
    match reason {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            "it must be a whole number from 0".to_owned()
        }
        "expected value" => "there is no value of JSON (NaN and Infinity are none)".to_owned(),
        "number out of range" | "number too large to fit in target type" => {
            "the number is too large".to_owned()
        }
        "invalid float literal" | "cannot parse float from empty string" => {
            "it must be a number".to_owned()
        }
        "provided string was not `true` or `false`" => "it must be true or false".to_owned(),
        other => other.to_owned(),
    }
}

fn found_value(found: &str) -> String {
    match found.split_once(' ') {
        Some(("string", text)) => format!("the text {text}"),
        Some(("integer", number)) => format!("the number {}", number.trim_matches('`')),
        Some(("floating", number)) => {
            format!("the number {}", number.trim_start_matches("point ").trim_matches('`'))
        }
        Some(("boolean", truth)) => truth.trim_matches('`').to_owned(),
        _ => expected_value(found).to_owned(),
    }
}

fn expected_value(expected: &str) -> &str {
    match expected {
        "usize" | "u32" | "u64" => "a whole number from 0",
        "i64" | "i32" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" | "sequence" => "a list",
        "a map" | "map" => "an object",
        "a boolean" => "true or false",
        "a string" => "a text",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_said_plainly() {
        for (serde, ours) in [
            (
                "invalid type: string \"a, b\", expected usize",
                "it is the text \"a, b\", and must be a whole number from 0",
            ),
            (
                "invalid type: map, expected a string at line 1 column 9",
                "it is an object, and must be a text",
            ),
            ("invalid type: sequence, expected a map", "it is a list, and must be an object"),
            (
                "invalid value: integer `-1`, expected usize",
                "it is the number -1, and must be a whole number from 0",
            ),
            (
                "invalid type: floating point `1.5`, expected usize",
                "it is the number 1.5, and must be a whole number from 0",
            ),
            ("invalid type: null, expected f32", "it is null, and must be a number"),
            (
                "unknown field `size`, expected one of `k`, `rank`",
                "there is no member `size`; there are k, rank",
            ),
            ("unknown field `a`, there are no fields", "there is no member `a`"),
            ("expected value", "there is no value of JSON (NaN and Infinity are none)"),
            ("number out of range", "the number is too large"),
            ("missing field `query`", "the member `query` is missing"),
            ("invalid digit found in string", "it must be a whole number from 0"),
            ("provided string was not `true` or `false`", "it must be true or false"),
            ("the query is blank", "the query is blank"),
        ] {
            assert_eq!(plain_reason(serde), ours);
        }
    }
}
