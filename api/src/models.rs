//! The models of the indexes, one per fingerprint, each with its batcher.
//!
//! Sparse models belong to indexes, dense ones to their dense fields. The fingerprint alone decides
//! which model encodes. Folders only say where to look for it.
//!
//! - `resolve`: the model of an index, of a dense field, or the only one there is.
//! - `by_fingerprint`: the models of one kind, and the folders they were looked for in.
//! - `loaded`: a model that encodes.
//! - `trust`: how its self-test ended.

mod by_fingerprint;
mod loaded;
mod resolve;
mod trust;

pub(crate) use loaded::{LoadedModel, ServedModel};
pub(crate) use resolve::{LoadOptions, Models};
pub(crate) use trust::Trust;
