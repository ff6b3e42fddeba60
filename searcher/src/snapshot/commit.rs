//! One commit.
pub use crate::index::Snapshot;
