//! What `/readyz` looks at: every index, its models, and their self-tests.
//!
//! Every index is asked for its newest commit first, so that a folder that is gone is seen. Otherwise a
//! check reads what is known already: nothing is encoded for it.

use gleaner::{Error, chain};

use super::{
    index::{ServedIndex, wait_for},
    state::ServerState,
};
use crate::{
    error::Problem,
    models::{ServedModels, Trust},
    wire::{Check, CheckKind, Outcome},
};

/// Looks at the folders of all indexes, then makes every check.
pub(crate) async fn checks_now(state: &ServerState) -> Vec<Check> {
    wait_for(state.indexes.values().filter_map(ServedIndex::look).collect()).await;
    checks(state)
}

/// Every check, of indexes by name and then of models by fingerprint.
pub(crate) fn checks(state: &ServerState) -> Vec<Check> {
    let of_index =
        |(name, index): (&String, &ServedIndex)| index_checks(name, index, &state.models);
    let indexes = state.indexes.iter().flat_map(of_index);
    let models = state.models.selftests().map(|(fingerprint, trust)| {
        let (outcome, detail) = match trust {
            Trust::Sound(note) => (Outcome::Pass, note.clone()),
            Trust::Unproven(reason) => (Outcome::Warn, Some(reason.clone())),
            Trust::Refuted(reason) => (Outcome::Fail, Some(reason.clone())),
        };
        Check { check: CheckKind::ModelSelftest, subject: fingerprint.to_owned(), outcome, detail }
    });
    indexes.chain(models).collect()
}

fn index_checks(name: &str, index: &ServedIndex, models: &ServedModels) -> Vec<Check> {
    let check = |check, outcome, detail| {
        let subject = name.to_owned();
        Check { check, subject, outcome, detail }
    };
    let (open, refreshed) = (CheckKind::IndexOpen, CheckKind::IndexRefreshed);
    let snapshot = match index.current() {
        Ok(snapshot) => snapshot,
        Err(error) => return vec![check(open, Outcome::Fail, Some(chain(error)))],
    };
    let mut checks = vec![check(open, Outcome::Pass, None)];
    checks.push(match index.refresh_error() {
        None => check(refreshed, Outcome::Pass, None),
        Some(error) => check(refreshed, Outcome::Fail, Some(chain(error.as_ref()))),
    });
    let manifest = snapshot.manifest();
    if manifest.model.is_some() {
        checks.extend(model_checks(name, models.of_index(manifest)));
    }
    for field in manifest.dense.iter().filter(|field| field.model.is_some()) {
        let subject = format!("{name}/{}", field.spec.name);
        checks.extend(model_checks(&subject, models.of_field(field)));
    }
    checks
}

/// Whether a model is there, and the right one.
fn model_checks<T>(subject: &str, found: Result<T, Error>) -> Vec<Check> {
    let check = |check, outcome, detail| {
        let subject = subject.to_owned();
        Check { check, subject, outcome, detail }
    };
    let detail = |error: Error| Problem::from(error).detail().to_owned();
    let (loaded, matches) = (CheckKind::ModelLoaded, CheckKind::ModelMatches);
    match found {
        Ok(_) => {
            vec![check(loaded, Outcome::Pass, None), check(matches, Outcome::Pass, None)]
        }
        Err(
            error @ (Error::ModelMismatch { .. }
            | Error::DenseModelMismatch { .. }
            | Error::DenseDims { .. }),
        ) => vec![
            check(loaded, Outcome::Pass, None),
            check(matches, Outcome::Fail, Some(detail(error))),
        ],
        Err(error) => vec![check(loaded, Outcome::Fail, Some(detail(error)))],
    }
}
