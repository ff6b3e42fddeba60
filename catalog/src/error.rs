//! What can be wrong with an index, or with what is asked of a new one, as facts with fields.
//!
//! `searcher` and `indexer` wrap these errors as they are.

use std::path::PathBuf;

use gleaner_format::{DenseError, FormatError};

use crate::{long::LongTexts, storage::StorageError};

/// Why an index cannot be opened, or cannot have the settings asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// Nothing is there.
    #[error(
        "{}",
        if path.is_file() {
            format!("{path} is a file, and an index is a folder; create one of its documents with \
                     `gleaner index --index NAME --input {path}`", path = path.display())
        } else {
            format!("no index at {path}; create one with `gleaner index --index {path} --input …`",
                    path = path.display())
        }
    )]
    IndexNotFound {
        /// The folder asked for.
        path: PathBuf,
    },
    /// An index of the storage layer, but not one of ours.
    #[error("not a Gleaner index: field {missing} is missing from its schema")]
    ForeignIndex {
        /// The first field that is missing.
        missing: &'static str,
    },
    /// An index from before something that every index has now.
    #[error("the index was written by an earlier version, without {missing}; index again")]
    EarlierVersion {
        /// What it lacks.
        missing: &'static str,
    },
    /// The name of no analyser.
    #[error("{found:?} is no analyser: {} are", known.join(", "))]
    Analyzer {
        /// The name.
        found: String,
        /// The names of all analysers.
        known: Vec<&'static str>,
    },
    /// The folder's first commit never happened, or its payload is not ours.
    #[error(
        "the index at {path} has no readable manifest: {reason}; restore it from a copy or index again"
    )]
    Manifest {
        /// The index folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Commits replaced each other faster than one could be opened.
    #[error("commits to {path} replace each other faster than one can be opened; try again")]
    Busy {
        /// The index folder.
        path: PathBuf,
    },
    /// A file's bytes are not what was written.
    #[error("the index is damaged: {file}: {reason}; restore it from a copy or index again")]
    Damaged {
        /// The damaged file.
        file: PathBuf,
        /// What contradicts what.
        reason: String,
    },
    /// A vector file does not open.
    #[error("the index is damaged: {file}; restore it from a copy or index again")]
    DamagedImpacts {
        /// The damaged file.
        file: PathBuf,
        /// What contradicts what.
        source: FormatError,
    },
    /// A dense field that the index does not have, or whose name is missing.
    #[error("{}", unknown_field(field.as_deref(), known))]
    DenseField {
        /// The name given, if one was.
        field: Option<String>,
        /// The index's dense fields.
        known: Vec<String>,
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
    /// The index fuses other numbers of hits.
    #[error(
        "the index fuses the first {index} hits of each leg, not {asked}; that is fixed when an \
         index is created: leave --fusion-depth out, or build another index"
    )]
    FusionDepthMismatch {
        /// What the index has.
        index: usize,
        /// What was asked for.
        asked: usize,
    },
    /// A fusion depth that no index can have.
    #[error("the depth of fusion is {found}; it is at least 1 and at most {limit}")]
    FusionDepth {
        /// What was asked for.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A dense field that cannot be.
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
    /// The storage layer failed.
    #[error("the storage layer failed")]
    Storage(#[from] StorageError),
    /// A file that the commit names is not there.
    #[error(
        "the file {file} is missing; put it back, restore the index from a copy, or index again"
    )]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// What is at the path is no longer the index that was opened there.
    #[error(
        "the index at {path} was replaced since it was opened: {reason}; open it again, or put back the \
         one that was there"
    )]
    Replaced {
        /// The index folder.
        path: PathBuf,
        /// What shows it.
        reason: String,
    },
    /// The system does not let a file be read. That says nothing about the bytes in it.
    #[error(
        "cannot read {file}; the index is not known to be damaged: mend the access, then try again"
    )]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// What to say of a dense field that cannot be found.
fn unknown_field(field: Option<&str>, known: &[String]) -> String {
    let known = match known {
        [] => "the index has none, and is given them when it is created: index again, elsewhere, with \
               --dense-model or --dense-field"
            .to_owned(),
        names => format!("the index has {}", names.join(", ")),
    };
    match field {
        Some(field) => format!("there is no dense field {field:?}; {known}"),
        None => format!("which dense field is meant? {known}"),
    }
}

impl CatalogError {
    /// Whether this says that stored bytes are not what was written.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::DamagedImpacts { .. } | Self::Manifest { .. } => true,
            Self::Storage(error) => error.is_damage(),
            Self::IndexNotFound { .. }
            | Self::ForeignIndex { .. }
            | Self::EarlierVersion { .. }
            | Self::Analyzer { .. }
            | Self::Busy { .. }
            | Self::DenseField { .. }
            | Self::LongMismatch { .. }
            | Self::DenseMismatch { .. }
            | Self::DenseModelMismatch { .. }
            | Self::FusionDepthMismatch { .. }
            | Self::FusionDepth { .. }
            | Self::Dense(_)
            | Self::DenseKey { .. }
            | Self::Missing { .. }
            | Self::Replaced { .. }
            | Self::Io { .. } => false,
        }
    }

    /// Whether the index may be sound and only cannot be reached: another try may go well.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Missing { .. }
            | Self::Replaced { .. }
            | Self::Io { .. }
            | Self::Busy { .. }
            | Self::IndexNotFound { .. } => true,
            Self::Storage(error) => !error.is_damage(),
            _ => false,
        }
    }
}
