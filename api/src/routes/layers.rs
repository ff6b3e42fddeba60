//! The layers that every request passes.
//!
//! From the outside in: request id, panics, origins, compression of the answer, key, time limit,
//! address, body limit, handler. Errors of the router itself (no such path, wrong method) become
//! problems here too, and `OPTIONS` is answered.

use std::{
    any::Any,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, Uri},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use tower_http::{
    CompressionLevel,
    catch_panic::CatchPanicLayer,
    compression::{CompressionLayer, predicate::SizeAbove},
};

use super::{cross_origin::open_to, health::is_open, known};
use crate::{
    error::{Code, Problem, quoted},
    server::ServerState,
    wire,
};

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Answers that are shorter are sent as they are: compressing would gain less than a packet.
const COMPRESSED_BYTES: u64 = 1024;
/// Longest request id that is taken over from a client.
const REQUEST_ID_LIMIT_BYTES: usize = 128;

/// The routes with all layers around them.
pub(super) fn layered(routes: Router, state: &Arc<ServerState>) -> Router {
    let compression = CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(COMPRESSED_BYTES));
    let routes = routes
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::max(state.limits.body_bytes))
        .layer(from_fn(check_address))
        .layer(from_fn_with_state(Arc::clone(state), limit_time))
        .layer(from_fn_with_state(Arc::clone(state), check_key))
        .layer(compression);
    open_to(&state.origins, routes)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(name_request))
}

async fn no_route(uri: Uri) -> Problem {
    Problem::new(Code::RouteNotFound, format!("nothing is at {}", quoted(uri.path())))
        .hint(known::instead_of(uri.path()))
}

/// Every route takes `OPTIONS`: the answer is its methods, which the router puts into `Allow`.
async fn no_method(method: Method, uri: Uri) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let detail = format!("{} does not take {method}", quoted(uri.path()));
    let problem = Problem::new(Code::MethodNotAllowed, detail);
    match known::methods_of(uri.path()) {
        Some(methods) => problem.hint(format!("it takes {methods}")).into_response(),
        None => problem.into_response(),
    }
}

/// Refuses an address that does not decode.
async fn check_address(request: Request, next: Next) -> Result<Response, Problem> {
    wire::check_address(request.uri())?;
    Ok(next.run(request).await)
}

/// Every panic is a bug of ours: the hook has printed it, the client learns no more than that.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    Problem::new(Code::Internal, "a bug stopped this request").into_response()
}

/// Answers `timed_out` when the limit passes; work that has started runs on with its permit.
async fn limit_time(
    State(state): State<Arc<ServerState>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let limit = state.limits.timeout;
    tokio::time::timeout(limit, next.run(request))
        .await
        .map_err(|_| Problem::new(Code::TimedOut, format!("the limit is {limit:?}")))
}

/// Lets in who has the key; the health routes are open.
async fn check_key(
    State(state): State<Arc<ServerState>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if let Some(key) = &state.key
        && !is_open(request.uri().path())
    {
        key.check(request.headers())?;
    }
    Ok(next.run(request).await)
}

/// Gives the response the request's id, or a new one.
async fn name_request(request: Request, next: Next) -> Response {
    let given = request.headers().get(REQUEST_ID).filter(|id| is_sane(id)).cloned();
    let mut response = next.run(request).await;
    response.headers_mut().insert(REQUEST_ID, given.unwrap_or_else(new_id));
    response
}

fn is_sane(id: &HeaderValue) -> bool {
    let id = id.as_bytes();
    let sane = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
    (1..=REQUEST_ID_LIMIT_BYTES).contains(&id.len()) && id.iter().all(sane)
}

/// Unlike any other id: a number drawn when the process started, and a count.
fn new_id() -> HeaderValue {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(()));
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    HeaderValue::try_from(format!("{:016x}-{count:x}", *PROCESS))
        .expect("hexadecimal digits and a dash are visible ASCII")
}

#[cfg(test)]
mod tests;
