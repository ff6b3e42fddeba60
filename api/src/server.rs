//! The server before and between requests: options, open indexes and models, key, permits.
//!
//! - `options`, `folders`, `open`: what is decided and opened before the first request.
//! - `state`: what all requests share; `index` and `refresh`: one index and its newest commit.
//! - `key`: who may ask; `origins`: whose pages may; `checks`: what `/readyz` looks at.
//!
//! Nothing here knows a route. Addresses are listened at in `listen`.

mod checks;
mod folders;
mod index;
mod key;
mod open;
mod options;
mod origins;
mod refresh;
mod state;

pub(crate) use checks::checks_now;
pub(crate) use key::check_exposure;
pub use open::{Server, open};
pub use options::ServeOptions;
pub(crate) use origins::Origins;
pub(crate) use state::{ServerState, run};
