//! `gleaner.toml`: what a model folder states about itself, and what holds where it is silent.
//!
//! Every key may be left out, and so may the file; a key that is not listed here is an error.
//!
//! ```toml
//! graph = "model.onnx"        # default: the only .onnx file in the folder or its `onnx` subfolder
//! pooling = "max"             # over tokens: "max" or "sum"; default "max" (logits layout only)
//! activation = "log1p_relu"   # "log1p_relu", "log1p_log1p_relu" or "relu"; default "log1p_relu"
//! batching = "padded"         # or "single": never encode a text beside others; default "padded"
//! max_length = { query = 256, document = 256 }   # tokens, specials included; default 256
//!
//! [golden]                    # default: none, and no self-test
//! file = "golden.json"        # relative to the folder
//! tolerance = 0.0001          # largest allowed difference of a weight; default 1e-4
//!
//! [head]                      # default: none; the graph returns hidden states, see `head.rs`
//! matrix = "embeddings"       # tensor of the graph's file, [V, H] or [H, V]
//! bias = "decoder.bias"       # tensor of the graph's file, [V]; default none
//! ```
//!
//! A graph that returns one row per text has pooled and activated inside, so there `pooling` and
//! `activation` are `"graph"`. Truncation and padding in `tokenizer.json` are overridden: lengths
//! are those above, and padding is this crate's own. `config.json`, where present, bounds the
//! lengths by `max_position_embeddings`. Reading only: what a layout means is `layout.rs`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Side;
use crate::error::EncodeError;
use crate::layout::Layout;

/// The settings file's name.
pub(crate) const FILE_NAME: &str = "gleaner.toml";
/// Tokens per text, specials included, where nothing is stated.
const DEFAULT_MAX_LENGTH: usize = 256;
/// Largest allowed golden difference where nothing is stated: what fp32 graphs hold.
const DEFAULT_TOLERANCE: f32 = 1e-4;

/// How a text's token rows become one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The largest value over the text's tokens.
    Max,
    /// The sum over the text's tokens, activated before summing.
    Sum,
    /// The graph has pooled.
    Graph,
}

/// What is applied to a logit to make it a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `ln(1 + max(x, 0))`.
    Log1pRelu,
    /// `ln(1 + ln(1 + max(x, 0)))`.
    Log1pLog1pRelu,
    /// `max(x, 0)`.
    Relu,
    /// The graph has activated.
    Graph,
}

/// Whether texts may share a run of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Batching {
    /// Texts of similar length run together, padded.
    Padded,
    /// Every text runs alone: for graphs whose results depend on a text's neighbours, such as
    /// those that quantise activations over the whole batch.
    Single,
}

/// Tokens per text, specials included, after which a text is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MaxLength {
    /// For queries.
    pub query: usize,
    /// For documents.
    pub document: usize,
}

impl MaxLength {
    /// The length of one side.
    pub fn of(&self, side: Side) -> usize {
        match side {
            Side::Query => self.query,
            Side::Document => self.document,
        }
    }
}

/// The file of golden vectors and how far a weight may be from it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Golden {
    pub(crate) file: PathBuf,
    pub(crate) tolerance: f32,
}

/// Where the output layer of a graph of hidden states is: names of tensors in the graph's file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeadTensors {
    pub(crate) matrix: String,
    pub(crate) bias: Option<String>,
}

/// The settings of a folder, with defaults filled in where they need no knowledge of the graph.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    /// The settings file, whether or not it exists; errors name it.
    pub(crate) path: PathBuf,
    /// The graph's file.
    pub(crate) graph: PathBuf,
    pub(crate) pooling: Option<Pooling>,
    pub(crate) activation: Option<Activation>,
    pub(crate) batching: Batching,
    pub(crate) max_length: MaxLength,
    pub(crate) golden: Option<Golden>,
    pub(crate) head: Option<HeadTensors>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    graph: Option<PathBuf>,
    pooling: Option<Pooling>,
    activation: Option<Activation>,
    batching: Option<Batching>,
    max_length: Option<FileMaxLength>,
    golden: Option<FileGolden>,
    head: Option<HeadTensors>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileMaxLength {
    query: Option<usize>,
    document: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileGolden {
    file: PathBuf,
    tolerance: Option<f32>,
}

#[derive(Deserialize)]
struct ConfigFile {
    max_position_embeddings: Option<usize>,
}

impl Settings {
    /// Reads the settings of a model folder and fills in the defaults.
    ///
    /// Errors: `InvalidFile` for broken TOML, unknown keys and unknown names; `InvalidSetting` for
    /// lengths the model cannot take; `MissingFile` or `AmbiguousGraph` when no graph can be named.
    pub(crate) fn read(folder: &Path) -> Result<Self, EncodeError> {
        let path = folder.join(FILE_NAME);
        let file: File = match read_text(&path)? {
            Some(text) => toml::from_str(&text).map_err(|error| EncodeError::InvalidFile {
                what: "settings file",
                path: path.clone(),
                source: error.into(),
            })?,
            None => File::default(),
        };
        let graph = match &file.graph {
            Some(name) => stated_graph(folder, name, &path)?,
            None => only_graph(folder)?,
        };
        let golden = file.golden.map(|golden| Golden {
            file: folder.join(golden.file),
            tolerance: golden.tolerance.unwrap_or(DEFAULT_TOLERANCE),
        });
        if let Some(golden) = &golden
            && !(golden.tolerance.is_finite() && golden.tolerance >= 0.0)
        {
            let reason = format!("{} is not a tolerance", golden.tolerance);
            return Err(EncodeError::InvalidSetting { path, key: "golden.tolerance", reason });
        }
        Ok(Self {
            max_length: max_length(folder, &path, file.max_length.unwrap_or_default())?,
            path,
            graph,
            pooling: file.pooling,
            activation: file.activation,
            batching: file.batching.unwrap_or(Batching::Padded),
            golden,
            head: file.head,
        })
    }

    /// The pooling and activation to apply to a graph of this layout.
    ///
    /// Errors: `InvalidSetting` when the file asks for a step that the graph has already done, or
    /// leaves to the graph a step that it does not do.
    pub(crate) fn steps(&self, layout: Layout) -> Result<(Pooling, Activation), EncodeError> {
        let refuse = |key, reason: &str| {
            let (path, reason) = (self.path.clone(), reason.to_owned());
            Err(EncodeError::InvalidSetting { path, key, reason })
        };
        let (pooling, activation) = (self.pooling, self.activation);
        match layout {
            Layout::Pooled => {
                const DONE: &str = "the graph does this itself; say \"graph\" or leave it out";
                if pooling.is_some_and(|pooling| pooling != Pooling::Graph) {
                    return refuse("pooling", DONE);
                }
                if activation.is_some_and(|activation| activation != Activation::Graph) {
                    return refuse("activation", DONE);
                }
                Ok((Pooling::Graph, Activation::Graph))
            }
            Layout::Logits | Layout::Hidden => {
                const NOT_DONE: &str = "the graph does not do this, so \"graph\" cannot be";
                if pooling == Some(Pooling::Graph) {
                    return refuse("pooling", NOT_DONE);
                }
                if activation == Some(Activation::Graph) {
                    return refuse("activation", NOT_DONE);
                }
                let pooling = pooling.unwrap_or(Pooling::Max);
                Ok((pooling, activation.unwrap_or(Activation::Log1pRelu)))
            }
        }
    }
}

/// The file's text, or nothing when there is no such file.
fn read_text(path: &Path) -> Result<Option<String>, EncodeError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(EncodeError::Read { path: path.to_owned(), source }),
    }
}

fn stated_graph(folder: &Path, name: &Path, path: &Path) -> Result<PathBuf, EncodeError> {
    if name.is_absolute() {
        let reason = format!("`{}` is not relative to the model folder", name.display());
        return Err(EncodeError::InvalidSetting { path: path.to_owned(), key: "graph", reason });
    }
    let graph = folder.join(name);
    if !graph.is_file() {
        return Err(EncodeError::MissingFile { what: "graph", path: graph });
    }
    Ok(graph)
}

fn only_graph(folder: &Path) -> Result<PathBuf, EncodeError> {
    let mut graphs = graphs_in(folder)?;
    graphs.extend(graphs_in(&folder.join("onnx"))?);
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

fn max_length(folder: &Path, path: &Path, stated: FileMaxLength) -> Result<MaxLength, EncodeError> {
    let bound = positions(folder)?;
    let default = DEFAULT_MAX_LENGTH.min(bound.unwrap_or(DEFAULT_MAX_LENGTH));
    let side = |key, stated: Option<usize>| match (stated, bound) {
        (Some(length), Some(bound)) if length > bound => Err(EncodeError::InvalidSetting {
            path: path.to_owned(),
            key,
            reason: format!(
                "{length} tokens, but config.json says the model has {bound} positions"
            ),
        }),
        _ => Ok(stated.unwrap_or(default)),
    };
    Ok(MaxLength {
        query: side("max_length.query", stated.query)?,
        document: side("max_length.document", stated.document)?,
    })
}

/// `max_position_embeddings` of `config.json`, where there is one.
fn positions(folder: &Path) -> Result<Option<usize>, EncodeError> {
    let path = folder.join("config.json");
    let Some(text) = read_text(&path)? else { return Ok(None) };
    let config: ConfigFile = serde_json::from_str(&text).map_err(|error| {
        EncodeError::InvalidFile { what: "config.json", path, source: error.into() }
    })?;
    Ok(config.max_position_embeddings)
}

#[cfg(test)]
mod tests;
