//! `gleaner model optimize`: a model folder whose graph ends at the hidden states, with the output
//! layer left to `head.rs`.
//!
//! Reads a folder as it was exported: logits, or pooled inside where the pooling is the usual one.
//! Cuts the graph (`surgery.rs`), and compares the vectors of the cut model with those of the
//! original. Only then is anything put in place. A new folder is renamed there; in place, the new
//! graph comes first and the settings that name it last. The original graph is never touched.

mod rewrite;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{EncodeError, chain};
use crate::family::folder::FILE_NAME;
use crate::family::layout::Layout;
use crate::family::settings::modules::step_folders;
use crate::files::{read_file, toml_cause};
use crate::model::Model;
use crate::onnx::graph::Graph;
use crate::onnx::optimize::rewrite::{New, kept, rewritten};
use crate::onnx::protobuf::OnnxError;
use crate::onnx::surgery::{self, Cut};
use crate::selftest::{TEXTS, golden_texts, largest_difference};
use crate::session::runtime::Runtime;
use crate::side::Side;

/// Largest difference of a weight that passes where tensors stay float32, and where they do not.
const TOLERANCE: f32 = 1e-4;
const HALF_TOLERANCE: f32 = 5e-3;
/// The settings that a folder had before it was optimized in place.
const KEPT_NAME: &str = "gleaner.toml.before";

/// How to optimize.
#[derive(Debug, Clone)]
pub struct OptimizeOptions {
    /// The folder to make; without one, the graph is put beside the original.
    pub out: Option<PathBuf>,
    /// Store large tensors as float16.
    pub is_half: bool,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Optimized {
    /// The folder.
    pub folder: PathBuf,
    /// The new graph's file.
    pub graph: PathBuf,
    /// Its size.
    pub graph_bytes: u64,
    /// The output layer's matrix in it.
    pub matrix: String,
    /// The output layer's bias in it.
    pub bias: Option<String>,
    /// Texts that were compared.
    pub texts: usize,
    /// Largest difference of a weight from the original model.
    pub largest_difference: f32,
    /// The fingerprint of what was made.
    pub fingerprint: String,
    /// What the folder was, where it was optimized in place.
    pub before: Option<Before>,
}

/// A model as it was before its folder was optimized in place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Before {
    /// Its fingerprint, which indexes of it are bound to.
    pub fingerprint: String,
    /// Its settings: put in the place of `gleaner.toml`, they bring it back.
    pub settings: PathBuf,
}

/// Makes the faster form of a model folder.
///
/// In place, the graph as it was exported stays, and the settings that name it are kept beside the
/// new ones.
///
/// Errors: those of [`Model::open`]; `CannotOptimize` for graphs whose output layer is not
/// recognised, for folders whose sides have graphs of their own, and where the result would have to
/// overwrite something; `NotEquivalent` when the vectors differ from the original's; `Write`.
/// Nothing is left behind then. Panics: never on input.
pub fn optimize(
    folder: &Path,
    options: &OptimizeOptions,
    runtime: &Runtime,
) -> Result<Optimized, EncodeError> {
    let original = Model::open(folder, runtime)?;
    check_original(&original)?;
    let target = options.out.as_deref().unwrap_or(folder);
    let name = if options.is_half { "hidden_fp16.onnx" } else { "hidden.onnx" };
    if options.out.is_some() && target.exists() {
        return Err(refuse(target, "it exists already"));
    }
    if target.join(name).exists() {
        return Err(refuse(&target.join(name), "it exists already"));
    }
    let old = Old::read(&original)?;
    if options.out.is_none() {
        old.check_place()?;
    }
    let (graph, cut) = cut_graph(&original, options.is_half)?;
    let made = TemporaryFolder::beside(target)?;
    copy_files(folder, &made.path)?;
    copy_table(&original, &made.path)?;
    write(&made.path.join(name), &graph)?;
    let golden = match (&old.golden, &options.out) {
        (Some(golden), Some(_)) => Some(copy_golden(&original, golden, &made.path)?),
        (golden, _) => golden.clone(),
    };
    write_settings(&original, &old, (name, &cut, golden.as_deref(), options.is_half), &made.path)?;
    let faster = Model::open(&made.path, runtime).map_err(|error| {
        // What it says of files must not name a folder that is gone when it is read.
        let said = chain(&error).replace(&*made.path.to_string_lossy(), &target.to_string_lossy());
        refuse(folder, format!("what was made of it cannot be opened, so it was removed: {said}"))
    })?;
    let (texts, largest_difference) = compare(&original, &faster)?;
    let tolerance = if options.is_half { HALF_TOLERANCE } else { TOLERANCE };
    if largest_difference.is_nan() || largest_difference > tolerance {
        return Err(EncodeError::NotEquivalent { largest_difference, tolerance });
    }
    let before = match &options.out {
        Some(out) => {
            made.rename_to(out)?;
            None
        }
        None => {
            write(&old.kept_at, old.kept.as_bytes())?;
            // The settings last: until they name the new graph, the folder is what it was.
            rename(&made.path.join(name), &folder.join(name))?;
            rename(&made.path.join(FILE_NAME), &folder.join(FILE_NAME))?;
            let fingerprint = original.fingerprint().to_owned();
            Some(Before { fingerprint, settings: old.kept_at })
        }
    };
    Ok(Optimized {
        folder: target.to_owned(),
        graph: target.join(name),
        graph_bytes: graph.len() as u64,
        matrix: cut.matrix,
        bias: cut.bias,
        texts,
        largest_difference,
        fingerprint: faster.fingerprint().to_owned(),
        before,
    })
}

/// Refuses what cannot be cut, whatever its graph looks like.
fn check_original(original: &Model) -> Result<(), EncodeError> {
    let card = original.card();
    let graph_of_queries = card.query.file.as_ref().filter(|_| card.query.encoder.runs_graph());
    match card.layout {
        Layout::Lookup => Err(refuse(original.folder(), "its documents have a table and no graph")),
        Layout::Hidden => Err(refuse(&card.graph, already_hidden(original))),
        Layout::Pooled | Layout::Logits | Layout::Sparse | Layout::TokenWeights | Layout::Gated => {
            match graph_of_queries {
                Some(graph) if *graph != card.graph => Err(refuse(
                    original.folder(),
                    "its queries and its documents have a graph each, and one [head] cannot be the \
                 output layer of both",
                )),
                _ => Ok(()),
            }
        }
    }
}

/// What to do where the work is done already.
fn already_hidden(original: &Model) -> String {
    let said = "it ends at its hidden states already";
    let folder = original.folder();
    if folder.join(KEPT_NAME).is_file() {
        return format!(
            "{said}; to begin again (with --half for float16), put `{KEPT_NAME}` in the place of \
             `{FILE_NAME}` first, which names the graph as it was exported"
        );
    }
    let is_other = |path: &PathBuf| {
        let is_made = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with(surgery::HIDDEN);
        *path != original.card().graph && !path.file_name().is_some_and(is_made)
    };
    match graphs_of(folder).into_iter().find(is_other) {
        Some(graph) => format!(
            "{said}; to begin again (with --half for float16), name the graph as it was exported, \
             `graph = {}`, in `{FILE_NAME}`, and remove [head] there",
            rewrite::quoted(&below(folder, &graph))
        ),
        None => format!(
            "{said}; another form (float16 with --half, say) is made from the graph as it was \
             exported, which is not in this folder"
        ),
    }
}

/// Graphs that a folder may have where nothing names one, in order.
fn graphs_of(folder: &Path) -> Vec<PathBuf> {
    let entries = [folder.to_owned(), folder.join("onnx")].into_iter();
    let entries = entries.filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let mut graphs: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "onnx"))
        .collect();
    graphs.sort();
    graphs
}

/// A file as the settings of its folder name it.
fn below(folder: &Path, file: &Path) -> String {
    file.strip_prefix(folder).unwrap_or(file).to_string_lossy().into_owned()
}

/// The settings of the original.
struct Old {
    text: String,
    /// What the golden file is called in them.
    golden: Option<String>,
    /// They, with the graph named, and where they go.
    kept: String,
    kept_at: PathBuf,
}

impl Old {
    fn read(original: &Model) -> Result<Self, EncodeError> {
        let (folder, path) = (original.folder(), original.folder().join(FILE_NAME));
        let text = match path.exists() {
            true => String::from_utf8_lossy(&read_file("settings file", &path)?).into_owned(),
            false => String::new(),
        };
        let table: toml::Table =
            toml::from_str(&text).map_err(|error| EncodeError::InvalidFile {
                what: "settings file",
                path,
                source: toml_cause(&error, &text),
            })?;
        for side in ["query", "document"] {
            if table.get(side).is_some_and(|side| side.get("graph").is_some()) {
                return Err(refuse(
                    folder,
                    format!("[{side}] names a graph; name it at the top of {FILE_NAME} instead"),
                ));
            }
        }
        let golden = table.get("golden").and_then(|golden| golden.get("file"));
        let golden = golden.and_then(|file| file.as_str()).map(str::to_owned);
        let kept = kept(&text, &below(folder, &original.card().graph));
        Ok(Self { text, golden, kept, kept_at: folder.join(KEPT_NAME) })
    }

    /// Refuses to overwrite settings that were kept before, unless they are the same.
    fn check_place(&self) -> Result<(), EncodeError> {
        match std::fs::read(&self.kept_at) {
            Ok(there) if there != self.kept.as_bytes() => {
                Err(refuse(&self.kept_at, "it exists already, and says something else"))
            }
            _ => Ok(()),
        }
    }
}

fn refuse(path: &Path, reason: impl Into<String>) -> EncodeError {
    EncodeError::CannotOptimize { path: path.to_owned(), reason: reason.into() }
}

/// The new graph's bytes, and where it was cut.
fn cut_graph(original: &Model, is_half: bool) -> Result<(Vec<u8>, Cut), EncodeError> {
    let card = original.card();
    let path = &card.graph;
    let invalid = |error: OnnxError| EncodeError::InvalidFile {
        what: "graph",
        path: path.clone(),
        source: error.into(),
    };
    let bytes = read_file("graph", path)?;
    let graph = Graph::read(&bytes).map_err(invalid)?;
    let output = card.outputs.iter().find(|output| output.name == card.weights_output);
    let columns = output.and_then(|output| usize::try_from(*output.shape.last()?).ok());
    let columns = columns.unwrap_or(card.vocabulary_size);
    let cut = surgery::find(&graph, &card.weights_output, columns)
        .map_err(|reason| refuse(path, reason))?;
    match card.layout {
        Layout::Pooled if cut.activation.is_none() => {
            return Err(refuse(path, "how it pools is not recognised"));
        }
        // What else is not equivalent shows when vectors are compared.
        Layout::Pooled
        | Layout::Logits
        | Layout::Hidden
        | Layout::Sparse
        | Layout::TokenWeights
        | Layout::Gated
        | Layout::Lookup => {}
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let made = surgery::write(&graph, &cut, is_half, folder).map_err(invalid)?;
    Ok((made, cut))
}

/// Writes the settings of the new folder.
fn write_settings(
    original: &Model,
    old: &Old,
    (graph, cut, golden, is_half): (&str, &Cut, Option<&str>, bool),
    made: &Path,
) -> Result<(), EncodeError> {
    // Weights of a float16 graph may be off by this from those that the golden file holds.
    let least = if is_half { HALF_TOLERANCE } else { 0.0 };
    let tolerance = original.golden().map_or(least, |golden| golden.tolerance.max(least));
    let new = New {
        graph,
        activation: cut.activation,
        matrix: &cut.matrix,
        bias: cut.bias.as_deref(),
        golden: golden.map(|file| (file, tolerance)),
    };
    write(&made.join(FILE_NAME), rewritten(&old.text, &new).as_bytes())
}

/// Copies the golden file into a new folder, unless it is there or missing, and returns its name:
/// relative to another folder, the old one would lead elsewhere.
fn copy_golden(original: &Model, name: &str, made: &Path) -> Result<String, EncodeError> {
    let Some(golden) = original.golden().filter(|golden| golden.file.is_file()) else {
        return Ok(name.to_owned());
    };
    if made.join(name).is_file() && Path::new(name).components().count() == 1 {
        return Ok(name.to_owned());
    }
    let file = golden.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let file = if made.join(&file).exists() { format!("golden-{file}") } else { file };
    let to = made.join(&file);
    std::fs::copy(&golden.file, &to).map_err(written(&to))?;
    Ok(file)
}

/// Encodes texts with both models: how many, and the largest difference of a weight.
fn compare(original: &Model, faster: &Model) -> Result<(usize, f32), EncodeError> {
    let mut texts: Vec<String> = TEXTS.iter().map(|&text| text.to_owned()).collect();
    texts.push(TEXTS.join(" ").repeat(4));
    texts.extend(golden_texts(original.golden()));
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let (mut a, mut b) = (original.encoder(1)?, faster.encoder(1)?);
    let mut largest = 0.0f32;
    for side in [Side::Query, Side::Document] {
        let (expected, found) = (a.encode(side, &texts)?, b.encode(side, &texts)?);
        for (expected, found) in expected.iter().zip(&found) {
            largest = largest.max(largest_difference(found, expected));
        }
    }
    Ok((texts.len(), largest))
}

fn written(path: &Path) -> impl FnOnce(std::io::Error) -> EncodeError {
    let path = path.to_owned();
    move |source| EncodeError::Write { path, source }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), EncodeError> {
    std::fs::write(path, bytes).map_err(written(path))?;
    let synced = std::fs::File::open(path).and_then(|file| file.sync_all());
    synced.map_err(written(path))
}

fn rename(from: &Path, to: &Path) -> Result<(), EncodeError> {
    std::fs::rename(from, to).map_err(written(to))
}

/// Copies the table of the queries, whatever its name: weights of a static embedding may be one.
fn copy_table(original: &Model, made: &Path) -> Result<(), EncodeError> {
    let query = &original.card().query;
    let table = query.file.as_ref().filter(|_| !query.encoder.runs_graph());
    let Some((table, name)) =
        table.and_then(|table| Some((table, table.strip_prefix(original.folder()).ok()?)))
    else {
        return Ok(());
    };
    let to = made.join(name);
    if to.is_file() {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).map_err(written(folder))?;
    }
    std::fs::copy(table, &to).map_err(written(&to))?;
    Ok(())
}

/// Copies the files of a folder but graphs and weights, and those of its steps: they may say how to
/// pool, or where the graph's texts end. Other folders in it are left out.
fn copy_files(from: &Path, to: &Path) -> Result<(), EncodeError> {
    copy_folder(from, to)?;
    for step in step_folders(from)? {
        let (from, to) = (from.join(&step), to.join(&step));
        if from.is_dir() {
            std::fs::create_dir_all(&to).map_err(written(&to))?;
            copy_folder(&from, &to)?;
        }
    }
    Ok(())
}

/// Copies the files that lie directly in a folder, but graphs and weights.
fn copy_folder(from: &Path, to: &Path) -> Result<(), EncodeError> {
    let failed = |source| EncodeError::Read { path: from.to_owned(), source };
    const WEIGHTS: [&str; 9] =
        ["onnx", "onnx_data", "data", "bin", "safetensors", "pt", "h5", "msgpack", "before"];
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_weights = path.extension().is_some_and(|e| WEIGHTS.iter().any(|w| e == *w));
        if let (true, false, Some(name)) = (path.is_file(), is_weights, path.file_name()) {
            let to = to.join(name);
            std::fs::copy(&path, &to).map_err(written(&to))?;
        }
    }
    Ok(())
}

/// A folder that is gone when this is dropped, unless it was renamed.
struct TemporaryFolder {
    path: PathBuf,
}

impl TemporaryFolder {
    /// Makes one next to `target`, on the same file system.
    fn beside(target: &Path) -> Result<Self, EncodeError> {
        let absolute = std::path::absolute(target).map_err(written(target))?;
        let name = absolute.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let path = absolute.with_file_name(format!(".{name}.optimize-{}", std::process::id()));
        std::fs::create_dir(&path).map_err(written(&path))?;
        Ok(Self { path })
    }

    fn rename_to(self, target: &Path) -> Result<(), EncodeError> {
        rename(&self.path, target)
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // Gone already where it was renamed; where it cannot be removed nothing else can be done.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests;
