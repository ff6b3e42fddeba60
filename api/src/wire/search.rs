//! How to search: the body of a search, and what is left of it after checking.

use std::time::Duration;

use gleaner::{Feedback, LEGS_LIMIT, Rank, Ranking, Search, SearchError};
use serde::Deserialize;

use super::{
    hybrid::{HybridBody, LegParts},
    members::{Object, object},
    names::NameOf,
    query::QueryBody,
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
    /// Another way to say `cut`, as the command line has it.
    pub(super) until_knee: Option<bool>,
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

/// A search within the limits, and what a request says of it besides.
#[derive(Debug)]
pub(crate) struct CheckedSearch {
    pub(crate) search: Search,
    pub(crate) legs: LegParts,
    /// Time for the whole request, within the server's own limit.
    pub(crate) timeout: Option<Duration>,
}

/// What may end the list before `k`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The place where scores have fallen.
    Knee,
}

impl Cut {
    /// What `cut` and `until_knee` say together.
    ///
    /// Errors: `invalid_request`, also where they contradict each other.
    fn asked(cut: Option<&str>, until_knee: Option<bool>) -> Result<Option<Self>, Problem> {
        match (cut.map(Self::read).transpose()?, until_knee) {
            (Some(Self::Knee), Some(false)) => Err(Problem::invalid_request(
                "until_knee",
                "`cut` ends the list at its knee, and `until_knee` is false; give one of them",
            )),
            (cut, None | Some(false)) => Ok(cut),
            (_, Some(true)) => Ok(Some(Self::Knee)),
        }
    }

    /// Reads its name. Errors: `invalid_request`.
    fn read(name: &str) -> Result<Self, Problem> {
        match name {
            "knee" => Ok(Self::Knee),
            other => Err(NameOf::Cut.unknown(other).field("cut")),
        }
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
    pub(crate) fn check(self, limits: &Limits) -> Result<CheckedSearch, Problem> {
        self.check_numbers(limits)?;
        let cut = Cut::asked(self.cut.as_deref(), self.until_knee)?;
        let (rank, legs) = ranking(self.rank, self.hybrid, limits)?;
        let feedback = feedback(self.feedback)?;
        let query = self.query.check(rank.rank(), limits)?;
        let longest = limits.longest_search();
        let timeout = self.timeout_ms.map(|ms| Duration::from_millis(ms).min(longest));
        let mut search = Search::new(query)
            .rank(rank)
            .feedback(feedback)
            .k(self.k)
            .offset(self.offset)
            .until_knee(match cut {
                Some(Cut::Knee) => true,
                None => false,
            })
            .fields(self.fields)
            .effort(self.effort)
            // Requests share the cores; a thread more for one would be taken from another.
            .threads(1)
            .explain(self.explain)
            .profile(self.profile);
        if let Some(score) = self.min_score {
            search = search.min_score(score);
        }
        if let Some(filter) = self.filter {
            search = search.filter(filter);
        }
        search.check()?;
        Ok(CheckedSearch { search, legs, timeout })
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
) -> Result<(Ranking, LegParts), Problem> {
    match (rank, hybrid) {
        (Some(_), Some(_)) => Err(Problem::invalid_request(
            "hybrid",
            "`rank` and `hybrid` are two ways to say the same; give one",
        )),
        (None, Some(Object(hybrid))) => {
            let (rank, legs) = hybrid.rank(limits)?;
            Ok((rank.into(), legs))
        }
        (None, None) => Ok((Ranking::default(), LegParts::default())),
        (Some(rank), None) => {
            let parsed: Ranking = rank.parse().map_err(|error| unknown_rank(&rank, &error))?;
            let depth = match parsed.rank() {
                None | Some(Rank::Leg(_)) => None,
                Some(Rank::Fused(fusion)) => fusion.depth,
            };
            match depth.is_some_and(|depth| depth > limits.k) {
                true => {
                    let detail = format!("the depth is larger than the limit, {}", limits.k);
                    Err(Problem::new(Code::LimitExceeded, detail).field("rank"))
                }
                false => Ok((parsed, LegParts::default())),
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
        .hint("for example hybrid, sparse, bm25, dense, rrf:sparse,bm25,dense")
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
