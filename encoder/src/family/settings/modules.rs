//! `modules.json` and `router_config.json` of sentence-transformers: the steps of a text, by side.
//!
//! A plain folder has one list of steps for both sides. A folder with a `Router` has a list for
//! each, and its steps lie in folders of their own. What a step does is `sentence.rs` and
//! `splade.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::error::EncodeError;
use crate::family::settings::said::{ObjectFile, not_understood};
use crate::files::{json_cause, read_text};

/// Where SPLADE's pooling is described without a list of steps.
pub(crate) const DEFAULT_POOLING: &str = "1_SpladePooling";
pub(crate) const MODULES: &str = "modules.json";
const ROUTER: &str = "router_config.json";
/// Where routers were described before `router_config.json`.
const OLD_ROUTER: &str = "config.json";
/// Steps that only sparse models have.
const SPARSE_STEPS: [&str; 5] =
    ["SpladePooling", "SparseStaticEmbedding", "IDF", "SparseAutoEncoder", "CSRSparsity"];

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Module {
    /// Its folder, relative to the model's.
    #[serde(default)]
    pub(crate) path: PathBuf,
    /// Such as `sentence_transformers.models.Pooling`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
}

impl Module {
    /// `Pooling` of `sentence_transformers.models.Pooling`.
    pub(crate) fn name(&self) -> &str {
        self.kind.rsplit('.').next().unwrap_or_default()
    }

    fn is_router(&self) -> bool {
        matches!(self.name(), "Router" | "Asym")
    }
}

/// The steps of both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Routes {
    /// The file that lists them, for messages.
    pub(crate) file: PathBuf,
    pub(crate) query: Vec<Module>,
    pub(crate) document: Vec<Module>,
}

impl Routes {
    /// The steps that a folder lists; nothing where it has no `modules.json`.
    ///
    /// Errors: `Read` and `InvalidFile`; `NotUnderstood` for a router without the routes of queries
    /// and documents, and for folders outside of the model's.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>, EncodeError> {
        let Some(modules) = list(folder)? else { return Ok(None) };
        let file = folder.join(MODULES);
        for module in &modules {
            check_inside(&file, "path", &module.path)?;
        }
        let Some(at) = modules.iter().position(Module::is_router) else {
            return Ok(Some(Self { file, query: modules.clone(), document: modules }));
        };
        let mut routes = router(folder, &modules[at].path)?;
        for (place, module) in modules.into_iter().enumerate().filter(|(place, _)| *place != at) {
            for side in [&mut routes.query, &mut routes.document] {
                let place = if place < at { 0 } else { side.len() };
                side.insert(place, module.clone());
            }
        }
        Ok(Some(routes))
    }

    /// Whether there is a step that only sparse models have.
    pub(crate) fn is_sparse(&self) -> bool {
        let mut all = self.query.iter().chain(&self.document);
        all.any(|module| SPARSE_STEPS.contains(&module.name()))
    }

    /// Whether there is a step that makes one dense vector of tokens.
    pub(crate) fn is_dense(&self) -> bool {
        let mut all = self.query.iter().chain(&self.document);
        all.any(|module| module.name() == "Pooling") && !self.is_sparse()
    }
}

/// The folders of a model's steps below its own, relative to it.
///
/// Errors: as [`Routes::read`].
pub(crate) fn step_folders(folder: &Path) -> Result<BTreeSet<PathBuf>, EncodeError> {
    let Some(routes) = Routes::read(folder)? else {
        return Ok(BTreeSet::from([PathBuf::from(DEFAULT_POOLING)]));
    };
    let all = routes.query.into_iter().chain(routes.document).map(|module| module.path);
    Ok(all.filter(|path| path.components().next().is_some()).collect())
}

/// The list of `modules.json`.
///
/// Errors: `Read`, `InvalidFile`.
pub(crate) fn list(folder: &Path) -> Result<Option<Vec<Module>>, EncodeError> {
    let path = folder.join(MODULES);
    let Some(text) = read_text(&path)? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|error| EncodeError::InvalidFile {
        what: MODULES,
        path,
        source: json_cause(&error),
    })
}

/// The steps of a router in this folder below the model's.
fn router(folder: &Path, below: &Path) -> Result<Routes, EncodeError> {
    let read = |name: &str| ObjectFile::read(folder, &below.join(name), "router configuration");
    let found = match read(ROUTER)? {
        Some(file) => Some((ROUTER, file)),
        // A transformer's configuration has the same name, and no kinds of steps.
        None => read(OLD_ROUTER)?.filter(|file| file.says("types")).map(|file| (OLD_ROUTER, file)),
    };
    let Some((name, object)) = found else {
        let path = folder.join(below).join(ROUTER);
        return Err(EncodeError::MissingFile { what: "router configuration", path });
    };
    object.only(&["types", "structure", "parameters"])?;
    let file = folder.join(below).join(name);
    let expected = "it is to have the kind of every step by its name";
    let types = object.get::<BTreeMap<String, String>>("types", expected)?;
    let types = types.ok_or_else(|| object.not_understood("types", expected))?.value;
    let expected = "it is to list the steps of `query` and of `document`";
    let structure = object.get::<BTreeMap<String, Vec<String>>>("structure", expected)?;
    let structure = structure.ok_or_else(|| object.not_understood("structure", expected))?.value;
    check_parameters(&object)?;
    let route = |side: &str| {
        let names = structure.get(side).filter(|names| !names.is_empty());
        let names = names.ok_or_else(|| object.not_understood("structure", expected))?;
        let module = |name: &String| {
            let kind = types.get(name).ok_or_else(|| {
                let expected = "`types` does not have its kind";
                not_understood(&file, &format!("structure.{side}"), name, expected)
            })?;
            check_inside(&file, "structure", Path::new(name))?;
            Ok(Module { path: below.join(name), kind: kind.clone() })
        };
        names.iter().map(module).collect::<Result<Vec<Module>, EncodeError>>()
    };
    Ok(Routes { query: route("query")?, document: route("document")?, file: file.clone() })
}

/// Refuses mappings of tasks to routes, which may send queries elsewhere.
fn check_parameters(object: &ObjectFile) -> Result<(), EncodeError> {
    let expected = "it is to be an object";
    let Some(parameters) = object.get::<BTreeMap<String, Value>>("parameters", expected)? else {
        return Ok(());
    };
    let known = ["default_route", "allow_empty_key"];
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Object(object) => object.is_empty(),
        _ => false,
    };
    let mut others = parameters.value.iter();
    match others.find(|(key, value)| !known.contains(&key.as_str()) && !is_empty(value)) {
        Some(_) => {
            let expected = "only `default_route` and `allow_empty_key` are known";
            Err(object.not_understood("parameters", expected))
        }
        None => Ok(()),
    }
}

fn check_inside(file: &Path, key: &str, path: &Path) -> Result<(), EncodeError> {
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    match path.components().all(is_plain) {
        true => Ok(()),
        false => {
            let expected = "it leaves the model folder";
            Err(not_understood(file, key, &path.display().to_string(), expected))
        }
    }
}
