//! The address of a request: its percent signs and its UTF-8.
//!
//! What does not decode would be read as something else than was meant, with `�` in it. So it is
//! refused, with the place.

use axum::http::Uri;

use crate::error::{Code, Problem, quoted};

/// Checks the path and the parameters.
///
/// Errors: `malformed_address`, whose `field` is the parameter where it is in one.
pub(crate) fn check_address(uri: &Uri) -> Result<(), Problem> {
    let malformed = |reason, within: &str| {
        Problem::new(Code::MalformedAddress, format!("{reason}, in {within}"))
            .hint("write UTF-8, and each byte that is not plain as % and two hexadecimal digits")
    };
    decodes(uri.path()).map_err(|reason| malformed(reason, "the path"))?;
    for pair in uri.query().unwrap_or_default().split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        decodes(name).map_err(|reason| malformed(reason, "the name of a parameter"))?;
        decodes(value).map_err(|reason| {
            malformed(reason, &format!("the parameter {}", quoted(name))).field(name)
        })?;
    }
    Ok(())
}

/// Whether every percent sign has its two digits, and all is UTF-8. Places count bytes of `text` as
/// it is written, from 0.
fn decodes(text: &str) -> Result<(), String> {
    let (written, mut bytes, mut places) = (text.as_bytes(), Vec::new(), Vec::new());
    let mut at = 0;
    while at < written.len() {
        places.push(at);
        if written[at] != b'%' {
            bytes.push(written[at]);
            at += 1;
            continue;
        }
        let digits = text.get(at + 1..at + 3).filter(|digits| is_hexadecimal(digits));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => bytes.push(byte),
            None => {
                return Err(format!("the % at byte {at} has not two hexadecimal digits behind it"));
            }
        }
        at += 3;
    }
    match std::str::from_utf8(&bytes) {
        Ok(_) => Ok(()),
        Err(error) => {
            let place = places.get(error.valid_up_to()).copied().unwrap_or_default();
            Err(format!("what is written at byte {place} is not UTF-8"))
        }
    }
}

/// A sign would be taken for a part of a number, and is none here.
fn is_hexadecimal(digits: &str) -> bool {
    digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn addresses_that_do_not_decode_are_refused_with_the_place() {
        for right in
            ["/", "/a?q=caf%C3%A9&k=1", "/a?q=a+b%2B%26", "/%E2%82%AC", "/a?q", "/a?&&=", "/a?q=é"]
        {
            assert_eq!(check_address(&right.parse().unwrap()), Ok(()), "{right}");
        }
        for (wrong, field, says) in [
            ("/a?q=caf%C3", Some("q"), "byte 3 is not UTF-8"),
            ("/a?k=1&q=%FFx", Some("q"), "byte 0 is not UTF-8"),
            ("/a?q=%ED%A0%80", Some("q"), "byte 0"),
            ("/a?q=ab%C3%28", Some("q"), "byte 2"),
            ("/a?q=50%", Some("q"), "the % at byte 2"),
            ("/a?q=%zz", Some("q"), "the % at byte 0"),
            ("/a?q=%+1", Some("q"), "the % at byte 0"),
            ("/a?q=%é", Some("q"), "the % at byte 0"),
            ("/a?%ff=1", None, "name of a parameter"),
            ("/%ff?q=1", None, "the path"),
            ("/v1/%c3%28", None, "byte 4"),
        ] {
            let problem = check_address(&wrong.parse().unwrap()).unwrap_err();
            assert_eq!(problem.code(), Code::MalformedAddress, "{wrong}");
            assert_eq!(problem.field_name(), field, "{wrong}");
            assert!(problem.detail().contains(says), "{wrong}: {}", problem.detail());
        }
    }
}
