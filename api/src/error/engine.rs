//! Errors of the engine and of the models, as problems.
//!
//! Each becomes a code and the part of the request it is about. Paths of the server stay out of
//! what clients read, except in the reason of a failure that only the operator can mend.

use gleaner_encoder::EncodeError;
use gleaner_searcher::{CatalogError, SearchError};

use super::{
    code::Code,
    problem::Problem,
    wording::{brief, chain},
};

impl From<&SearchError> for Problem {
    fn from(error: &SearchError) -> Self {
        let detail = error.to_string();
        match error {
            // Clients need the file, not where the server keeps it.
            SearchError::Catalog(CatalogError::Damaged { file, reason }) => {
                let file = file.file_name().unwrap_or_default().display();
                damaged(format!("{file}: {reason}"))
            }
            SearchError::Catalog(CatalogError::DamagedImpacts { file, source }) => {
                let file = file.file_name().unwrap_or_default().display();
                damaged(format!("{file}: {}", chain(source)))
            }
            SearchError::Filter { .. } => Self::new(Code::InvalidFilter, detail).field("filter"),
            SearchError::QueryTerms { .. } => Self::new(Code::LimitExceeded, detail).field("query"),
            SearchError::Depth { .. } | SearchError::NoHits => {
                Self::new(Code::LimitExceeded, detail).field("k")
            }
            SearchError::Effort { .. } => Self::new(Code::InvalidRequest, detail).field("effort"),
            SearchError::Rank { .. } => Self::new(Code::UnknownRank, brief(detail)).field("rank"),
            SearchError::Feedback { .. } => {
                Self::new(Code::InvalidRequest, brief(detail)).field("feedback")
            }
            SearchError::MinScore { .. } => {
                Self::new(Code::InvalidRequest, detail).field("min_score")
            }
            SearchError::Catalog(CatalogError::DenseField { .. }) => {
                Self::new(Code::UnknownField, brief(detail)).field("rank")
            }
            SearchError::DenseQuery(_) => {
                Self::new(Code::InvalidQuery, chain(error)).field("query.dense")
            }
            SearchError::Boost { .. } => Self::new(Code::InvalidQuery, detail).field("query.boost"),
            SearchError::NoDocument { .. } => {
                Self::new(Code::DocumentNotFound, brief(detail)).field("query.like")
            }
            SearchError::Unlike { .. } => {
                Self::new(Code::InvalidQuery, brief(detail)).field("query.like")
            }
            SearchError::NoText => Self::new(Code::InvalidQuery, detail).field("rank"),
            SearchError::MissingInput { .. } => {
                Self::new(Code::InvalidQuery, detail).field("query")
            }
            error if error.is_damage() => damaged(chain(error)),
            error => Self::new(Code::Internal, chain(error)),
        }
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        Self::from(&error)
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        Self::from(SearchError::from(error))
    }
}

impl From<EncodeError> for Problem {
    fn from(error: EncodeError) -> Self {
        Self::new(Code::EncodingFailed, chain(&error))
    }
}

fn damaged(detail: String) -> Problem {
    let hint = "restore the index from a copy or index again";
    Problem::new(Code::IndexDamaged, detail).hint(hint)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn damage_names_the_file_but_not_its_folder() {
        let file = PathBuf::from("/srv/secret/ab.store");
        let problem = Problem::from(SearchError::from(CatalogError::Damaged {
            file,
            reason: "short".to_owned(),
        }));
        assert_eq!(problem.code(), Code::IndexDamaged);
        assert_eq!(problem.detail(), "ab.store: short");
    }
}
