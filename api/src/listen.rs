//! A server at an address: listening, answering, stopping.
//!
//! It puts the routes over an opened server. Requests that run when the server is asked to stop may
//! run on for their own time limit, and a second more.

use std::{future::Future, time::Duration};

use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    error::ServeError,
    routes::router,
    server::{Server, check_exposure},
};

/// How long requests may run on after the server was asked to stop, beyond their own limit.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// Listens at the server's address and answers until `shutdown` is done, then lets running requests
/// end.
///
/// Errors: `Bind`, `Stopped`.
pub async fn serve(
    server: Server,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let addr = server.addr();
    let listener =
        TcpListener::bind(addr).await.map_err(|source| ServeError::Bind { addr, source })?;
    serve_on(server, listener, shutdown).await
}

/// As [`serve`], at a listener of the caller's, whose address is then what counts.
///
/// Errors: `KeyRequired`, `Stopped`.
pub async fn serve_on(
    server: Server,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let stopped = |source| ServeError::Stopped { source };
    let addr = listener.local_addr().map_err(stopped)?;
    check_exposure(server.state().key.is_some(), addr)?;
    let grace = server.state().limits.timeout.saturating_add(STOP_GRACE);
    let (stopping, asked) = oneshot::channel();
    let shutdown = async move {
        shutdown.await;
        // Nobody listens when serving has ended already.
        let _ = stopping.send(());
    };
    // A client that sends half a request and then nothing must not keep the server from stopping.
    let deadline = async move {
        match asked.await {
            Ok(()) => tokio::time::sleep(grace).await,
            Err(_) => std::future::pending().await,
        }
    };
    let serving = axum::serve(listener, router(&server)).with_graceful_shutdown(shutdown);
    tokio::select! {
        result = serving => result.map_err(stopped),
        () = deadline => Ok(()),
    }
}
