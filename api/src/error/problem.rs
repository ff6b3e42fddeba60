//! One answer that is an error: an RFC 9457 object with a code, and its HTTP response.

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, Serializer};

use super::code::Code;

/// Seconds after which a refused client may try again.
pub(crate) const RETRY_AFTER_SECONDS: &str = "1";

/// One answer that is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    detail: String,
    field: Option<String>,
    hint: Option<String>,
}

#[derive(Serialize)]
struct ProblemBody<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl Problem {
    /// A problem; `detail` says what is wrong this time.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), field: None, hint: None }
    }

    /// An `invalid_request`: a part of the request does not belong.
    pub(crate) fn invalid_request(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, detail).field(field)
    }

    /// Names the part of the request that is at fault.
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says what would help.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// As of a request whose query is made of parameters instead of the members of a body.
    pub(crate) fn of_parameters(mut self) -> Self {
        let field = self.field.as_deref().and_then(|field| field.strip_prefix("query"));
        match field {
            Some("" | ".text") => self.field = Some("q".to_owned()),
            Some(member) => self.field = Some(member.trim_start_matches('.').to_owned()),
            None => {}
        }
        self
    }

    /// What is wrong.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The part of the request that is at fault.
    pub fn field_name(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// What is wrong this time.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let body = ProblemBody {
            r#type: format!("urn:gleaner:error:{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: &self.detail,
            code: self.code.as_str(),
            field: self.field.as_deref(),
            hint: self.hint.as_deref(),
        };
        body.serialize(serializer)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let body = serde_json::to_vec(&self).expect("strings and a number are always JSON");
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = (status, [(header::CONTENT_TYPE, kind)], body).into_response();
        if let Some((name, value)) = header_of(self.code) {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// The header that tells a client what to do next, for codes that have one.
fn header_of(code: Code) -> Option<(HeaderName, &'static str)> {
    match code {
        Code::Overloaded => Some((header::RETRY_AFTER, RETRY_AFTER_SECONDS)),
        Code::Unauthorized => Some((header::WWW_AUTHENTICATE, "Bearer realm=\"gleaner\"")),
        Code::UnsupportedMediaType => Some((header::ACCEPT_ENCODING, "gzip, zstd")),
        Code::MalformedAddress
        | Code::MalformedBody
        | Code::MalformedJson
        | Code::RouteNotFound
        | Code::IndexNotFound
        | Code::DocumentNotFound
        | Code::MethodNotAllowed
        | Code::ModelMismatch
        | Code::BodyTooLarge
        | Code::InvalidRequest
        | Code::InvalidQuery
        | Code::InvalidFilter
        | Code::UnknownRank
        | Code::UnknownField
        | Code::UnknownToken
        | Code::LimitExceeded
        | Code::ModelAmbiguous
        | Code::ModelNotFound
        | Code::IndexDamaged
        | Code::EncodingFailed
        | Code::Internal
        | Code::ModelUntrusted
        | Code::IndexUnavailable
        | Code::TimedOut => None,
    }
}
