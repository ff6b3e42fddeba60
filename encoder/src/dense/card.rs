//! What there is to say about an opened dense model, and the names of what its sides compute.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::family::choices::{Batching, DensePooling};
use crate::family::detect::dense::DenseGraph;
use crate::family::fingerprint::hex;
use crate::family::kind::ModelKind;
use crate::family::lengths::MaxLength;
use crate::family::settings::dense::DenseSettings;
use crate::family::tensors::TensorCard;
use crate::session::runtime::Runtime;
use crate::side::Side;

/// What there is to say about an opened dense model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DenseCard {
    /// Always [`ModelKind::Dense`].
    pub kind: ModelKind,
    /// The model folder.
    pub folder: PathBuf,
    /// Names what documents become: `sha256:` and 64 hexadecimal digits.
    pub fingerprint: String,
    /// The graph.
    pub graph: PathBuf,
    /// Size of that file.
    pub graph_bytes: u64,
    /// Numbers in a vector.
    pub dims: usize,
    /// How the rows of a text's tokens become its vector.
    pub pooling: DensePooling,
    /// Whether vectors are brought to length 1 after the graph. (A graph may do so itself.)
    pub normalize: bool,
    /// Whether texts are put into lower case before anything else.
    pub lower_case: bool,
    /// Whether texts may share a run.
    pub batching: Batching,
    /// Tokens per text, specials included.
    pub max_length: MaxLength,
    /// How queries are encoded.
    pub query: DenseSideCard,
    /// How documents are encoded.
    pub document: DenseSideCard,
    /// Inputs of the graph.
    pub inputs: Vec<TensorCard>,
    /// Outputs of the graph.
    pub outputs: Vec<TensorCard>,
    /// The output that is read.
    pub output: String,
    /// The file of golden vectors, where the settings name one.
    pub golden: Option<PathBuf>,
    /// Largest allowed difference from a golden number.
    pub golden_tolerance: Option<f32>,
    /// What states the settings above: a file of the folder and its key, the graph, or nothing
    /// ("default").
    pub from: BTreeMap<&'static str, String>,
    /// The ONNX Runtime library in use.
    pub runtime: PathBuf,
    /// Its version.
    pub runtime_version: String,
}

/// What there is to say about one side of a dense model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DenseSideCard {
    /// What is put around a text, `{text}` where there is nothing.
    pub template: String,
    /// Names what this side computes: `sha256:` and 64 hexadecimal digits.
    pub fingerprint: String,
}

/// The card of a folder whose settings are final; the graph's tensors are left to the caller.
pub(super) fn card(
    folder: &Path,
    runtime: &Runtime,
    settings: &DenseSettings,
    (graph, pooling): (&DenseGraph, DensePooling),
    files: &[(String, String)],
) -> DenseCard {
    let side = |side, at: usize| {
        let text = canonical(side, settings, (graph, pooling), files);
        DenseSideCard {
            template: settings.templates[at].clone().into(),
            fingerprint: format!("sha256:{}", hex(&Sha256::digest(text))),
        }
    };
    let document = side(Side::Document, 1);
    let mut from = settings.from.clone();
    if pooling == DensePooling::Graph && settings.graph.pooling.is_none() {
        from.insert("pooling", "the graph".to_owned());
    }
    DenseCard {
        kind: ModelKind::Dense,
        folder: folder.to_owned(),
        fingerprint: document.fingerprint.clone(),
        graph_bytes: std::fs::metadata(&settings.file).map_or(0, |file| file.len()),
        graph: settings.file.clone(),
        dims: graph.dims,
        pooling,
        normalize: settings.normalize,
        lower_case: settings.lower_case,
        batching: settings.batching,
        max_length: settings.lengths.max,
        query: side(Side::Query, 0),
        document,
        inputs: Vec::new(),
        outputs: Vec::new(),
        output: graph.output.clone(),
        golden: settings.golden.as_ref().map(|golden| golden.file.clone()),
        golden_tolerance: settings.golden.as_ref().map(|golden| golden.tolerance),
        from,
        runtime: runtime.path().to_owned(),
        runtime_version: runtime.version(),
    }
}

/// The text whose hash names what a side computes: one `key value` line per fact, in this order. A
/// later version that computes other vectors from the same facts raises the number in the first
/// line.
fn canonical(
    side: Side,
    settings: &DenseSettings,
    (graph, pooling): (&DenseGraph, DensePooling),
    files: &[(String, String)],
) -> String {
    let template = match side {
        Side::Query => &settings.templates[0],
        Side::Document => &settings.templates[1],
    };
    let mut text = "gleaner-encoder dense 1\n".to_owned();
    for (name, digest) in files {
        text += &format!("{name} {digest}\n");
    }
    text += &format!("output {}\ndims {}\n", graph.output, graph.dims);
    text += &format!("pooling {}\nnormalize {}\n", pooling.name(), settings.normalize);
    // As fingerprints of dense models have had it from the start, in capitals.
    let batching = match settings.batching {
        Batching::Padded => "Padded",
        Batching::Single => "Single",
    };
    text += &format!("lower_case {}\nbatching {batching}\n", settings.lower_case);
    text += &format!("max_length {}\n", settings.lengths.max.of(side));
    text += &format!("template {:?}\n", String::from(template.clone()));
    text
}
