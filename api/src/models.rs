//! The models of the indexes, one per fingerprint, each with its batcher.
//!
//! Which model encodes for an index is decided by fingerprint alone; folders only say where to look
//! for it. A model that fails its self-test stays loaded to be reported, and encodes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use gleaner_encoder::{EncodeError, Model, ModelCard, Runtime, Side, SideEncoder, SparseVector};
use gleaner_searcher::{Manifest, ModelBinding};

use crate::{
    batcher::{Batcher, TextEncoder},
    error::{Code, Problem, ServeError, chain},
    metrics::ModelMetrics,
    queue::Lane,
    serve::BatchLimits,
    wire::Outcome,
};

/// Every model this server has or should have.
pub(crate) struct Models {
    /// By fingerprint.
    loaded: BTreeMap<String, Arc<LoadedModel>>,
    /// What each folder held: a fingerprint, or why it could not be used.
    folders: BTreeMap<PathBuf, Result<String, String>>,
    /// The folder that overrides those the indexes recorded.
    named: Option<PathBuf>,
}

/// A model that encodes.
pub(crate) struct LoadedModel {
    model: Model,
    selftest: (Outcome, Option<String>),
    batcher: Batcher,
}

/// How models are loaded.
pub(crate) struct LoadOptions<'a> {
    /// The folder that overrides those the indexes recorded.
    pub(crate) named: Option<PathBuf>,
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
    /// Loads what `bindings` ask for.
    ///
    /// Errors: `Model` for a runtime or a model that was asked for by name; what the indexes ask
    /// for and is missing is remembered, and reported when it is needed.
    pub(crate) fn load<'a>(
        bindings: impl Iterator<Item = &'a ModelBinding>,
        options: LoadOptions<'_>,
    ) -> Result<Self, ServeError> {
        let LoadOptions { named, query, ort_lib, encoders, batching } = options;
        let wanted: BTreeSet<PathBuf> = match &named {
            Some(folder) => BTreeSet::from([folder.clone()]),
            None => bindings.map(|binding| PathBuf::from(&binding.path)).collect(),
        };
        let mut models = Self { loaded: BTreeMap::new(), folders: BTreeMap::new(), named };
        if wanted.is_empty() {
            return Ok(models);
        }
        let runtime = match (Runtime::load(ort_lib), ort_lib, &models.named) {
            (Ok(runtime), ..) => Ok(runtime),
            (Err(source), Some(path), _) => return Err(asked_for("--ort-lib", path, source)),
            (Err(source), None, Some(path)) => return Err(asked_for("--model", path, source)),
            (Err(source), None, None) => Err(chain(&source)),
        };
        for folder in wanted {
            let opened = match &runtime {
                Err(reason) => Err(reason.clone()),
                Ok(runtime) => {
                    match (
                        models.open(&folder, query, (runtime, encoders, batching)),
                        &models.named,
                    ) {
                        (Err(source), Some(_)) => {
                            return Err(asked_for("--model", &folder, source));
                        }
                        (opened, _) => opened.map_err(|error| chain(&error)),
                    }
                }
            };
            models.folders.insert(folder, opened);
        }
        Ok(models)
    }

    /// Opens a folder; one of a fingerprint that is loaded already adds nothing.
    fn open(
        &mut self,
        folder: &Path,
        query: Option<SideEncoder>,
        (runtime, encoders, batching): (&Runtime, usize, BatchLimits),
    ) -> Result<String, EncodeError> {
        let model = Model::open_with(folder, runtime, query)?;
        let fingerprint = model.fingerprint().to_owned();
        if !self.loaded.contains_key(&fingerprint) {
            let loaded = LoadedModel::new(model, encoders, batching)?;
            self.loaded.insert(fingerprint.clone(), Arc::new(loaded));
        }
        Ok(fingerprint)
    }

    /// The model that an index was made with.
    ///
    /// Errors: `model_not_found` when it is not loaded, `model_mismatch` when another one is.
    pub(crate) fn of_index(&self, manifest: &Manifest) -> Result<&Arc<LoadedModel>, Problem> {
        let Some(binding) = &manifest.model else {
            let detail = "the index holds given vectors and has no model";
            return Err(Problem::new(Code::ModelNotFound, detail)
                .hint("search it with indices and values, or rank by bm25"));
        };
        if let Some(model) = self.loaded.get(&binding.fingerprint) {
            return Ok(model);
        }
        let folder = self.named.clone().unwrap_or_else(|| PathBuf::from(&binding.path));
        let hint = "start the server with `--model DIR`, the folder of the index's model";
        Err(match self.folders.get(&folder) {
            Some(Ok(found)) => Problem::new(
                Code::ModelMismatch,
                format!(
                    "the index was made with {}, the model in `{}` is {found}",
                    binding.fingerprint,
                    folder.display()
                ),
            ),
            Some(Err(reason)) => Problem::new(Code::ModelNotFound, reason),
            None => Problem::new(
                Code::ModelNotFound,
                format!("`{}` was not there when the server started", folder.display()),
            ),
        }
        .hint(hint))
    }

    /// The model when there is only one that an index is bound to (`bound`, fingerprints). One that
    /// lies where an index's model was, but is another, does not count.
    ///
    /// Errors: `model_not_found`, `model_ambiguous`.
    pub(crate) fn only(&self, bound: &BTreeSet<String>) -> Result<&Arc<LoadedModel>, Problem> {
        let mut usable: Vec<&Arc<LoadedModel>> =
            bound.iter().filter_map(|fingerprint| self.loaded.get(fingerprint)).collect();
        if usable.is_empty() {
            usable.extend(self.loaded.values());
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
                let reason = self.folders.values().find_map(|held| held.as_ref().err());
                let detail = reason.map_or("no index served here names a model", String::as_str);
                Err(Problem::new(Code::ModelNotFound, detail)
                    .hint("start the server with `--model DIR`"))
            }
        }
    }

    /// Every model that is loaded.
    pub(crate) fn loaded(&self) -> impl Iterator<Item = &LoadedModel> {
        self.loaded.values().map(|model| &**model)
    }
}

fn asked_for(flag: &str, path: &Path, source: EncodeError) -> ServeError {
    ServeError::Model { asked_for: format!("`{flag} {}`", path.display()), source }
}

impl LoadedModel {
    fn new(model: Model, encoders: usize, batching: BatchLimits) -> Result<Self, EncodeError> {
        let selftest = match model.selftest() {
            Ok(report) if report.passed => (Outcome::Pass, None),
            // Nobody vouched for its vectors; that a batch moves them is no reason to have none.
            Ok(report) if !report.has_golden => (Outcome::Warn, Some(report.failures.join("; "))),
            Ok(report) => (Outcome::Fail, Some(report.failures.join("; "))),
            // A model that was copied without its golden file can be used, unproven.
            Err(error @ EncodeError::MissingFile { .. }) => (Outcome::Warn, Some(chain(&error))),
            Err(error) => (Outcome::Fail, Some(chain(&error))),
        };
        let made = model.clone();
        let make = move || {
            let mut encoder = made.encoder(1)?;
            // Now rather than at somebody's first query.
            encoder.prepare(Side::Query)?;
            let encoder: Box<dyn TextEncoder> = Box::new(encoder);
            Ok(encoder)
        };
        let lengths = model.card().max_length;
        let batcher = Batcher::start(encoders, batching, lengths, Box::new(make))?;
        Ok(Self { model, selftest, batcher })
    }

    /// Names what the model computes.
    pub(crate) fn fingerprint(&self) -> &str {
        self.model.fingerprint()
    }

    /// How the self-test at the start ended.
    pub(crate) fn selftest(&self) -> (Outcome, Option<&str>) {
        (self.selftest.0, self.selftest.1.as_deref())
    }

    /// The text of a term id.
    pub(crate) fn token(&self, term: u32) -> Option<String> {
        self.model.token(term).map(str::to_owned)
    }

    /// The term id of a token's text.
    pub(crate) fn term(&self, token: &str) -> Option<u32> {
        self.model.term(token)
    }

    /// What there is to say about the model.
    pub(crate) fn card(&self) -> &ModelCard {
        self.model.card()
    }

    /// The model itself, for what needs no encoder.
    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    /// Encodes texts, without holding a thread while they wait; vectors in their order.
    ///
    /// Errors: `model_untrusted` when the self-test failed; those of the batcher.
    pub(crate) async fn encode(
        &self,
        lane: Lane,
        texts: Vec<String>,
    ) -> Result<Vec<SparseVector>, Problem> {
        if let (Outcome::Fail, detail) = &self.selftest {
            let detail = detail.as_deref().unwrap_or_default();
            return Err(Problem::new(Code::ModelUntrusted, detail));
        }
        self.batcher.encode(lane, texts).await
    }

    /// What was counted of its encoding.
    pub(crate) fn metrics(&self) -> ModelMetrics<'_> {
        ModelMetrics {
            model: self.model.fingerprint(),
            waiting: Lane::ALL.map(|lane| self.batcher.waiting(lane)),
            counted: self.batcher.metrics(),
        }
    }
}
