//! What can go wrong while indexing, as facts with fields.

use std::{fmt, path::PathBuf};

use gleaner_format::DenseError;
use gleaner_searcher::{Analyzer, LongTexts, SearchError};

/// Where in a file an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Line number, from 1.
    Line(u64),
    /// Row number of a binary file, from 0.
    Row(u64),
}

impl fmt::Display for Place {
    /// Fit to follow a file name and a colon.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "{line}"),
            Self::Row(row) => write!(f, " row {row}"),
        }
    }
}

/// Why one line or row of an input was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The input file.
    pub file: PathBuf,
    /// Where in it.
    pub place: Place,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.place, self.reason)
    }
}

/// Why indexing stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// An input is missing or of no known shape.
    #[error("{path} is not an input: {reason}")]
    Input {
        /// The path given.
        path: PathBuf,
        /// What was looked for.
        reason: &'static str,
    },
    /// An input whose format was not named looks like another one than what is taken unnamed.
    #[error("{path} is not JSONL of texts: {found}; say what it is with --format {format}")]
    OtherFormat {
        /// The path given.
        path: PathBuf,
        /// What shows it.
        found: String,
        /// The format that it seems to be, as `--format` takes it.
        format: &'static str,
    },
    /// A binary input contradicts its own format, so that nothing more can be read from it.
    #[error("{path} is not a sound {format} file")]
    Malformed {
        /// The input file.
        path: PathBuf,
        /// The format's name.
        format: &'static str,
        /// What is wrong with it, and where.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An input could not be read on.
    #[error("cannot read {path} after line or row {line}")]
    Read {
        /// The input file.
        path: PathBuf,
        /// Lines read before.
        line: u64,
        /// The system's reason.
        source: std::io::Error,
    },
    /// No input holds a document.
    #[error("there is no document in {inputs}")]
    EmptyCorpus {
        /// The inputs, joined.
        inputs: String,
    },
    /// A line was refused and refusals are not tolerated.
    #[error("rejected {rejection} (`--on-error skip` goes on; what came before is committed)")]
    Rejected {
        /// The line.
        rejection: Rejection,
    },
    /// More lines were refused than tolerated.
    #[error("{rejected} lines or rows rejected, more than --max-errors {limit}; the last: {last}")]
    TooManyRejected {
        /// Lines refused.
        rejected: u64,
        /// Lines tolerated.
        limit: u64,
        /// The last one.
        last: Rejection,
    },
    /// What was indexed from this file is no longer what it says.
    #[error(
        "{path} changed since its first {lines} lines or rows were indexed: {reason}; index it \
         anew without --resume"
    )]
    ChangedInput {
        /// The input file.
        path: PathBuf,
        /// Lines already committed.
        lines: u64,
        /// What differs.
        reason: &'static str,
    },
    /// The interrupted run read another file.
    #[error(
        "the interrupted run was reading {path}, which is not among the inputs of this --resume"
    )]
    OtherInputs {
        /// The file of the interrupted run.
        path: PathBuf,
    },
    /// The index was built with another model.
    #[error(
        "model_mismatch: the index was built with {index}, this model is {model}; name the index's \
         own model with --model, or build another index with this one"
    )]
    ModelMismatch {
        /// Fingerprint stored in the index.
        index: String,
        /// Fingerprint of the model given.
        model: String,
    },
    /// The index does otherwise with texts that are longer than the model reads.
    #[error(
        "long_mismatch: the index was created with `--long {index}`, which cannot be changed to \
         `{asked}`; leave --long out, or index into another folder"
    )]
    LongMismatch {
        /// What the index does.
        index: LongTexts,
        /// What was asked for.
        asked: LongTexts,
    },
    /// The index has other dense fields.
    #[error(
        "the index has the dense fields {index}, not {asked}; they are fixed when an index is \
         created: leave them out to take those it has, or build another index"
    )]
    DenseMismatch {
        /// What the index has.
        index: String,
        /// What was asked for.
        asked: String,
    },
    /// Another model made the vectors of a dense field.
    #[error(
        "model_mismatch: the dense field {field} was built with {index}, this model is {model}; name \
         the field's own model with --dense-model, or build another index with this one"
    )]
    DenseModelMismatch {
        /// The field.
        field: String,
        /// Fingerprint stored in the index.
        index: String,
        /// Fingerprint of the model given.
        model: String,
    },
    /// The index analyses text otherwise.
    #[error(
        "the index analyses text as {index}, not {asked}; that is fixed when an index is created: \
         leave --analyzer out, or build another index"
    )]
    AnalyzerMismatch {
        /// What the index does.
        index: Analyzer,
        /// What was asked for.
        asked: Analyzer,
    },
    /// The index fuses other numbers of hits.
    #[error(
        "the index fuses the first {index} hits of each leg, not {asked}; that is fixed when an \
         index is created: leave --fusion-window out, or build another index"
    )]
    FusionWindowMismatch {
        /// What the index has.
        index: usize,
        /// What was asked for.
        asked: usize,
    },
    /// A fusion window that no index can have.
    #[error("the fusion window is {found}; it is at least 1 and at most {limit}")]
    FusionWindow {
        /// What was asked for.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A dense field that cannot be, or a vector that its field cannot hold.
    #[error(transparent)]
    Dense(#[from] DenseError),
    /// A dense field given by documents, under a key that means something else in them.
    #[error(
        "documents cannot bring a dense field {field:?}: that key of theirs has a meaning of its \
         own; name the field otherwise"
    )]
    DenseKey {
        /// The field.
        field: String,
    },
    /// Dense vectors of more or fewer fields than the index has.
    #[error("a row has vectors for {found} dense fields, the index has {expected}")]
    DenseCount {
        /// Fields of the index.
        expected: usize,
        /// Entries of the row.
        found: usize,
    },
    /// An index is there, but cannot be opened.
    #[error(transparent)]
    Open(#[from] SearchError),
    /// No line of the inputs made a document.
    #[error("no document was indexed from {inputs}: all {rejected} lines or rows were rejected")]
    NothingIndexed {
        /// The inputs, joined.
        inputs: String,
        /// Lines refused.
        rejected: u64,
    },
    /// Another process holds the index's writer lock.
    #[error("another process is writing to {path}")]
    Locked {
        /// The index folder.
        path: PathBuf,
    },
    /// The folder cannot be created.
    #[error("cannot create the index folder {path}")]
    Create {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The index of a run that indexed nothing cannot be removed.
    #[error("cannot remove the index folder {path}, into which nothing was indexed")]
    Discard {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The folder exists and holds something else.
    #[error("{path} exists and is not an index; choose another folder")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The encoder failed.
    #[error("encoding failed for the documents of {file} lines {first_line} to {last_line}")]
    Encode {
        /// The input file.
        file: PathBuf,
        /// First line of the chunk.
        first_line: u64,
        /// Last line of the chunk.
        last_line: u64,
        /// The encoder's reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The encoder returned another number of vectors than texts.
    #[error("the encoder returned {found} vectors for {expected} texts")]
    EncoderCount {
        /// Texts given.
        expected: usize,
        /// Vectors returned.
        found: usize,
    },
    /// The encoder made several rows of a text, or none, for an index that keeps one.
    #[error("the encoder made {found} rows of the document {id:?}; the index keeps one of each")]
    Rows {
        /// The document.
        id: String,
        /// Rows made.
        found: usize,
    },
    /// The storage layer failed; committed documents are safe.
    #[error("the storage layer failed; what was committed is safe")]
    Storage(#[from] tantivy::TantivyError),
    /// A thread of the pipeline died, which is a bug.
    #[error("a thread of the indexing pipeline stopped unexpectedly")]
    Pipeline,
}
