//! Errors to messages and exit codes.
//!
//! 0 ok; 1 failed; 2 usage; 3 input rejected; 4 damage found; 5 a `--fail-if` is true; 130 interrupted.
//! An error of a library keeps its own words; what the commands themselves find wrong is
//! [`Failure`]. The front door knows no flags: `flags` says its errors with them. Mistakes of the
//! command line are `usage`'s.

mod flags;
mod usage;

use std::{path::PathBuf, process::ExitCode};

use clap::error::ErrorKind;
use gleaner::{CatalogError, IndexError, SearchError, chain, eval::EvalError, exchange::Rejection};

pub(crate) use flags::with_rank;

use crate::{
    args,
    io::output::{ReaderGone, name_stdout},
};
use flags::{in_words_of_flags, indexes_inside};
use usage::in_plain_words;

/// `_id`s that a message names, at most.
const IDS_NAMED: usize = 5;
/// The exit codes of errors; success is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    Failed = 1,
    Usage = 2,
    Rejected = 3,
    Damage = 4,
    Threshold = 5,
    Interrupted = 130,
}

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
    #[error("rejected {0}")]
    Rejected(Rejection),
    #[error(
        "none of the {judged} judged documents is in the index {index}: judgements and index are of \
         different collections"
    )]
    OtherCollection { judged: usize, index: PathBuf },
    #[error(
        "none of the {judged} judged queries has a result in {run}: judgements and run are of \
         different collections"
    )]
    OtherRun { judged: usize, run: PathBuf },
    #[error(
        "none of the {judged} judged queries has a text: queries and judgements are of different \
         collections, or their ids differ"
    )]
    OtherQueries { judged: usize },
    #[error("another program is writing to {path}; --wait SECONDS waits for it to end")]
    Locked { path: PathBuf },
    #[error("no document has {}", named(ids))]
    NoDocument { ids: Vec<String> },
    #[error("{0}")]
    Twice(String),
    #[error("rejected the query {id:?}: {reason}")]
    Query { id: String, reason: String },
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
    #[error(
        "model_not_found: no model at {path}, where the index was built, nor under its name in \
         data/models, in the folders of GLEANER_MODELS or beside the index; name it with --model"
    )]
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
        "model_not_found: no model at {path}, which made the vectors of the dense field {field}, nor \
         under its name in data/models, in the folders of GLEANER_MODELS or beside the index; name it \
         with --dense-model"
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

/// Shows what came of the arguments instead of a command: usage errors on stderr, help and version
/// on stdout. Returns the exit code.
pub(crate) fn of_arguments(shown: &clap::Error) -> ExitCode {
    let is_help = matches!(
        shown.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    if !is_help {
        let words = args::words().into_iter().skip(1);
        let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
        say!("error: {}", in_plain_words(shown, &args::command(), &words));
        return ExitCode::from(Exit::Usage as u8);
    }
    match shown.print() {
        Err(error) if !shown.use_stderr() => report(name_stdout(error).into()),
        // A usage error that cannot be shown is one all the same.
        Ok(()) | Err(_) => ExitCode::from(shown.exit_code() as u8),
    }
}

/// Prints the error with its causes and returns the exit code.
pub(crate) fn report(error: anyhow::Error) -> ExitCode {
    if reader_is_gone(&error) {
        // The reader has what it wanted (`gleaner … | head`).
        return ExitCode::SUCCESS;
    }
    let error = in_words_of_flags(error);
    say!("error: {}{}", chain(error.as_ref()), indexes_inside(&error).unwrap_or_default());
    ExitCode::from(exit(&error) as u8)
}

fn reader_is_gone(error: &anyhow::Error) -> bool {
    let is_gone =
        |cause: &std::io::Error| cause.get_ref().is_some_and(|error| error.is::<ReaderGone>());
    error.chain().any(|cause| cause.downcast_ref().is_some_and(is_gone))
}

/// The code of the first cause that has one.
fn exit(error: &anyhow::Error) -> Exit {
    let of_cause = |cause: &(dyn std::error::Error + 'static)| {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return Some(failure.exit());
        }
        if let Some(error) = cause.downcast_ref::<gleaner::Error>() {
            return engine_exit(error);
        }
        if let Some(error) = cause.downcast_ref::<IndexError>() {
            return index_exit(error);
        }
        if let Some(error) = cause.downcast_ref::<CatalogError>() {
            return Some(catalog_exit(error));
        }
        if let Some(error) = cause.downcast_ref::<SearchError>() {
            return Some(search_exit(error));
        }
        cause.downcast_ref::<EvalError>().and_then(eval_exit)
    };
    error.chain().find_map(of_cause).unwrap_or(Exit::Failed)
}

/// Whether a file could be read and its bytes are not what they should be: damaged, or of a format
/// that is not read.
fn is_bad_input(source: &std::io::Error) -> bool {
    source.kind() == std::io::ErrorKind::InvalidData
}

/// The first of some `_id`s, and how many others there are.
pub(crate) fn named(ids: &[String]) -> String {
    let named: Vec<String> = ids.iter().take(IDS_NAMED).map(|id| format!("{id:?}")).collect();
    match ids.len().saturating_sub(IDS_NAMED) {
        0 => format!("the _id {}", named.join(", ")),
        more => format!("the _id {} and {more} more", named.join(", ")),
    }
}

impl Failure {
    fn exit(&self) -> Exit {
        match self {
            Self::Threshold { .. } => Exit::Threshold,
            Self::Usage(_) | Self::BlankQuery | Self::NoLeg { .. } => Exit::Usage,
            Self::Rejected(_)
            | Self::Twice(_)
            | Self::Query { .. }
            | Self::OtherCollection { .. }
            | Self::OtherRun { .. }
            | Self::OtherQueries { .. } => Exit::Rejected,
            Self::Damage(_) => Exit::Damage,
            Self::Interrupted | Self::EncodingInterrupted { .. } => Exit::Interrupted,
            Self::CannotResume { .. }
            | Self::ModelNotFound { .. }
            | Self::NoModel
            | Self::NoDenseModel { .. }
            | Self::DenseModelNotFound { .. }
            | Self::DenseModelMismatch { .. }
            | Self::TextsWithoutModel
            | Self::ModelMismatch { .. }
            | Self::NotInCatalogue { .. }
            | Self::Ships { .. }
            | Self::InTheWay { .. }
            | Self::PullUnderWay { .. }
            | Self::Locked { .. }
            | Self::NoDocument { .. }
            | Self::SelfTest => Exit::Failed,
        }
    }
}

/// Nothing where a cause of the error knows better. An error that shows another one's words hides it
/// from the chain of causes.
fn engine_exit(error: &gleaner::Error) -> Option<Exit> {
    match error {
        gleaner::Error::Index(error) => index_exit(error),
        gleaner::Error::Search(error) => Some(search_exit(error)),
        gleaner::Error::Catalog(error) => Some(catalog_exit(error)),
        gleaner::Error::Eval(error) => eval_exit(error),
        gleaner::Error::DenseVector(_) => Some(Exit::Usage),
        // The enum may grow: an error of no known kind is one that failed.
        _ => None,
    }
}

fn eval_exit(error: &EvalError) -> Option<Exit> {
    match error {
        EvalError::BadLine { .. } => Some(Exit::Rejected),
        EvalError::Read { source, .. } if is_bad_input(source) => Some(Exit::Rejected),
        _ => None,
    }
}

/// Nothing where a cause of the error knows better.
fn index_exit(error: &IndexError) -> Option<Exit> {
    match error {
        IndexError::Rejected { .. }
        | IndexError::TooManyRejected { .. }
        | IndexError::Malformed { .. } => Some(Exit::Rejected),
        IndexError::Read { source, .. } if is_bad_input(source) => Some(Exit::Rejected),
        IndexError::Input { .. } | IndexError::OtherFormat { .. } | IndexError::Dense(_) => {
            Some(Exit::Usage)
        }
        IndexError::Catalog(error) => Some(catalog_exit(error)),
        IndexError::Storage(error) if error.is_damage() => Some(Exit::Damage),
        // The enum may grow: an error of no known kind is one that failed.
        _ => None,
    }
}

fn search_exit(error: &SearchError) -> Exit {
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
        | SearchError::MissingInput { .. } => Exit::Usage,
        SearchError::Catalog(error) => catalog_exit(error),
        error if error.is_damage() => Exit::Damage,
        _ => Exit::Failed,
    }
}

fn catalog_exit(error: &CatalogError) -> Exit {
    match error {
        CatalogError::DenseField { .. }
        | CatalogError::Dense(_)
        | CatalogError::DenseKey { .. }
        | CatalogError::FusionDepth { .. } => Exit::Usage,
        error if error.is_damage() => Exit::Damage,
        _ => Exit::Failed,
    }
}
