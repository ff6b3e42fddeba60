//! What can go wrong behind the front door, as facts with fields.
//!
//! The texts of this crate's own errors name no flag and no JSON member. A command line or a server knows
//! which of its own words the caller used, and adds the remedy in those words.

use std::{path::PathBuf, sync::Arc};

use gleaner_catalog::CatalogError;
use gleaner_encoder::EncodeError;
use gleaner_eval::EvalError;
use gleaner_format::{DenseError, VectorError};
use gleaner_indexer::{IndexError, TokenError};
use gleaner_searcher::SearchError;

/// The part of a search that an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The text.
    Text,
    /// A sparse vector given by tokens.
    Tokens,
    /// A sparse vector given by term ids.
    Vector,
    /// Dense vectors.
    Dense,
    /// Tokens whose weights are multiplied.
    Boost,
    /// Tokens that are silenced.
    Mute,
    /// The ranking.
    Rank,
    /// Feedback.
    Feedback,
}

impl Part {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "the text",
            Self::Tokens => "the sparse vector given by tokens",
            Self::Vector => "the sparse vector",
            Self::Dense => "the dense vector",
            Self::Boost => "the boost",
            Self::Mute => "the muted token",
            Self::Rank => "the ranking",
            Self::Feedback => "the feedback",
        }
    }
}

/// What somebody named, and what could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// A folder of a sparse model.
    SparseModel,
    /// A folder of a dense model.
    DenseModel,
    /// The ONNX Runtime library.
    RuntimeLibrary,
}

/// What can go wrong behind the front door.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The index was built without a sparse model and none was named.
    #[error("the index was built without a sparse model, and none is named")]
    NoModel,
    /// There is no folder where the index says that its model is.
    #[error("there is no model at {path}, where the index was built")]
    ModelNotFound {
        /// The folder that the index recorded.
        path: PathBuf,
    },
    /// The model is not the one that made the index.
    #[error("the index was built with {index}, the model in {path} is {model}")]
    ModelMismatch {
        /// The fingerprint that the index recorded.
        index: String,
        /// The folder looked in.
        path: PathBuf,
        /// The fingerprint found there.
        model: String,
    },
    /// The dense field holds given vectors, and no model is named for its queries.
    #[error("the dense field {field} holds given vectors, and no model is named")]
    NoDenseModel {
        /// The field.
        field: String,
    },
    /// There is no folder where the index says that the field's model is.
    #[error("there is no model at {path}, which made the vectors of the dense field {field}")]
    DenseModelNotFound {
        /// The folder that the index recorded.
        path: PathBuf,
        /// The field.
        field: String,
    },
    /// The model is not the one that made the vectors of the field.
    #[error("the dense field {field} was made with {index}, the model in {path} is {model}")]
    DenseModelMismatch {
        /// The field.
        field: String,
        /// The fingerprint that the index recorded.
        index: String,
        /// The folder looked in.
        path: PathBuf,
        /// The fingerprint found there.
        model: String,
    },
    /// The model makes vectors of another length than the field holds.
    #[error("the dense field {field} has {expected} dimensions, {path} makes {found}")]
    DenseDims {
        /// The field.
        field: String,
        /// Its dimensions.
        expected: usize,
        /// The model's folder.
        path: PathBuf,
        /// The model's dimensions.
        found: usize,
    },
    /// A folder could not be used when models were opened for several indexes.
    #[error("{reason}")]
    ModelUnusable {
        /// The folder.
        path: PathBuf,
        /// The dense field, of a dense model.
        field: Option<String>,
        /// Why, with all causes.
        reason: String,
    },
    /// A folder that no index asked for when models were opened for several indexes.
    #[error("the model in {path} was not there when the models were opened")]
    ModelNotOpened {
        /// The folder.
        path: PathBuf,
        /// The dense field, of a dense model.
        field: Option<String>,
    },
    /// What somebody named cannot be used.
    #[error("cannot use {path}")]
    Named {
        /// What it was to be.
        what: Named,
        /// What was named.
        path: PathBuf,
        /// Why not.
        source: Box<EncodeError>,
    },
    /// A dense folder where a sparse one is asked for.
    #[error("{path} is a dense model, and a sparse one is asked for")]
    NotSparse {
        /// The folder.
        path: PathBuf,
    },
    /// A sparse folder where a dense one is asked for.
    #[error("{path} is a sparse model, and a dense one is asked for")]
    NotDense {
        /// The folder.
        path: PathBuf,
    },
    /// A model folder's place cannot be recorded.
    #[error("cannot resolve the model folder {path}")]
    ModelFolder {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A new index of texts without anything that could rank them but words.
    #[error("a new index of texts needs a sparse model or a dense field")]
    TextsNeedModel,
    /// Texts for an index that was built from vectors and has neither a model nor dense fields.
    #[error("the index was built from vectors and has neither a model nor dense fields")]
    TextsWithoutModel,
    /// The index has dense fields of several models; one folder cannot be all of them.
    #[error("the index has dense fields of several models, and one folder is named for them")]
    SeveralDenseModels,
    /// Spans of long texts are asked for, and no model is there that would encode them.
    #[error("long texts are cut into spans only where a model encodes them")]
    SpansWithoutModel,
    /// There is nothing to look for.
    #[error("the query's text is blank")]
    BlankQuery,
    /// The ranking has no leg that something given could go to.
    #[error("{} is of no use: the ranking {rank} has no such leg", part.name())]
    NoLeg {
        /// What was given.
        part: Part,
        /// The ranking.
        rank: String,
        /// The dense field, of a dense vector.
        field: Option<String>,
    },
    /// A token has two factors, or a factor and silence: the search contradicts itself.
    #[error("the token {token:?} is {said}; say one of them")]
    SaidTwice {
        /// The part that says it the second time.
        part: Part,
        /// The token.
        token: String,
        /// What is said of it.
        said: &'static str,
    },
    /// A dense field is two legs, once by name and once as the only one.
    #[error("the dense field {field} is two legs of the ranking")]
    TwoLegs {
        /// The field.
        field: String,
        /// The leg as the ranking names it the second time.
        leg: Option<String>,
    },
    /// A dense vector without a field, and the ranking has several dense legs.
    #[error("the ranking has several dense legs, and the vector is given without its field")]
    WhichField {
        /// The index's fields.
        source: CatalogError,
    },
    /// A dense leg has neither a vector nor a text.
    #[error("ranking by the dense field {field} needs a text or a vector for it")]
    NoDenseInput {
        /// The field.
        field: String,
        /// The leg as the ranking names it.
        leg: String,
    },
    /// A dense field that the index does not have.
    #[error("{source}")]
    UnknownField {
        /// What named it; of [`Part::Rank`], a leg.
        part: Part,
        /// The field's name, where one was given.
        field: Option<String>,
        /// What the index has instead.
        source: CatalogError,
    },
    /// A dense vector that its field cannot be searched with.
    #[error("cannot search with the dense vector")]
    DenseVector(#[from] DenseError),
    /// A token that names no term.
    #[error("no token {token:?}: {reason}")]
    Token {
        /// What it was given for.
        part: Part,
        /// The token.
        token: String,
        /// Why not.
        reason: TokenError,
    },
    /// Tokens that make no vector.
    #[error("{reason}")]
    Tokens {
        /// What is wrong, with the token as it was given.
        reason: String,
        /// What is wrong, with the term's id.
        source: VectorError,
    },
    /// A document that cannot be indexed.
    #[error("the document {id:?} cannot be indexed: {reason}")]
    Document {
        /// Its `_id`.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Encoding failed, or a model cannot be used.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// An index cannot be opened, or cannot have the settings asked for.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Searching failed.
    #[error(transparent)]
    Search(SearchError),
    /// Writing failed.
    #[error(transparent)]
    Index(IndexError),
    /// A change was not made: the writer failed, perhaps on another change of the same commit.
    #[error(transparent)]
    Written(Arc<Self>),
    /// There was no room for more changes in time.
    #[error("the writer is behind: {bytes} bytes of changes wait")]
    QueueFull {
        /// Bytes that wait.
        bytes: usize,
    },
    /// The index is being closed.
    #[error("the index is closed for writing")]
    QueueClosed,
    /// Evaluation failed.
    #[error(transparent)]
    Eval(#[from] EvalError),
}

impl Error {
    /// What went wrong, also where several changes share the error.
    pub fn known(&self) -> &Self {
        match self {
            Self::Written(error) => error.known(),
            error => error,
        }
    }
}

// What is wrong with an index is `Catalog`, whoever opened it.

impl From<SearchError> for Error {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Catalog(error) => Self::Catalog(error),
            other => Self::Search(other),
        }
    }
}

impl From<IndexError> for Error {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Catalog(error) => Self::Catalog(error),
            other => Self::Index(other),
        }
    }
}

pub use gleaner_encoder::chain;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_name_every_cause_once() {
        let source = std::io::Error::other("busy");
        let error = Error::ModelFolder { path: "x".into(), source };
        assert_eq!(chain(&error), "cannot resolve the model folder x: busy");
        let error = Error::from(CatalogError::Dense(DenseError::Name { found: String::new() }));
        assert_eq!(chain(&error), error.to_string());
    }
}
