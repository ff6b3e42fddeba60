//! The one error type of this crate: facts with fields.
//!
//! Every variant names what was found and where. What a fact means for an exit code is decided by
//! the command line.

use std::io;
use std::path::PathBuf;

use crate::measure::{KNOWN_MEASURES, Measure, meant};

/// Why judgements, runs or conditions could not be read, written or evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// A file could not be opened or read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A run could not be written.
    #[error("cannot write the run")]
    Write {
        /// What the system said.
        source: io::Error,
    },
    /// A folder lacks a file that every BEIR folder has.
    #[error(
        "{} does not exist; a BEIR folder holds corpus.jsonl, queries.jsonl and qrels/<split>.tsv",
        path.display()
    )]
    NotBeir {
        /// The file that is missing.
        path: PathBuf,
    },
    /// A BEIR folder has judgements, but not of the split that was asked for.
    #[error("{} does not exist; splits found beside it: {}", path.display(), found.join(", "))]
    NoSuchSplit {
        /// The file that is missing.
        path: PathBuf,
        /// Names of the splits that are there, ascending.
        found: Vec<String>,
    },
    /// A line of an input file was refused.
    #[error("{}, line {line}: {reason}", file.display())]
    BadLine {
        /// The file, as the caller named it.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A query has two judgements of one document.
    #[error("query {query:?} has two judgements of document {id:?}")]
    DuplicateJudgement {
        /// The query's id.
        query: String,
        /// The document's id.
        id: String,
    },
    /// A query has one document twice among its results.
    #[error("query {query:?} has document {id:?} twice")]
    DuplicateDocument {
        /// The query's id.
        query: String,
        /// The document's id.
        id: String,
    },
    /// One run holds two lists of results for one query.
    #[error("query {query:?} has two lists of results")]
    DuplicateQuery {
        /// The query's id.
        query: String,
    },
    /// A score is not a finite number.
    #[error("query {query:?} gives document {id:?} the score {score}, which is not finite")]
    NonFiniteScore {
        /// The query's id.
        query: String,
        /// The document's id.
        id: String,
        /// The score.
        score: f32,
    },
    /// Results that should come by descending score, ids ascending among equals, do not.
    #[error(
        "query {query:?}: result {rank} ({id:?}) is out of order (score descending, id ascending)"
    )]
    OutOfOrder {
        /// The query's id.
        query: String,
        /// The first document that belongs before its predecessor.
        id: String,
        /// Its rank, from 1.
        rank: usize,
    },
    /// Ties at the very bottom of the f32 range leave no lower score to write.
    #[error("query {query:?}: no f32 is left below the score before document {id:?}")]
    NoLowerScore {
        /// The query's id.
        query: String,
        /// The document that found no score.
        id: String,
    },
    /// An id or a run tag is empty or holds white space, so a run file cannot carry it.
    #[error("{id:?} cannot stand in a run file: it is empty or holds white space")]
    UnwritableId {
        /// The query id, document id or tag.
        id: String,
    },
    /// A measure's name is not known.
    #[error("unknown metric {name:?}{}; known are {KNOWN_MEASURES}", meant(name))]
    UnknownMeasure {
        /// What was asked for.
        name: String,
    },
    /// A condition such as `nDCG@10<0.64` could not be read.
    #[error("cannot read the condition {text:?}: {reason}")]
    BadThreshold {
        /// The condition.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A condition asks for a measure that was not computed.
    #[error("{measure} was not among the metrics computed")]
    NotEvaluated {
        /// The measure.
        measure: Measure,
    },
    /// No query has a relevant judgement, so there is nothing to take a mean of.
    #[error("the judgements hold no relevant document (a grade of 1 or more)")]
    NoRelevantJudgements,
    /// Two evaluations that should be compared query by query have not the same queries.
    #[error(
        "only the {} evaluation has the query {query:?}",
        if *only_in_baseline { "baseline's" } else { "other" }
    )]
    Unpaired {
        /// The query's id.
        query: String,
        /// Whether it is the baseline that has it.
        only_in_baseline: bool,
    },
    /// There is no collection, or one without a query, to take a mean of.
    #[error("a mean needs at least one query in every collection")]
    NoQueries,
    /// A query's value or difference is not a finite number.
    #[error("the value {value} of a query is not finite")]
    NotFinite {
        /// The value.
        value: f64,
    },
    /// The level of an interval is not above 0 and below 1.
    #[error("the level {level} is not between 0 and 1")]
    BadLevel {
        /// The level.
        level: f64,
    },
    /// An interval without resamples, or a test without permutations, was asked for.
    #[error("at least one resample or permutation is needed")]
    NoResamples,
}
