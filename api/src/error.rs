//! What can go wrong: [`ServeError`] before the first request, [`Problem`] in answer to one.
//!
//! Problems are RFC 9457 objects. Clients branch on `code`, so [`Code`] only ever grows.

use std::{error::Error, net::SocketAddr, path::PathBuf};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use gleaner_encoder::EncodeError;
use gleaner_searcher::{CatalogError, SearchError};
use serde::{Serialize, Serializer};

use crate::wire::brief;

/// Seconds after which a refused client may try again.
pub(crate) const RETRY_AFTER_SECONDS: &str = "1";

/// Why a server could not be started, or stopped serving.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The data folder is missing or not a folder.
    #[error("no data folder at `{}`; `--data` takes the folder that holds the indexes", path.display())]
    DataNotFound {
        /// The folder asked for.
        path: PathBuf,
    },
    /// The data folder is an index instead of holding some.
    #[error(
        "`{}` is itself an index; `--data` takes the folder that holds it: `--data {}`",
        path.display(), parent.display()
    )]
    DataIsIndex {
        /// The folder asked for.
        path: PathBuf,
        /// The folder that holds it.
        parent: PathBuf,
    },
    /// There is nothing to serve.
    #[error(
        "no index in `{}`; create one with `gleaner index --index {} --input …`",
        path.display(), path.join("NAME").display()
    )]
    NoIndexes {
        /// The data folder.
        path: PathBuf,
    },
    /// A folder could not be listed.
    #[error("cannot list `{}`", path.display())]
    List {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Other machines could reach the server, and nothing would ask them for a key.
    #[error(
        "{addr} can be reached from other machines, which needs a key: pass `--api-key-file FILE`, \
         or an address such as 127.0.0.1:{}", addr.port()
    )]
    KeyRequired {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// The key cannot be sent in a header.
    #[error(
        "the API key is empty or has characters other than visible ASCII; see `--api-key-file`"
    )]
    InvalidKey,
    /// The model or the runtime that was asked for by name does not load.
    #[error("cannot use {asked_for}")]
    Model {
        /// The flag and what it named.
        asked_for: String,
        /// What is wrong with it.
        source: EncodeError,
    },
    /// The address could not be listened at.
    #[error("cannot listen at {addr}")]
    Bind {
        /// The address.
        addr: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The listener failed.
    #[error("the server stopped")]
    Stopped {
        /// What the operating system said.
        source: std::io::Error,
    },
}

/// Declares the codes with their names, statuses and titles in one table.
macro_rules! codes {
    ($($variant:ident $name:literal $status:ident $title:literal;)*) => {
        /// What is wrong, in a word that never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $title] $variant,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The `code` of the problem.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The status of the response.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }

            /// The `title` of the problem, the same for every occurrence.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }
        }
    };
}

codes! {
    MalformedBody "malformed_body" BAD_REQUEST "The body cannot be read";
    MalformedJson "malformed_json" BAD_REQUEST "The body is not JSON";
    Unauthorized "unauthorized" UNAUTHORIZED "A key is needed";
    RouteNotFound "route_not_found" NOT_FOUND "There is no such route";
    IndexNotFound "index_not_found" NOT_FOUND "There is no such index";
    DocumentNotFound "document_not_found" NOT_FOUND "There is no such document";
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED "The route does not have this method";
    ModelMismatch "model_mismatch" CONFLICT "The index was made with another model";
    BodyTooLarge "body_too_large" PAYLOAD_TOO_LARGE "The body is too large";
    UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE "The body must be JSON";
    InvalidRequest "invalid_request" UNPROCESSABLE_ENTITY "The request has a part that does not belong";
    InvalidQuery "invalid_query" UNPROCESSABLE_ENTITY "The query cannot be used";
    InvalidFilter "invalid_filter" UNPROCESSABLE_ENTITY "The filter cannot be understood";
    UnknownRank "unknown_rank" UNPROCESSABLE_ENTITY "There is no such ranking";
    UnknownField "unknown_field" UNPROCESSABLE_ENTITY "The index has no such dense field";
    UnknownToken "unknown_token" UNPROCESSABLE_ENTITY "The model has no such token";
    LimitExceeded "limit_exceeded" UNPROCESSABLE_ENTITY "The request exceeds a limit";
    ModelAmbiguous "model_ambiguous" UNPROCESSABLE_ENTITY "Several models are loaded";
    ModelNotFound "model_not_found" FAILED_DEPENDENCY "No model is loaded for this request";
    IndexDamaged "index_damaged" INTERNAL_SERVER_ERROR "The index is damaged";
    EncodingFailed "encoding_failed" INTERNAL_SERVER_ERROR "The model failed";
    Internal "internal" INTERNAL_SERVER_ERROR "Something is wrong with the server";
    ModelUntrusted "model_untrusted" SERVICE_UNAVAILABLE "The model failed its self-test";
    IndexUnavailable "index_unavailable" SERVICE_UNAVAILABLE "The index could not be opened";
    Overloaded "overloaded" SERVICE_UNAVAILABLE "Too many requests are running";
    TimedOut "timed_out" GATEWAY_TIMEOUT "The request took too long";
}

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
        let headers = response.headers_mut();
        match self.code {
            Code::Overloaded => {
                let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
                headers.insert(header::RETRY_AFTER, seconds);
            }
            Code::Unauthorized => {
                let scheme = HeaderValue::from_static("Bearer realm=\"gleaner\"");
                headers.insert(header::WWW_AUTHENTICATE, scheme);
            }
            _ => {}
        }
        response
    }
}

impl From<&SearchError> for Problem {
    fn from(error: &SearchError) -> Self {
        let detail = error.to_string();
        match error {
            // Clients need the file, not where the server keeps it.
            SearchError::Catalog(CatalogError::Damaged { file, reason }) => {
                let file = file.file_name().unwrap_or_default().display();
                damaged(format!("{file}: {reason}"))
            }
            SearchError::Catalog(CatalogError::DamagedImpacts { file, source }) => {
                let file = file.file_name().unwrap_or_default().display();
                damaged(format!("{file}: {}", chain(source)))
            }
            SearchError::Filter { .. } => Self::new(Code::InvalidFilter, detail).field("filter"),
            SearchError::QueryTerms { .. } => Self::new(Code::LimitExceeded, detail).field("query"),
            SearchError::Depth { .. } | SearchError::NoHits => {
                Self::new(Code::LimitExceeded, detail).field("k")
            }
            SearchError::Effort { .. } => Self::new(Code::InvalidRequest, detail).field("effort"),
            SearchError::Rank { .. } => Self::new(Code::UnknownRank, brief(detail)).field("rank"),
            SearchError::Feedback { .. } => {
                Self::new(Code::InvalidRequest, brief(detail)).field("feedback")
            }
            SearchError::MinScore { .. } => {
                Self::new(Code::InvalidRequest, detail).field("min_score")
            }
            SearchError::Catalog(CatalogError::DenseField { .. }) => {
                Self::new(Code::UnknownField, brief(detail)).field("rank")
            }
            SearchError::DenseQuery(_) => {
                Self::new(Code::InvalidQuery, chain(error)).field("query.dense")
            }
            SearchError::Boost { .. } => Self::new(Code::InvalidQuery, detail).field("query.boost"),
            SearchError::NoDocument { .. } => {
                Self::new(Code::DocumentNotFound, brief(detail)).field("query.like")
            }
            SearchError::Unlike { .. } => {
                Self::new(Code::InvalidQuery, brief(detail)).field("query.like")
            }
            SearchError::NoText => Self::new(Code::InvalidQuery, detail).field("rank"),
            SearchError::MissingInput { .. } => {
                Self::new(Code::InvalidQuery, detail).field("query")
            }
            error if error.is_damage() => damaged(chain(error)),
            error => Self::new(Code::Internal, chain(error)),
        }
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        Self::from(&error)
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        Self::from(SearchError::from(error))
    }
}

impl From<EncodeError> for Problem {
    fn from(error: EncodeError) -> Self {
        Self::new(Code::EncodingFailed, chain(&error))
    }
}

fn damaged(detail: String) -> Problem {
    let hint = "restore the index from a copy or index again";
    Problem::new(Code::IndexDamaged, detail).hint(hint)
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        // Wrappers of other crates repeat what they wrap.
        if !text.ends_with(&part) {
            text = format!("{text}: {part}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_distinct_errors_with_names_in_snake_case() {
        let names: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.status().is_client_error() || code.status().is_server_error());
            assert!(code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        }
    }

    #[test]
    fn the_document_lists_every_code_with_its_status() {
        let document = include_str!("../HTTP.md");
        for code in Code::ALL {
            let quoted = format!("`{}`", code.as_str());
            let row =
                document.lines().find(|line| line.starts_with("| ") && line.contains(&quoted));
            let row = row.unwrap_or_else(|| panic!("{quoted} is not in HTTP.md"));
            assert!(row.contains(code.status().as_str()), "{row}");
        }
    }

    #[test]
    fn damage_names_the_file_but_not_its_folder() {
        let file = PathBuf::from("/srv/secret/ab.store");
        let damaged = CatalogError::Damaged { file, reason: "short".to_owned() };
        let problem = Problem::from(SearchError::from(damaged));
        assert_eq!(problem.code(), Code::IndexDamaged);
        assert_eq!(problem.detail, "ab.store: short");
    }

    #[test]
    fn chains_name_every_cause_once() {
        let error = ServeError::List { path: "/x".into(), source: std::io::Error::other("busy") };
        assert_eq!(chain(&error), "cannot list `/x`: busy");
    }
}
