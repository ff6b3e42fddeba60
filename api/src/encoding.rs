//! Texts to vectors on threads of their own, several requests' texts in one run of a model.
//!
//! - `lane`: what a text is encoded for.
//! - `queue`: which texts are next, and with whom. Bookkeeping without threads.
//! - `batcher`: the workers of one model, which take from its queue.
//! - `metrics`: what is counted of it, and the page of `/metrics`.
//!
//! Which model a text goes to is decided in `models` and `searching`.

mod batcher;
mod lane;
mod metrics;
mod queue;

pub(crate) use batcher::{Batcher, Pending, TextEncoder};
pub(crate) use lane::Lane;
pub(crate) use metrics::{ModelMetrics, page};
