//! What a search returns: hits, where their scores come from, the certificate, the profile.
//!
//! These types are what `gleaner search --json` prints and what HTTP returns.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::sparse::{
    plan::Plan,
    profile::{Counters, Phases},
};

/// The answer to one search.
#[derive(Debug, Clone, Serialize)]
pub struct SearchResponse {
    /// Whether no document outside `hits` can belong to them.
    pub exact: bool,
    /// What makes it so.
    pub certificate: Certificate,
    /// What ordered the hits, by its legs: what `hybrid` stands for in this index and for this query.
    pub ranking: String,
    /// What the caller should know beside the hits; mostly nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Microseconds spent, encoding not included.
    pub took_us: u64,
    /// Best first.
    pub hits: Vec<Hit>,
    /// Present on request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
}

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
    /// nothing is known of what was not (BM25 or dense vectors that were not complete), or of a
    /// fused ranking, whose legs have no score in common.
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

/// One document found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    /// The document's `_id`.
    pub id: String,
    /// From 1, `offset` included.
    pub rank: usize,
    /// Comparable within one query only.
    pub score: f32,
    /// By leg, what the document has there; only of fused rankings, and then of every leg.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legs: Option<BTreeMap<String, LegScore>>,
    /// The passage that the score is of, in an index of passages; none where it ranked by BM25.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passage: Option<Passage>,
    /// The stored keys asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Map<String, Value>>,
    /// Present on request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
}

/// What a document has in one leg of a fused ranking.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LegScore {
    /// Its true score there, whether the leg found it or not; 0 if it has nothing there: no word of
    /// the query, no dense vector.
    pub score: f32,
    /// Its place, from 1; null outside the list that was fused.
    pub rank: Option<usize>,
    /// What the leg adds to the fused score.
    pub contribution: f64,
}

/// A piece of a document's text, that is of title and text joined by a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Passage {
    /// Its first byte.
    pub start: u64,
    /// The byte behind its last.
    pub end: u64,
}

impl Passage {
    /// Reads `start-end`, as it is stored.
    pub(crate) fn parse(stored: &str) -> Option<Self> {
        let (start, end) = stored.split_once('-')?;
        Some(Self { start: start.parse().ok()?, end: end.parse().ok()? })
    }
}

/// Where a score comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The hit's score: f32 of the sum of all products; of a fused ranking, of the legs'
    /// contributions.
    pub score: f32,
    /// One entry per term that query and document share, the largest product first. None where the
    /// ranking is dense, and none of a fused one, whose legs have their own.
    pub contributions: Vec<Contribution>,
    /// By leg of a fused ranking, what its own score comes from.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub legs: BTreeMap<String, LegExplanation>,
}

/// Where the score of one leg comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LegExplanation {
    /// The document's score in the leg.
    pub score: f32,
    /// As in [`Explanation::contributions`]; none of a dense leg.
    pub contributions: Vec<Contribution>,
}

/// What one term adds to a score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Contribution {
    /// The term's text, null if no vocabulary is at hand.
    pub token: Option<String>,
    /// The term's id in the model's vocabulary, null for words of BM25.
    pub id: Option<u32>,
    /// Weight in the query; for BM25 the number of occurrences.
    pub query_weight: f64,
    /// Stored weight in the document; for BM25 the score of one occurrence.
    pub doc_weight: f64,
    /// `query_weight × doc_weight`.
    pub product: f64,
    /// `product` over the sum of all products.
    pub share: f64,
}

/// What a search did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profile {
    /// How the largest segment was searched; [`Plan::Fused`] of several legs.
    pub plan: Plan,
    /// Why so.
    pub why: &'static str,
    /// Query terms.
    pub query_terms: usize,
    /// Segments searched.
    pub segments: usize,
    /// Microseconds spent on the filter.
    pub filter_us: u64,
    /// Whether the filter's rows were known from an earlier search.
    pub filter_cached: bool,
    /// Microseconds spent on finding the hits.
    pub search_us: u64,
    /// Microseconds of `search_us` by phase; they sum to it, to within a microsecond.
    pub phases: PhasesUs,
    /// What every leg did, of a fused ranking.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<LegProfile>,
    /// Microseconds of `search_us` for fusing lists and completing scores.
    pub fuse_us: u64,
    /// Work counted over all segments.
    #[serde(flatten)]
    pub counters: Counters,
}

/// What one leg of a fused ranking did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LegProfile {
    /// Its name in the ranking.
    pub leg: String,
    /// How the largest segment was searched.
    pub plan: Plan,
    /// Why so.
    pub why: &'static str,
    /// Documents in its list.
    pub found: usize,
    /// Microseconds.
    pub search_us: u64,
}

/// Microseconds by phase; `Counters::phases` says what belongs to each but the last.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhasesUs {
    /// Looking up terms and lists.
    pub plan_us: f64,
    /// Adding short lists.
    pub scatter_us: f64,
    /// Dropping groups and adding long lists.
    pub sweep_us: f64,
    /// Scoring finalists.
    pub finalists_us: f64,
    /// Everything else: memory to search in, merging the hits of segments, fusion; all of BM25 and
    /// of dense legs.
    pub other_us: f64,
}

impl PhasesUs {
    /// The phases of a search of `search_us`.
    pub(crate) fn of(phases: &Phases, search_us: u64) -> Self {
        let us = |ns: u64| ns as f64 / 1e3;
        let Phases { plan_ns, scatter_ns, sweep_ns, finalists_ns } = *phases;
        let known_ns = plan_ns + scatter_ns + sweep_ns + finalists_ns;
        Self {
            plan_us: us(plan_ns),
            scatter_us: us(scatter_ns),
            sweep_us: us(sweep_ns),
            finalists_us: us(finalists_ns),
            other_us: (search_us as f64 - us(known_ns)).max(0.0),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn profiles_show_every_counter_and_microseconds() {
        let phases = Phases { plan_ns: 1_500, ..Phases::default() };
        let counters = Counters { bytes: 7, phases, ..Counters::default() };
        let profile = Profile {
            plan: Plan::BlockMax,
            why: "",
            query_terms: 1,
            segments: 1,
            filter_us: 0,
            filter_cached: false,
            search_us: 2,
            phases: PhasesUs::of(&counters.phases, 2),
            legs: Vec::new(),
            fuse_us: 0,
            counters: counters.clone(),
        };
        let json = |value: serde_json::Result<Value>| value.unwrap().as_object().unwrap().clone();
        let (shown, counted) =
            (json(serde_json::to_value(&profile)), json(serde_json::to_value(&counters)));
        assert!(counted.keys().all(|name| shown.contains_key(name)), "{shown:?}");
        assert_eq!((&shown["bytes"], &shown["phases"]["plan_us"]), (&7.into(), &1.5.into()));
        // The whole is cut to microseconds, its parts are not.
        assert_eq!(shown["phases"]["other_us"], 0.5);
        assert_eq!(PhasesUs::of(&counters.phases, 1).other_us, 0.0);
    }
}
