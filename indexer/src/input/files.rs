//! The files of a run: how they are to be understood, and what the entries of each are.

use std::{path::PathBuf, sync::Arc};

use crate::document::Vocabulary;

/// How inputs are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputFormat {
    /// A folder is BEIR's; a file whose name ends in `.ciff` is CIFF, one whose length is what its
    /// counts say is a file of binary vectors, any other is JSONL of texts unless it looks like
    /// something else.
    Auto,
    /// A folder with `corpus.jsonl` or `corpus.jsonl.gz`.
    Beir,
    /// Files of one kind.
    Files(InputKind),
}

/// What the entries of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// One JSON object with a text per line.
    Texts,
    /// The binary exchange file.
    Vectors,
    /// One JSON object with a vector per line.
    VectorsJsonl,
    /// The Common Index File Format.
    Ciff,
}

/// A file to be read.
#[derive(Clone)]
pub struct InputFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub kind: InputKind,
    /// What its tokens mean; without one they are term ids in decimal digits.
    pub vocabulary: Option<Arc<dyn Vocabulary>>,
}

impl InputFile {
    /// A file whose tokens, if it has any, are term ids.
    pub fn new(path: impl Into<PathBuf>, kind: InputKind) -> Self {
        Self { path: path.into(), kind, vocabulary: None }
    }
}

impl From<PathBuf> for InputFile {
    fn from(path: PathBuf) -> Self {
        Self::new(path, InputKind::Texts)
    }
}
