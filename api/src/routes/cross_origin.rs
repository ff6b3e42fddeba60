//! Requests of pages of other origins: what browsers ask before they send.
//!
//! A browser asks by `OPTIONS`, which needs no key. Any other `OPTIONS` is answered by the route
//! itself. Which origins there are, `serve` is told.

use std::time::Duration;

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, Method, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use tower::ServiceExt;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use super::layers::REQUEST_ID;
use crate::server::Origins;

/// How long a browser may keep what it was told.
const KEPT: Duration = Duration::from_secs(3600);

/// The routes, open to pages of these origins.
pub(super) fn open_to(origins: &Origins, routes: Router) -> Router {
    let origins: AllowOrigin = match origins {
        Origins::None => return routes,
        Origins::Any => Any.into(),
        Origins::Named(origins) => AllowOrigin::list(origins.iter().cloned()),
    };
    let cors = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::CONTENT_ENCODING,
            REQUEST_ID,
        ])
        .expose_headers([REQUEST_ID, header::RETRY_AFTER])
        .max_age(KEPT);
    routes.clone().layer(cors).layer(from_fn_with_state(routes, pass_by))
}

/// Has the routes answer an `OPTIONS` that is no browser's question.
async fn pass_by(State(routes): State<Router>, request: Request, next: Next) -> Response {
    match request.method() == Method::OPTIONS && !is_question(request.headers()) {
        true => routes.oneshot(request).await.into_response(),
        false => next.run(request).await,
    }
}

/// Whether a browser asks for a page if it may send a request.
fn is_question(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}
