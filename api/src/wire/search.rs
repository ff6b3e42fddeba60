//! How to search: the body of a search, and what is left of it after checking.

use std::time::Duration;

use gleaner_searcher::{Feedback, LEGS_LIMIT, Leg, Rank, SearchError};
use serde::Deserialize;

use super::{
    hybrid::HybridBody,
    members::{Object, object},
    names::NameOf,
    query::{Query, QueryBody},
    texts::Texts,
};
use crate::{
    error::{Code, Problem, brief, quoted},
    limits::Limits,
};

/// The body of a search.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchBody {
    #[serde(deserialize_with = "object")]
    pub(super) query: QueryBody,
    #[serde(default = "default_k")]
    pub(super) k: usize,
    #[serde(default)]
    pub(super) offset: usize,
    pub(super) rank: Option<String>,
    pub(super) hybrid: Option<Object<HybridBody>>,
    pub(super) feedback: Option<Texts>,
    pub(super) min_score: Option<f32>,
    pub(super) cut: Option<String>,
    #[serde(default)]
    pub(super) filter: Option<String>,
    #[serde(default)]
    pub(super) fields: Vec<String>,
    #[serde(default = "default_effort")]
    pub(super) effort: f32,
    #[serde(default)]
    pub(super) timeout_ms: Option<u64>,
    #[serde(default)]
    pub(super) explain: bool,
    #[serde(default)]
    pub(super) profile: bool,
}

pub(super) fn default_k() -> usize {
    10
}

pub(super) fn default_effort() -> f32 {
    1.0
}

/// The ranking where none is asked for.
const DEFAULT_RANK: &str = "sparse";

/// How to search, within the limits; what for is a [`Query`].
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) rank: Rank,
    /// For legs of the written-out form, the part of the request that names the dense field.
    leg_parts: Vec<(Leg, String)>,
    pub(crate) feedback: Vec<Feedback>,
    pub(crate) min_score: Option<f32>,
    /// Where the list may end before `k`.
    pub(crate) cut: Option<Cut>,
    pub(crate) k: usize,
    pub(crate) offset: usize,
    pub(crate) filter: Option<String>,
    pub(crate) fields: Vec<String>,
    pub(crate) effort: f32,
    /// Time for the whole request, within the server's own limit.
    pub(crate) timeout: Option<Duration>,
    pub(crate) explain: bool,
    pub(crate) profile: bool,
}

/// What may end the list before `k`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The place where scores have fallen.
    Knee,
}

impl Cut {
    /// Reads its name. Errors: `invalid_request`.
    fn read(name: &str) -> Result<Self, Problem> {
        match name {
            "knee" => Ok(Self::Knee),
            other => Err(NameOf::Cut.unknown(other).field("cut")),
        }
    }
}

impl Search {
    /// The part of the request that names the dense field of a leg, for errors.
    pub(crate) fn part_of(&self, field: Option<&str>) -> &str {
        let is_it = |leg: &Leg| match leg {
            Leg::Dense(name) => name.as_deref() == field,
            Leg::Sparse | Leg::Bm25 => false,
        };
        let part = self.leg_parts.iter().find(|(leg, _)| is_it(leg));
        part.map_or("rank", |(_, part)| part)
    }
}

impl SearchBody {
    /// Hits that are looked for, those passed over included.
    pub(crate) fn hits_wanted(&self) -> usize {
        self.k.saturating_add(self.offset)
    }

    /// Checks everything that needs no index.
    ///
    /// Errors: `unknown_rank`, `invalid_request`, `invalid_query`, `limit_exceeded`.
    pub(crate) fn check(self, limits: &Limits) -> Result<(Search, Query), Problem> {
        self.check_numbers(limits)?;
        let cut = self.cut.as_deref().map(Cut::read).transpose()?;
        let (rank, leg_parts) = ranking(self.rank, self.hybrid, limits)?;
        let feedback = feedback(self.feedback)?;
        let query = self.query.check(&rank, limits)?;
        let longest = limits.longest_search();
        let timeout = self.timeout_ms.map(|ms| Duration::from_millis(ms).min(longest));
        let Self { k, offset, filter, fields, effort, explain, profile, min_score, .. } = self;
        let search = Search {
            rank,
            leg_parts,
            feedback,
            min_score,
            cut,
            k,
            offset,
            filter,
            fields,
            effort,
            timeout,
            explain,
            profile,
        };
        Ok((search, query))
    }

    fn check_numbers(&self, limits: &Limits) -> Result<(), Problem> {
        if self.k == 0 {
            return Err(Problem::invalid_request("k", "k is 0; ask for 1 hit or more"));
        }
        let wanted = self.hits_wanted();
        if wanted > limits.k {
            let detail = format!("k + offset is {wanted}, the limit is {}", limits.k);
            return Err(Problem::new(Code::LimitExceeded, detail).field("k"));
        }
        // Not a number is not above 0 either.
        if !(self.effort > 0.0 && self.effort <= 1.0) {
            let detail = format!("effort is {}; it is above 0 and at most 1", self.effort);
            return Err(Problem::invalid_request("effort", detail));
        }
        if self.timeout_ms == Some(0) {
            let detail = "timeout_ms is 0; it is 1 or more, and without it the answer is exact";
            return Err(Problem::invalid_request("timeout_ms", detail));
        }
        match self.min_score.filter(|score| !score.is_finite()) {
            Some(score) => {
                let detail = format!("min_score is {score}; it is a finite number");
                Err(Problem::invalid_request("min_score", detail))
            }
            None => Ok(()),
        }
    }
}

/// The ranking in whichever form it came, and the parts of the request its legs came from.
fn ranking(
    rank: Option<String>,
    hybrid: Option<Object<HybridBody>>,
    limits: &Limits,
) -> Result<(Rank, Vec<(Leg, String)>), Problem> {
    match (rank, hybrid) {
        (Some(_), Some(_)) => Err(Problem::invalid_request(
            "hybrid",
            "`rank` and `hybrid` are two ways to say the same; give one",
        )),
        (None, Some(Object(hybrid))) => hybrid.rank(limits),
        (rank, None) => {
            let rank = rank.as_deref().unwrap_or(DEFAULT_RANK);
            let parsed: Rank = rank.parse().map_err(|error| unknown_rank(rank, &error))?;
            let depth = match &parsed {
                Rank::Leg(_) => None,
                Rank::Fused(fusion) => fusion.depth,
            };
            match depth.is_some_and(|depth| depth > limits.k) {
                true => {
                    let detail = format!("the window is larger than the limit, {}", limits.k);
                    Err(Problem::new(Code::LimitExceeded, detail).field("rank"))
                }
                false => Ok((parsed, Vec::new())),
            }
        }
    }
}

fn unknown_rank(rank: &str, error: &SearchError) -> Problem {
    let detail = match error {
        SearchError::Rank { reason, .. } => {
            format!("cannot rank by {}: {}", quoted(rank), brief(reason))
        }
        other => brief(other),
    };
    Problem::new(Code::UnknownRank, detail)
        .field("rank")
        .hint("for example sparse, bm25, dense, rrf:sparse,bm25,dense")
}

fn feedback(texts: Option<Texts>) -> Result<Vec<Feedback>, Problem> {
    let texts = texts.map_or_else(Vec::new, |texts| texts.0);
    if texts.len() > LEGS_LIMIT {
        let detail = format!("{} feedbacks, the limit is {LEGS_LIMIT}", texts.len());
        return Err(Problem::new(Code::LimitExceeded, detail).field("feedback"));
    }
    let read = |text: &String| {
        text.parse().map_err(|error| match error {
            SearchError::Feedback { reason, .. } => {
                let detail = format!("cannot use {}: {}", quoted(text), brief(reason));
                Problem::invalid_request("feedback", detail)
            }
            other => Problem::invalid_request("feedback", brief(other)),
        })
    };
    texts.iter().map(read).collect()
}
