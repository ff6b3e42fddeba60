//! Requests to responses: the HTTP interface.
//!
//! The last stage of the pipeline, and the only crate that knows HTTP. The way of a request:
//! `routes` (request id, panics, key, time limit) → `extract` (bytes to JSON) → `wire` (JSON to a
//! checked request) → `state` (index, snapshot, models) → `searching`, which is `inputs` (what the
//! ranking needs) → `encoding` (texts to vectors, in a `batcher` of each model, through its
//! `queue`, on threads of its own) → the engine on a blocking thread → `wire` again; whatever goes
//! wrong on the way becomes an `error::Problem`.
//!
//! Laws: a request reads one commit; the runtime's threads never encode or search; no request makes
//! this crate panic; every error is `application/problem+json` with a stable `code`.
//!
//! Folders are looked for once, in [`open`]; an index that appears later is served after a restart,
//! while new commits of an index that is open are seen within a second. Nothing here writes.

mod auth;
mod batcher;
mod encoding;
mod error;
mod extract;
mod inputs;
mod metrics;
mod models;
mod queue;
mod routes;
mod searching;
mod serve;
mod state;
mod wire;

pub use error::{Code, Problem, ServeError};
pub use routes::router;
pub use serve::{BatchLimits, Limits, ServeOptions, Server, open, serve, serve_on};
pub use wire::{DenseSummary, IndexSummary};
