//! The sparse model that an index belongs to, proven by its fingerprint.
//!
//! The models of dense fields are `queries`'s and `dense_fields`'s.

use std::path::PathBuf;

use gleaner_encoder::{EncodeError, Model, Runtime, SideEncoder};
use gleaner_searcher::Snapshot;

use crate::{args::QueryModelArgs, failure::Failure};

/// Opens the model that encodes queries for an index, and proves that it is the right one.
pub(crate) fn open_for(snapshot: &Snapshot, args: &QueryModelArgs) -> anyhow::Result<Model> {
    let bound = snapshot.manifest().model.as_ref();
    let folder = match (&args.model, bound) {
        (Some(folder), _) => folder.clone(),
        (None, Some(bound)) => PathBuf::from(&bound.path),
        (None, None) => return Err(Failure::NoModel.into()),
    };
    if args.model.is_none() && !folder.is_dir() {
        // Said before the runtime is looked for: the nearer cause first.
        return Err(Failure::ModelNotFound { path: folder }.into());
    }
    let runtime = Runtime::load(args.runtime.ort_lib.as_deref())?;
    let model = Model::open_with(&folder, &runtime, args.query_encoder.map(SideEncoder::from))
        .map_err(|error| model_error(error, args.model.is_none()))?;
    // An index of given vectors is bound to no model: whoever names one says that it fits.
    match bound {
        Some(bound) if model.fingerprint() != bound.fingerprint => Err(Failure::ModelMismatch {
            index: bound.fingerprint.clone(),
            path: folder,
            model: model.fingerprint().to_owned(),
        }
        .into()),
        _ => Ok(model),
    }
}

/// A missing model folder, in the terms of whoever asked for it.
pub(crate) fn model_error(error: EncodeError, recorded: bool) -> anyhow::Error {
    match error {
        EncodeError::ModelNotFound { path } if recorded => Failure::ModelNotFound { path }.into(),
        other => other.into(),
    }
}
