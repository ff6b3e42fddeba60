//! An opened model folder: graph recognised, tokenizer read, settings resolved, fingerprint taken.
//!
//! Opening does everything that can fail before the first text; [`Model::encoder`] then hands out
//! workers. Which files a folder has is `settings.rs`, what the graph is `layout.rs`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::session::Session;
use serde::Serialize;

use crate::Side;
use crate::error::EncodeError;
use crate::fingerprint::{Shaping, fingerprint};
use crate::layout::{GraphLayout, Layout, TensorCard, detect};
use crate::runtime::Runtime;
use crate::selftest::{self, SelfTest};
use crate::session::{self, Encoder};
use crate::settings::{Activation, Batching, Golden, MaxLength, Pooling, Settings};
use crate::tokenize::Vocabulary;

/// A model folder, opened and checked; a cheap handle, all clones are the same model.
#[derive(Clone)]
pub struct Model {
    opened: Arc<Opened>,
    /// A single-threaded session (opening made one), kept for the next worker that wants one.
    first: Arc<Mutex<Option<Session>>>,
}

/// What all workers of a model share; nothing in it changes.
pub(crate) struct Opened {
    folder: PathBuf,
    runtime: Runtime,
    graph_file: PathBuf,
    pub(crate) graph: GraphLayout,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) shaping: Shaping,
    golden: Option<Golden>,
    card: ModelCard,
}

/// What there is to say about an opened model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelCard {
    /// The model folder.
    pub folder: PathBuf,
    /// Names what the folder computes: `sha256:` and 64 hexadecimal digits.
    pub fingerprint: String,
    /// The graph's file.
    pub graph: PathBuf,
    /// Size of the graph's file.
    pub graph_bytes: u64,
    /// What the graph returns.
    pub layout: Layout,
    /// How token rows become one row.
    pub pooling: Pooling,
    /// How a logit becomes a weight.
    pub activation: Activation,
    /// Whether texts may share a run.
    pub batching: Batching,
    /// Tokens per text, specials included.
    pub max_length: MaxLength,
    /// Number of term ids: the tokenizer's largest id plus one.
    pub vocabulary_size: usize,
    /// Inputs of the graph.
    pub inputs: Vec<TensorCard>,
    /// Outputs of the graph.
    pub outputs: Vec<TensorCard>,
    /// The output that weights are read from.
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

impl Model {
    /// Opens a model folder: `tokenizer.json`, one ONNX graph, and optionally `gleaner.toml` and
    /// `config.json`.
    ///
    /// Errors: `ModelNotFound` when there is no such folder; `MissingFile`, `Read`, `InvalidFile`,
    /// `InvalidSetting` and `AmbiguousGraph` for its files; `UnknownLayout` and
    /// `VocabularyMismatch` when graph and tokenizer cannot be used (together). Panics: never.
    /// Cost: loads the graph once and hashes it.
    pub fn open(folder: &Path, runtime: &Runtime) -> Result<Self, EncodeError> {
        if !folder.is_dir() {
            return Err(EncodeError::ModelNotFound { path: folder.to_owned() });
        }
        let settings = Settings::read(folder)?;
        let tokenizer_file = folder.join("tokenizer.json");
        let tokenizer = read_file("tokenizer", &tokenizer_file)?;
        let vocabulary = Vocabulary::read(&tokenizer, &tokenizer_file, &settings)?;
        let session = session::open(runtime, &settings.graph, 1)?;
        let inputs: Vec<_> = session.inputs().iter().map(TensorCard::of).collect();
        let outputs: Vec<_> = session.outputs().iter().map(TensorCard::of).collect();
        let graph = detect(&settings.graph, &inputs, &outputs, vocabulary.len())?;
        let (pooling, activation) = settings.steps(graph.layout)?;
        let Settings { batching, max_length, .. } = settings;
        let shaping = Shaping { pooling, activation, batching, max_length };
        let fingerprint = fingerprint(&settings.graph, &tokenizer, &graph, shaping)?;
        let card = ModelCard {
            folder: folder.to_owned(),
            fingerprint,
            graph: settings.graph.clone(),
            graph_bytes: std::fs::metadata(&settings.graph).map_or(0, |file| file.len()),
            layout: graph.layout,
            pooling,
            activation,
            batching,
            max_length,
            vocabulary_size: vocabulary.len(),
            inputs,
            outputs,
            weights_output: graph.output.clone(),
            golden: settings.golden.as_ref().map(|golden| golden.file.clone()),
            golden_tolerance: settings.golden.as_ref().map(|golden| golden.tolerance),
            runtime: runtime.path().to_owned(),
            runtime_version: runtime.version(),
        };
        let opened = Opened {
            folder: folder.to_owned(),
            runtime: runtime.clone(),
            graph_file: settings.graph,
            graph,
            vocabulary,
            shaping,
            golden: settings.golden,
            card,
        };
        Ok(Self { opened: Arc::new(opened), first: Arc::new(Mutex::new(Some(session))) })
    }

    /// The folder that was opened, as it was given.
    pub fn folder(&self) -> &Path {
        &self.opened.folder
    }

    /// Names what this model computes: `sha256:` and 64 hexadecimal digits. Two models with the
    /// same fingerprint give the same vectors; an index stores it.
    pub fn fingerprint(&self) -> &str {
        &self.opened.card.fingerprint
    }

    /// What there is to say about this model.
    pub fn card(&self) -> &ModelCard {
        &self.opened.card
    }

    /// The token text of a term id, nothing for ids the tokenizer does not have.
    pub fn token(&self, term: u32) -> Option<&str> {
        self.opened.vocabulary.token(term)
    }

    /// The term id of a token text, such as `##ing`.
    pub fn term(&self, token: &str) -> Option<u32> {
        self.opened.vocabulary.term(token)
    }

    /// Whether a text is longer than the model reads on a side, so that its end is cut.
    ///
    /// Errors: `Tokenize`. Cost: tokenizes the text.
    pub fn is_cut(&self, side: Side, text: &str) -> Result<bool, EncodeError> {
        let is_cut = self.opened.vocabulary.is_cut(side, text);
        is_cut.map_err(|source| EncodeError::Tokenize { text: 0, source })
    }

    /// Makes a worker with a session of its own. One thread per worker, and a worker per core, is
    /// the fastest way through many texts; `threads` above 1 answers a single text sooner, and 0
    /// lets the runtime use every core.
    ///
    /// Errors: `InvalidFile` when the graph has become unreadable since it was opened.
    pub fn encoder(&self, threads: usize) -> Result<Encoder, EncodeError> {
        let kept = match threads {
            1 => self.first.lock().unwrap_or_else(PoisonError::into_inner).take(),
            _ => None,
        };
        let session = match kept {
            Some(session) => session,
            None => session::open(&self.opened.runtime, &self.opened.graph_file, threads)?,
        };
        Encoder::new(Arc::clone(&self.opened), session)
    }

    /// Encodes the golden texts again and compares, alone and in batches.
    ///
    /// Errors: `NoGolden` when the settings name no golden file; `MissingFile`, `Read` or
    /// `InvalidFile` when it cannot be used; and those of [`Encoder::encode`]. Vectors that differ
    /// are no error but a report that has not passed.
    pub fn selftest(&self) -> Result<SelfTest, EncodeError> {
        let golden = self.opened.golden.as_ref();
        let golden =
            golden.ok_or_else(|| EncodeError::NoGolden { folder: self.opened.folder.clone() })?;
        let mut encoder = self.encoder(1)?;
        let report = selftest::run(&mut encoder, golden)?;
        *self.first.lock().unwrap_or_else(PoisonError::into_inner) = Some(encoder.into_session());
        Ok(report)
    }
}

/// Reads a file of the folder that must be there.
pub(crate) fn read_file(what: &'static str, path: &Path) -> Result<Vec<u8>, EncodeError> {
    std::fs::read(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => EncodeError::MissingFile { what, path: path.to_owned() },
        _ => EncodeError::Read { path: path.to_owned(), source },
    })
}
