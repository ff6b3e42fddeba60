//! Which model encodes: that of an index, of a dense field, or the only one there is.
//!
//! Models are loaded once, before the first request. What an index asks for and is missing is
//! reported when it is needed.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use gleaner_encoder::{DenseModel, Model, Runtime, SideEncoder};
use gleaner_searcher::{DenseField, Manifest};

use super::{
    by_fingerprint::{ModelOpener, ModelsByFingerprint},
    loaded::LoadedModel,
    trust::Trust,
};
use crate::{
    encoding::ModelMetrics,
    error::{Code, Problem, ServeError, chain},
    limits::BatchLimits,
};

/// Every model this server has or should have.
pub(crate) struct Models {
    sparse: ModelsByFingerprint<Model>,
    dense: ModelsByFingerprint<DenseModel>,
}

/// How models are loaded.
pub(crate) struct LoadOptions<'a> {
    /// The folder of the sparse model that overrides those the indexes recorded.
    pub(crate) named: Option<PathBuf>,
    /// The folder of the dense model that overrides those the indexes recorded.
    pub(crate) named_dense: Option<PathBuf>,
    /// What encodes queries, where it is not what the folders state.
    pub(crate) query: Option<SideEncoder>,
    /// The runtime's library, where one was named.
    pub(crate) ort_lib: Option<&'a Path>,
    /// Encoders per model.
    pub(crate) encoders: usize,
    /// How their work is shared out.
    pub(crate) batching: BatchLimits,
}

impl Models {
    /// Loads what indexes ask for.
    ///
    /// Errors: `Model` for a runtime or a model that was asked for by name; what the indexes ask
    /// for and is missing is remembered, and reported when it is needed.
    pub(crate) fn load<'a>(
        manifests: impl Iterator<Item = &'a Manifest> + Clone,
        options: LoadOptions<'_>,
    ) -> Result<Self, ServeError> {
        let LoadOptions { named, named_dense, query, ort_lib, encoders, batching } = options;
        let mut models = Self {
            sparse: ModelsByFingerprint::new("--model", named),
            dense: ModelsByFingerprint::new("--dense-model", named_dense),
        };
        let fields = manifests.clone().flat_map(|manifest| &manifest.dense);
        let sparse = models.sparse.wanted(manifests.filter_map(|manifest| manifest.model.as_ref()));
        let dense = models.dense.wanted(fields.filter_map(|field| field.model.as_ref()));
        if sparse.is_empty() && dense.is_empty() {
            return Ok(models);
        }
        let named = models.sparse.named().or(models.dense.named());
        let runtime = runtime(ort_lib, named)?;
        let runtime = runtime.as_ref().map_err(String::as_str);
        let open = |folder: &Path, runtime: &Runtime| Model::open_with(folder, runtime, query);
        models.sparse.load(sparse, &ModelOpener { runtime, open, encoders, batching })?;
        models
            .dense
            .load(dense, &ModelOpener { runtime, open: DenseModel::open, encoders, batching })?;
        Ok(models)
    }

    /// The model that an index was made with.
    ///
    /// Errors: `model_not_found` when it is not loaded, `model_mismatch` when another one is.
    pub(crate) fn of_index(
        &self,
        manifest: &Manifest,
    ) -> Result<&Arc<LoadedModel<Model>>, Problem> {
        let binding = manifest.model.as_ref().ok_or_else(|| {
            let detail = "the index holds given vectors and has no model";
            Problem::new(Code::ModelNotFound, detail)
                .hint("search it with indices and values, or rank by bm25")
        })?;
        self.sparse.bound(binding, "the index")
    }

    /// The model that made the vectors of a dense field.
    ///
    /// Errors: as [`Self::of_index`].
    pub(crate) fn of_field(
        &self,
        field: &DenseField,
    ) -> Result<&Arc<LoadedModel<DenseModel>>, Problem> {
        let name = &field.spec.name;
        let binding = field.model.as_ref().ok_or_else(|| {
            let detail = format!("the dense field `{name}` holds given vectors and has no model");
            Problem::new(Code::ModelNotFound, detail)
                .hint("search it with a vector of your own, as query.dense")
        })?;
        self.dense.bound(binding, &format!("the dense field `{name}`"))
    }

    /// The sparse model when there is only one that an index is bound to (`bound`, fingerprints).
    /// One that lies where an index's model was, but is another, does not count.
    ///
    /// Errors: `model_not_found`, `model_ambiguous`.
    pub(crate) fn only(
        &self,
        bound: &BTreeSet<String>,
    ) -> Result<&Arc<LoadedModel<Model>>, Problem> {
        let mut usable: Vec<&Arc<LoadedModel<Model>>> =
            bound.iter().filter_map(|fingerprint| self.sparse.get(fingerprint)).collect();
        if usable.is_empty() {
            usable.extend(self.sparse.loaded());
        }
        match (usable.first(), usable.len()) {
            (Some(model), 1) => Ok(model),
            (Some(_), models) => {
                let detail = format!("the indexes served here have {models} models");
                Err(Problem::new(Code::ModelAmbiguous, detail)
                    .field("index")
                    .hint("name an index as `index` to use its model"))
            }
            (None, _) => {
                let detail = self.sparse.failure().unwrap_or("no index served here names a model");
                Err(Problem::new(Code::ModelNotFound, detail)
                    .hint("start the server with `--model DIR`"))
            }
        }
    }

    /// Every model that is loaded, by its fingerprint, with how its self-test ended.
    pub(crate) fn selftests(&self) -> impl Iterator<Item = (&str, &Trust)> {
        let sparse = self.sparse.loaded().map(|model| (model.fingerprint(), model.trust()));
        let dense = self.dense.loaded().map(|model| (model.fingerprint(), model.trust()));
        sparse.chain(dense)
    }

    /// What was counted of the encoding of every model that is loaded.
    pub(crate) fn metrics(&self) -> impl Iterator<Item = ModelMetrics<'_>> {
        let sparse = self.sparse.loaded().map(|model| model.metrics());
        sparse.chain(self.dense.loaded().map(|model| model.metrics()))
    }
}

/// The runtime, or why there is none; an error where somebody named it, or a model that needs it.
fn runtime(
    ort_lib: Option<&Path>,
    named: Option<(&'static str, &Path)>,
) -> Result<Result<Runtime, String>, ServeError> {
    match (Runtime::load(ort_lib), ort_lib, named) {
        (Ok(runtime), ..) => Ok(Ok(runtime)),
        (Err(source), Some(path), _) => Err(ServeError::asked_for("--ort-lib", path, source)),
        (Err(source), None, Some((flag, path))) => Err(ServeError::asked_for(flag, path, source)),
        (Err(source), None, None) => Ok(Err(chain(&source))),
    }
}
