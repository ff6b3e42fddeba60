//! A dense model folder, opened: graph recognised, tokenizer read, settings resolved, named by a
//! hash.
//!
//! [`DenseModel::open`] does everything that can fail before the first text. Workers are
//! `dense/encoder.rs`.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ort::session::Session;
use sha2::{Digest, Sha256};

use crate::dense::card::{DenseCard, card};
use crate::dense::encoder::DenseEncoder;
use crate::dense::opened::OpenedDense;
use crate::dense::selftest;
use crate::error::EncodeError;
use crate::family::detect::dense::detect_dense;
use crate::family::fingerprint::{graph_digests, hex};
use crate::family::lengths::{Lengths, MaxLength};
use crate::family::settings::dense::DenseSettings;
use crate::family::tensors::TensorCard;
use crate::files::read_file;
use crate::onnx::external::external_files;
use crate::selftest::SelfTest;
use crate::session::graph_session::open_session;
use crate::session::runtime::Runtime;
use crate::side::Side;
use crate::text::tokenize::SideTexts;
use crate::text::tokens::Tokens;

/// A dense model folder, opened and checked; a cheap handle, all clones are the same model.
#[derive(Clone)]
pub struct DenseModel {
    opened: Arc<OpenedDense>,
    /// The single-threaded session that opening made, kept for the next worker.
    first: Arc<Mutex<Option<Session>>>,
}

impl DenseModel {
    /// Opens a dense model folder: `tokenizer.json`, one ONNX graph, and optionally `gleaner.toml`,
    /// `config.json` and the files of sentence-transformers.
    ///
    /// Errors: `ModelNotFound` when there is no such folder; `OtherKind` and `SparseWeights` when
    /// it is a sparse model; `MissingFile`, `Read`, `InvalidFile`, `InvalidSetting`,
    /// `AmbiguousGraph` and `ExternalData` for its files; `UnknownLayout` when the graph cannot be
    /// used. Panics: never.
    /// Cost: loads the graph once and hashes it.
    pub fn open(folder: &Path, runtime: &Runtime) -> Result<Self, EncodeError> {
        if !folder.is_dir() {
            return Err(EncodeError::ModelNotFound { path: folder.to_owned() });
        }
        let settings = DenseSettings::read(folder)?;
        let path = folder.join("tokenizer.json");
        let tokenizer = read_file("tokenizer", &path)?;
        let tokens = Tokens::read(&tokenizer, &path)?;
        let weight_files = external_files(&settings.file, folder)?;
        let session = open_session(runtime, &settings.file, 1)?;
        let inputs: Vec<_> = session.inputs().iter().map(TensorCard::of).collect();
        let outputs: Vec<_> = session.outputs().iter().map(TensorCard::of).collect();
        let known = (&inputs[..], &outputs[..]);
        let graph = detect_dense(&settings.file, known, &settings.graph, tokens.len())?;
        let pooling = settings.pooling(graph.is_pooled)?;
        let bounded = |side| settings.lengths.within(side, graph.fixed.length, &settings.path);
        let max_length =
            MaxLength { query: bounded(Side::Query)?, document: bounded(Side::Document)? };
        let tokenizer_of = |side, at: usize| {
            let (template, max_length) = (&settings.templates[at], max_length.of(side));
            // Texts are put into lower case by the encoder.
            let texts = SideTexts { template, max_length, lower_case: false };
            tokens.side(side, &texts, &settings.path)
        };
        let tokenizers = [tokenizer_of(Side::Query, 0)?, tokenizer_of(Side::Document, 1)?];
        let mut files = graph_digests(&settings.file, &weight_files)?;
        files.push(("tokenizer".to_owned(), hex(&Sha256::digest(&tokenizer))));
        let lengths = Lengths { max: max_length, ..settings.lengths.clone() };
        let settings = DenseSettings { lengths, ..settings };
        let mut card = card(folder, runtime, &settings, (&graph, pooling), &files);
        (card.inputs, card.outputs) = (inputs, outputs);
        let (runtime, golden) = (runtime.clone(), settings.golden);
        let opened = OpenedDense { runtime, graph, tokenizers, golden, card };
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
            None => open_session(&self.opened.runtime, &self.opened.card.graph, threads)?,
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
