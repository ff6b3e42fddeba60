//! The models of the indexes, one per fingerprint, each with its batcher.
//!
//! Sparse models belong to indexes, dense ones to their dense fields. The fingerprint alone decides
//! which model encodes; `gleaner::Models` finds it.
//!
//! - `served`: every model at work, and the only one there is.
//! - `loaded`: a model that encodes.
//! - `trust`: how its self-test ended.

mod loaded;
mod served;
mod trust;

pub(crate) use loaded::{LoadedModel, ServedModel};
pub(crate) use served::{ServedModels, Workers};
pub(crate) use trust::Trust;
