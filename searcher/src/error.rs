//! What can go wrong between a query and its hits, as facts with fields.

use std::path::PathBuf;

use gleaner_format::{DenseError, FormatError};

use crate::{analyzer::Analyzer, query::boost::BOOST_LIMIT};

/// Why an index could not be opened or searched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// Nothing is there.
    #[error("no index at {path}; create one with `gleaner index --index {path} --input …`")]
    IndexNotFound {
        /// The folder asked for.
        path: PathBuf,
    },
    /// A tantivy index, but not one of ours.
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
    #[error("{found:?} is no analyser: {} are", analyzer_names())]
    Analyzer {
        /// The name.
        found: String,
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
    /// An impact file does not open.
    #[error("the index is damaged: {file}; restore it from a copy or index again")]
    DamagedImpacts {
        /// The damaged file.
        file: PathBuf,
        /// What contradicts what.
        source: FormatError,
    },
    /// A filter that cannot be understood.
    #[error("cannot read the filter {filter:?}: {reason}")]
    Filter {
        /// The filter as given.
        filter: String,
        /// The parser's reason.
        reason: String,
    },
    /// More query terms than sums have room for.
    #[error("the query has {found} terms, the limit is {limit}")]
    QueryTerms {
        /// Terms given.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// No hit asked for.
    #[error("k is 0; ask for at least one hit")]
    NoHits,
    /// More hits asked for than is allowed.
    #[error("k + offset is {found}, the limit is {limit}")]
    Depth {
        /// Sum asked for.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// Effort that is no share of the whole.
    #[error("effort is {effort}; it is a number above 0 and at most 1, and 1 is exact")]
    Effort {
        /// The number given.
        effort: f32,
    },
    /// A ranking that does not exist.
    #[error("cannot rank by {rank:?}: {reason}")]
    Rank {
        /// The ranking as given.
        rank: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Feedback that cannot be understood, or that the ranking has no place for.
    #[error("cannot use the feedback {feedback:?}: {reason}")]
    Feedback {
        /// The feedback as given.
        feedback: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A dense field that the index does not have, or whose name is missing.
    #[error("{}", unknown_field(field.as_deref(), known))]
    DenseField {
        /// The name given, if one was.
        field: Option<String>,
        /// The index's dense fields.
        known: Vec<String>,
    },
    /// A dense query vector that its field cannot be searched with.
    #[error("cannot search with the dense vector")]
    DenseQuery(#[from] DenseError),
    /// A document that is not there.
    #[error("no document has the _id {id:?}")]
    NoDocument {
        /// The `_id` asked for.
        id: String,
    },
    /// A document that is to be a query, but has nothing for a leg of the ranking.
    #[error("the document {id:?} has no {what}, by which {leg} could find others like it")]
    Unlike {
        /// The document.
        id: String,
        /// The leg.
        leg: String,
        /// What is missing.
        what: &'static str,
    },
    /// A least score that is no number.
    #[error("min_score is {min_score}; it is a finite number")]
    MinScore {
        /// The number given.
        min_score: f32,
    },
    /// A boost that is no factor.
    #[error(
        "the boost of term {term} is {factor}; it is a number from 0, which mutes, to {}",
        BOOST_LIMIT
    )]
    Boost {
        /// The term.
        term: u32,
        /// The factor given.
        factor: f32,
    },
    /// The ranking needs something the request lacks.
    #[error("ranking by {rank} needs {needs}")]
    MissingInput {
        /// The ranking.
        rank: String,
        /// What is missing.
        needs: &'static str,
    },
    /// BM25 has nothing to search.
    #[error(
        "no document has a word of text to rank by bm25; an index of vectors alone ranks by sparse"
    )]
    NoText,
    /// The storage layer failed.
    #[error("the storage layer failed")]
    Tantivy(#[from] tantivy::TantivyError),
    /// A file could not be read.
    #[error("cannot read {file}")]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

fn analyzer_names() -> String {
    Analyzer::all().map(Analyzer::name).collect::<Vec<_>>().join(", ")
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

impl SearchError {
    /// Whether this says that stored bytes are not what was written.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Damaged { .. }
                | Self::DamagedImpacts { .. }
                | Self::Manifest { .. }
                | Self::Tantivy(tantivy::TantivyError::DataCorruption(_))
        )
    }
}
