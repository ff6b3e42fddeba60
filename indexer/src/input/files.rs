//! The files of a run: how they are to be understood, and what the entries of each are.

use std::{path::PathBuf, sync::Arc};

use gleaner_format::source::LINE_LIMIT_BYTES;

use crate::document::Vocabulary;

/// How inputs are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputFormat {
    /// A folder or a zip is BEIR's, or a folder holds files of texts. A file whose name ends in
    /// `.ciff`, `.csv` or `.tsv` is what the name says, one whose length is what its counts say is a
    /// file of binary vectors, any other is JSONL of texts unless it looks like something else.
    Auto,
    /// A folder or a zip with `corpus.jsonl`, plain or packed.
    Beir,
    /// Files of one kind.
    Files(InputKind),
}

/// What the entries of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// One JSON object with a text per line.
    Texts,
    /// A text per row of a table with a heading, commas between the cells.
    Csv,
    /// The same with tabs, and without quotes.
    Tsv,
    /// The binary exchange file.
    Vectors,
    /// One JSON object with a vector per line.
    VectorsJsonl,
    /// The Common Index File Format.
    Ciff,
}

impl InputKind {
    /// Whether the entries are texts, and not vectors.
    pub fn is_texts(self) -> bool {
        match self {
            Self::Texts | Self::Csv | Self::Tsv => true,
            Self::Vectors | Self::VectorsJsonl | Self::Ciff => false,
        }
    }
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
    /// Bytes that a line or a row of a table has at most; longer ones are refused.
    pub max_line_bytes: usize,
}

impl InputFile {
    /// A file whose tokens, if it has any, are term ids.
    pub fn new(path: impl Into<PathBuf>, kind: InputKind) -> Self {
        Self { path: path.into(), kind, vocabulary: None, max_line_bytes: LINE_LIMIT_BYTES }
    }
}

impl From<PathBuf> for InputFile {
    fn from(path: PathBuf) -> Self {
        Self::new(path, InputKind::Texts)
    }
}
