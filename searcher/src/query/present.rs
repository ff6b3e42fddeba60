//! Hits as they are shown: ids, scores by leg, stored keys, passages, where scores come from.
//!
//! Scores that a leg did not find are `ranking/completion.rs`'s, the types `response.rs`'s.

use std::{collections::BTreeMap, ops::Range};

use crate::{
    error::SearchError,
    query::{
        request::SearchRequest,
        resolved::{ResolvedLeg, ResolvedRequest},
        response::{Contribution, Explanation, Hit, LegExplanation, LegScore, Passage},
        stored::stored_keys,
    },
    ranking::{completion::TrueScore, hits::SegmentHit, leg_query::LegQuery, list::RankedList},
    snapshot::commit::Snapshot,
    sparse::exhaustive,
};

/// Names a term id where a vocabulary is at hand.
pub(crate) type Token<'a> = &'a dyn Fn(u32) -> Option<String>;

impl Snapshot {
    /// Shows a page of a list; of a fused one, every hit with its true score in every leg.
    ///
    /// Shapes: `page` lies within the list.
    /// Errors: the storage layer's.
    pub(crate) fn present(
        &self,
        resolved: &ResolvedRequest<'_>,
        list: &RankedList,
        page: Range<usize>,
        (request, token): (&SearchRequest<'_>, Token<'_>),
    ) -> Result<Vec<Hit>, SearchError> {
        let page = page.start.min(page.end)..page.end;
        let mut scores: Vec<Vec<TrueScore>> = Vec::new();
        if resolved.method.is_some() {
            for (leg, answer) in resolved.legs.iter().zip(&list.legs) {
                scores.push(self.scores_in_leg(&leg.query, answer, &list.best[page.clone()])?);
            }
        }
        // Ids lie far apart: looked up in a loop of their own, their cache misses overlap.
        let ids: Vec<&str> = list.best[page.clone()].iter().map(|hit| self.id_of(hit)).collect();
        let mut hits = Vec::with_capacity(ids.len());
        for (at, id) in ids.into_iter().enumerate() {
            let place = page.start + at;
            let mut found = list.best[place];
            let of_legs: Vec<TrueScore> = scores.iter().map(|leg| leg[at]).collect();
            if let Some(row) = shown_row(resolved, &of_legs) {
                found.hit.row = row as u32;
            }
            let legs = list.fused.get(place).map(|fused| {
                let leg = |(leg, score): (usize, &TrueScore)| LegScore {
                    score: score.score.unwrap_or(0.0),
                    rank: fused.places[leg].map(|place| place.0),
                    contribution: fused.parts[leg],
                };
                let names = resolved.legs.iter().map(|leg| leg.leg.to_string());
                names.zip(of_legs.iter().enumerate().map(leg)).collect()
            });
            hits.push(Hit {
                id: id.to_owned(),
                rank: place + 1,
                score: found.hit.score,
                legs,
                passage: self.shown_passage(resolved, &found)?,
                fields: match request.fields {
                    [] => None,
                    keys => {
                        let source = self.stored(found.segment, self.doc_of(&found))?;
                        Some(stored_keys(&source, keys))
                    }
                },
                explanation: match request.explain {
                    true => Some(self.explain(resolved, &found, &of_legs, token)?),
                    false => None,
                },
            });
        }
        Ok(hits)
    }

    fn shown_passage(
        &self,
        resolved: &ResolvedRequest<'_>,
        found: &SegmentHit,
    ) -> Result<Option<Passage>, SearchError> {
        let finds_rows = resolved.legs.iter().any(|leg| leg.query.finds_rows());
        match finds_rows {
            true => self.passage(found.segment, self.doc_of(found)),
            false => Ok(None),
        }
    }

    fn explain(
        &self,
        resolved: &ResolvedRequest<'_>,
        found: &SegmentHit,
        scores: &[TrueScore],
        token: Token<'_>,
    ) -> Result<Explanation, SearchError> {
        let score = found.hit.score;
        let mut legs = BTreeMap::new();
        if let (None, [only]) = (&resolved.method, &resolved.legs[..]) {
            let contributions = self.contributions(only, found, token)?;
            return Ok(Explanation { score, contributions, legs });
        }
        for (leg, true_score) in resolved.legs.iter().zip(scores) {
            let mut found = *found;
            found.hit.row = true_score.row as u32;
            let contributions = self.contributions(leg, &found, token)?;
            let score = true_score.score.unwrap_or(0.0);
            legs.insert(leg.leg.to_string(), LegExplanation { score, contributions });
        }
        Ok(Explanation { score, contributions: Vec::new(), legs })
    }

    /// What the terms that query and document share add to the document's score in a leg, the
    /// largest product first; nothing of a dense leg.
    fn contributions(
        &self,
        leg: &ResolvedLeg<'_>,
        found: &SegmentHit,
        token: Token<'_>,
    ) -> Result<Vec<Contribution>, SearchError> {
        let contribution = |token, id, query_weight: f64, doc_weight: f64| Contribution {
            token,
            id,
            query_weight,
            doc_weight,
            product: query_weight * doc_weight,
            share: 0.0,
        };
        let segment = &self.segments()[found.segment];
        let mut contributions: Vec<Contribution> = match &leg.query {
            LegQuery::Sparse(query) => {
                exhaustive::contributions(query, segment.impacts().row(found.hit.row as usize))
                    .map(|(term, query, doc)| {
                        contribution(token(term), Some(term), f64::from(query), doc)
                    })
                    .collect()
            }
            LegQuery::Bm25(query) => {
                let doc = segment.first_row(self.doc_of(found));
                let words = query.contributions(self, found.segment, doc)?.into_iter();
                words
                    .map(|word| {
                        let (count, score) = (f64::from(word.count), f64::from(word.score));
                        contribution(Some(word.word), None, count, score)
                    })
                    .collect()
            }
            LegQuery::Dense { .. } => Vec::new(),
        };
        let sum: f64 = contributions.iter().map(|c| c.product).sum();
        contributions.iter_mut().for_each(|c| c.share = c.product / sum);
        contributions.sort_by(|a, b| b.product.total_cmp(&a.product));
        Ok(contributions)
    }
}

/// The row whose passage a fused hit shows: its best in the first leg that knows rows and scores
/// it.
fn shown_row(resolved: &ResolvedRequest<'_>, scores: &[TrueScore]) -> Option<usize> {
    let mut known = resolved.legs.iter().zip(scores).filter(|(leg, score)| {
        leg.query.finds_rows() && score.score.is_some_and(|score| score != 0.0)
    });
    known.next().map(|(_, score)| score.row)
}
