//! The certificate of an answer: what makes it exact, or what is known where it is not.
//!
//! It follows from the answers of all legs. Its type is `response.rs`'s; what the search did beside
//! that is `profile.rs`'s.

use crate::{
    query::{
        request::SearchRequest,
        resolved::ResolvedRequest,
        response::{Certificate, CertificateKind},
    },
    ranking::{
        legs::{LegAnswer, floor},
        list::RankedList,
    },
};

/// The certificate of the first `hits` of a list.
pub(crate) fn certificate(
    request: &SearchRequest<'_>,
    hits: usize,
    resolved: &ResolvedRequest<'_>,
    list: &RankedList,
) -> Certificate {
    let legs = &list.legs;
    let kind = match (&resolved.method, &legs[..]) {
        _ if !is_exact(resolved, list) => CertificateKind::Approximate,
        // Without a bound nothing was skipped: every match was scored.
        (None, [LegAnswer { choice, highest_bound_not_scored, .. }])
            if choice.plan.is_exhaustive() || highest_bound_not_scored.is_none() =>
        {
            CertificateKind::Exhaustive
        }
        (None, _) => CertificateKind::RankSafe,
        (Some(_), _) => CertificateKind::Fused,
    };
    let bound = match &legs[..] {
        // Rows that a deadline left unseen have no bound.
        [only] if resolved.method.is_none() => {
            only.highest_bound_not_scored.filter(|bound| bound.is_finite())
        }
        _ => None,
    };
    Certificate {
        kind,
        effort: request.effort,
        complete: resolved.is_feedback_complete && legs.iter().all(|leg| leg.is_complete),
        threshold: floor(&list.best[..hits.min(list.best.len())], hits).unwrap_or(0.0),
        highest_bound_not_scored: bound,
    }
}

/// Whether nothing was given up: neither in the legs, nor in the first answers that feedback
/// learned from.
pub(crate) fn is_exact(resolved: &ResolvedRequest<'_>, list: &RankedList) -> bool {
    resolved.is_feedback_exact && list.legs.iter().all(|leg| leg.is_exact)
}
