//! What can go wrong: [`ServeError`] before the first request, [`Problem`] in answer to one.
//!
//! - `code`: the codes of problems, one table.
//! - `problem`: a problem and its HTTP response.
//! - `engine`: errors of the engine, as problems.
//! - `serve_error`: why the server does not start, or stops.
//! - `wording`: what messages repeat of requests and of causes.

mod code;
mod engine;
mod problem;
mod serve_error;
mod wording;

pub use code::Code;
pub use problem::Problem;
pub(crate) use problem::RETRY_AFTER_SECONDS;
pub use serve_error::ServeError;
pub(crate) use wording::{brief, innermost, quoted};
