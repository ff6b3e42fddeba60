//! Requests to responses: the HTTP interface.
//!
//! The only crate that serves HTTP. The rooms, in the order of a
//! request:
//!
//! 1. `listen`: a server at an address.
//! 2. `routes`: paths to handlers; request id, panics, key and time limit around them.
//! 3. `wire`: bytes to JSON to a checked request, and answers back to JSON; sizes by `limits`.
//! 4. `server`: the index, its newest snapshot, the permit.
//! 5. `searching`: texts to be encoded, and the search on a blocking thread.
//! 6. `models`: the models at work.
//! 7. `encoding`: texts to vectors, several requests' texts in one run, on threads of its own.
//!
//! What a ranking needs and by which model is for the front door, `gleaner`, to say. Batches of texts,
//! JSON and problems are what is added here.
//!
//! Whatever goes wrong on the way becomes a [`Problem`] of `error`.
//!
//! Laws: a request reads one commit; the runtime's threads never encode or search; no request makes
//! this crate panic; every error is `application/problem+json` with a stable `code`.
//!
//! Folders are looked for once, in [`open`]. An index that appears later is served after a restart,
//! while new commits of an index that is open are seen within a second. Nothing here writes.

mod encoding;
mod error;
mod limits;
mod listen;
mod models;
mod routes;
mod searching;
mod server;
mod wire;

pub use error::{Code, Problem, ServeError};
pub use limits::{BatchLimits, Limits};
pub use listen::{serve, serve_on};
pub use routes::router;
pub use server::{ServeOptions, Server, open};
pub use wire::{DenseSummary, IndexSummary};
