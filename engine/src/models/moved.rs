//! Models that are not where an index recorded them.
//!
//! An index may have been made on another machine. Its model is then looked for by the name of its
//! folder, in this order:
//!
//! 1. `data/models` in the working directory;
//! 2. the folders in `GLEANER_MODELS`, which are separated as in `PATH`;
//! 3. the folder that the index lies in, and `models` in that.
//!
//! Only a model with the recorded fingerprint is taken. Where it was found is kept, to be said once.

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
};

use gleaner_catalog::{DenseField, ModelBinding};
use gleaner_encoder::{DenseModel, Model, Runtime};

use crate::{
    error::Error,
    models::{
        Models, State,
        registry::{FolderModel, Registry},
    },
};

/// Where models are kept, in the working directory.
const HERE: &str = "data/models";
/// The variable that names folders of models.
const VARIABLE: &str = "GLEANER_MODELS";
/// Where models may be kept beside an index.
const BESIDE: &str = "models";

/// A model that was found elsewhere than where an index recorded it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MovedModel {
    /// The folder that the index recorded.
    pub recorded: PathBuf,
    /// The folder that it was found in.
    pub found: PathBuf,
}

impl fmt::Display for MovedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (recorded, found) = (self.recorded.display(), self.found.display());
        write!(
            f,
            "the index's model is not at {recorded}; the same model was found at {found} and is used"
        )
    }
}

impl Models {
    /// Models that were found elsewhere than where indexes recorded them, each named once: what was
    /// returned before is left out.
    ///
    /// ```
    /// assert_eq!(gleaner::Models::new().take_moved(), []);
    /// ```
    pub fn take_moved(&self) -> Vec<MovedModel> {
        std::mem::take(&mut self.state().unsaid)
    }

    /// Models of the index at this path are also looked for beside it.
    pub(crate) fn look_beside(&self, index: &Path) {
        if let Ok(index) = std::path::absolute(index)
            && let Some(folder) = index.parent()
        {
            self.state().beside.insert(folder.to_owned());
        }
    }

    /// The sparse model of an index that is written to: where it was recorded, or elsewhere.
    ///
    /// Errors: `ModelNotFound`, and those of [`Models::open_sparse`]. A folder with another model
    /// gives that one where the right one is not found.
    pub(crate) fn recorded_sparse(&self, binding: &ModelBinding) -> Result<Model, Error> {
        let path = PathBuf::from(&binding.path);
        let there = path.is_dir().then(|| self.open_sparse(&path));
        match there {
            Some(Ok(model)) if model.fingerprint() == binding.fingerprint => Ok(model),
            there => match self.find_sparse(&mut self.state(), binding) {
                Some(found) => Ok(found),
                None => there.unwrap_or(Err(Error::ModelNotFound { path })),
            },
        }
    }

    /// The model of a dense field of an index that is written to.
    ///
    /// Errors: `DenseModelNotFound`, `Encode`.
    pub(crate) fn recorded_dense(&self, field: &DenseField) -> Result<DenseModel, Error> {
        let name = || field.spec.name.clone();
        let Some(binding) = &field.model else {
            return Err(Error::NoDenseModel { field: name() });
        };
        let path = PathBuf::from(&binding.path);
        let there = path.is_dir().then(|| self.open_dense_in(&mut self.state(), &path));
        match there {
            Some(Ok(model)) if model.fingerprint() == binding.fingerprint => Ok(model),
            there => match (self.find_dense(&mut self.state(), binding), there) {
                (Some(found), _) => Ok(found),
                (None, Some(there)) => Ok(there?),
                (None, None) => Err(Error::DenseModelNotFound { path, field: name() }),
            },
        }
    }

    /// Looks for a sparse model elsewhere than where it was recorded.
    pub(super) fn find_sparse(&self, state: &mut State, binding: &ModelBinding) -> Option<Model> {
        let folders = candidates(&binding.path, &state.beside);
        let runtime = self.runtime_for(state, &folders)?;
        let query = self.query_encoder;
        let open = |folder: &Path| Model::open_with(folder, &runtime, query).ok();
        take(&mut state.sparse, &mut state.unsaid, (binding, folders), open)
    }

    /// Looks for a dense model elsewhere than where it was recorded.
    pub(super) fn find_dense(
        &self,
        state: &mut State,
        binding: &ModelBinding,
    ) -> Option<DenseModel> {
        let folders = candidates(&binding.path, &state.beside);
        let runtime = self.runtime_for(state, &folders)?;
        let open = |folder: &Path| DenseModel::open(folder, &runtime).ok();
        take(&mut state.dense, &mut state.unsaid, (binding, folders), open)
    }

    /// The runtime, if there is a folder to look into.
    fn runtime_for(&self, state: &mut State, folders: &[PathBuf]) -> Option<Runtime> {
        if folders.is_empty() { None } else { self.runtime(state).ok() }
    }
}

/// Opens folders until one holds the model of the binding, and takes that one. Others are closed
/// again: no index asked for them.
fn take<M: FolderModel>(
    registry: &mut Registry<M>,
    unsaid: &mut Vec<MovedModel>,
    (binding, folders): (&ModelBinding, Vec<PathBuf>),
    open: impl Fn(&Path) -> Option<M>,
) -> Option<M> {
    for found in folders {
        let model = open(&found).filter(|model| model.fingerprint() == binding.fingerprint);
        if let Some(model) = model {
            let recorded = PathBuf::from(&binding.path);
            registry.adopt(&recorded, model.clone());
            unsaid.push(MovedModel { recorded, found });
            return Some(model);
        }
    }
    None
}

/// Folders of the recorded one's name, in the order in which they are looked into.
fn candidates(recorded: &str, beside: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let named = std::env::var_os(VARIABLE).unwrap_or_default();
    let named = std::env::split_paths(&named).filter(|folder| !folder.as_os_str().is_empty());
    let beside = beside.iter().flat_map(|folder| [folder.clone(), folder.join(BESIDE)]);
    candidates_in(recorded, std::iter::once(PathBuf::from(HERE)).chain(named).chain(beside))
}

fn candidates_in(recorded: &str, places: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    // It may have been recorded on a system with other separators.
    let name = recorded.split(['/', '\\']).rfind(|part| !part.is_empty());
    let Some(name) = name.filter(|name| !matches!(*name, "." | "..")) else { return Vec::new() };
    let folders = places.map(|place| place.join(name));
    folders.filter(|folder| folder.is_dir() && folder != Path::new(recorded)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_same_name_are_looked_into_in_order() {
        let root = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let folder = root.path().join(name);
            std::fs::create_dir_all(&folder).unwrap();
            folder
        };
        let (first, second) = (folder("b/splade"), folder("a/splade"));
        folder("c/other");
        let places = || ["b", "a", "c", "nowhere"].into_iter().map(|name| root.path().join(name));
        let both = vec![first.clone(), second.clone()];
        for recorded in ["/gone/splade", "/gone/splade/", "splade", r"C:\models\splade"] {
            assert_eq!(candidates_in(recorded, places()), both, "{recorded}");
        }
        let recorded = first.to_str().unwrap();
        assert_eq!(candidates_in(recorded, places()), [second], "the recorded one was looked into");
        for nameless in ["", "/", ".", "/gone/.."] {
            assert_eq!(candidates_in(nameless, places()), Vec::<PathBuf>::new(), "{nameless}");
        }
    }
}
