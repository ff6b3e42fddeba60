//! Which files a model folder has: found where the settings name none, kept inside it where they
//! do.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use crate::error::EncodeError;
use crate::family::kind::ModelKind;
use crate::files::{json_cause, read_text};

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

/// The only graph of some folders and their `onnx` subfolders beside `other`, which is spoken for.
/// The first of the folders is the model's.
///
/// Errors: `NoGraph` where there are weights of another form; `MissingFile`, `AmbiguousGraph`,
/// `Read`.
pub(crate) fn only_graph(
    folders: &[&Path],
    other: Option<&Path>,
    kind: ModelKind,
) -> Result<PathBuf, EncodeError> {
    let folder = folders.first().copied().unwrap_or(Path::new(""));
    let mut graphs = Vec::new();
    for folder in folders {
        graphs.extend(graphs_in(folder)?);
        graphs.extend(graphs_in(&folder.join("onnx"))?);
    }
    graphs.retain(|graph| Some(graph.as_path()) != other);
    match graphs.len() {
        0 => Err(no_graph(folders, kind)),
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

/// Files that hold a model's weights for other libraries.
const OTHER_WEIGHTS: [&str; 8] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "tf_model.h5",
    "flax_model.msgpack",
    "adapter_model.safetensors",
    "openvino/openvino_model.xml",
];

/// The error for folders without a graph: how to make one of the weights that lie there.
fn no_graph(folders: &[&Path], kind: ModelKind) -> EncodeError {
    for folder in folders {
        if let Some(weights) = first_present(folder, &OTHER_WEIGHTS) {
            return EncodeError::NoGraph { weights, command: export_command(folder, kind) };
        }
    }
    let folder = folders.first().copied().unwrap_or(Path::new(""));
    EncodeError::MissingFile { what: "graph", path: folder.join("model.onnx") }
}

/// The command that puts a graph into the `onnx` subfolder.
fn export_command(folder: &Path, kind: ModelKind) -> String {
    let task = match kind {
        ModelKind::Sparse => "--library transformers --task fill-mask",
        ModelKind::Dense if folder.join("modules.json").is_file() => {
            "--library sentence_transformers --task feature-extraction"
        }
        ModelKind::Dense => "--library transformers --task feature-extraction",
    };
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', "'\\''"));
    let (folder, to) = (quoted(folder), quoted(&folder.join("onnx")));
    format!("optimum-cli export onnx {task} --model {folder} {to}")
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
        EncodeError::InvalidFile { what: "config.json", path, source: json_cause(&error) }
    })?;
    Ok(config.max_position_embeddings)
}
