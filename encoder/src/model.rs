//! An opened model folder: graph recognised, tokenizer read, settings resolved, fingerprint taken.
//!
//! Opening does everything that can fail before the first text; [`Model::encoder`] then hands out
//! workers. Which files a folder has is `settings.rs`, what the graph is `layout.rs`.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::session::Session;
use serde::Serialize;

use crate::Side;
use crate::error::{Cause, EncodeError};
use crate::fingerprint::{Facts, fingerprint};
use crate::head::Head;
use crate::layout::{Layout, TensorCard};
use crate::pool::Finish;
use crate::runtime::Runtime;
use crate::selftest::{self, SelfTest};
use crate::session::Encoder;
use crate::settings::{Activation, Batching, Golden, MaxLength, Pooling, Settings, SideEncoder};
use crate::side::{Kind, OpenedGraph, OpenedSide, SideCard};
use crate::terms::{Terms, Unit};
use crate::tokenize::{TokenizedText, Tokens, Wanted};
use crate::windows::{TokenizedLongText, Windows};

/// A model folder, opened and checked; a cheap handle, all clones are the same model.
#[derive(Clone)]
pub struct Model {
    opened: Arc<Opened>,
    /// Single-threaded sessions by graph (opening made them), kept for the next worker.
    first: Arc<Mutex<Vec<Option<Session>>>>,
}

/// What all workers of a model share; nothing in it changes.
pub(crate) struct Opened {
    folder: PathBuf,
    pub(crate) runtime: Runtime,
    /// The graphs that sides use, each once.
    pub(crate) graphs: Vec<OpenedGraph>,
    pub(crate) terms: Terms,
    query: OpenedSide,
    document: OpenedSide,
    pub(crate) batching: Batching,
    pub(crate) gate: f32,
    pub(crate) golden: Option<Golden>,
    /// Queries are encoded as the folder states; golden queries are of that encoder.
    pub(crate) query_is_stated: bool,
    card: ModelCard,
}

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

impl Model {
    /// Opens a model folder: `tokenizer.json`, one ONNX graph, and optionally `gleaner.toml`,
    /// `config.json` and tables of weights and names.
    ///
    /// Errors: `ModelNotFound` when there is no such folder; `MissingFile`, `Read`, `InvalidFile`,
    /// `InvalidSetting`, `AmbiguousGraph`, `ExternalData`, `TableWeight` and `UnknownTokens` for its
    /// files; `UnknownLayout`, `VocabularyMismatch`, `TokenVectors` and `DenseEmbedding` when graph
    /// and tokenizer cannot be used (together). Panics: never.
    /// Cost: loads the graphs once and hashes them.
    pub fn open(folder: &Path, runtime: &Runtime) -> Result<Self, EncodeError> {
        Self::open_with(folder, runtime, None)
    }

    /// Opens a model folder as [`Model::open`] does, with queries encoded by `query` instead of
    /// what the folder states. The fingerprint stays what it is: it names what documents become.
    ///
    /// Errors: also `QueryEncoder` when the folder does not offer that one.
    pub fn open_with(
        folder: &Path,
        runtime: &Runtime,
        query: Option<SideEncoder>,
    ) -> Result<Self, EncodeError> {
        if !folder.is_dir() {
            return Err(EncodeError::ModelNotFound { path: folder.to_owned() });
        }
        let settings = Settings::read(folder, query)?;
        let tokenizer_file = folder.join("tokenizer.json");
        let tokenizer = read_file("tokenizer", &tokenizer_file)?;
        let tokens = Tokens::read(&tokenizer, &tokenizer_file)?;
        let mut terms = Terms::read(tokens, &settings)?;
        let (graphs, sessions) = open_graphs(folder, runtime, &settings, &mut terms)?;
        let open = |side| OpenedSide::open(side, &settings, &graphs, &terms);
        let (mut query, mut document) = (open(Side::Query)?, open(Side::Document)?);
        let facts = Facts { settings: &settings, graphs: &graphs, tokenizer: &tokenizer };
        query.card.fingerprint = fingerprint(Side::Query, &query, &facts)?;
        document.card.fingerprint = fingerprint(Side::Document, &document, &facts)?;
        let card = card(folder, runtime, &settings, (&query, &document), (&graphs, &terms));
        let opened = Opened {
            folder: folder.to_owned(),
            runtime: runtime.clone(),
            graphs,
            terms,
            query,
            document,
            batching: settings.batching,
            gate: settings.gate,
            golden: settings.golden,
            query_is_stated: settings.query_is_stated,
            card,
        };
        let first = Arc::new(Mutex::new(sessions.into_iter().map(Some).collect()));
        Ok(Self { opened: Arc::new(opened), first })
    }

    /// The golden vectors' file and tolerance, where the settings name one.
    pub(crate) fn golden(&self) -> Option<&Golden> {
        self.opened.golden.as_ref()
    }

    /// The folder that was opened, as it was given.
    pub fn folder(&self) -> &Path {
        &self.opened.folder
    }

    /// Names what this model makes of documents: `sha256:` and 64 hexadecimal digits. Two models
    /// with the same fingerprint give documents the same vectors; an index stores it. How queries
    /// are encoded is not part of it (but for their length): see [`SideCard::fingerprint`].
    pub fn fingerprint(&self) -> &str {
        &self.opened.card.fingerprint
    }

    /// What there is to say about this model.
    pub fn card(&self) -> &ModelCard {
        &self.opened.card
    }

    /// The text of a term id, nothing for ids without a name.
    pub fn token(&self, term: u32) -> Option<&str> {
        self.opened.terms.name(term)
    }

    /// The term id of a text, such as the token `##ing`.
    pub fn term(&self, token: &str) -> Option<u32> {
        self.opened.terms.term(token)
    }

    /// Whether a text is longer than the model reads on a side, so that its end is cut.
    ///
    /// Errors: `Tokenize`. Cost: tokenizes the text.
    pub fn is_cut(&self, side: Side, text: &str) -> Result<bool, EncodeError> {
        let is_cut = self.opened.side(side).tokenizer.is_cut(text);
        is_cut.map_err(|source| EncodeError::Tokenize { text: 0, source })
    }

    /// Checks that windows are of use to a side: no longer than it reads, and with overlaps of at most
    /// half of what they have room for.
    ///
    /// Errors: `Windows`.
    pub fn check_windows(&self, side: Side, windows: Windows) -> Result<(), EncodeError> {
        self.opened.side(side).tokenizer.check_windows(windows)
    }

    /// The passages that a text is cut into: byte ranges in order, each at most `windows.length`
    /// tokens with what the side adds, the first from the text's beginning, the last to its end, and
    /// none behind a gap. Cut between words where one of a window's last quarter ends, else between
    /// tokens. One passage where the text fits.
    ///
    /// Errors: `Windows`, `Tokenize`. Cost: tokenizes the text about three times.
    pub fn passages(
        &self,
        side: Side,
        text: &str,
        windows: Windows,
    ) -> Result<Vec<Range<usize>>, EncodeError> {
        self.check_windows(side, windows)?;
        let cut = self.opened.tokenize_long(side, text, windows);
        let cut = cut.map_err(|source| EncodeError::Tokenize { text: 0, source })?;
        Ok(cut.windows.into_iter().map(|window| window.bytes).collect())
    }

    /// Makes a worker with sessions of its own, opened as they are needed. One thread per worker,
    /// and a worker per core, is the fastest way through many texts; `threads` above 1 answers a
    /// single text sooner, and 0 lets the runtime use every core.
    ///
    /// Errors: `Runtime` when ONNX Runtime is out of resources.
    pub fn encoder(&self, threads: usize) -> Result<Encoder, EncodeError> {
        let kept = match threads {
            1 => {
                let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
                first.iter_mut().map(Option::take).collect()
            }
            _ => self.opened.graphs.iter().map(|_| None).collect(),
        };
        Encoder::new(Arc::clone(&self.opened), threads, kept)
    }

    /// Encodes the golden texts again and compares, alone and in batches. Where the settings name
    /// no golden file, texts of our own show whether batches change a vector.
    ///
    /// Errors: `MissingFile`, `Read` or `InvalidFile` when the golden file cannot be used; and those
    /// of [`Encoder::encode`]. Vectors that differ are no error but a report that has not passed.
    pub fn selftest(&self) -> Result<SelfTest, EncodeError> {
        let mut encoder = self.encoder(1)?;
        let report = match &self.opened.golden {
            Some(golden) => selftest::run(&mut encoder, golden)?,
            None => selftest::run_batches(&mut encoder)?,
        };
        *self.first.lock().unwrap_or_else(PoisonError::into_inner) = encoder.into_sessions();
        Ok(report)
    }
}

impl Opened {
    /// One side of the model.
    pub(crate) fn side(&self, side: Side) -> &OpenedSide {
        match side {
            Side::Query => &self.query,
            Side::Document => &self.document,
        }
    }

    /// What becomes of a row of this side.
    pub(crate) fn finish(&self, side: Side) -> Finish<'_> {
        let OpenedSide { activation, prune, .. } = *self.side(side);
        Finish { activation, terms: Some(&self.terms), prune }
    }

    /// Tokenizes a text of this side.
    pub(crate) fn tokenize(
        &self,
        side: Side,
        text: &str,
        words: bool,
    ) -> Result<TokenizedText, Cause> {
        let side = self.side(side);
        let units = side.wants_units.then_some(&self.terms);
        side.tokenizer.tokenize(text, Wanted { units, words })
    }

    /// Tokenizes a text of this side window by window.
    pub(crate) fn tokenize_long(
        &self,
        side: Side,
        text: &str,
        windows: Windows,
    ) -> Result<TokenizedLongText, Cause> {
        let side = self.side(side);
        let units = side.wants_units.then_some(&self.terms);
        side.tokenizer.windows(text, windows, Wanted { units, words: false })
    }
}

/// Opens the graphs that the sides name, each once. The first one tells the number of terms where
/// nothing else does.
fn open_graphs(
    folder: &Path,
    runtime: &Runtime,
    settings: &Settings,
    terms: &mut Terms,
) -> Result<(Vec<OpenedGraph>, Vec<Session>), EncodeError> {
    let (mut graphs, mut sessions): (Vec<OpenedGraph>, _) = (Vec::new(), Vec::new());
    for side in [&settings.document, &settings.query] {
        let Some(file) = side.graph.as_ref().filter(|_| side.encoder == SideEncoder::Graph) else {
            continue;
        };
        if graphs.iter().any(|graph| graph.file == *file) {
            continue;
        }
        let counts = (terms.tokens().len(), terms.stated());
        let (graph, session) = OpenedGraph::open(runtime, folder, file, settings, counts)?;
        if terms.stated().is_none() {
            terms.set_len(graph.head.as_ref().map_or(graph.layout.columns, Head::rows));
        }
        graphs.push(graph);
        sessions.push(session);
    }
    Ok((graphs, sessions))
}

fn card(
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

/// Reads a file of the folder that must be there.
pub(crate) fn read_file(what: &'static str, path: &Path) -> Result<Vec<u8>, EncodeError> {
    std::fs::read(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => EncodeError::MissingFile { what, path: path.to_owned() },
        _ => EncodeError::Read { path: path.to_owned(), source },
    })
}
