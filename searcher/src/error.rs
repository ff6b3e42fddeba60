//! What can go wrong between a query and its hits, as facts with fields.

use gleaner_catalog::{CatalogError, StorageError, storage_error};
use gleaner_format::DenseError;

use crate::query::boost::BOOST_LIMIT;

/// Why an index could not be opened or searched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The index cannot be opened or is damaged, or has no such dense field.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A filter that cannot be understood.
    #[error("cannot read the filter {filter:?}: {reason}")]
    Filter {
        /// The filter as given.
        filter: String,
        /// The parser's reason.
        reason: String,
    },
    /// The time of the search was over before its filter was done.
    #[error("the time was over before the filter was done; allow more, or use fewer conditions")]
    FilterTime,
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
    Storage(#[from] StorageError),
}

/// Closes the storage layer's error where it arises. No public conversion names that layer's type.
pub(crate) fn storage(error: tantivy::TantivyError) -> SearchError {
    SearchError::Storage(storage_error(error))
}

impl SearchError {
    /// Whether this says that stored bytes are not what was written.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Catalog(error) => error.is_damage(),
            Self::Storage(error) => error.is_damage(),
            Self::Filter { .. }
            | Self::FilterTime
            | Self::QueryTerms { .. }
            | Self::NoHits
            | Self::Depth { .. }
            | Self::Effort { .. }
            | Self::Rank { .. }
            | Self::Feedback { .. }
            | Self::DenseQuery(_)
            | Self::NoDocument { .. }
            | Self::Unlike { .. }
            | Self::MinScore { .. }
            | Self::Boost { .. }
            | Self::MissingInput { .. }
            | Self::NoText => false,
        }
    }
}
