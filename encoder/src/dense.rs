//! A dense model: a folder whose graph gives every text one short vector.
//!
//! The same way as a sparse text's, up to the graph: `template` → `tokenize` → `batch` → `feed` →
//! `session`; then `dense/encoder.rs` pools and normalises. [`DenseModel::open`] does everything that
//! can fail before the first text. Searching with such vectors is not here.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::session::Session;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Side;
use crate::error::EncodeError;
use crate::external;
use crate::fingerprint::{graph_digests, hex};
use crate::layout::{DenseGraph, TensorCard, detect_dense};
use crate::model::read_file;
use crate::runtime::Runtime;
use crate::selftest::SelfTest;
use crate::session;
use crate::settings::{
    Batching, DensePooling, DenseSettings, Golden, Lengths, MaxLength, ModelKind,
};
use crate::side::length;
use crate::tokenize::{SideTokenizer, Tokens};

mod encoder;
mod selftest;

pub use encoder::{DenseEncoder, Embeddings};

/// A dense model folder, opened and checked; a cheap handle, all clones are the same model.
#[derive(Clone)]
pub struct DenseModel {
    opened: Arc<Opened>,
    /// The single-threaded session that opening made, kept for the next worker.
    first: Arc<Mutex<Option<Session>>>,
}

/// What all workers of a model share; nothing in it changes.
struct Opened {
    runtime: Runtime,
    graph: DenseGraph,
    /// Of queries and of documents.
    tokenizers: [SideTokenizer; 2],
    golden: Option<Golden>,
    card: DenseCard,
}

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

impl DenseModel {
    /// Opens a dense model folder: `tokenizer.json`, one ONNX graph, and optionally `gleaner.toml`,
    /// `config.json` and the files of sentence-transformers.
    ///
    /// Errors: `ModelNotFound` when there is no such folder; `OtherKind` and `SparseWeights` when it is
    /// a sparse model; `MissingFile`, `Read`, `InvalidFile`, `InvalidSetting`, `AmbiguousGraph` and
    /// `ExternalData` for its files; `UnknownLayout` when the graph cannot be used. Panics: never.
    /// Cost: loads the graph once and hashes it.
    pub fn open(folder: &Path, runtime: &Runtime) -> Result<Self, EncodeError> {
        if !folder.is_dir() {
            return Err(EncodeError::ModelNotFound { path: folder.to_owned() });
        }
        let settings = DenseSettings::read(folder)?;
        let path = folder.join("tokenizer.json");
        let tokenizer = read_file("tokenizer", &path)?;
        let tokens = Tokens::read(&tokenizer, &path)?;
        let weight_files = external::weight_files(&settings.file, folder)?;
        let session = session::open(runtime, &settings.file, 1)?;
        let inputs: Vec<_> = session.inputs().iter().map(TensorCard::of).collect();
        let outputs: Vec<_> = session.outputs().iter().map(TensorCard::of).collect();
        let known = (&inputs[..], &outputs[..]);
        let graph = detect_dense(&settings.file, known, &settings.graph, tokens.len())?;
        let pooling = settings.pooling(graph.is_pooled)?;
        let bounded = |side| length(side, &settings.lengths, graph.fixed.length, &settings.path);
        let max_length =
            MaxLength { query: bounded(Side::Query)?, document: bounded(Side::Document)? };
        let tokenizer_of = |side, at: usize| {
            let template = &settings.templates[at];
            tokens.side(side, template, max_length.of(side), &settings.path)
        };
        let tokenizers = [tokenizer_of(Side::Query, 0)?, tokenizer_of(Side::Document, 1)?];
        let mut files = graph_digests(&settings.file, &weight_files)?;
        files.push(("tokenizer".to_owned(), hex(&Sha256::digest(&tokenizer))));
        let lengths = Lengths { max: max_length, ..settings.lengths };
        let settings = DenseSettings { lengths, ..settings };
        let mut card = card(folder, runtime, &settings, (&graph, pooling), &files);
        (card.inputs, card.outputs) = (inputs, outputs);
        let (runtime, golden) = (runtime.clone(), settings.golden);
        let opened = Opened { runtime, graph, tokenizers, golden, card };
        Ok(Self { opened: Arc::new(opened), first: Arc::new(Mutex::new(Some(session))) })
    }

    /// The folder that was opened, as it was given.
    pub fn folder(&self) -> &Path {
        &self.opened.card.folder
    }

    /// Names what this model makes of documents: `sha256:` and 64 hexadecimal digits.
    pub fn fingerprint(&self) -> &str {
        &self.opened.card.fingerprint
    }

    /// What there is to say about this model.
    pub fn card(&self) -> &DenseCard {
        &self.opened.card
    }

    /// Numbers in a vector, at least one.
    pub fn dims(&self) -> usize {
        self.opened.card.dims
    }

    /// Makes a worker with a session of its own; `threads` as in [`crate::Model::encoder`].
    ///
    /// Errors: `Runtime` when ONNX Runtime is out of resources; `InvalidFile` when the graph has
    /// become unreadable.
    pub fn encoder(&self, threads: usize) -> Result<DenseEncoder, EncodeError> {
        let kept = match threads {
            1 => self.first.lock().unwrap_or_else(PoisonError::into_inner).take(),
            _ => None,
        };
        let session = match kept {
            Some(session) => session,
            None => session::open(&self.opened.runtime, &self.opened.card.graph, threads)?,
        };
        DenseEncoder::new(Arc::clone(&self.opened), session)
    }

    /// Encodes the golden texts again and compares, alone and in batches.
    ///
    /// Errors: as [`crate::Model::selftest`].
    pub fn selftest(&self) -> Result<SelfTest, EncodeError> {
        let golden = self.opened.golden.as_ref();
        let golden =
            golden.ok_or_else(|| EncodeError::NoGolden { folder: self.folder().to_owned() })?;
        let mut encoder = self.encoder(1)?;
        let report = selftest::run(&mut encoder, golden)?;
        *self.first.lock().unwrap_or_else(PoisonError::into_inner) = Some(encoder.into_session());
        Ok(report)
    }
}

/// The card of a folder whose settings are final; the graph's tensors are left to the caller.
fn card(
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
        runtime: runtime.path().to_owned(),
        runtime_version: runtime.version(),
    }
}

/// The text whose hash names what a side computes: one `key value` line per fact, in this order. A
/// later version that computes other vectors from the same facts raises the number in the first line.
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
    text += &format!("lower_case {}\nbatching {:?}\n", settings.lower_case, settings.batching);
    text += &format!("max_length {}\n", settings.lengths.max.of(side));
    text += &format!("template {:?}\n", String::from(template.clone()));
    text
}
