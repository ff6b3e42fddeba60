//! A request resolved against one commit: every leg with its weight and its query, ready to be run.
//!
//! A query comes from the request, or from a document that is itself the query (`like.rs`). A
//! sparse vector without boosts is borrowed from where it comes from. Running legs is left to
//! `ranking/`.

use std::borrow::Cow;

use crate::{
    error::SearchError,
    query::{like::ExampleDocument, request::SearchRequest},
    ranking::{
        leg_query::LegQuery,
        rank::{Leg, Method, Rank},
    },
    snapshot::commit::Snapshot,
};

/// A leg of the ranking with its query.
pub(crate) struct ResolvedLeg<'q> {
    pub(crate) leg: Leg,
    pub(crate) weight: f64,
    pub(crate) query: LegQuery<'q>,
}

/// A ranking with all its queries.
pub(crate) struct ResolvedRequest<'q> {
    pub(crate) legs: Vec<ResolvedLeg<'q>>,
    /// How lists become one; `None` where there is one leg.
    pub(crate) method: Option<Method>,
    /// How many hits of each leg are fused, and how many of a single one a knee is looked for in.
    pub(crate) depth: usize,
    /// Whether the documents that feedback learned from are those of the exact ranking.
    pub(crate) is_feedback_exact: bool,
    /// Whether they were all found in time.
    pub(crate) is_feedback_complete: bool,
}

impl Snapshot {
    /// Refuses dense fields that the index does not have, and one that is ranked by twice.
    ///
    /// Errors: `DenseField`, `Rank`.
    pub(crate) fn check_dense_fields(
        &self,
        request: &SearchRequest<'_>,
    ) -> Result<(), SearchError> {
        for given in request.dense {
            self.manifest().dense_field(Some(given.field))?;
        }
        let mut known = Vec::new();
        // A field may be named once, and meant once more as the only one.
        for field in request.rank.dense_fields() {
            let name = &self.manifest().dense_field(field)?.spec.name;
            if known.contains(&name) {
                let reason = format!("the dense field {name} is named twice");
                return Err(SearchError::Rank { rank: request.rank.to_string(), reason });
            }
            known.push(name);
        }
        Ok(())
    }

    /// Makes the queries of all legs ready.
    ///
    /// Errors: those of [`LegQuery::new`]; `Unlike`.
    pub(crate) fn resolve<'q>(
        &self,
        request: &SearchRequest<'q>,
        example: Option<&'q ExampleDocument>,
    ) -> Result<ResolvedRequest<'q>, SearchError> {
        let resolve = |leg: &Leg, weight| -> Result<ResolvedLeg<'q>, SearchError> {
            let query = match example {
                Some(example) => self.query_like(leg, example)?,
                None => LegQuery::new(self, leg, request)?,
            };
            Ok(ResolvedLeg { leg: leg.clone(), weight, query: query.boosted(request.boosts) })
        };
        let depth = self.manifest().fusion_depth;
        let (legs, method, depth) = match request.rank {
            Rank::Leg(leg) => (vec![resolve(leg, 1.0)?], None, depth),
            Rank::Fused(fusion) => {
                let legs = fusion.legs.iter().map(|leg| resolve(&leg.leg, leg.weight));
                let legs = legs.collect::<Result<_, _>>()?;
                (legs, Some(fusion.method), fusion.depth.unwrap_or(depth))
            }
        };
        let (is_feedback_exact, is_feedback_complete) = (true, true);
        Ok(ResolvedRequest { legs, method, depth, is_feedback_exact, is_feedback_complete })
    }

    /// A leg's query by what a document has.
    fn query_like<'q>(
        &self,
        leg: &Leg,
        example: &'q ExampleDocument,
    ) -> Result<LegQuery<'q>, SearchError> {
        let unlike = |what| {
            let (id, leg) = (example.id.clone(), leg.to_string());
            SearchError::Unlike { id, leg, what }
        };
        match leg {
            Leg::Sparse if example.vector.is_empty() => Err(unlike("sparse vector")),
            Leg::Bm25 if example.text.is_empty() => Err(unlike("text")),
            Leg::Sparse => LegQuery::sparse(Cow::Borrowed(&example.vector)),
            Leg::Bm25 => LegQuery::bm25_like(self, &example.text),
            Leg::Dense(field) => {
                let name = &self.manifest().dense_field(field.as_deref())?.spec.name;
                let vector = example.dense[self.dense_position(name)].as_ref();
                LegQuery::dense(self, name, vector.ok_or_else(|| unlike("dense vector"))?)
            }
        }
    }
}
