//! What a commit says about itself: the model it was encoded with and how far its input got.
//!
//! Stored as the payload of tantivy's commit, so that it is atomic with the documents. Every
//! commit carries it on.

use serde::{Deserialize, Serialize};

/// Version of the payload.
pub const MANIFEST_VERSION: u32 = 1;

/// The payload of every commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_VERSION`] of the writer.
    pub version: u32,
    /// The model that encodes queries for this index; `None` for an index of given vectors.
    pub model: Option<ModelBinding>,
    /// The files of the latest indexing run, in order.
    pub inputs: Vec<InputProgress>,
}

impl Manifest {
    /// The manifest of a new index.
    pub fn new(model: Option<ModelBinding>) -> Self {
        Self { version: MANIFEST_VERSION, model, inputs: Vec::new() }
    }
}

/// Which model an index belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelBinding {
    /// Where the model folder was; a hint that `--model` overrides.
    pub path: String,
    /// Fingerprint of graph, tokeniser and settings: queries of another model are refused.
    pub fingerprint: String,
}

/// How far one input file got, as of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputProgress {
    /// The file as given.
    pub path: String,
    /// Size of the file in bytes when it was opened.
    pub size_bytes: u64,
    /// Decompressed bytes whose documents are committed.
    pub consumed_bytes: u64,
    /// SHA-256 of those bytes.
    pub consumed_sha256: String,
    /// Lines whose documents are committed.
    pub lines: u64,
    /// Documents committed from this file.
    pub documents: u64,
    /// Lines refused so far.
    pub rejected: u64,
    /// Whether the end of the file was reached.
    pub complete: bool,
}
