//! The codes of problems: name, status and title of each, in one table.
//!
//! Clients branch on the code, so the table only ever grows. `docs/http.md` lists the same codes;
//! a test compares the two.

use axum::http::StatusCode;
use serde::{Serialize, Serializer};

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
    MalformedAddress "malformed_address" BAD_REQUEST "The address cannot be read";
    MalformedJson "malformed_json" BAD_REQUEST "The body is not JSON";
    Unauthorized "unauthorized" UNAUTHORIZED "A key is needed";
    RouteNotFound "route_not_found" NOT_FOUND "There is no such route";
    IndexNotFound "index_not_found" NOT_FOUND "There is no such index";
    DocumentNotFound "document_not_found" NOT_FOUND "There is no such document";
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED "The route does not have this method";
    ModelMismatch "model_mismatch" CONFLICT "The index was made with another model";
    BodyTooLarge "body_too_large" PAYLOAD_TOO_LARGE "The body is too large";
    UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE "The body is of a type, charset or encoding that is not read";
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

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
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
        let document = include_str!("../../../docs/http.md");
        for code in Code::ALL {
            let quoted = format!("`{}`", code.as_str());
            let row =
                document.lines().find(|line| line.starts_with("| ") && line.contains(&quoted));
            let row = row.unwrap_or_else(|| panic!("{quoted} is not in docs/http.md"));
            assert!(row.contains(code.status().as_str()), "{row}");
        }
    }
}
