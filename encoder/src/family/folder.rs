//! Which files a model folder has: found where the settings name none, kept inside it where they
//! do.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use crate::error::EncodeError;
use crate::files::read_text;

/// The settings file's name.
pub(crate) const FILE_NAME: &str = "gleaner.toml";

#[derive(Deserialize)]
struct ConfigFile {
    max_position_embeddings: Option<usize>,
}

/// A file that the settings name, relative to the folder and inside it.
pub(crate) fn stated(
    folder: &Path,
    name: &Path,
    settings: &Path,
    (key, what): (&'static str, &'static str),
) -> Result<PathBuf, EncodeError> {
    let invalid = |reason: &str| EncodeError::InvalidSetting {
        path: settings.to_owned(),
        key,
        reason: format!("`{}` {reason}", name.display()),
    };
    if name.is_absolute() {
        return Err(invalid("is not relative to the model folder"));
    }
    if name.components().any(|part| part == Component::ParentDir) {
        return Err(invalid("leaves the model folder"));
    }
    let file = folder.join(name);
    if !file.is_file() {
        return Err(EncodeError::MissingFile { what, path: file });
    }
    Ok(file)
}

/// The only graph of the folder beside `other`, which is spoken for.
pub(crate) fn only_graph(folder: &Path, other: Option<&Path>) -> Result<PathBuf, EncodeError> {
    let mut graphs = graphs_in(folder)?;
    graphs.extend(graphs_in(&folder.join("onnx"))?);
    graphs.retain(|graph| Some(graph.as_path()) != other);
    match graphs.len() {
        0 => Err(EncodeError::MissingFile { what: "graph", path: folder.join("model.onnx") }),
        1 => Ok(graphs.remove(0)),
        _ => Err(EncodeError::AmbiguousGraph {
            folder: folder.to_owned(),
            candidates: graphs
                .iter()
                .map(|graph| graph.strip_prefix(folder).unwrap_or(graph).display().to_string())
                .collect(),
        }),
    }
}

/// The `.onnx` files directly in a folder, by name; none when there is no such folder.
fn graphs_in(folder: &Path) -> Result<Vec<PathBuf>, EncodeError> {
    let failed = |source| EncodeError::Read { path: folder.to_owned(), source };
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut graphs = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "onnx") && path.is_file() {
            graphs.push(path);
        }
    }
    graphs.sort();
    Ok(graphs)
}

/// The first of some files that is there.
pub(crate) fn first_present(folder: &Path, names: &[&str]) -> Option<PathBuf> {
    names.iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

/// `max_position_embeddings` of `config.json`, where there is one.
pub(crate) fn positions(folder: &Path) -> Result<Option<usize>, EncodeError> {
    let path = folder.join("config.json");
    let Some(text) = read_text(&path)? else { return Ok(None) };
    let config: ConfigFile = serde_json::from_str(&text).map_err(|error| {
        EncodeError::InvalidFile { what: "config.json", path, source: error.into() }
    })?;
    Ok(config.max_position_embeddings)
}
