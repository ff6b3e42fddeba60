//! Bytes to values: axum's extractors with their rejections turned into problems.
//!
//! A body must be JSON by its content type, fit the limit, and hold nothing that is not asked for.
//! [`read`] reads a part of a body, so that a mistake there fails that part alone.

use std::error::Error;

use axum::{
    Json,
    body::Bytes,
    extract::{
        FromRef, FromRequest, FromRequestParts, Path, Query, Request,
        rejection::{JsonRejection, QueryRejection},
    },
    http::{StatusCode, request::Parts},
};
use gleaner::exchange::{plain_reason, reason_of};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    coding::{self, Coding},
    members::Object,
};
use crate::{
    error::{Code, Problem, innermost},
    limits::Limits,
};

/// What some editors put in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

/// The parameters behind the `?`.
pub(crate) struct Params<T>(pub(crate) T);

/// The name of an index in the path.
pub(crate) struct IndexName(pub(crate) String);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T>
where
    Limits: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let limit = Limits::from_ref(state).body_bytes;
        let coding = coding::check(request.headers())?;
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => coding::too_large(limit),
            _ => Problem::new(Code::MalformedBody, rejection.body_text()),
        })?;
        let bytes = match coding {
            Coding::Identity => {
                coding::check_bytes(&bytes)?;
                bytes
            }
            Coding::Gzip | Coding::Zstd => coding.decode(&bytes, limit)?.into(),
        };
        read_bytes(&bytes).map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(QueryRejection::FailedToDeserializeQueryString(error)) => Err(misfit(&error)),
            Err(rejection) => Err(Problem::new(Code::InvalidRequest, rejection.body_text())),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IndexName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(name)) => Ok(Self(name)),
            Err(_) => Err(Problem::new(Code::IndexNotFound, "the name of the index is not UTF-8")),
        }
    }
}

fn body_problem(rejection: &JsonRejection, json: &[u8]) -> Problem {
    match rejection {
        JsonRejection::JsonDataError(error) => misfit(error),
        JsonRejection::JsonSyntaxError(error) => {
            // The first mistake of its letters, whatever was to be read from them.
            let reason = match serde_json::from_slice::<Value>(json) {
                Err(error) => reason_of(&error),
                Ok(_) => plain_reason(&innermost(error)),
            };
            Problem::new(Code::MalformedJson, reason)
        }
        other => Problem::new(Code::MalformedBody, other.body_text()),
    }
}

/// Reads a piece of JSON as a body is read.
///
/// Errors: `malformed_json`, `invalid_request`.
pub(crate) fn read<T: DeserializeOwned>(json: &str) -> Result<T, Problem> {
    read_bytes(json.as_bytes())
}

fn read_bytes<T: DeserializeOwned>(json: &[u8]) -> Result<T, Problem> {
    let json = json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json);
    match Json::<Object<T>>::from_bytes(json) {
        Ok(Json(Object(value))) => Ok(value),
        Err(rejection) => Err(body_problem(&rejection, json)),
    }
}

/// Well-formed, but not what was asked for.
fn misfit(error: &dyn Error) -> Problem {
    let reason = innermost(error);
    match reason.split_once(": ").filter(|(path, _)| is_path(path)) {
        Some(("query", reason)) if reason.contains("expected an object") => {
            let reason = format!("{}: write {{\"text\": \"your question\"}}", plain_reason(reason));
            Problem::new(Code::InvalidRequest, reason).field("query")
        }
        Some((path, reason)) => {
            Problem::new(Code::InvalidRequest, plain_reason(reason)).field(path)
        }
        None => Problem::new(Code::InvalidRequest, plain_reason(&reason)),
    }
}

/// Whether this is the path, such as `query.values[0]`, that axum puts in front of a reason.
fn is_path(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.[]".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}
