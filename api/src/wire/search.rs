//! How to search: the body of a search, the parameters of one by GET, and what is left of both.

use std::time::Duration;

use gleaner_searcher::{Feedback, LEGS_LIMIT, Leg, Rank, SearchError};
use serde::Deserialize;

use super::{
    brief,
    encode::Texts,
    hybrid::HybridBody,
    members::Members,
    query::{Query, QueryBody},
    quoted,
};
use crate::{
    error::{Code, Problem},
    extract::{Object, object},
    serve::Limits,
};

/// The body of a search.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchBody {
    #[serde(deserialize_with = "object")]
    query: QueryBody,
    #[serde(default = "default_k")]
    k: usize,
    #[serde(default)]
    offset: usize,
    rank: Option<String>,
    hybrid: Option<Object<HybridBody>>,
    feedback: Option<Texts>,
    min_score: Option<f32>,
    cut: Option<String>,
    #[serde(default)]
    filter: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
    #[serde(default = "default_effort")]
    effort: f32,
    #[serde(default)]
    timeout_ms: Option<u64>,
    #[serde(default)]
    explain: bool,
    #[serde(default)]
    profile: bool,
}

/// The parameters of a search by GET. What is a list or an object in a body is written in one text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchParams {
    q: Option<String>,
    like: Option<String>,
    boost: Option<String>,
    mute: Option<String>,
    #[serde(default = "default_k")]
    k: usize,
    #[serde(default)]
    offset: usize,
    rank: Option<String>,
    feedback: Option<String>,
    min_score: Option<f32>,
    cut: Option<String>,
    #[serde(default)]
    filter: Option<String>,
    #[serde(default)]
    fields: String,
    #[serde(default = "default_effort")]
    effort: f32,
    #[serde(default)]
    timeout_ms: Option<u64>,
    #[serde(default)]
    explain: bool,
    #[serde(default)]
    profile: bool,
}

fn default_k() -> usize {
    10
}

fn default_effort() -> f32 {
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
    pub(crate) until_knee: bool,
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

impl Search {
    /// The part of the request that names the dense field of a leg, for errors.
    pub(crate) fn part_of(&self, field: Option<&str>) -> &str {
        let is_it = |leg: &Leg| matches!(leg, Leg::Dense(name) if name.as_deref() == field);
        let part = self.leg_parts.iter().find(|(leg, _)| is_it(leg));
        part.map_or("rank", |(_, part)| part)
    }
}

impl SearchBody {
    /// Hits that are looked for, those passed over included.
    pub(crate) fn depth(&self) -> usize {
        self.k.saturating_add(self.offset)
    }

    /// Checks everything that needs no index.
    ///
    /// Errors: `unknown_rank`, `invalid_request`, `invalid_query`, `limit_exceeded`.
    pub(crate) fn check(self, limits: &Limits) -> Result<(Search, Query), Problem> {
        self.check_numbers(limits)?;
        let until_knee = until_knee(self.cut.as_deref())?;
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
            until_knee,
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
            return Err(invalid("k", "k is 0; ask for 1 hit or more"));
        }
        let depth = self.depth();
        if depth > limits.k {
            let detail = format!("k + offset is {depth}, the limit is {}", limits.k);
            return Err(Problem::new(Code::LimitExceeded, detail).field("k"));
        }
        // Not a number is not above 0 either.
        if !(self.effort > 0.0 && self.effort <= 1.0) {
            let detail = format!("effort is {}; it is above 0 and at most 1", self.effort);
            return Err(invalid("effort", detail));
        }
        if self.timeout_ms == Some(0) {
            let detail = "timeout_ms is 0; it is 1 or more, and without it the answer is exact";
            return Err(invalid("timeout_ms", detail));
        }
        match self.min_score.filter(|score| !score.is_finite()) {
            Some(score) => {
                let detail = format!("min_score is {score}; it is a finite number");
                Err(invalid("min_score", detail))
            }
            None => Ok(()),
        }
    }
}

fn invalid(field: &str, detail: impl Into<String>) -> Problem {
    Problem::new(Code::InvalidRequest, detail).field(field)
}

/// Whether the list may end before `k`. Errors: `invalid_request`.
fn until_knee(cut: Option<&str>) -> Result<bool, Problem> {
    match cut {
        None => Ok(false),
        Some("knee") => Ok(true),
        Some(other) => {
            let detail = format!("there is no cut {}", quoted(other));
            Err(invalid("cut", detail).hint("knee ends the list where scores have fallen"))
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
        (Some(_), Some(_)) => {
            Err(invalid("hybrid", "`rank` and `hybrid` are two ways to say the same; give one"))
        }
        (None, Some(Object(hybrid))) => hybrid.rank(limits),
        (rank, None) => {
            let rank = rank.as_deref().unwrap_or(DEFAULT_RANK);
            let parsed: Rank = rank.parse().map_err(|error| unknown_rank(rank, &error))?;
            match &parsed {
                Rank::Fused(fusion) if fusion.depth.is_some_and(|depth| depth > limits.k) => {
                    let detail = format!("the window is larger than the limit, {}", limits.k);
                    Err(Problem::new(Code::LimitExceeded, detail).field("rank"))
                }
                _ => Ok((parsed, Vec::new())),
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
                invalid("feedback", detail)
            }
            other => invalid("feedback", brief(other)),
        })
    };
    texts.iter().map(read).collect()
}

impl SearchParams {
    /// The body that says the same.
    ///
    /// Errors: `invalid_request`.
    pub(crate) fn body(self) -> Result<SearchBody, Problem> {
        if self.q.is_none() && self.like.is_none() {
            return Err(invalid("q", "there is neither `q`, a text, nor `like`, an `_id`"));
        }
        let boost = self.boost.as_deref().map(boosts).transpose()?;
        let mute = self.mute.as_deref().map(|tokens| listed(tokens, ','));
        let query = QueryBody::of_params(self.q, self.like, boost, mute);
        Ok(SearchBody {
            query,
            k: self.k,
            offset: self.offset,
            rank: self.rank,
            hybrid: None,
            feedback: self.feedback.as_deref().map(|feedback| Texts(listed(feedback, ';'))),
            min_score: self.min_score,
            cut: self.cut,
            filter: self.filter,
            fields: listed(&self.fields, ','),
            effort: self.effort,
            timeout_ms: self.timeout_ms,
            explain: self.explain,
            profile: self.profile,
        })
    }
}

fn listed(text: &str, separator: char) -> Vec<String> {
    text.split(separator).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Reads `token:2,other:0.5`; a token may have colons of its own.
fn boosts(text: &str) -> Result<Members<f32>, Problem> {
    let read = |pair: String| {
        let parts = pair.rsplit_once(':');
        let parsed = parts.and_then(|(token, factor)| Some((token, factor.parse().ok()?)));
        parsed.map(|(token, factor)| (token.to_owned(), factor)).ok_or_else(|| {
            invalid("boost", format!("{} is not a token and its factor", quoted(&pair)))
                .hint("write boost=token:2,other:0.5")
        })
    };
    listed(text, ',').into_iter().map(read).collect::<Result<_, _>>().map(Members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_may_have_colons_in_parameters() {
        let read = boosts("a:2,b:c:0.5,,::0").map(|members| members.0).unwrap_or_default();
        let expected = [("a", 2.0), ("b:c", 0.5), (":", 0.0)];
        assert!(read.iter().map(|(token, factor)| (token.as_str(), *factor)).eq(expected));
        for wrong in ["a", "a:", "a:x", "2"] {
            assert!(boosts(wrong).is_err(), "{wrong}");
        }
    }
}
