//! Errors of the front door in the words of flags.
//!
//! `gleaner::Error` says what is wrong and names no flag. Here the flag is named, and the remedy with
//! it. Exit codes are `failure`'s.

use std::{path::PathBuf, sync::Arc};

use gleaner::{CatalogError, Error, IndexError, Part, Ranking, SearchError};

use super::Failure;

/// Said where texts come without a model.
const TEXTS_NEED_MODEL: &str = "a new index of texts needs --model DIR (for example \
     data/models/splade-tiny), or a dense field (--dense-model DIR, --dense-field NAME=DIMS)";
const SEVERAL_DENSE_MODELS: &str =
    "the index has dense fields of several models; leave --dense-model out";
const SPANS_WITHOUT_MODEL: &str =
    "--long is for texts that a model encodes; vectors are taken as they are";
const WHICH_FIELD: &str = "--dense-vector: the ranking has several dense legs; give an object of \
     vectors by field, {\"FIELD\": [0.1, …]}";

/// An error of the front door with the flags that led to it; any other as it is.
pub(super) fn in_words_of_flags(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Error>() {
        Ok(error) => translated(error),
        Err(other) => other,
    }
}

/// Names the indexes in a folder that was taken for one.
pub(super) fn indexes_inside(error: &anyhow::Error) -> Option<String> {
    let not_found = |cause: &(dyn std::error::Error + 'static)| {
        let by_engine = cause.downcast_ref().and_then(|error| match error {
            Error::Catalog(error) => Some(error),
            _ => None,
        });
        match by_engine.or(cause.downcast_ref::<CatalogError>()) {
            Some(CatalogError::IndexNotFound { path }) => Some(path.clone()),
            _ => None,
        }
    };
    let folder = error.chain().find_map(not_found)?;
    let is_index = |path: &PathBuf| path.join("meta.json").is_file();
    let inside = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let mut inside: Vec<PathBuf> = inside.filter(is_index).collect();
    inside.sort_unstable();
    let first = inside.first()?.display().to_string();
    Some(format!("; the folder holds indexes, so name one of them, such as --index {first}"))
}

/// Says an error of a search with its ranking, where the ranking is what is wrong.
pub(crate) fn with_rank(rank: &Ranking) -> impl Fn(Error) -> anyhow::Error {
    move |error| match error {
        Error::TwoLegs { field, .. } => {
            let reason = format!("the dense field {field} is named twice");
            SearchError::Rank { rank: rank.to_string(), reason }.into()
        }
        other => other.into(),
    }
}

fn translated(error: Error) -> anyhow::Error {
    let usage = |message: &str| Failure::Usage(message.to_owned());
    let failure = match error {
        Error::NoModel => Failure::NoModel,
        Error::ModelNotFound { path } => Failure::ModelNotFound { path },
        Error::ModelMismatch { index, path, model } => {
            Failure::ModelMismatch { index, path, model }
        }
        Error::NoDenseModel { field } => Failure::NoDenseModel { field },
        Error::DenseModelNotFound { path, field } => Failure::DenseModelNotFound { path, field },
        Error::DenseModelMismatch { field, index, path, model } => {
            Failure::DenseModelMismatch { field, index, path, model }
        }
        Error::NotSparse { path } => {
            usage(&format!("{} is a dense model: name it with --dense-model", path.display()))
        }
        Error::NotDense { path } => {
            usage(&format!("{} is a sparse model: name it with --model", path.display()))
        }
        Error::TextsNeedModel => usage(TEXTS_NEED_MODEL),
        Error::TextsWithoutModel => Failure::TextsWithoutModel,
        Error::SeveralDenseModels => usage(SEVERAL_DENSE_MODELS),
        Error::SpansWithoutModel => usage(SPANS_WITHOUT_MODEL),
        Error::BlankQuery => Failure::BlankQuery,
        Error::NoLeg { part: Part::Dense, rank, field: Some(field) } => {
            usage(&format!("--dense-vector: {rank} has no leg dense:{field}"))
        }
        Error::NoLeg { part, rank, field: _ } => Failure::NoLeg { flag: flag(part), rank },
        Error::WhichField { .. } => usage(WHICH_FIELD),
        Error::SaidTwice { part, .. } => usage(&format!("{}: {error}", flag(part))),
        Error::UnknownField { part: Part::Feedback, source, .. } => {
            usage(&format!("{}: {source}; add field=NAME", flag(Part::Feedback)))
        }
        Error::NoDenseInput { leg, .. } => usage(&format!(
            "ranking by {leg} needs a dense query vector: text and the field's model, or the \
             vector itself"
        )),
        Error::Token { part, token, reason } => {
            usage(&format!("{}: {}", flag(part), reason.explain(&token)))
        }
        Error::Tokens { reason, .. } => usage(&format!("{}: {reason}", flag(Part::Tokens))),
        error @ (Error::DenseDims { .. } | Error::TwoLegs { .. }) => usage(&error.to_string()),
        Error::Index(IndexError::Locked { path }) => Failure::Locked { path },
        Error::Written(error) => {
            return match Arc::try_unwrap(error) {
                Ok(error) => translated(error),
                Err(shared) => Error::Written(shared).into(),
            };
        }
        other => return other.into(),
    };
    failure.into()
}

/// The flag that gives a part of a search.
fn flag(part: Part) -> &'static str {
    match part {
        Part::Text => "TEXT",
        Part::Tokens | Part::Vector => "--tokens",
        Part::Dense => "--dense-vector",
        Part::Boost => "--boost",
        Part::Mute => "--mute",
        Part::Rank => "--rank",
        Part::Feedback => "--feedback",
    }
}
