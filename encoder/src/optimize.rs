//! `gleaner model optimize`: a model folder whose graph ends at the hidden states, with the output
//! layer left to `head.rs`.
//!
//! Reads a folder as it was exported (logits, or pooled inside where the pooling is the usual one),
//! cuts the graph (`optimize/surgery.rs`), and compares the vectors of the cut model with those of
//! the original. Only then is anything put in place: a new folder, by renaming it there; or, in
//! place, the new graph and last the settings that name it. The original graph is never touched.

mod surgery;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::Side;
use crate::error::EncodeError;
use crate::layout::Layout;
use crate::model::{Model, read_file};
use crate::onnx::graph::Graph;
use crate::runtime::Runtime;
use crate::selftest::{golden_texts, largest_difference};
use crate::settings::{Activation, FILE_NAME};
use surgery::Cut;

/// Largest difference of a weight that passes where tensors stay float32, and where they do not.
const TOLERANCE: f32 = 1e-4;
const HALF_TOLERANCE: f32 = 5e-3;

/// Texts to compare with where a model has no golden ones, and beside them where it has.
const TEXTS: [&str; 8] = [
    "what is learned sparse retrieval",
    "harbour",
    "How long do you boil an egg, and why does the yolk turn green?",
    "The quick brown fox jumps over the lazy dog. 0123456789 !?;:()[]{}",
    "Penicillin was discovered in 1928 by Alexander Fleming, a Scottish physician, when mould in a \
     forgotten dish was seen to have killed the bacteria around it.",
    "La bibliothèque est fermée le dimanche. Die Bücherei ist sonntags geschlossen. 図書館は日曜日に休みです。",
    "for (i = 0; i < n; i++) { sum += a[i] * b[i]; } // inner product",
    "",
];

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
}

/// Makes the faster form of a model folder.
///
/// Errors: those of [`Model::open`]; `CannotOptimize` for graphs whose output layer is not
/// recognised, and where the result would have to overwrite something; `NotEquivalent` when the
/// vectors differ from the original's; `Write`. Nothing is left behind then. Panics: never on input.
pub fn optimize(
    folder: &Path,
    options: &OptimizeOptions,
    runtime: &Runtime,
) -> Result<Optimized, EncodeError> {
    let original = Model::open(folder, runtime)?;
    let card = original.card();
    if card.layout == Layout::Hidden {
        return Err(refuse(&card.graph, "it already ends at its hidden states"));
    }
    let target = options.out.as_deref().unwrap_or(folder);
    let name = if options.is_half { "hidden_fp16.onnx" } else { "hidden.onnx" };
    if options.out.is_some() && target.exists() {
        return Err(refuse(target, "it exists already"));
    }
    if target.join(name).exists() {
        return Err(refuse(&target.join(name), "it exists already"));
    }
    let (graph, cut) = cut_graph(&original, options.is_half)?;
    let made = TemporaryFolder::beside(target)?;
    copy_files(folder, &made.path)?;
    write(&made.path.join(name), &graph)?;
    let settings = settings_text(&original, &cut, name)?;
    write(&made.path.join(FILE_NAME), settings.as_bytes())?;
    let faster = Model::open(&made.path, runtime)?;
    let (texts, largest_difference) = compare(&original, &faster)?;
    let tolerance = if options.is_half { HALF_TOLERANCE } else { TOLERANCE };
    if largest_difference.is_nan() || largest_difference > tolerance {
        return Err(EncodeError::NotEquivalent { largest_difference, tolerance });
    }
    match &options.out {
        Some(out) => made.rename_to(out)?,
        None => {
            // The settings last: until they name the new graph, the folder is what it was.
            rename(&made.path.join(name), &folder.join(name))?;
            rename(&made.path.join(FILE_NAME), &folder.join(FILE_NAME))?;
        }
    }
    Ok(Optimized {
        folder: target.to_owned(),
        graph: target.join(name),
        graph_bytes: graph.len() as u64,
        matrix: cut.matrix,
        bias: cut.bias,
        texts,
        largest_difference,
        fingerprint: faster.fingerprint().to_owned(),
    })
}

fn refuse(path: &Path, reason: impl Into<String>) -> EncodeError {
    EncodeError::CannotOptimize { path: path.to_owned(), reason: reason.into() }
}

/// The new graph's bytes, and where it was cut.
fn cut_graph(original: &Model, is_half: bool) -> Result<(Vec<u8>, Cut), EncodeError> {
    let card = original.card();
    let path = &card.graph;
    let invalid = |error: crate::onnx::OnnxError| EncodeError::InvalidFile {
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
    if card.layout == Layout::Pooled && cut.activation.is_none() {
        return Err(refuse(path, "how it pools is not recognised"));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let made = surgery::write(&graph, &cut, is_half, folder).map_err(invalid)?;
    Ok((made, cut))
}

/// The settings of the new folder: the old ones, with graph, pooling and activation replaced and
/// the output layer named.
fn settings_text(original: &Model, cut: &Cut, graph: &str) -> Result<String, EncodeError> {
    let path = original.folder().join(FILE_NAME);
    let old = match path.exists() {
        true => String::from_utf8_lossy(&read_file("settings file", &path)?).into_owned(),
        false => String::new(),
    };
    let mut text = format!("graph = {}\n", quoted(graph));
    if let Some(activation) = cut.activation {
        let activation = match activation {
            Activation::Log1pLog1pRelu => "log1p_log1p_relu",
            Activation::Relu => "relu",
            Activation::Binary => "binary",
            Activation::Log1pRelu | Activation::Graph => "log1p_relu",
        };
        text += &format!("pooling = \"max\"\nactivation = \"{activation}\"\n");
    }
    let replaced: &[&str] = match cut.activation {
        Some(_) => &["graph", "pooling", "activation"],
        None => &["graph"],
    };
    let mut is_top = true;
    for line in old.lines() {
        is_top &= !line.trim_start().starts_with('[');
        let key = line.split('=').next().unwrap_or_default().trim();
        if !(is_top && replaced.contains(&key)) {
            text += &format!("{line}\n");
        }
    }
    text += &format!("\n[head]\nmatrix = {}\n", quoted(&cut.matrix));
    if let Some(bias) = &cut.bias {
        text += &format!("bias = {}\n", quoted(bias));
    }
    Ok(text)
}

/// A TOML string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            c if c.is_control() => quoted += &format!("\\u{:04x}", u32::from(c)),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// Encodes texts with both models: how many, and the largest difference of a weight.
fn compare(original: &Model, faster: &Model) -> Result<(usize, f32), EncodeError> {
    let mut texts: Vec<String> = TEXTS.iter().map(|&text| text.to_owned()).collect();
    texts.push(TEXTS.join(" ").repeat(4));
    texts.extend(golden_texts(original));
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

/// Copies the files of a folder but graphs and weights; folders in it are left out.
fn copy_files(from: &Path, to: &Path) -> Result<(), EncodeError> {
    let failed = |source| EncodeError::Read { path: from.to_owned(), source };
    const WEIGHTS: [&str; 8] =
        ["onnx", "onnx_data", "data", "bin", "safetensors", "pt", "h5", "msgpack"];
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
