//! The models of the indexes that are served, each with its batcher, by fingerprint.
//!
//! Models are opened once, before the first request. Which of them belongs to an index or a dense
//! field, and why there is none, is for [`Models`] to say. Every open model is at work here.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gleaner::{DenseField, DenseModel, Error, Manifest, Model, Models, Named, chain};

use super::{
    loaded::{LoadedModel, ServedModel},
    trust::Trust,
};
use crate::{
    encoding::ModelMetrics,
    error::{Code, Problem, ServeError},
    limits::BatchLimits,
};

type ByFingerprint<M> = BTreeMap<String, Arc<LoadedModel<M>>>;

/// Every model this server has or should have.
pub(crate) struct ServedModels {
    /// Closed: nothing is opened any more.
    models: Models,
    sparse: ByFingerprint<Model>,
    dense: ByFingerprint<DenseModel>,
}

/// What each model is put to work with.
#[derive(Clone, Copy)]
pub(crate) struct Workers {
    /// Encoders per model.
    pub(crate) encoders: usize,
    /// How their work is shared out.
    pub(crate) batching: BatchLimits,
}

impl ServedModels {
    /// Opens what indexes ask for, and puts it to work.
    ///
    /// Errors: `Model` for a runtime or a model that was asked for by name; what the indexes ask
    /// for and is missing is remembered, and reported when it is needed.
    pub(crate) fn open<'a>(
        models: Models,
        manifests: impl Iterator<Item = &'a Manifest> + Clone,
        workers: Workers,
    ) -> Result<Self, ServeError> {
        models.open_for(manifests)?;
        let named = models.names_sparse().then_some(Named::SparseModel);
        let sparse = start(models.opened_sparse(), named, &models, workers)?;
        let named = models.names_dense().then_some(Named::DenseModel);
        let dense = start(models.opened_dense(), named, &models, workers)?;
        Ok(Self { models, sparse, dense })
    }

    /// What finds the model of an index or a field.
    pub(crate) fn models(&self) -> &Models {
        &self.models
    }

    /// The model that an index was made with.
    ///
    /// Errors: those of [`Models::sparse_of`].
    pub(crate) fn of_index(&self, manifest: &Manifest) -> Result<&Arc<LoadedModel<Model>>, Error> {
        self.sparse(&self.models.sparse_of(manifest)?)
    }

    /// The model that made the vectors of a dense field.
    ///
    /// Errors: those of [`Models::dense_of`].
    pub(crate) fn of_field(
        &self,
        field: &DenseField,
    ) -> Result<&Arc<LoadedModel<DenseModel>>, Error> {
        self.dense(&self.models.dense_of(field)?, &field.spec.name)
    }

    /// An open sparse model, at work.
    ///
    /// Errors: `ModelUnusable`.
    pub(crate) fn sparse(&self, model: &Model) -> Result<&Arc<LoadedModel<Model>>, Error> {
        at_work(&self.sparse, model, None)
    }

    /// An open dense model, at work for a field.
    ///
    /// Errors: `ModelUnusable`.
    pub(crate) fn dense(
        &self,
        model: &DenseModel,
        field: &str,
    ) -> Result<&Arc<LoadedModel<DenseModel>>, Error> {
        at_work(&self.dense, model, Some(field))
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
            usable.extend(self.sparse.values());
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
                let none = || "no index served here names a model".to_owned();
                let detail = self.models.sparse_failure().unwrap_or_else(none);
                Err(Problem::new(Code::ModelNotFound, detail)
                    .hint("start the server with `--model DIR`"))
            }
        }
    }

    /// Every model at work, by its fingerprint, with how its self-test ended.
    pub(crate) fn selftests(&self) -> impl Iterator<Item = (&str, &Trust)> {
        let sparse = self.sparse.values().map(|model| (model.fingerprint(), model.trust()));
        let dense = self.dense.values().map(|model| (model.fingerprint(), model.trust()));
        sparse.chain(dense)
    }

    /// What was counted of the encoding of every model at work.
    pub(crate) fn metrics(&self) -> impl Iterator<Item = ModelMetrics<'_>> {
        let sparse = self.sparse.values().map(|model| model.metrics());
        sparse.chain(self.dense.values().map(|model| model.metrics()))
    }
}

/// Puts models of one kind to work. One whose encoders do not start is taken back.
///
/// Errors: `Model` where a folder of this kind was `named`.
fn start<M: ServedModel>(
    opened: Vec<M>,
    named: Option<Named>,
    models: &Models,
    workers: Workers,
) -> Result<ByFingerprint<M>, ServeError> {
    let mut started = ByFingerprint::new();
    for model in opened {
        let fingerprint = model.fingerprint().to_owned();
        match (LoadedModel::new(model.clone(), workers.encoders, workers.batching), named) {
            (Ok(loaded), _) => drop(started.insert(fingerprint, Arc::new(loaded))),
            (Err(source), Some(what)) => {
                return Err(ServeError::asked_for(what, model.folder(), source));
            }
            (Err(error), None) => models.refuse(&fingerprint, &chain(&error)),
        }
    }
    Ok(started)
}

/// An open model with its encoders. Those without any were taken back at the start.
fn at_work<'a, M: ServedModel>(
    started: &'a ByFingerprint<M>,
    model: &M,
    field: Option<&str>,
) -> Result<&'a Arc<LoadedModel<M>>, Error> {
    started.get(model.fingerprint()).ok_or_else(|| Error::ModelUnusable {
        path: model.folder().to_owned(),
        field: field.map(str::to_owned),
        reason: "the model has no encoders".to_owned(),
    })
}
