//! Dense models: folders whose graph gives every text one short vector.
//!
//! The same way as a sparse text's, as far as the graph: `text`, then `batch`, `feed` and
//! `graph_session` of `session`. Then `encoder` pools and normalises. `model` opens a folder, `card`
//! says what it is, `opened` is what workers share, and `selftest` checks it. Searching with such
//! vectors is not here.

pub(crate) mod card;
pub(crate) mod encoder;
pub(crate) mod model;
mod opened;
mod selftest;
