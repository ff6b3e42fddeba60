//! Names in requests that mean nothing: what is said of each kind, and which names are known.

use gleaner::{Leg, Normaliser};

use crate::error::{Code, Problem, quoted};

/// What a name in a request is a name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameOf {
    /// A leg of a ranking.
    Leg,
    /// A fusion method.
    FusionMethod,
    /// A normaliser of scores.
    Normaliser,
    /// A way to end the list.
    Cut,
    /// A side of a text, as TEI's clients name it.
    Prompt,
}

impl NameOf {
    /// The problem of a name that is not one of these. The caller adds the part of the request.
    pub(super) fn unknown(self, name: &str) -> Problem {
        let name = quoted(name);
        let no_rank = |detail: String| Problem::new(Code::UnknownRank, detail);
        let invalid = |detail: String| Problem::new(Code::InvalidRequest, detail);
        match self {
            Self::Leg => no_rank(format!("there is no leg {name}; known: {}", Leg::KNOWN)),
            Self::FusionMethod => {
                no_rank(format!("there is no method {name}")).hint("known: rrf, convex (or linear)")
            }
            Self::Normaliser => no_rank(format!("there is no normalizer {name}"))
                .hint(format!("known: {}", Normaliser::known())),
            Self::Cut => invalid(format!("there is no cut {name}"))
                .hint("knee ends the list where scores have fallen"),
            Self::Prompt => invalid(format!("no prompt {name}; there are `query` and `document`")),
        }
    }
}
