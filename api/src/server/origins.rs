//! Origins whose pages may ask: none, any, or those that were named.

use axum::http::{HeaderValue, Uri};

use crate::error::ServeError;

/// Origins whose pages may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origins {
    /// None was named.
    None,
    /// Every page.
    Any,
    /// As browsers write them.
    Named(Vec<HeaderValue>),
}

impl Origins {
    /// Reads origins: `*` for any, or `https://example.org`, as browsers write them.
    ///
    /// Errors: `InvalidOrigin`.
    pub(super) fn read(origins: &[String]) -> Result<Self, ServeError> {
        let values = origins.iter().map(|origin| read(origin)).collect::<Result<Vec<_>, _>>()?;
        Ok(match (values.is_empty(), values.iter().any(|value| value == "*")) {
            (true, _) => Self::None,
            (false, true) => Self::Any,
            (false, false) => Self::Named(values),
        })
    }
}

fn read(origin: &str) -> Result<HeaderValue, ServeError> {
    let invalid = || ServeError::InvalidOrigin { origin: origin.to_owned() };
    let value = HeaderValue::from_str(origin).map_err(|_| invalid())?;
    if origin == "*" {
        return Ok(value);
    }
    let uri: Uri = origin.parse().map_err(|_| invalid())?;
    // A browser writes it so, and it is compared byte by byte.
    let written = uri.scheme_str().zip(uri.authority());
    let written =
        written.map(|(scheme, authority)| format!("{scheme}://{authority}").to_lowercase());
    match written.is_some_and(|written| written == origin && !written.contains(['@', '*'])) {
        true => Ok(value),
        false => Err(invalid()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_write_them() {
        let read = |origin: &str| Origins::read(&[origin.to_owned()]).is_ok();
        for right in ["*", "https://example.org", "http://localhost:8080", "http://[::1]:80"] {
            assert!(read(right), "{right}");
        }
        for wrong in [
            "",
            "example.org",
            "https://example.org/",
            "https://example.org/page",
            "https://Example.org",
            "https://me@example.org",
            "https://exämple.org",
            "null",
            "https://*.example.org",
        ] {
            assert!(!read(wrong), "{wrong}");
        }
    }
}
