//! Errors of the engine and of the models, as problems.
//!
//! Each becomes a code and the part of the request it is about. Paths of the server stay out of
//! what clients read, except in the reason of a failure that only the operator can mend. The part
//! that a written-out leg came from is known to `searching` alone.

use std::fmt::Display;

use gleaner::{CatalogError, EncodeError, Error, Part, SearchError, TokenError, chain};

use super::{
    code::Code,
    problem::Problem,
    wording::{brief, quoted},
};

/// The member of a request that is this part of a search.
fn member(part: Part) -> &'static str {
    match part {
        Part::Text => "query.text",
        Part::Tokens => "query.tokens",
        Part::Vector => "query.indices",
        Part::Dense => "query.dense",
        Part::Boost => "query.boost",
        Part::Mute => "query.mute",
        Part::Rank => "rank",
        Part::Feedback => "feedback",
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        match error {
            Error::NoModel
            | Error::ModelNotFound { .. }
            | Error::ModelMismatch { .. }
            | Error::NoDenseModel { .. }
            | Error::DenseModelNotFound { .. }
            | Error::DenseModelMismatch { .. }
            | Error::DenseDims { .. }
            | Error::ModelUnusable { .. }
            | Error::ModelNotOpened { .. } => of_model(error),
            Error::BlankQuery => invalid(Part::Text, error),
            Error::NoLeg { part, rank, field } => no_leg(*part, rank, field.as_deref()),
            Error::SaidTwice { part, token, said } => {
                invalid(*part, format!("the token {} is {said}; say one of them", quoted(token)))
            }
            Error::TwoLegs { field, .. } => {
                let detail = format!("the dense field `{field}` is two legs");
                Self::invalid_request(member(Part::Rank), detail)
            }
            Error::WhichField { source } => unknown_field(source, Part::Dense),
            Error::UnknownField { part, source, .. } => unknown_field(source, *part),
            Error::NoDenseInput { field, .. } => {
                let detail = "needs a text or a vector for it";
                invalid(Part::Dense, format!("ranking by the dense field `{field}` {detail}"))
            }
            Error::DenseVector(source) => invalid(Part::Dense, source),
            Error::Token { part, token, reason } => no_token(*part, token, *reason),
            Error::Tokens { source, .. } => invalid(Part::Tokens, source),
            Error::Encode(error) => Self::from(error),
            Error::Catalog(error) => Self::from(error),
            Error::Search(error) => Self::from(error),
            // What is named is looked at before the first request, and nothing here writes.
            Error::Named { .. }
            | Error::NotSparse { .. }
            | Error::NotDense { .. }
            | Error::ModelFolder { .. }
            | Error::TextsNeedModel
            | Error::TextsWithoutModel
            | Error::SeveralDenseModels
            | Error::SpansWithoutModel
            | Error::Document { .. }
            | Error::Index(_)
            | Error::Eval(_) => internal(error),
            other => internal(other),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<&SearchError> for Problem {
    fn from(error: &SearchError) -> Self {
        let detail = error.to_string();
        match error {
            SearchError::Catalog(error) => Self::from(error),
            SearchError::Filter { .. } => Self::new(Code::InvalidFilter, detail).field("filter"),
            SearchError::FilterTime => Self::new(Code::TimedOut, detail),
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
            SearchError::DenseQuery(_) => invalid(Part::Dense, chain(error)),
            SearchError::Boost { .. } => invalid(Part::Boost, detail),
            SearchError::NoDocument { .. } => {
                Self::new(Code::DocumentNotFound, brief(detail)).field("query.like")
            }
            SearchError::Unlike { .. } => {
                Self::new(Code::InvalidQuery, brief(detail)).field("query.like")
            }
            SearchError::NoText => invalid(Part::Rank, detail),
            SearchError::MissingInput { .. } => {
                Self::new(Code::InvalidQuery, detail).field("query")
            }
            error if error.is_damage() => damaged(chain(error)),
            error => internal(error),
        }
    }
}

impl From<&CatalogError> for Problem {
    fn from(error: &CatalogError) -> Self {
        match error {
            // Clients need the file, not where the server keeps it.
            CatalogError::Damaged { file, reason } => {
                let file = file.file_name().unwrap_or_default().display();
                damaged(format!("{file}: {reason}"))
            }
            CatalogError::DamagedImpacts { file, source } => {
                let file = file.file_name().unwrap_or_default().display();
                damaged(format!("{file}: {}", chain(source)))
            }
            CatalogError::Io { file, source } => {
                let file = file.file_name().unwrap_or_default().display();
                unavailable(format!("{file}: {source}"))
            }
            CatalogError::Missing { file } => {
                let file = file.file_name().unwrap_or_default().display();
                unavailable(format!("{file}: the file is missing"))
            }
            CatalogError::Replaced { reason, .. } => {
                let detail = format!("the index was replaced since it was opened: {reason}");
                unavailable(detail).hint("restart the server, or put back the index that was there")
            }
            CatalogError::DenseField { .. } => unknown_field(error, Part::Rank),
            error if error.is_damage() => damaged(chain(error)),
            error if error.is_unavailable() => unavailable(chain(error)),
            error => internal(error),
        }
    }
}

impl From<&EncodeError> for Problem {
    fn from(error: &EncodeError) -> Self {
        Self::new(Code::EncodingFailed, chain(error))
    }
}

impl From<EncodeError> for Problem {
    fn from(error: EncodeError) -> Self {
        Self::from(&error)
    }
}

/// That no model is there, or another than the one that made the vectors.
fn of_model(error: &Error) -> Problem {
    let (code, detail, field) = match error {
        Error::NoModel => {
            let detail = "the index holds given vectors and has no model";
            return Problem::new(Code::ModelNotFound, detail)
                .hint("search it with indices and values, or rank by bm25");
        }
        Error::NoDenseModel { field } => {
            let detail = format!("the dense field `{field}` holds given vectors and has no model");
            return Problem::new(Code::ModelNotFound, detail)
                .hint("search it with a vector of your own, as query.dense");
        }
        Error::ModelMismatch { index, path, model } => {
            let path = path.display();
            let detail =
                format!("the index was made with {index}, the model in `{path}` is {model}");
            (Code::ModelMismatch, detail, None)
        }
        Error::DenseModelMismatch { field, index, path, model } => {
            let detail = format!(
                "the dense field `{field}` was made with {index}, the model in `{}` is {model}",
                path.display()
            );
            (Code::ModelMismatch, detail, Some(field))
        }
        Error::DenseDims { field, .. } => (Code::ModelMismatch, error.to_string(), Some(field)),
        Error::ModelUnusable { field, reason, .. } => {
            (Code::ModelNotFound, reason.clone(), field.as_ref())
        }
        Error::ModelNotOpened { path, field } => {
            let detail = format!("`{}` was not there when the server started", path.display());
            (Code::ModelNotFound, detail, field.as_ref())
        }
        Error::DenseModelNotFound { field, .. } => {
            (Code::ModelNotFound, error.to_string(), Some(field))
        }
        other => (Code::ModelNotFound, other.to_string(), None),
    };
    let flag = field.map_or("--model", |_| "--dense-model");
    let hint = format!("start the server with `{flag} DIR`, the folder of its model");
    Problem::new(code, detail).hint(hint)
}

fn no_leg(part: Part, rank: &str, field: Option<&str>) -> Problem {
    let dense_hint = "rank by dense, or fuse it: rrf:sparse,dense";
    match (part, field) {
        (_, Some(field)) => {
            invalid(part, format!("the ranking has no dense leg for the field `{field}`"))
                .hint(dense_hint)
        }
        (Part::Dense, None) => {
            invalid(part, format!("{} has no dense leg", brief(rank))).hint(dense_hint)
        }
        (_, None) => invalid(part, format!("{} has no sparse leg", brief(rank)))
            .hint("rank by sparse, or fuse it: rrf:sparse,bm25"),
    }
}

fn no_token(part: Part, token: &str, reason: TokenError) -> Problem {
    let problem = |why: TokenError| {
        let detail = format!("no token {}: {why}", quoted(token));
        Problem::new(Code::UnknownToken, detail).field(member(part))
    };
    match reason {
        TokenError::NotInVocabulary => {
            problem(reason).hint("POST /v1/encode shows the tokens of a text")
        }
        // Digits above the largest term id are none either.
        TokenError::NotATermId | TokenError::TooLarge => problem(TokenError::NotATermId),
    }
}

fn unknown_field(error: &CatalogError, part: Part) -> Problem {
    Problem::new(Code::UnknownField, brief(error)).field(member(part))
}

/// An `invalid_query` of a part.
fn invalid(part: Part, detail: impl Display) -> Problem {
    Problem::new(Code::InvalidQuery, detail.to_string()).field(member(part))
}

fn damaged(detail: String) -> Problem {
    let hint = "restore the index from a copy or index again";
    Problem::new(Code::IndexDamaged, detail).hint(hint)
}

fn unavailable(detail: String) -> Problem {
    Problem::new(Code::IndexUnavailable, detail)
}

fn internal(error: &dyn std::error::Error) -> Problem {
    Problem::new(Code::Internal, chain(error))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_part_without_a_leg_is_said_with_the_leg_that_it_needs() {
        for (part, says) in [(Part::Dense, "no dense leg"), (Part::Tokens, "no sparse leg")] {
            let error = Error::NoLeg { part, rank: "bm25".to_owned(), field: None };
            let problem = Problem::from(&error);
            assert!(problem.detail().contains(says), "{}", problem.detail());
        }
    }

    #[test]
    fn damage_names_the_file_but_not_its_folder() {
        let file = PathBuf::from("/srv/secret/ab.store");
        let damage = CatalogError::Damaged { file, reason: "short".to_owned() };
        let problem = Problem::from(Error::Search(SearchError::from(damage)));
        assert_eq!(problem.code(), Code::IndexDamaged);
        assert_eq!(problem.detail(), "ab.store: short");
    }

    #[test]
    fn what_the_system_refuses_is_unavailable_and_not_damaged() {
        let file = PathBuf::from("/srv/secret/ab.store");
        let source = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        for error in [
            CatalogError::Io { file: file.clone(), source },
            CatalogError::Missing { file },
            CatalogError::Replaced { path: "/srv/secret".into(), reason: "its id".to_owned() },
            CatalogError::Busy { path: "x".into() },
        ] {
            let problem = Problem::from(Error::Search(SearchError::from(error)));
            assert_eq!(problem.code(), Code::IndexUnavailable);
            assert!(!problem.detail().contains("secret"), "{}", problem.detail());
        }
    }
}
