//! Why JSON could not be read, in plain words.
//!
//! serde's own sentences name types of Rust. Where the JSON came from is left to who read it.

use std::fmt::Display;

/// What is wrong with JSON, and where: the column, and the line unless there is only one.
pub fn reason_of(error: &serde_json::Error) -> String {
    let place = match error.line() {
        0 | 1 => format!("at column {}", error.column()),
        line => format!("at line {line}, column {}", error.column()),
    };
    if error.is_syntax() || error.is_eof() {
        return format!("not JSON: {}, {place}", syntax_reason(&without_place(error)));
    }
    format!("{}, {place}", reason_within(error))
}

/// What is wrong with JSON inside of a larger piece, without a place.
pub fn reason_within(error: &impl Display) -> String {
    plain_reason(&without_place(error))
}

fn without_place(error: &impl Display) -> String {
    let mut message = error.to_string();
    if let Some(end) = message.rfind(" at line ") {
        message.truncate(end);
    }
    message
}

/// What serde says of bytes that are no JSON, in plain words.
fn syntax_reason(message: &str) -> &'static str {
    match message {
        "trailing comma" => "there is a comma before an end",
        "trailing characters" => "there is more behind its end",
        "key must be a string" => "the name of a member must be in double quotes",
        "expected `:`" => "there must be a `:` behind a name",
        "expected `,` or `}`" => "there must be a `,` or `}`",
        "expected `,` or `]`" => "there must be a `,` or `]`",
        "expected value" | "expected ident" => {
            "there is no value of JSON (NaN and Infinity are none)"
        }
        "invalid escape" => "there is no such escape",
        "invalid number" => "a number is not written as JSON has it",
        "number out of range" => "a number is too large",
        "recursion limit exceeded" => "it is nested too deeply",
        "invalid unicode code point" => "it is not UTF-8",
        "lone leading surrogate in hex escape" | "unexpected end of hex escape" => {
            "an escape `\\u` is half of a pair"
        }
        _ if message.starts_with("EOF while parsing") => "it ends too early",
        _ if message.starts_with("control character") => {
            "a line end or a control character in a text must be an escape"
        }
        _ => "it is malformed",
    }
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
    if let (Some(rest), Some(name)) = (reason.strip_prefix("unknown variant "), quoted(reason)) {
        let known: Vec<&str> = rest.split('`').skip(3).step_by(2).collect();
        return format!("`{name}` is unknown; there are {}", known.join(", "));
    }
    if let (true, Some(name)) = (reason.starts_with("missing field "), quoted(reason)) {
        return format!("the member `{name}` is missing");
    }
    if let (true, Some(name)) = (reason.starts_with("duplicate field "), quoted(reason)) {
        return format!("the member `{name}` is given twice");
    }
    let length = reason.strip_prefix("invalid length ");
    if let Some((found, expected)) = length.and_then(|rest| rest.split_once(", expected ")) {
        return format!("it has {found} values, and must be {}", expected_value(expected));
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
        "usize" | "u64" => "a whole number from 0",
        "u32" => "a whole number from 0 to 4294967295",
        "u16" => "a whole number from 0 to 65535",
        "u8" => "a whole number from 0 to 255",
        "i64" | "i32" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" | "sequence" => "a list",
        "a map" | "map" => "an object",
        "a boolean" => "true or false",
        "a string" => "a text",
        // An object that one of our types reads.
        other if other.starts_with("struct ") => "an object",
        other => other,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
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
            ("unknown variant `a`, expected `b` or `c`", "`a` is unknown; there are b, c"),
            ("unknown field ``, expected `k`", "there is no member ``; there are k"),
            ("duplicate field `k`", "the member `k` is given twice"),
            ("invalid length 3, expected a list of 2", "it has 3 values, and must be a list of 2"),
            (
                "invalid type: floating point `7.0`, expected struct Entry",
                "it is the number 7.0, and must be an object",
            ),
        ] {
            assert_eq!(plain_reason(serde), ours);
        }
    }

    #[test]
    fn bytes_that_are_no_json_are_named_with_their_place() {
        use serde_json::Value;
        for (json, ours) in [
            ("", "it ends too early, at column 0"),
            ("{\"a\": 1", "it ends too early, at column 7"),
            ("{\"a\": 1,}", "there is a comma before an end, at column 9"),
            ("{a: 1}", "the name of a member must be in double quotes, at column 2"),
            ("{'a': 1}", "the name of a member must be in double quotes, at column 2"),
            ("{\"a\" 1}", "there must be a `:` behind a name, at column 6"),
            ("{\n \"a\": 1\n \"b\": 2}", "there must be a `,` or `}`, at line 3, column 2"),
            ("[1 2]", "there must be a `,` or `]`, at column 4"),
            ("{} {}", "there is more behind its end, at column 4"),
            ("[NaN]", "there is no value of JSON (NaN and Infinity are none), at column 2"),
            ("nul", "it ends too early, at column 3"),
            ("none", "there is no value of JSON (NaN and Infinity are none), at column 2"),
            ("[01]", "a number is not written as JSON has it, at column 3"),
            ("1e999", "a number is too large, at column 5"),
            ("\"\\x\"", "there is no such escape, at column 3"),
            ("\"\\ud800\"", "an escape `\\u` is half of a pair, at column 8"),
            (
                "\"a\tb\"",
                "a line end or a control character in a text must be an escape, at column 3",
            ),
        ] {
            let reason = reason_of(&serde_json::from_str::<Value>(json).unwrap_err());
            assert_eq!(reason, format!("not JSON: {ours}"), "{json}");
        }
        let deep = reason_of(&serde_json::from_str::<Value>(&"[".repeat(999)).unwrap_err());
        assert!(deep.contains("nested too deeply"), "{deep}");
        let bytes = reason_of(&serde_json::from_slice::<Value>(b"\"\xff\"").unwrap_err());
        assert!(bytes.contains("not UTF-8"), "{bytes}");
    }
}
