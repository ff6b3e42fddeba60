//! What there is to say about an opened sparse model, for people and programs.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::family::choices::{Activation, Batching, Pooling};
use crate::family::graph::OpenedGraph;
use crate::family::layout::Layout;
use crate::family::lengths::MaxLength;
use crate::family::settings::sparse::Settings;
use crate::family::side::{Kind, OpenedSide, SideCard};
use crate::family::tensors::TensorCard;
use crate::session::runtime::Runtime;
use crate::text::terms::Terms;
use crate::text::unit::Unit;

/// What there is to say about an opened model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelCard {
    /// The model folder.
    pub folder: PathBuf,
    /// Names what documents become: `sha256:` and 64 hexadecimal digits. An index is bound to it.
    pub fingerprint: String,
    /// The graph of documents, or their table.
    pub graph: PathBuf,
    /// Size of that file.
    pub graph_bytes: u64,
    /// What it returns.
    pub layout: Layout,
    /// How token rows of documents become one row.
    pub pooling: Pooling,
    /// How a logit becomes a weight in documents.
    pub activation: Activation,
    /// Whether texts may share a run.
    pub batching: Batching,
    /// Tokens per text, specials included.
    pub max_length: MaxLength,
    /// What a term is.
    pub unit: Unit,
    /// Number of term ids: the tokenizer's largest id plus one, unless the folder states others.
    pub vocabulary_size: usize,
    /// How queries are encoded.
    pub query: SideCard,
    /// How documents are encoded.
    pub document: SideCard,
    /// Inputs of the graph.
    pub inputs: Vec<TensorCard>,
    /// Outputs of the graph.
    pub outputs: Vec<TensorCard>,
    /// The output that weights are read from; empty where there is no graph.
    pub weights_output: String,
    /// The file of golden vectors, where the settings name one.
    pub golden: Option<PathBuf>,
    /// Largest allowed difference from a golden weight.
    pub golden_tolerance: Option<f32>,
    /// The ONNX Runtime library in use.
    pub runtime: PathBuf,
    /// Its version.
    pub runtime_version: String,
}

/// The card of a model whose sides are ready.
pub(super) fn card(
    folder: &Path,
    runtime: &Runtime,
    settings: &Settings,
    (query, document): (&OpenedSide, &OpenedSide),
    (graphs, terms): (&[OpenedGraph], &Terms),
) -> ModelCard {
    let graph = match document.kind {
        Kind::Graph(at) => Some(&graphs[at]),
        Kind::Table(_) => None,
    };
    let file = document.card.file.clone().unwrap_or_default();
    ModelCard {
        folder: folder.to_owned(),
        fingerprint: document.card.fingerprint.clone(),
        graph_bytes: std::fs::metadata(&file).map_or(0, |file| file.len()),
        graph: file,
        layout: document.card.layout,
        pooling: document.pooling,
        activation: document.activation,
        batching: settings.batching,
        max_length: MaxLength { query: query.card.max_length, document: document.card.max_length },
        unit: terms.unit(),
        vocabulary_size: terms.len(),
        query: query.card.clone(),
        document: document.card.clone(),
        inputs: graph.map_or_else(Vec::new, |graph| graph.inputs.clone()),
        outputs: graph.map_or_else(Vec::new, |graph| graph.outputs.clone()),
        weights_output: graph.map_or_else(String::new, |graph| graph.layout.output.clone()),
        golden: settings.golden.as_ref().map(|golden| golden.file.clone()),
        golden_tolerance: settings.golden.as_ref().map(|golden| golden.tolerance),
        runtime: runtime.path().to_owned(),
        runtime_version: runtime.version(),
    }
}
