//! What a search did, put together for its profile.
//!
//! The types are `response.rs`'s, the counters `sparse/profile.rs`'s.

use crate::{
    query::{
        resolved::{ResolvedLeg, ResolvedRequest},
        response::{LegProfile, PhasesUs, Profile},
    },
    ranking::{leg_query::LegQuery, legs::LegAnswer, list::RankedList},
    sparse::{plan::Plan, profile::Counters},
};

/// What every leg did; times and counters are the caller's to fill in.
pub(crate) fn profile(resolved: &ResolvedRequest<'_>, list: &RankedList) -> Profile {
    let terms = |leg: &ResolvedLeg<'_>| match &leg.query {
        LegQuery::Sparse(query) => query.len(),
        LegQuery::Bm25(_) | LegQuery::Dense { .. } => 0,
    };
    let of_leg = |(leg, answer): (&ResolvedLeg<'_>, &LegAnswer)| LegProfile {
        leg: leg.leg.to_string(),
        plan: answer.choice.plan,
        why: answer.choice.why,
        found: answer.best.len(),
        search_us: answer.took_us,
    };
    let (plan, why) = match (resolved.method, &list.legs[..]) {
        (None, [only]) => (only.choice.plan, only.choice.why),
        _ => (Plan::Fused, "the best of every leg are found, then their lists become one"),
    };
    let legs = resolved.legs.iter().zip(&list.legs).map(of_leg);
    Profile {
        plan,
        why,
        query_terms: resolved.legs.iter().map(terms).sum(),
        segments: 0,
        filter_us: 0,
        filter_cached: false,
        search_us: 0,
        phases: PhasesUs::of(&Counters::default().phases, 0),
        legs: if resolved.method.is_some() { legs.collect() } else { Vec::new() },
        fuse_us: list.fuse_us,
        counters: Counters::default(),
    }
}
