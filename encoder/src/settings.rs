//! `gleaner.toml`: what a model folder states about itself, and what holds where it is silent.
//!
//! Every key may be left out, and so may the file; a key that is not listed here is an error. Dense
//! models have keys of their own (`settings/dense.rs`).
//!
//! ```toml
//! kind = "sparse"             # "dense" is another kind of model; default: "sparse"
//! graph = "model.onnx"        # default: the only .onnx file in the folder or its `onnx` subfolder
//! layout = "logits"           # "pooled", "sparse", "token_weights", "gated"; default: detected
//! pooling = "max"             # over tokens: "max" or "sum", which encodes every text alone;
//!                             # default "max" (where we pool)
//! activation = "log1p_relu"   # "log1p_log1p_relu", "relu", "binary"; default "log1p_relu" for
//!                             # logits, "relu" for token weights
//! gate = 0.5                  # gated layout: a term stays where its gate is above; default 0.5
//! batching = "padded"         # or "single": never encode a text beside others; default "padded"
//! max_length = { query = 256, document = 256 }   # tokens, specials included; default 256
//! inputs = { ids = "input_ids", mask = "attention_mask", types = "token_type_ids" }   # names
//! outputs = { weights = "logits", ids = "token_ids", gate = "gate" }                  # names
//!
//! [terms]                     # default: a term is a token of the tokenizer
//! unit = "token"              # "word": whole words, "code": columns that are no tokens
//! names = "phrases.txt"       # a name per line, or JSON name → id; ids that are no tokens
//! first = 30522               # id of the first line; default: the number of tokens (0 for words, codes)
//! count = 70000               # number of term ids; default: what tokenizer, names or graph give
//! drop = ["[CLS]", "[SEP]"]   # terms that no vector has; default: none
//!
//! [query]                     # and [document]: where a side differs; default: as above
//! encoder = "graph"           # "idf", "ones", "embedding"; default "graph"
//! also = ["ones"]             # [query] only: other encoders that may be chosen at query time
//! graph = "query.onnx"        # this side's own graph
//! weights = "idf.json"        # for "idf" and "embedding"; default: the usual names
//! prefix = "query: "          # put before every text
//! template = "{text} {text}"  # instead of a prefix; with two texts the second one is pooled
//! max_length = 32             # instead of the key above
//! pooling = "sum"             # and activation: as above, for this side
//! prune = { top_terms = 64, ratio = 0.05, mass = 0.95 }   # what to keep; default: everything
//!
//! [golden]                    # default: none, and no self-test
//! file = "golden.json"        # relative to the folder
//! tolerance = 0.0001          # largest allowed difference of a weight; default 1e-4
//! ```
//!
//! A graph that returns one row per text has pooled and activated inside, so there `pooling` and
//! `activation` are `"graph"` (or `"binary"`, which makes every weight 1). Truncation and padding in
//! `tokenizer.json` are overridden: lengths are those above, and padding is this crate's own.
//! `config.json`, where present, bounds the lengths by `max_position_embeddings`. This file holds
//! what was stated, checked for sense; what a layout means is `layout.rs`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Side;
use crate::error::EncodeError;
use crate::layout::Layout;
use crate::prune::Prune;
use crate::template::Template;
use crate::terms::Unit;

mod dense;
mod file;
mod folder;
mod kind;
mod lengths;
mod sentence;

pub use dense::DensePooling;
pub(crate) use dense::{DenseGraphSettings, DenseSettings};
pub use kind::ModelKind;
pub(crate) use lengths::Lengths;

/// The settings file's name.
pub(crate) const FILE_NAME: &str = "gleaner.toml";
/// Tokens per text, specials included, where nothing is stated.
const DEFAULT_MAX_LENGTH: usize = 256;
/// Largest allowed golden difference where nothing is stated: what fp32 graphs hold.
const DEFAULT_TOLERANCE: f32 = 1e-4;
/// Where nothing is stated, a term of a gated model stays when its gate is above this.
const DEFAULT_GATE: f32 = 0.5;

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
    /// 1 where `x > 0`, else 0.
    Binary,
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

/// What turns the texts of one side into vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SideEncoder {
    /// The graph.
    Graph,
    /// A table: every distinct term of the text has its weight there. No graph is run.
    Idf,
    /// Every distinct term of the text has weight 1.
    Ones,
    /// A table of sparse rows: the largest weight over the rows of the text's terms.
    Embedding,
}

impl SideEncoder {
    /// Its name in settings and flags.
    pub fn name(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::Idf => "idf",
            Self::Ones => "ones",
            Self::Embedding => "embedding",
        }
    }
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

/// Names of a graph's inputs or outputs where the usual ones do not hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) ids: Option<String>,
    pub(crate) mask: Option<String>,
    pub(crate) types: Option<String>,
    pub(crate) weights: Option<String>,
    pub(crate) gate: Option<String>,
}

/// What is stated about a graph beside its file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GraphSettings {
    pub(crate) layout: Option<Layout>,
    pub(crate) inputs: Names,
    pub(crate) outputs: Names,
    /// The output layer of a graph that returns hidden states.
    pub(crate) head: Option<HeadTensors>,
}

/// Where the output layer of a graph of hidden states is: names of tensors in the graph's file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeadTensors {
    pub(crate) matrix: String,
    pub(crate) bias: Option<String>,
}

/// What is stated about terms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TermSettings {
    pub(crate) unit: Unit,
    pub(crate) names: Option<PathBuf>,
    pub(crate) first: Option<u32>,
    pub(crate) count: Option<usize>,
    pub(crate) drop: Vec<String>,
}

/// What is stated about one side, with what both sides share filled in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SideSettings {
    pub(crate) encoder: SideEncoder,
    /// The graph's file; there is one where `encoder` is `Graph`.
    pub(crate) graph: Option<PathBuf>,
    /// The table's file; there is one where `encoder` is `Idf` or `Embedding`.
    pub(crate) weights: Option<PathBuf>,
    pub(crate) template: Template,
    pub(crate) pooling: Option<Pooling>,
    pub(crate) activation: Option<Activation>,
    pub(crate) prune: Prune,
}

/// The settings of a folder, with defaults filled in where they need no knowledge of the graph.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    /// The settings file, whether or not it exists; errors name it.
    pub(crate) path: PathBuf,
    pub(crate) graph: GraphSettings,
    pub(crate) gate: f32,
    pub(crate) batching: Batching,
    pub(crate) lengths: Lengths,
    pub(crate) terms: TermSettings,
    pub(crate) query: SideSettings,
    pub(crate) document: SideSettings,
    pub(crate) golden: Option<Golden>,
    /// Queries are encoded as stated, rather than as somebody asked.
    pub(crate) query_is_stated: bool,
}

impl Settings {
    /// Reads the settings of a model folder and fills in the defaults. `query` chooses the encoder
    /// of queries among those the folder states.
    ///
    /// Errors: `InvalidFile` for broken TOML, unknown keys and unknown names; `InvalidSetting` for
    /// values the model cannot take; `OtherKind` when the file says that the model is dense; `MissingFile` or `AmbiguousGraph` when no graph can be named;
    /// `QueryEncoder` when the folder does not offer the one asked for.
    pub(crate) fn read(folder: &Path, query: Option<SideEncoder>) -> Result<Self, EncodeError> {
        ModelKind::Sparse.check(folder)?;
        file::File::read(folder)?.settle(folder, query)
    }

    /// What is stated about a side.
    pub(crate) fn side(&self, side: Side) -> &SideSettings {
        match side {
            Side::Query => &self.query,
            Side::Document => &self.document,
        }
    }

    /// An `InvalidSetting` of this file.
    pub(crate) fn invalid(&self, key: &'static str, reason: String) -> EncodeError {
        EncodeError::InvalidSetting { path: self.path.clone(), key, reason }
    }

    /// The pooling and activation to apply to a graph of this layout.
    ///
    /// Errors: `InvalidSetting` when the file asks for a step that the graph has already done, or
    /// leaves to the graph a step that it does not do.
    pub(crate) fn steps(
        &self,
        side: Side,
        layout: Layout,
    ) -> Result<(Pooling, Activation), EncodeError> {
        const DONE: &str = "the graph does this itself; say \"graph\" or leave it out";
        const NOT_DONE: &str = "the graph does not do this, so \"graph\" cannot be";
        let refuse = |key, reason: &str| Err(self.invalid(key, reason.to_owned()));
        let SideSettings { pooling, activation, .. } = *self.side(side);
        let steps = match layout {
            Layout::Pooled | Layout::Sparse | Layout::Gated | Layout::Lookup => {
                if pooling.is_some_and(|pooling| pooling != Pooling::Graph) {
                    return refuse("pooling", DONE);
                }
                match activation {
                    None | Some(Activation::Graph) => (Pooling::Graph, Activation::Graph),
                    Some(Activation::Binary) => (Pooling::Graph, Activation::Binary),
                    Some(_) => return refuse("activation", DONE),
                }
            }
            Layout::Logits | Layout::Hidden | Layout::TokenWeights => {
                let default = match layout {
                    Layout::Logits | Layout::Hidden => Activation::Log1pRelu,
                    _ => Activation::Relu,
                };
                if pooling == Some(Pooling::Graph) {
                    return refuse("pooling", NOT_DONE);
                }
                if activation == Some(Activation::Graph) && layout != Layout::TokenWeights {
                    return refuse("activation", NOT_DONE);
                }
                (pooling.unwrap_or(Pooling::Max), activation.unwrap_or(default))
            }
        };
        if steps == (Pooling::Sum, Activation::Binary) {
            return refuse("activation", "a sum is not binary; pool by \"max\"");
        }
        Ok(steps)
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

#[cfg(test)]
mod tests;
