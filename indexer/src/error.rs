//! What can go wrong while indexing, as facts with fields.

use std::{fmt, path::PathBuf};

use gleaner_catalog::{Analyzer, CatalogError, StorageError, storage_error};
use gleaner_format::DenseError;
use tantivy::TantivyError;

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
    /// A vector that its dense field cannot hold.
    #[error(transparent)]
    Dense(#[from] DenseError),
    /// Dense vectors of more or fewer fields than the index has.
    #[error("a row has vectors for {found} dense fields, the index has {expected}")]
    DenseCount {
        /// Fields of the index.
        expected: usize,
        /// Entries of the row.
        found: usize,
    },
    /// An index is there, but cannot be opened; or it has other settings than those asked for, or no
    /// index can have these.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// No line of the inputs made a document.
    #[error("no document was indexed from {inputs}: all {rejected} lines or rows were rejected")]
    NothingIndexed {
        /// The inputs, joined.
        inputs: String,
        /// Lines refused.
        rejected: u64,
    },
    /// Another process holds the index's writer lock.
    #[error("another program is writing to {path}")]
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
    /// A file could not be written; committed documents are safe.
    #[error(
        "cannot write {file}; what was committed before is safe and can be searched: make room or mend \
         the access, then try again"
    )]
    Write {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The storage layer failed; committed documents are safe.
    #[error("the storage layer failed; what was committed is safe")]
    Storage(#[from] StorageError),
    /// A thread of the pipeline died, which is a bug.
    #[error("a thread of the indexing pipeline stopped unexpectedly")]
    Pipeline,
}

/// Closes an error of the storage layer where it arises.
pub(crate) fn storage(error: TantivyError) -> IndexError {
    IndexError::Storage(storage_error(error))
}
