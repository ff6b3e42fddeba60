//! The certificate of an answer: what makes it exact, or what is known where it is not.
//!
//! It follows from the answers of all legs. What the search did beside that is `profile.rs`'s.

use serde::{Serialize, Serializer};

use crate::{
    query::{request::SearchRequest, resolved::ResolvedRequest},
    ranking::{
        legs::{LegAnswer, floor},
        list::RankedList,
    },
};

/// The proof behind `exact`, or what is known without one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Certificate {
    /// What kind of proof it is.
    pub kind: CertificateKind,
    /// The effort asked for.
    pub effort: f32,
    /// Whether everything was looked at before the deadline.
    pub complete: bool,
    /// Score of the last hit that fills k; 0 if fewer documents match.
    pub threshold: f32,
    /// No document that was not scored scores above this; null only if every match was scored, if
    /// nothing is known of what was not (BM25 or dense vectors that were not complete), or of a fused
    /// ranking, whose legs have no score in common.
    pub highest_bound_not_scored: Option<f64>,
}

/// What an answer's exactness rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateKind {
    /// `rank_safe`: bounds rule out what was not scored.
    RankSafe,
    /// `exhaustive`: every match was scored.
    Exhaustive,
    /// `fused`: the list of every leg is one of these.
    Fused,
    /// `approximate`: none of them; less effort or the deadline left something out.
    Approximate,
}

impl CertificateKind {
    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::RankSafe => "rank_safe",
            Self::Exhaustive => "exhaustive",
            Self::Fused => "fused",
            Self::Approximate => "approximate",
        }
    }
}

impl Serialize for CertificateKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Certificate {
    /// The certificate of the first `hits` of a list.
    pub(crate) fn new(
        request: &SearchRequest<'_>,
        hits: usize,
        resolved: &ResolvedRequest<'_>,
        list: &RankedList,
    ) -> Self {
        let legs = &list.legs;
        let kind = match (&resolved.method, &legs[..]) {
            _ if !is_exact(resolved, list) => CertificateKind::Approximate,
            (None, [LegAnswer { choice, .. }]) if choice.plan.is_exhaustive() => {
                CertificateKind::Exhaustive
            }
            (None, _) => CertificateKind::RankSafe,
            (Some(_), _) => CertificateKind::Fused,
        };
        let bound = match &legs[..] {
            // Without a bound is what a deadline left unseen.
            [only] if resolved.method.is_none() => {
                only.highest_bound_not_scored.filter(|bound| bound.is_finite())
            }
            _ => None,
        };
        Self {
            kind,
            effort: request.effort,
            complete: resolved.is_feedback_complete && legs.iter().all(|leg| leg.is_complete),
            threshold: floor(&list.best[..hits.min(list.best.len())], hits).unwrap_or(0.0),
            highest_bound_not_scored: bound,
        }
    }
}

/// Whether nothing was given up, in the first answers neither where feedback learned from them.
pub(crate) fn is_exact(resolved: &ResolvedRequest<'_>, list: &RankedList) -> bool {
    resolved.is_feedback_exact && list.legs.iter().all(|leg| leg.is_exact)
}
