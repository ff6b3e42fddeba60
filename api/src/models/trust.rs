//! How the self-test of a model ended: whether its vectors can be trusted.

use gleaner::{EncodeError, chain, model::SelfTest};

/// Whether a model computes what its folder says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trust {
    /// As far as it was compared; with a note where there was nothing to compare.
    Sound(Option<String>),
    /// Nobody vouches for its vectors. The model encodes, and the reason is reported.
    Unproven(String),
    /// It computes something else, and encodes nothing.
    Refuted(String),
}

impl Trust {
    /// Of a model that was tested.
    pub(super) fn of(tested: Result<SelfTest, EncodeError>) -> Self {
        match tested {
            Ok(report) if report.passed => Self::Sound(None),
            // There was nothing to compare with; the failures are differences between batches only.
            Ok(report) if !report.has_golden => Self::Unproven(report.failures.join("; ")),
            Ok(report) => Self::Refuted(report.failures.join("; ")),
            // Most folders have no vectors to compare with, so it is no warning. It is noted, because
            // nothing was compared.
            Err(error @ EncodeError::NoGolden { .. }) => Self::Sound(Some(chain(&error))),
            // A model that was copied without its golden file can be used, unproven.
            Err(error @ EncodeError::MissingFile { .. }) => Self::Unproven(chain(&error)),
            Err(error) => Self::Refuted(chain(&error)),
        }
    }
}
