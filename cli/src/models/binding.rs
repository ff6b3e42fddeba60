//! What an index records of the model that it was built with.

use std::path::{Path, PathBuf};

use anyhow::Context;
use gleaner_encoder::Model;
use gleaner_searcher::{CatalogError, Manifest, ModelBinding, OpenIndex};

use crate::failure::Failure;

/// Said where texts come without a model.
const WITHOUT_MODEL: &str = "a new index of texts needs --model DIR (for example \
     data/models/splade-tiny), or a dense field (--dense-model DIR, --dense-field NAME=DIMS)";

/// What an index records of its model.
pub(crate) fn binding(model: &Model) -> anyhow::Result<ModelBinding> {
    bind(model.folder(), model.fingerprint())
}

/// What an index records of a model folder.
pub(crate) fn bind(folder: &Path, fingerprint: &str) -> anyhow::Result<ModelBinding> {
    let absolute = folder
        .canonicalize()
        .with_context(|| format!("cannot resolve the model folder {}", folder.display()))?;
    let path = absolute.to_string_lossy().into_owned();
    Ok(ModelBinding { path, fingerprint: fingerprint.to_owned() })
}

/// The index, if there is one. Its files are read here, and nowhere else in a run.
pub(crate) fn open_if_there(index: &Path) -> anyhow::Result<Option<OpenIndex>> {
    match OpenIndex::open(index) {
        Ok(opened) => Ok(Some(opened)),
        Err(CatalogError::IndexNotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The model that the index was built with; none for an index that has dense fields only.
pub(crate) fn recorded_folder(
    recorded: Option<&Manifest>,
    has_dense: bool,
) -> anyhow::Result<Option<PathBuf>> {
    let bound = recorded.map(|manifest| manifest.model.as_ref());
    match bound {
        None | Some(None) if has_dense => Ok(None),
        None => Err(Failure::Usage(WITHOUT_MODEL.to_owned()).into()),
        Some(None) => Err(Failure::TextsWithoutModel.into()),
        Some(Some(bound)) => {
            let path = PathBuf::from(&bound.path);
            match path.is_dir() {
                true => Ok(Some(path)),
                false => Err(Failure::ModelNotFound { path }.into()),
            }
        }
    }
}
