//! The key: who may ask. One key for everything but the two health routes.

use std::{hint::black_box, net::SocketAddr};

use axum::http::{HeaderMap, header};

use crate::error::{Code, Problem, ServeError};

/// The fewest characters of a key: 16 that were drawn from base 64 cannot be tried out.
const KEY_CHARACTERS: usize = 16;

/// The key of this server.
pub(crate) struct ApiKey(String);

impl ApiKey {
    /// Takes a key of visible ASCII characters, long enough that nobody guesses it.
    ///
    /// Errors: `InvalidKey`, `ShortKey`.
    pub(crate) fn new(key: String) -> Result<Self, ServeError> {
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) || key.is_empty() {
            return Err(ServeError::InvalidKey);
        }
        match key.len() >= KEY_CHARACTERS {
            true => Ok(Self(key)),
            false => Err(ServeError::ShortKey { found: key.len(), least: KEY_CHARACTERS }),
        }
    }

    /// Checks `Authorization: Bearer KEY`. Errors: `unauthorized`, the same for every reason.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let value = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
        let given = value.and_then(bearer).unwrap_or_default();
        match same(given, self.0.as_bytes()) {
            true => Ok(()),
            false => Err(Problem::new(Code::Unauthorized, "the key is missing or wrong")
                .hint("send it as `Authorization: Bearer KEY`")),
        }
    }
}

/// Refuses to be reached from other machines without a key.
///
/// Errors: `KeyRequired`.
pub(crate) fn check_exposure(has_key: bool, addr: SocketAddr) -> Result<(), ServeError> {
    match has_key || addr.ip().to_canonical().is_loopback() {
        true => Ok(()),
        false => Err(ServeError::KeyRequired { addr }),
    }
}

/// The credentials of the scheme `Bearer`, whose name has no case.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii())
}

/// Compares in a time that depends on the lengths only.
fn same(given: &[u8], key: &[u8]) -> bool {
    if given.len() != key.len() {
        return false;
    }
    let difference = given.iter().zip(key).fold(0u8, |all, (a, b)| black_box(all | (a ^ b)));
    black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_the_key_itself_opens() {
        let key = ApiKey::new("s3cret-0123456789".to_owned()).unwrap();
        let check = |value: &str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
            key.check(&headers).is_ok()
        };
        for right in
            ["Bearer s3cret-0123456789", "bearer s3cret-0123456789", "BEARER  s3cret-0123456789 "]
        {
            assert!(check(right), "{right}");
        }
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer s3cret-012345678",
            "Bearer s3cret-0123456789s",
            "Basic s3cret-0123456789",
            "s3cret-0123456789",
        ] {
            assert!(!check(wrong), "{wrong}");
        }
        assert!(key.check(&HeaderMap::new()).is_err());
    }

    #[test]
    fn keys_that_can_be_guessed_are_refused() {
        for key in ["x", "secret", "123456789012345"] {
            let short = ApiKey::new(key.to_owned());
            let found = key.len();
            assert!(
                matches!(short, Err(ServeError::ShortKey { found: f, least: 16 }) if f == found),
                "{key}"
            );
        }
        assert!(ApiKey::new("1234567890123456".to_owned()).is_ok());
    }

    #[test]
    fn keys_that_no_header_can_carry_are_refused() {
        for key in
            ["", "a b", "line\n", "schlüssel", "one two three four five", "a\tb-0123456789abcdef"]
        {
            assert!(ApiKey::new(key.to_owned()).is_err(), "{key:?}");
        }
    }
}
