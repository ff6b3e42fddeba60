//! Errors to messages and exit codes.
//!
//! 0 ok; 1 failed; 2 usage; 3 input rejected; 4 damage found; 5 threshold not met; 130 interrupted.

use std::{path::PathBuf, process::ExitCode};

use gleaner_encoder::EncodeError;
use gleaner_eval::EvalError;
use gleaner_indexer::{IndexError, Rejection};
use gleaner_searcher::{CatalogError, SearchError};

use crate::output::ReaderGone;

/// What the commands themselves find wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{condition} is true")]
    Threshold { condition: String },
    #[error("{0}")]
    Usage(String),
    #[error(
        "the query is blank; say what to search for, or give a vector with --tokens or --dense-vector"
    )]
    BlankQuery,
    #[error("{flag} is of no use: the ranking {rank} has no such leg")]
    NoLeg { flag: &'static str, rank: String },
    #[error("rejected {file}:{line}: {reason}")]
    Input { file: PathBuf, line: u64, reason: String },
    #[error("rejected {0}")]
    Rejected(Rejection),
    #[error("{0}")]
    Damage(String),
    #[error("interrupted; everything up to here is committed, `--resume` goes on")]
    Interrupted,
    #[error(
        "interrupted after {texts} texts{}",
        if *resumable { "; `--resume` goes on behind them" } else { "" }
    )]
    EncodingInterrupted { texts: u64, resumable: bool },
    #[error("cannot resume: {reason}; without --resume it begins anew")]
    CannotResume { reason: String },
    #[error("model_not_found: no model at {path}, where the index was built; name it with --model")]
    ModelNotFound { path: PathBuf },
    #[error(
        "no sparse model: the index was built without one; name one with --model, search for vectors \
         (`search --tokens`, `batch-search --format vectors`), or rank by another leg (--rank bm25, dense)"
    )]
    NoModel,
    #[error(
        "the dense field {field} holds given vectors and has no model: search it with --dense-vector, \
         or name the model that makes such vectors with --dense-model"
    )]
    NoDenseModel { field: String },
    #[error(
        "model_not_found: no model at {path}, which made the vectors of the dense field {field}; name \
         it with --dense-model"
    )]
    DenseModelNotFound { path: PathBuf, field: String },
    #[error(
        "model_mismatch: the dense field {field} was made with {index}, {path} is {model}; name the \
         field's own model with --dense-model, or build the index again with this one"
    )]
    DenseModelMismatch { field: String, index: String, path: PathBuf, model: String },
    #[error(
        "the index was built from vectors and has neither a model nor dense fields; texts need an \
         index of their own"
    )]
    TextsWithoutModel,
    #[error(
        "model_mismatch: the index was built with {index}, {path} is {model}; name the index's own \
         model with --model, or build the index again with this one"
    )]
    ModelMismatch { index: String, path: PathBuf, model: String },
    #[error(
        "no model `{name}` can be pulled; {}. A URL can: \
         `gleaner model pull URL --sha256 HASH --out DIR`",
        if known.is_empty() { "the catalogue has none yet".to_owned() }
        else { format!("the catalogue has {}", known.join(", ")) }
    )]
    NotInCatalogue { name: String, known: Vec<String> },
    #[error("`{name}` is not pulled: it ships with Gleaner, in {folder}: name that folder")]
    Ships { name: String, folder: String },
    #[error(
        "{path} is there already and is not what would be pulled; remove it, or name another --out"
    )]
    InTheWay { path: PathBuf },
    #[error("another pull into {path} is under way")]
    PullUnderWay { path: PathBuf },
    #[error("the self-test failed")]
    SelfTest,
}

/// Prints the error with its causes and returns the exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let code = code(error);
    if reader_is_gone(error) {
        // The reader has what it wanted (`gleaner … | head`).
        return ExitCode::SUCCESS;
    }
    eprintln!("error: {}", chain(error.as_ref()));
    ExitCode::from(code)
}

fn reader_is_gone(error: &anyhow::Error) -> bool {
    let is_gone =
        |cause: &std::io::Error| cause.get_ref().is_some_and(|error| error.is::<ReaderGone>());
    error.chain().any(|cause| cause.downcast_ref().is_some_and(is_gone))
}

/// An error with its causes, each said once (a transparent error repeats its source).
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.ends_with(&text) {
            message = format!("{message}: {text}");
        }
        cause = error.source();
    }
    message
}

fn code(error: &anyhow::Error) -> u8 {
    error
        .chain()
        .find_map(|cause| {
            if let Some(failure) = cause.downcast_ref::<Failure>() {
                return Some(match failure {
                    Failure::Threshold { .. } => 5,
                    Failure::Usage(_) | Failure::BlankQuery | Failure::NoLeg { .. } => 2,
                    Failure::Input { .. } | Failure::Rejected(_) => 3,
                    Failure::Damage(_) => 4,
                    Failure::Interrupted | Failure::EncodingInterrupted { .. } => 130,
                    _ => 1,
                });
            }
            if let Some(error) = cause.downcast_ref::<IndexError>() {
                return match error {
                    IndexError::Rejected { .. }
                    | IndexError::TooManyRejected { .. }
                    | IndexError::Malformed { .. } => Some(3),
                    IndexError::Input { .. }
                    | IndexError::OtherFormat { .. }
                    | IndexError::Dense(_) => Some(2),
                    IndexError::Catalog(error) => Some(catalog_code(error)),
                    IndexError::Storage(error) if error.is_damage() => Some(4),
                    _ => None,
                };
            }
            if let Some(error) = cause.downcast_ref::<SearchError>() {
                return Some(search_code(error));
            }
            if let Some(error) = cause.downcast_ref::<CatalogError>() {
                return Some(catalog_code(error));
            }
            match cause.downcast_ref::<EvalError>() {
                Some(EvalError::BadLine { .. }) => Some(3),
                _ => None,
            }
        })
        .unwrap_or(1)
}

fn search_code(error: &SearchError) -> u8 {
    match error {
        SearchError::Filter { .. }
        | SearchError::Rank { .. }
        | SearchError::Depth { .. }
        | SearchError::NoHits
        | SearchError::NoText
        | SearchError::Effort { .. }
        | SearchError::QueryTerms { .. }
        | SearchError::Feedback { .. }
        | SearchError::DenseQuery(_)
        | SearchError::MinScore { .. }
        | SearchError::Unlike { .. }
        | SearchError::Boost { .. }
        | SearchError::MissingInput { .. } => 2,
        SearchError::Catalog(error) => catalog_code(error),
        error if error.is_damage() => 4,
        _ => 1,
    }
}

fn catalog_code(error: &CatalogError) -> u8 {
    match error {
        CatalogError::DenseField { .. }
        | CatalogError::Dense(_)
        | CatalogError::DenseKey { .. }
        | CatalogError::FusionDepth { .. } => 2,
        error if error.is_damage() => 4,
        _ => 1,
    }
}

/// A missing model folder, in the terms of whoever asked for it.
pub(crate) fn model_error(error: EncodeError, recorded: bool) -> anyhow::Error {
    match error {
        EncodeError::ModelNotFound { path } if recorded => Failure::ModelNotFound { path }.into(),
        other => other.into(),
    }
}
