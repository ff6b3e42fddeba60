//! What can be wrong with a vector or an impact file, as facts with fields.

use std::path::PathBuf;

/// Why a sparse vector was refused.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VectorError {
    /// The two arrays differ in length.
    #[error("{terms} term ids but {weights} weights")]
    Lengths {
        /// Number of term ids.
        terms: usize,
        /// Number of weights.
        weights: usize,
    },
    /// Term ids repeat or descend.
    #[error(
        "term {term} at position {position} does not follow term {previous}: ids must ascend strictly"
    )]
    Order {
        /// Index of the offending entry.
        position: usize,
        /// The term id before it.
        previous: u32,
        /// The offending term id.
        term: u32,
    },
    /// A weight is NaN or infinite.
    #[error("term {term} has weight {weight}, which is not finite")]
    NotFinite {
        /// Term id.
        term: u32,
        /// Its weight.
        weight: f32,
    },
    /// A weight is below zero.
    #[error("term {term} has the negative weight {weight}")]
    Negative {
        /// Term id.
        term: u32,
        /// Its weight.
        weight: f32,
    },
    /// A weight is zero where only non-zero entries are stored.
    #[error("term {term} has weight 0; leave it out")]
    Zero {
        /// Term id.
        term: u32,
    },
    /// A weight exceeds [`crate::MAX_WEIGHT`].
    #[error("term {term} has weight {weight}, above the limit of 2^40")]
    TooLarge {
        /// Term id.
        term: u32,
        /// Its weight.
        weight: f32,
    },
}

/// Why a dense field cannot be, or a vector not be one of it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DenseError {
    /// The vector has another length than the field's vectors.
    #[error("dense field {field} has {expected} dimensions, the vector has {found}")]
    Dims {
        /// Name of the field.
        field: String,
        /// Dimensions of the field.
        expected: usize,
        /// Values of the vector.
        found: usize,
    },
    /// A value is NaN or infinite.
    #[error("dimension {dimension} for dense field {field} is {value}, which is not finite")]
    NotFinite {
        /// Name of the field.
        field: String,
        /// Index of the value.
        dimension: usize,
        /// The value.
        value: f32,
    },
    /// All values are 0 where the field compares directions.
    #[error("the vector for dense field {field} is all zeros: under cosine it has no direction")]
    NoDirection {
        /// Name of the field.
        field: String,
    },
    /// A value is larger than the field can hold.
    #[error(
        "dimension {dimension} for dense field {field} is {value}, beyond the limit of {limit}"
    )]
    TooLarge {
        /// Name of the field.
        field: String,
        /// Index of the value.
        dimension: usize,
        /// The value.
        value: f32,
        /// The largest magnitude that fits.
        limit: f32,
    },
    /// A name that no dense field can have.
    #[error("{found:?} names no dense field: 1 to 64 letters, digits, _ and - do")]
    Name {
        /// The name.
        found: String,
    },
    /// Two fields of one name.
    #[error("there are two dense fields {field}")]
    Twice {
        /// Their name.
        field: String,
    },
    /// No dimension, or more than a field can have.
    #[error("dense field {field} has {found} dimensions, allowed are 1 to {limit}")]
    DimsLimit {
        /// Name of the field.
        field: String,
        /// Dimensions asked for.
        found: usize,
        /// The largest number allowed.
        limit: usize,
    },
    /// The name of no metric.
    #[error("{found:?} is no metric: dot and cosine are")]
    Metric {
        /// The name.
        found: String,
    },
    /// The name of no storage.
    #[error("{found:?} is no storage of dense vectors: f32, f16, int8 and int8+f32 are")]
    Storage {
        /// The name.
        found: String,
    },
}

/// Why a file of a segment could not be written, opened or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The operating system refused.
    #[error("cannot read or write {path}")]
    Io {
        /// The file, or a description of the stream.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The first bytes are not an impact file's.
    #[error("not a Gleaner {expected} file: it starts with {found:02x?}")]
    Foreign {
        /// Which kind of file was expected.
        expected: &'static str,
        /// The bytes found in place of the magic.
        found: Vec<u8>,
    },
    /// A version this build does not read.
    #[error("file of version {found}; this build reads version {supported}")]
    Version {
        /// Version in the file.
        found: u32,
        /// Version this build reads.
        supported: u32,
    },
    /// Bytes contradict the format or their checksum.
    #[error("corrupt file: section {section}, {fact}: expected {expected}, found {found}")]
    Corrupt {
        /// Name of the section.
        section: &'static str,
        /// What was checked.
        fact: &'static str,
        /// The value the rest of the file implies.
        expected: u64,
        /// The value found.
        found: u64,
    },
    /// A dense field or a vector for it that cannot be.
    #[error(transparent)]
    Dense(#[from] DenseError),
    /// More rows, postings or terms than the format can address.
    #[error("too many {what}: {found}, the limit is {limit}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many were given.
        found: u64,
        /// How many fit.
        limit: u64,
    },
}

/// Why a file of exchanged vectors was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The stream could not be read.
    #[error("cannot read the vectors")]
    Io(#[from] std::io::Error),
    /// The file ends before its counts do.
    #[error("the file has {found} bytes, the shortest file of vectors has 28")]
    Short {
        /// Length found.
        found: u64,
    },
    /// The counts at the start are those of no file: it holds something else.
    #[error(
        "it is something else: read as counts, its first 16 bytes are {rows} rows and {postings} \
         postings, more than any file has; lines of JSON are --format vectors-jsonl or jsonl"
    )]
    Foreign {
        /// Rows that the first eight bytes would mean.
        rows: u64,
        /// Postings that the next eight would mean.
        postings: u64,
    },
    /// The counts at the start imply another length.
    #[error("the file should have {expected} bytes by its own counts, but has {found}")]
    Length {
        /// Length implied by the counts.
        expected: u64,
        /// Length found.
        found: u64,
    },
    /// Row bounds descend or pass the end.
    #[error("row {row} runs from posting {start} to {end}")]
    Starts {
        /// Row number, from 0.
        row: usize,
        /// Its first posting.
        start: u64,
        /// The posting after its last.
        end: u64,
    },
    /// A row is not a valid vector.
    #[error("row {row} is not a valid vector")]
    Vector {
        /// Row number, from 0.
        row: usize,
        /// What is wrong with it.
        source: VectorError,
    },
}
