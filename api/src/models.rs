//! The models of the indexes, one per fingerprint, each with its pool of encoders.
//!
//! Which model encodes for an index is decided by fingerprint alone; folders only say where to look
//! for it. A model that fails its self-test stays loaded to be reported, and encodes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use gleaner_encoder::{EncodeError, Encoder, Model, Runtime, Side, SideEncoder, SparseVector};
use gleaner_searcher::{Manifest, ModelBinding};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    error::{Code, Problem, ServeError, chain},
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
    idle: Mutex<Vec<Encoder>>,
    turns: Arc<Semaphore>,
}

/// The right to use one encoder of a model.
pub(crate) struct Turn {
    model: Arc<LoadedModel>,
    _permit: OwnedSemaphorePermit,
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
        let LoadOptions { named, query, ort_lib, encoders } = options;
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
                    match (models.open(&folder, query, runtime, encoders), &models.named) {
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
        runtime: &Runtime,
        encoders: usize,
    ) -> Result<String, EncodeError> {
        let model = Model::open_with(folder, runtime, query)?;
        let fingerprint = model.fingerprint().to_owned();
        if !self.loaded.contains_key(&fingerprint) {
            let loaded = LoadedModel::new(model, encoders.max(1))?;
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

    /// The model when there is only one.
    ///
    /// Errors: `model_not_found`, `model_ambiguous`.
    pub(crate) fn only(&self) -> Result<&Arc<LoadedModel>, Problem> {
        let mut loaded = self.loaded.values();
        match (loaded.next(), loaded.next()) {
            (Some(model), None) => Ok(model),
            (Some(_), Some(_)) => {
                let detail = format!("{} models are loaded", self.loaded.len());
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
    fn new(model: Model, encoders: usize) -> Result<Self, EncodeError> {
        let selftest = match model.selftest() {
            Ok(report) if report.passed => (Outcome::Pass, None),
            Ok(report) => (Outcome::Fail, Some(report.failures.join("; "))),
            // A model that was copied without its golden file can be used, unproven.
            Err(error @ (EncodeError::NoGolden { .. } | EncodeError::MissingFile { .. })) => {
                (Outcome::Warn, Some(chain(&error)))
            }
            Err(error) => (Outcome::Fail, Some(chain(&error))),
        };
        let mut idle = (0..encoders).map(|_| model.encoder(1)).collect::<Result<Vec<_>, _>>()?;
        // Now rather than at somebody's first query.
        idle.iter_mut().try_for_each(|encoder| encoder.prepare(Side::Query))?;
        let turns = Arc::new(Semaphore::new(encoders.min(Semaphore::MAX_PERMITS)));
        Ok(Self { model, selftest, idle: Mutex::new(idle), turns })
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

    /// Waits, without holding a thread, until an encoder is free.
    ///
    /// Errors: `model_untrusted` when the self-test failed.
    pub(crate) async fn turn(self: &Arc<Self>) -> Result<Turn, Problem> {
        if let (Outcome::Fail, detail) = &self.selftest {
            let detail = detail.as_deref().unwrap_or_default();
            return Err(Problem::new(Code::ModelUntrusted, detail));
        }
        let permit = Arc::clone(&self.turns).acquire_owned().await;
        let closed = |_| Problem::new(Code::Internal, "the encoders are gone");
        Ok(Turn { model: Arc::clone(self), _permit: permit.map_err(closed)? })
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Encoder>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Encodes texts; blocks the thread. An encoder that panics is not used again.
    pub(crate) fn encode(
        self,
        side: Side,
        texts: &[&str],
    ) -> Result<Vec<SparseVector>, EncodeError> {
        let idle = self.model.idle().pop();
        let mut encoder = match idle {
            Some(encoder) => encoder,
            None => self.model.model.encoder(1)?,
        };
        let vectors = encoder.encode(side, texts);
        self.model.idle().push(encoder);
        vectors
    }
}
