//! Finding the models of indexes and of their dense fields.
//!
//! An index records the fingerprint and the folder of its model. [`Models`] opens the folder, or the one
//! that the caller names, and proves by the fingerprint that it is the right model. A model that is not
//! in the recorded folder is looked for by name (`models/moved.rs`). Models are opened once and shared. What a model does with texts is left to `encode` and `worker`.

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gleaner_catalog::{DenseField, Manifest, ModelBinding};
use gleaner_encoder::{
    DenseModel, EncodeError, Model, ModelKind, Runtime, Side, SideEncoder, SparseVector,
};

use crate::error::{Error, Named, chain};
use moved::MovedModel;
use registry::{FolderModel, Registry, Unresolved, folder_of, folders_of};

pub(crate) mod moved;
mod registry;

/// The models of one or several indexes: where they are looked for, and those that are open.
///
/// A cheap handle: clones share what is open, and each looks where it was told to.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let (path, model) = (folder.path().join("my.index"), concat!(env!("CARGO_MANIFEST_DIR"), "/../data/models/splade-tiny"));
/// # if gleaner::Models::new().open_sparse(model.as_ref()).is_err() {
/// #     return Ok(()); // without the ONNX Runtime
/// # }
/// use gleaner::{Index, Models};
///
/// # drop(Index::create(&path).model(model).open()?);
/// // The folder is used in place of the one that the index recorded; the fingerprints must agree.
/// let models = Models::new().sparse_folder(model);
/// let index = Index::open_with(path, &models)?;
/// let found = models.sparse_of(index.snapshot().manifest())?;
/// assert!(found.term("dog").is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Models {
    sparse_folder: Option<PathBuf>,
    dense_folder: Option<PathBuf>,
    runtime_library: Option<PathBuf>,
    query_encoder: Option<SideEncoder>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    runtime: Option<Runtime>,
    sparse: Registry<Model>,
    dense: Registry<DenseModel>,
    /// Folders that indexes lie in.
    beside: BTreeSet<PathBuf>,
    /// Models that were found elsewhere, which nobody was told of.
    unsaid: Vec<MovedModel>,
    /// Whether nothing is opened any more.
    is_closed: bool,
}

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Models")
            .field("sparse_folder", &self.sparse_folder)
            .field("dense_folder", &self.dense_folder)
            .field("runtime_library", &self.runtime_library)
            .field("query_encoder", &self.query_encoder)
            .finish_non_exhaustive()
    }
}

impl Models {
    /// Models are looked for where indexes recorded them. One that is not there is looked for by the
    /// name of its folder: in `data/models` of the working directory, in the folders of
    /// `GLEANER_MODELS`, beside the index, and in `models` beside the index.
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks for sparse models in this folder instead. Other handles are as they were.
    pub fn sparse_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.sparse_folder = Some(folder.into());
        self
    }

    /// Looks for dense models in this folder instead. Other handles are as they were.
    pub fn dense_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.dense_folder = Some(folder.into());
        self
    }

    /// Encodes queries of sparse models so, instead of as their folders state. Models that are open
    /// encode as before, so this handle shares them no longer.
    pub fn query_encoder(mut self, encoder: SideEncoder) -> Self {
        self.query_encoder = Some(encoder);
        self.state = Arc::default();
        self
    }

    /// Loads this ONNX Runtime library, instead of searching for one. This handle shares no model any
    /// longer. A process has one library: where another is loaded, opening a model is an error.
    pub fn runtime_library(mut self, file: impl Into<PathBuf>) -> Self {
        self.runtime_library = Some(file.into());
        self.state = Arc::default();
        self
    }

    /// Whether a folder of a sparse model was named.
    pub fn names_sparse(&self) -> bool {
        self.sparse_folder.is_some()
    }

    /// Whether a folder of a dense model was named.
    pub fn names_dense(&self) -> bool {
        self.dense_folder.is_some()
    }

    pub(crate) fn named_sparse_folder(&self) -> Option<&Path> {
        self.sparse_folder.as_deref()
    }

    pub(crate) fn named_dense_folder(&self) -> Option<&Path> {
        self.dense_folder.as_deref()
    }

    /// The sparse model of an index.
    ///
    /// # Errors
    /// `NoModel`, `ModelNotFound`, `ModelMismatch`; `Encode` for a folder that cannot be used; after
    /// [`Models::open_for`] also `ModelUnusable` and `ModelNotOpened`.
    pub fn sparse_of(&self, manifest: &Manifest) -> Result<Model, Error> {
        let state = &mut *self.state();
        let Some(binding) = &manifest.model else {
            return self.named_sparse(state);
        };
        let folder = folder_of(binding, self.sparse_folder.as_ref());
        if !state.is_closed && state.sparse.resolve(binding, &folder).is_err() {
            self.open_bound_sparse(state, binding, &folder)?;
        }
        state.sparse.resolve(binding, &folder).map_err(|unresolved| match unresolved {
            Unresolved::Other { folder: path, fingerprint: model } => {
                Error::ModelMismatch { index: binding.fingerprint.clone(), path, model }
            }
            Unresolved::Unusable { folder: path, reason } => {
                Error::ModelUnusable { path, field: None, reason }
            }
            Unresolved::NotOpened { folder: path } => Error::ModelNotOpened { path, field: None },
        })
    }

    /// The model of a dense field. A field of given vectors has none, unless a folder was named.
    ///
    /// ```
    /// use gleaner::{Error, GivenField, Index, Models};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("my.index");
    /// let index = Index::create(path).dense_field(GivenField::new("emb", 2)).open()?;
    /// let snapshot = index.snapshot();
    /// let found = Models::new().dense_of(&snapshot.manifest().dense[0]);
    /// assert!(matches!(found, Err(Error::NoDenseModel { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `NoDenseModel`, `DenseModelNotFound`, `DenseModelMismatch`, `DenseDims`; `Encode` for a folder
    /// that cannot be used; after [`Models::open_for`] also `ModelUnusable` and `ModelNotOpened`.
    pub fn dense_of(&self, field: &DenseField) -> Result<DenseModel, Error> {
        let state = &mut *self.state();
        let name = || field.spec.name.clone();
        let Some(binding) = &field.model else {
            let model = self.named_dense(state, &field.spec.name)?;
            return check_dims(field, model);
        };
        let folder = folder_of(binding, self.dense_folder.as_ref());
        if !state.is_closed && state.dense.resolve(binding, &folder).is_err() {
            self.open_bound_dense(state, binding, (&folder, &field.spec.name))?;
        }
        let model =
            state.dense.resolve(binding, &folder).map_err(|unresolved| match unresolved {
                Unresolved::Other { folder: path, fingerprint: model } => {
                    let index = binding.fingerprint.clone();
                    Error::DenseModelMismatch { field: name(), index, path, model }
                }
                Unresolved::Unusable { folder: path, reason } => {
                    Error::ModelUnusable { path, field: Some(name()), reason }
                }
                Unresolved::NotOpened { folder: path } => {
                    Error::ModelNotOpened { path, field: Some(name()) }
                }
            })?;
        check_dims(field, model)
    }

    /// The sparse model of an index if it is open.
    pub fn sparse_at_hand(&self, manifest: &Manifest) -> Option<Model> {
        let binding = manifest.model.as_ref()?;
        let folder = folder_of(binding, self.sparse_folder.as_ref());
        self.state().sparse.resolve(binding, &folder).ok()
    }

    /// The sparse vectors of texts by the model of an index, on all cores.
    ///
    /// # Errors
    /// Those of [`Models::sparse_of`]; `Encode`.
    pub fn encode(
        &self,
        manifest: &Manifest,
        side: Side,
        texts: &[&str],
    ) -> Result<Vec<SparseVector>, Error> {
        Ok(self.sparse_of(manifest)?.encoder(0)?.encode(side, texts)?)
    }

    /// Opens a folder as a sparse model, whichever index it is for.
    ///
    /// # Errors
    /// `NotSparse`; `Encode`.
    pub fn open_sparse(&self, folder: &Path) -> Result<Model, Error> {
        if folder.is_dir() && ModelKind::of(folder)? == ModelKind::Dense {
            return Err(Error::NotSparse { path: folder.to_owned() });
        }
        Ok(self.open_sparse_in(&mut self.state(), folder)?)
    }

    /// Opens a folder as a dense model, whichever field it is for.
    ///
    /// # Errors
    /// `NotDense`; `Encode`.
    pub fn open_dense(&self, folder: &Path) -> Result<DenseModel, Error> {
        let opened = self.open_dense_in(&mut self.state(), folder);
        opened.map_err(|error| match error {
            EncodeError::OtherKind { .. } | EncodeError::SparseWeights { .. } => {
                Error::NotDense { path: folder.to_owned() }
            }
            other => other.into(),
        })
    }

    /// Opens everything that several indexes ask for. From then on nothing is opened any more, and an
    /// index of given vectors has no model, whatever is named.
    ///
    /// What an index asks for and cannot be used is remembered, and said when it is needed.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let (path, model) = (folder.path().join("my.index"), concat!(env!("CARGO_MANIFEST_DIR"), "/../data/models/splade-tiny"));
    /// # if gleaner::Models::new().open_sparse(model.as_ref()).is_err() {
    /// #     return Ok(()); // without the ONNX Runtime
    /// # }
    /// use gleaner::{Index, Models};
    ///
    /// # drop(Index::create(&path).model(model).open()?);
    /// let models = Models::new();
    /// let index = Index::open_with(path, &models)?;
    /// models.open_for([index.snapshot().manifest()].into_iter())?;
    /// assert_eq!(models.opened_sparse().len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Named` for a folder or a runtime library that the caller named.
    pub fn open_for<'a>(
        &self,
        manifests: impl Iterator<Item = &'a Manifest> + Clone,
    ) -> Result<(), Error> {
        let state = &mut *self.state();
        state.is_closed = true;
        let fields = manifests.clone().flat_map(|manifest| &manifest.dense);
        let of_sparse = manifests.filter_map(|manifest| manifest.model.as_ref());
        let sparse = folders_of(of_sparse.clone(), self.sparse_folder.as_ref());
        let of_dense = fields.filter_map(|field| field.model.as_ref());
        let dense = folders_of(of_dense.clone(), self.dense_folder.as_ref());
        if sparse.is_empty() && dense.is_empty() {
            return Ok(());
        }
        match (self.runtime(state), self.named()) {
            (Ok(runtime), _) => {
                let how = (&runtime, self.query_encoder);
                open_all(&mut state.sparse, sparse, how, self.names_sparse())
                    .map_err(|(path, source)| refused(Named::SparseModel, path, source))?;
                open_all(&mut state.dense, dense, how, self.names_dense())
                    .map_err(|(path, source)| refused(Named::DenseModel, path, source))?;
                self.find_all(state, of_sparse, of_dense);
                Ok(())
            }
            (Err(source), Some((what, path))) => Err(refused(what, path, source)),
            (Err(source), None) => {
                let reason = chain(&source);
                sparse.iter().for_each(|folder| state.sparse.refuse(folder, reason.clone()));
                dense.iter().for_each(|folder| state.dense.refuse(folder, reason.clone()));
                Ok(())
            }
        }
    }

    /// Takes back an open model of either kind that cannot be put to work: its folder counts as one that
    /// could not be used.
    pub fn refuse(&self, fingerprint: &str, reason: &str) {
        let state = &mut *self.state();
        state.sparse.withdraw(fingerprint, reason);
        state.dense.withdraw(fingerprint, reason);
    }

    /// The sparse models that are open, in the order of their fingerprints.
    pub fn opened_sparse(&self) -> Vec<Model> {
        self.state().sparse.opened().cloned().collect()
    }

    /// The dense models that are open, in the order of their fingerprints.
    pub fn opened_dense(&self) -> Vec<DenseModel> {
        self.state().dense.opened().cloned().collect()
    }

    /// Why a folder of a sparse model could not be used, if one could not.
    pub fn sparse_failure(&self) -> Option<String> {
        self.state().sparse.failure().map(str::to_owned)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is one assignment: a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Models {
    fn runtime(&self, state: &mut State) -> Result<Runtime, EncodeError> {
        if let Some(runtime) = &state.runtime {
            return Ok(runtime.clone());
        }
        let runtime = Runtime::load(self.runtime_library.as_deref())?;
        state.runtime = Some(runtime.clone());
        Ok(runtime)
    }

    /// Opens the folder that a sparse model is to be in, or the one that it is found in.
    ///
    /// Errors: `ModelNotFound`, `Encode`. Another model in the folder is none.
    fn open_bound_sparse(
        &self,
        state: &mut State,
        binding: &ModelBinding,
        folder: &Path,
    ) -> Result<(), Error> {
        if self.names_sparse() {
            self.open_sparse_in(state, folder)?;
            return Ok(());
        }
        // A missing folder is said before the runtime is looked for: the nearer cause first.
        let opened = folder.is_dir().then(|| self.open_sparse_in(state, folder));
        let is_right = |model: &Model| model.fingerprint() == binding.fingerprint;
        if !matches!(&opened, Some(Ok(model)) if is_right(model))
            && self.find_sparse(state, binding).is_none()
        {
            opened.ok_or_else(|| Error::ModelNotFound { path: folder.to_owned() })??;
        }
        Ok(())
    }

    /// Opens the folder that the model of a dense field is to be in, or the one that it is found in.
    ///
    /// Errors: `DenseModelNotFound`, `Encode`. Another model in the folder is none.
    fn open_bound_dense(
        &self,
        state: &mut State,
        binding: &ModelBinding,
        (folder, field): (&Path, &str),
    ) -> Result<(), Error> {
        if self.names_dense() {
            self.open_dense_in(state, folder)?;
            return Ok(());
        }
        let opened = folder.is_dir().then(|| self.open_dense_in(state, folder));
        let is_right = |model: &DenseModel| model.fingerprint() == binding.fingerprint;
        if !matches!(&opened, Some(Ok(model)) if is_right(model))
            && self.find_dense(state, binding).is_none()
        {
            let (path, field) = (folder.to_owned(), field.to_owned());
            opened.ok_or(Error::DenseModelNotFound { path, field })??;
        }
        Ok(())
    }

    fn open_sparse_in(&self, state: &mut State, folder: &Path) -> Result<Model, EncodeError> {
        let runtime = self.runtime(state)?;
        state.sparse.open(folder, &runtime, self.query_encoder)
    }

    fn open_dense_in(&self, state: &mut State, folder: &Path) -> Result<DenseModel, EncodeError> {
        let runtime = self.runtime(state)?;
        state.dense.open(folder, &runtime, self.query_encoder)
    }

    /// The model for an index of given vectors: whoever names one says that it fits.
    fn named_sparse(&self, state: &mut State) -> Result<Model, Error> {
        match self.sparse_folder.as_ref().filter(|_| !state.is_closed) {
            Some(folder) => Ok(self.open_sparse_in(state, folder)?),
            None => Err(Error::NoModel),
        }
    }

    /// The model for a field of given vectors.
    fn named_dense(&self, state: &mut State, field: &str) -> Result<DenseModel, Error> {
        match self.dense_folder.as_ref().filter(|_| !state.is_closed) {
            Some(folder) => Ok(self.open_dense_in(state, folder)?),
            None => Err(Error::NoDenseModel { field: field.to_owned() }),
        }
    }

    /// Looks for the models that are not where they were recorded.
    fn find_all<'a>(
        &self,
        state: &mut State,
        sparse: impl Iterator<Item = &'a ModelBinding>,
        dense: impl Iterator<Item = &'a ModelBinding>,
    ) {
        let path = |binding: &ModelBinding| PathBuf::from(&binding.path);
        for binding in sparse.filter(|_| !self.names_sparse()) {
            if state.sparse.resolve(binding, &path(binding)).is_err() {
                self.find_sparse(state, binding);
            }
        }
        for binding in dense.filter(|_| !self.names_dense()) {
            if state.dense.resolve(binding, &path(binding)).is_err() {
                self.find_dense(state, binding);
            }
        }
    }

    /// What somebody named and would not forgive.
    fn named(&self) -> Option<(Named, PathBuf)> {
        let library = self.runtime_library.clone().map(|path| (Named::RuntimeLibrary, path));
        let sparse = || self.sparse_folder.clone().map(|path| (Named::SparseModel, path));
        let dense = || self.dense_folder.clone().map(|path| (Named::DenseModel, path));
        library.or_else(sparse).or_else(dense)
    }
}

fn refused(what: Named, path: PathBuf, source: EncodeError) -> Error {
    Error::Named { what, path, source: Box::new(source) }
}

/// Opens every folder. A failure is remembered, or is an error where the folder was named.
fn open_all<M: FolderModel>(
    registry: &mut Registry<M>,
    folders: BTreeSet<PathBuf>,
    (runtime, query): (&Runtime, Option<SideEncoder>),
    is_named: bool,
) -> Result<(), (PathBuf, EncodeError)> {
    for folder in folders {
        if let Err(source) = registry.open(&folder, runtime, query)
            && is_named
        {
            return Err((folder, source));
        }
    }
    Ok(())
}

fn check_dims(field: &DenseField, model: DenseModel) -> Result<DenseModel, Error> {
    let (expected, found) = (field.spec.dims, model.dims());
    match expected == found {
        true => Ok(model),
        false => {
            let path = model.folder().to_owned();
            Err(Error::DenseDims { field: field.spec.name.clone(), expected, path, found })
        }
    }
}

/// What an index records of a model.
///
/// Errors: `ModelFolder`.
pub(crate) fn binding(folder: &Path, fingerprint: &str) -> Result<ModelBinding, Error> {
    let absolute = folder
        .canonicalize()
        .map_err(|source| Error::ModelFolder { path: folder.to_owned(), source })?;
    let path = absolute.to_string_lossy().into_owned();
    Ok(ModelBinding { path, fingerprint: fingerprint.to_owned() })
}
