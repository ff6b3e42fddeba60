//! A sparse model folder, opened: graph recognised, tokenizer read, settings resolved, named by a
//! hash.
//!
//! Opening does everything that can fail before the first text; [`Model::encoder`] then hands out
//! workers. `model/opened.rs` is what they share, `model/card.rs` what is said about it. Which
//! files a folder has is `family/settings`, what its graph is `family/detect.rs`.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ort::session::Session;

use crate::error::EncodeError;
use crate::family::choices::SideEncoder;
use crate::family::fingerprint::{Facts, fingerprint};
use crate::family::graph::OpenedGraph;
use crate::family::settings::golden::Golden;
use crate::family::settings::sparse::Settings;
use crate::family::side::OpenedSide;
use crate::files::read_file;
use crate::model::card::{ModelCard, card};
use crate::model::opened::OpenedModel;
use crate::selftest::{self, SelfTest};
use crate::session::encoder::Encoder;
use crate::session::head::Head;
use crate::session::runtime::Runtime;
use crate::side::Side;
use crate::text::spans::Spans;
use crate::text::terms::Terms;
use crate::text::tokens::Tokens;

pub(crate) mod card;
pub(crate) mod opened;

/// A model folder, opened and checked; a cheap handle, all clones are the same model.
#[derive(Clone)]
pub struct Model {
    opened: Arc<OpenedModel>,
    /// Single-threaded sessions by graph (opening made them), kept for the next worker.
    first: Arc<Mutex<Vec<Option<Session>>>>,
}

impl Model {
    /// Opens a model folder: `tokenizer.json`, one ONNX graph, and optionally `gleaner.toml`,
    /// `config.json` and tables of weights and names.
    ///
    /// Errors: `ModelNotFound` when there is no such folder; `MissingFile`, `Read`, `InvalidFile`,
    /// `InvalidSetting`, `NotUnderstood`, `NoGraph`, `AmbiguousGraph`, `ExternalData`, `TableWeight` and `UnknownTokens` for
    /// its files; `UnknownLayout`, `VocabularyMismatch`, `TokenVectors` and `DenseEmbedding` when
    /// graph and tokenizer cannot be used (together). Panics: never.
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
        let tokenizer = read_file("tokenizer", &settings.tokenizer)?;
        let tokens = Tokens::read(&tokenizer, &settings.tokenizer)?;
        let mut terms = Terms::read(tokens, &settings.terms, &settings.path)?;
        let (graphs, sessions) = open_graphs(folder, runtime, &settings, &mut terms)?;
        let open = |side| OpenedSide::open(side, &settings, &graphs, &terms);
        let (mut query, mut document) = (open(Side::Query)?, open(Side::Document)?);
        let facts = Facts { settings: &settings, graphs: &graphs, tokenizer: &tokenizer };
        query.card.fingerprint = fingerprint(Side::Query, &query, &facts)?;
        document.card.fingerprint = fingerprint(Side::Document, &document, &facts)?;
        let card = card(folder, runtime, &settings, (&query, &document), (&graphs, &terms));
        let opened = OpenedModel {
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
    /// are encoded is not part of it (but for their length): see [`crate::SideCard::fingerprint`].
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

    /// The text of a term id for people and files; the id in digits where it has no name.
    pub fn term_text(&self, term: u32) -> String {
        self.token(term).map_or_else(|| term.to_string(), str::to_owned)
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

    /// Checks that spans are of use to a side: no longer than it reads, and with overlaps of at
    /// most half of what they have room for.
    ///
    /// Errors: `Spans`.
    pub fn check_spans(&self, side: Side, spans: Spans) -> Result<(), EncodeError> {
        self.opened.side(side).tokenizer.check_spans(spans)
    }

    /// The passages that a text is cut into, as byte ranges in order. Each has at most
    /// `spans.length` tokens with what the side adds. The first begins with the text, the last ends
    /// with it, and none is behind a gap. A text is cut between words where one ends in a span's
    /// last quarter, else between tokens. A text that fits is one passage.
    ///
    /// Errors: `Spans`, `Tokenize`. Cost: tokenizes the text about three times.
    pub fn passages(
        &self,
        side: Side,
        text: &str,
        spans: Spans,
    ) -> Result<Vec<Range<usize>>, EncodeError> {
        self.check_spans(side, spans)?;
        let cut = self.opened.tokenize_long(side, text, spans);
        let cut = cut.map_err(|source| EncodeError::Tokenize { text: 0, source })?;
        Ok(cut.spans.into_iter().map(|span| span.bytes).collect())
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
    /// Errors: `MissingFile`, `Read` or `InvalidFile` when the golden file cannot be used; and
    /// those of [`Encoder::encode`]. Vectors that differ are no error but a report that has not
    /// passed.
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
        let Some(file) = side.graph.as_ref().filter(|_| side.encoder.runs_graph()) else {
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
