//! Models of one kind by fingerprint, and the folders they were looked for in.
//!
//! What an index asks for and is missing is remembered, and reported when it is needed.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use gleaner_encoder::{EncodeError, Runtime};
use gleaner_searcher::ModelBinding;

use super::loaded::{LoadedModel, ServedModel};
use crate::{
    error::{Code, Problem, ServeError, chain},
    limits::BatchLimits,
};

/// The models of one kind that this server has or should have.
pub(super) struct ModelsByFingerprint<M: ServedModel> {
    /// By fingerprint.
    loaded: BTreeMap<String, Arc<LoadedModel<M>>>,
    /// What each folder held: a fingerprint, or why it could not be used.
    folders: BTreeMap<PathBuf, Result<String, String>>,
    /// The folder that overrides those the indexes recorded.
    named: Option<PathBuf>,
    /// The flag that names it.
    flag: &'static str,
}

/// Opens and starts the models of one kind.
pub(super) struct ModelOpener<'a, O> {
    /// The runtime, or why there is none.
    pub(super) runtime: Result<&'a Runtime, &'a str>,
    /// Opens a folder.
    pub(super) open: O,
    /// Encoders per model.
    pub(super) encoders: usize,
    /// How their work is shared out.
    pub(super) batching: BatchLimits,
}

impl<M: ServedModel> ModelsByFingerprint<M> {
    /// No models yet; `named` is the folder behind `flag`.
    pub(super) fn new(flag: &'static str, named: Option<PathBuf>) -> Self {
        Self { loaded: BTreeMap::new(), folders: BTreeMap::new(), named, flag }
    }

    /// The folders to look in, for indexes that are bound to models by `bindings`.
    pub(super) fn wanted<'a>(
        &self,
        bindings: impl Iterator<Item = &'a ModelBinding>,
    ) -> BTreeSet<PathBuf> {
        match &self.named {
            Some(folder) => BTreeSet::from([folder.clone()]),
            None => bindings.map(|binding| PathBuf::from(&binding.path)).collect(),
        }
    }

    /// The folder that somebody named, and the flag it stood behind.
    pub(super) fn named(&self) -> Option<(&'static str, &Path)> {
        self.named.as_ref().map(|folder| (self.flag, folder.as_path()))
    }

    /// Loads what lies in `folders`; a fingerprint that is loaded already adds nothing.
    ///
    /// Errors: `Model` for a folder that was named and cannot be used.
    pub(super) fn load<O>(
        &mut self,
        folders: BTreeSet<PathBuf>,
        opener: &ModelOpener<'_, O>,
    ) -> Result<(), ServeError>
    where
        O: Fn(&Path, &Runtime) -> Result<M, EncodeError>,
    {
        for folder in folders {
            let opened = match opener.runtime {
                Err(reason) => Err(reason.to_owned()),
                Ok(runtime) => match self.start(&folder, runtime, opener) {
                    Err(source) if self.named.is_some() => {
                        return Err(ServeError::asked_for(self.flag, &folder, source));
                    }
                    opened => opened.map_err(|error| chain(&error)),
                },
            };
            self.folders.insert(folder, opened);
        }
        Ok(())
    }

    fn start<O>(
        &mut self,
        folder: &Path,
        runtime: &Runtime,
        opener: &ModelOpener<'_, O>,
    ) -> Result<String, EncodeError>
    where
        O: Fn(&Path, &Runtime) -> Result<M, EncodeError>,
    {
        let model = (opener.open)(folder, runtime)?;
        let fingerprint = model.fingerprint().to_owned();
        if !self.loaded.contains_key(&fingerprint) {
            let loaded = LoadedModel::new(model, opener.encoders, opener.batching)?;
            self.loaded.insert(fingerprint.clone(), Arc::new(loaded));
        }
        Ok(fingerprint)
    }

    /// The model that `whose` (the index, a dense field) is bound to.
    ///
    /// Errors: `model_not_found` when it is not loaded, `model_mismatch` when another one is.
    pub(super) fn bound(
        &self,
        binding: &ModelBinding,
        whose: &str,
    ) -> Result<&Arc<LoadedModel<M>>, Problem> {
        if let Some(model) = self.loaded.get(&binding.fingerprint) {
            return Ok(model);
        }
        let folder = self.named.clone().unwrap_or_else(|| PathBuf::from(&binding.path));
        let (code, detail) = match self.folders.get(&folder) {
            Some(Ok(found)) => (
                Code::ModelMismatch,
                format!(
                    "{whose} was made with {}, the model in `{}` is {found}",
                    binding.fingerprint,
                    folder.display()
                ),
            ),
            Some(Err(reason)) => (Code::ModelNotFound, reason.clone()),
            None => (
                Code::ModelNotFound,
                format!("`{}` was not there when the server started", folder.display()),
            ),
        };
        let hint = format!("start the server with `{} DIR`, the folder of its model", self.flag);
        Err(Problem::new(code, detail).hint(hint))
    }

    /// The model of a fingerprint.
    pub(super) fn get(&self, fingerprint: &str) -> Option<&Arc<LoadedModel<M>>> {
        self.loaded.get(fingerprint)
    }

    /// Every model that is loaded.
    pub(super) fn loaded(&self) -> impl Iterator<Item = &Arc<LoadedModel<M>>> {
        self.loaded.values()
    }

    /// Why a folder could not be used, if one could not.
    pub(super) fn failure(&self) -> Option<&str> {
        self.folders.values().find_map(|held| held.as_ref().err()).map(String::as_str)
    }
}
