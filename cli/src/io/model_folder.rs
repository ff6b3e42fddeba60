//! Model folders named on the command line, sparse or dense, and those found elsewhere.
//!
//! No index is asked. Which model belongs to an index, `gleaner::Models` proves.

use std::path::Path;

use gleaner::{DenseModel, Model, Models, SideEncoder};

use crate::{
    args::{QueryEncoderArg, RuntimeArgs},
    failure::Failure,
};

/// Opens a model folder named on the command line.
pub(crate) fn open(
    folder: &Path,
    query: Option<QueryEncoderArg>,
    runtime: &RuntimeArgs,
) -> anyhow::Result<Model> {
    let models = runtime.models();
    let models = match query {
        Some(encoder) => models.query_encoder(SideEncoder::from(encoder)),
        None => models,
    };
    Ok(models.open_sparse(folder)?)
}

/// Opens a dense model folder named on the command line.
pub(crate) fn open_dense(folder: &Path, runtime: &RuntimeArgs) -> anyhow::Result<DenseModel> {
    Ok(runtime.models().open_dense(folder)?)
}

/// Says where models were found that are not where an index recorded them.
pub(crate) fn say_where_found(models: &Models) {
    models.take_moved().iter().for_each(|moved| say!("note: {moved}"));
}

/// Refuses flags that mean nothing to a dense model.
pub(crate) fn refuse_sparse_flags(flags: &[(&str, bool)]) -> anyhow::Result<()> {
    match flags.iter().find(|(_, is_given)| *is_given) {
        Some((flag, _)) => {
            Err(Failure::Usage(format!("{flag} is for sparse models, and this one is dense"))
                .into())
        }
        None => Ok(()),
    }
}
