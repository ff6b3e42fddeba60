//! Models of one kind by their fingerprints, and the folders they were looked for in.
//!
//! A fingerprint alone decides which model belongs to an index; folders only say where to look. What
//! could not be used is remembered with its reason. When a folder is opened is `models.rs`'s.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use gleaner_catalog::ModelBinding;
use gleaner_encoder::{DenseModel, EncodeError, Model, Runtime, SideEncoder};

use crate::error::chain;

/// A model that lies in a folder.
pub(crate) trait FolderModel: Clone {
    /// Names what it makes of documents.
    fn fingerprint(&self) -> &str;

    /// Opens a folder; `query` replaces what the folder states of the encoding of queries.
    fn open(
        folder: &Path,
        runtime: &Runtime,
        query: Option<SideEncoder>,
    ) -> Result<Self, EncodeError>;
}

impl FolderModel for Model {
    fn fingerprint(&self) -> &str {
        Self::fingerprint(self)
    }

    fn open(
        folder: &Path,
        runtime: &Runtime,
        query: Option<SideEncoder>,
    ) -> Result<Self, EncodeError> {
        Self::open_with(folder, runtime, query)
    }
}

impl FolderModel for DenseModel {
    fn fingerprint(&self) -> &str {
        Self::fingerprint(self)
    }

    fn open(folder: &Path, runtime: &Runtime, _: Option<SideEncoder>) -> Result<Self, EncodeError> {
        Self::open(folder, runtime)
    }
}

/// Why no open model belongs to an index or a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unresolved {
    /// Nobody has looked into the folder.
    NotOpened {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder could not be used.
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// Why, with all causes.
        reason: String,
    },
    /// The folder holds another model.
    Other {
        /// The folder.
        folder: PathBuf,
        /// What it holds.
        fingerprint: String,
    },
}

/// Models of one kind.
#[derive(Debug)]
pub(crate) struct Registry<M> {
    /// By fingerprint.
    opened: BTreeMap<String, M>,
    /// What each folder held: a fingerprint, or why it could not be used.
    folders: BTreeMap<PathBuf, Result<String, String>>,
}

impl<M> Default for Registry<M> {
    fn default() -> Self {
        Self { opened: BTreeMap::new(), folders: BTreeMap::new() }
    }
}

/// Where the model of a binding is looked for: in the folder that somebody named, else where it was recorded.
pub(crate) fn folder_of(binding: &ModelBinding, named: Option<&PathBuf>) -> PathBuf {
    named.cloned().unwrap_or_else(|| PathBuf::from(&binding.path))
}

/// The folders to look in for all of these bindings.
pub(crate) fn folders_of<'a>(
    bindings: impl Iterator<Item = &'a ModelBinding>,
    named: Option<&PathBuf>,
) -> BTreeSet<PathBuf> {
    match named {
        Some(folder) => BTreeSet::from([folder.clone()]),
        None => bindings.map(|binding| folder_of(binding, None)).collect(),
    }
}

impl<M: FolderModel> Registry<M> {
    /// Opens a folder and remembers what became of it. A model that is open already is that one.
    ///
    /// Errors: the encoder's.
    pub(crate) fn open(
        &mut self,
        folder: &Path,
        runtime: &Runtime,
        query: Option<SideEncoder>,
    ) -> Result<M, EncodeError> {
        if let Some(Ok(fingerprint)) = self.folders.get(folder)
            && let Some(model) = self.opened.get(fingerprint)
        {
            return Ok(model.clone());
        }
        match M::open(folder, runtime, query) {
            Ok(model) => {
                let fingerprint = model.fingerprint().to_owned();
                self.folders.insert(folder.to_owned(), Ok(fingerprint.clone()));
                Ok(self.opened.entry(fingerprint).or_insert(model).clone())
            }
            Err(error) => {
                self.refuse(folder, chain(&error));
                Err(error)
            }
        }
    }

    /// Takes a model that is open, in place of what the folder held.
    pub(crate) fn adopt(&mut self, folder: &Path, model: M) {
        let fingerprint = model.fingerprint().to_owned();
        self.folders.insert(folder.to_owned(), Ok(fingerprint.clone()));
        self.opened.entry(fingerprint).or_insert(model);
    }

    /// Remembers why a folder cannot be used.
    pub(crate) fn refuse(&mut self, folder: &Path, reason: String) {
        self.folders.insert(folder.to_owned(), Err(reason));
    }

    /// Closes a model and remembers why its folders cannot be used.
    pub(crate) fn withdraw(&mut self, fingerprint: &str, reason: &str) {
        if self.opened.remove(fingerprint).is_none() {
            return;
        }
        for held in self.folders.values_mut() {
            if held.as_ref().is_ok_and(|known| known == fingerprint) {
                *held = Err(reason.to_owned());
            }
        }
    }

    /// The open model of a binding, which is looked for in a folder. Nothing is opened.
    pub(crate) fn resolve(&self, binding: &ModelBinding, folder: &Path) -> Result<M, Unresolved> {
        if let Some(model) = self.opened.get(&binding.fingerprint) {
            return Ok(model.clone());
        }
        let found = self.folders.get(folder);
        let folder = folder.to_owned();
        Err(match found {
            None => Unresolved::NotOpened { folder },
            Some(Ok(fingerprint)) => Unresolved::Other { fingerprint: fingerprint.clone(), folder },
            Some(Err(reason)) => Unresolved::Unusable { reason: reason.clone(), folder },
        })
    }

    /// Every open model, in the order of their fingerprints.
    pub(crate) fn opened(&self) -> impl Iterator<Item = &M> {
        self.opened.values()
    }

    /// Why a folder could not be used, if one could not.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.folders.values().find_map(|held| held.as_ref().err()).map(String::as_str)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Fake(String);

    impl FolderModel for Fake {
        fn fingerprint(&self) -> &str {
            &self.0
        }

        fn open(_: &Path, _: &Runtime, _: Option<SideEncoder>) -> Result<Self, EncodeError> {
            unreachable!("these tests put models in by hand")
        }
    }

    fn binding(path: &str, fingerprint: &str) -> ModelBinding {
        ModelBinding { path: path.to_owned(), fingerprint: fingerprint.to_owned() }
    }

    fn registry() -> Registry<Fake> {
        let mut registry = Registry::default();
        registry.opened.insert("one".to_owned(), Fake("one".to_owned()));
        registry.folders.insert("a".into(), Ok("one".to_owned()));
        registry.refuse("b".as_ref(), "no graph".to_owned());
        registry
    }

    #[test]
    fn the_fingerprint_decides_wherever_the_model_lies() {
        let registry = registry();
        for folder in ["a", "b", "moved"] {
            assert_eq!(
                registry.resolve(&binding(folder, "one"), folder.as_ref()),
                Ok(Fake("one".to_owned()))
            );
        }
    }

    #[test]
    fn a_model_that_is_taken_back_is_unusable() {
        let mut registry = registry();
        registry.withdraw("two", "never there");
        registry.withdraw("one", "no session");
        let reason = "no session".to_owned();
        let unusable = Unresolved::Unusable { folder: "a".into(), reason };
        assert_eq!(registry.resolve(&binding("a", "one"), "a".as_ref()), Err(unusable));
        assert_eq!(registry.opened().count(), 0);
    }

    #[test]
    fn what_is_missing_is_said_with_its_reason() {
        let registry = registry();
        let unresolved = |folder: &str, named: Option<&PathBuf>| {
            let binding = binding(folder, "two");
            registry.resolve(&binding, &folder_of(&binding, named)).unwrap_err()
        };
        let other = |folder: &str| Unresolved::Other {
            folder: folder.into(),
            fingerprint: "one".to_owned(),
        };
        assert_eq!(unresolved("a", None), other("a"));
        let reason = "no graph".to_owned();
        assert_eq!(unresolved("b", None), Unresolved::Unusable { folder: "b".into(), reason });
        assert_eq!(unresolved("c", None), Unresolved::NotOpened { folder: "c".into() });
        // A folder that somebody named stands for all of them.
        let named = PathBuf::from("a");
        assert_eq!(unresolved("c", Some(&named)), other("a"));
        let folders = folders_of([binding("x", "1"), binding("y", "2")].iter(), Some(&named));
        assert_eq!(folders, BTreeSet::from(["a".into()]));
    }
}
