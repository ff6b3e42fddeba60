//! The list of a ranking: the hits of one leg, or of several made one.
//!
//! Legs are run one after the other. Where they are fused, their lists unite, documents get the
//! scores that their normaliser asks for, and the sums are sorted. One leg is `legs.rs`'s, the
//! arithmetic `fuse.rs`'s.

use std::time::Instant;

use crate::{
    error::SearchError,
    query::resolved::{ResolvedLeg, ResolvedRequest},
    ranking::{
        bounds::NeededRange,
        fuse::{LegList, ListedDocument, Share, fused_score, unite},
        hits::SegmentHit,
        legs::{LegAnswer, LegRun},
        rank::Method,
    },
    snapshot::commit::Snapshot,
    sparse::profile::Counters,
};

/// What was found, best first, and how.
pub(crate) struct RankedList {
    pub(crate) best: Vec<SegmentHit>,
    /// Beside `best` of a fused ranking: places and parts.
    pub(crate) fused: Vec<FusedParts>,
    /// The answers of all legs; that of a single one has its hits in `best`.
    pub(crate) legs: Vec<LegAnswer>,
    pub(crate) fuse_us: u64,
}

/// What a hit has in the lists that were fused.
pub(crate) struct FusedParts {
    /// By leg, its place from 1 and its score there; `None` outside the list.
    pub(crate) places: Vec<Option<(usize, f32)>>,
    /// By leg, what it adds to the score.
    pub(crate) parts: Vec<f64>,
}

impl Snapshot {
    /// Finds the hits of a ranking.
    pub(crate) fn ranked_list(
        &self,
        resolved: &ResolvedRequest<'_>,
        run: &LegRun<'_>,
        counters: &mut Counters,
    ) -> Result<RankedList, SearchError> {
        let depth = match (resolved.method, run.request.until_knee) {
            (Some(_), _) => resolved.depth,
            (None, true) => run.depth.max(resolved.depth),
            (None, false) => run.depth,
        };
        let run = LegRun { depth, keeps_scores: resolved.method.is_some(), ..*run };
        let legs = resolved.legs.iter().map(|leg| self.run_leg(&leg.query, &run, counters));
        let mut legs = legs.collect::<Result<Vec<_>, _>>()?;
        match resolved.method {
            None => {
                let best = legs.iter_mut().flat_map(|leg| std::mem::take(&mut leg.best));
                let best = best.collect();
                Ok(RankedList { best, fused: Vec::new(), legs, fuse_us: 0 })
            }
            Some(method) => self.fuse(resolved, method, legs),
        }
    }

    /// Makes the lists of all legs one.
    fn fuse(
        &self,
        resolved: &ResolvedRequest<'_>,
        method: Method,
        legs: Vec<LegAnswer>,
    ) -> Result<RankedList, SearchError> {
        let start = Instant::now();
        let needed = NeededRange::of(method);
        let lists = resolved.legs.iter().zip(&legs).map(|(leg, answer)| LegList {
            weight: leg.weight,
            best: &answer.best,
            range: self.score_range(&leg.query, needed),
        });
        let lists: Vec<LegList<'_>> = lists.collect();
        let weights: f64 = resolved.legs.iter().map(|leg| leg.weight).sum();
        let shares: Vec<Share> =
            lists.iter().map(|list| Share::of(method, list, weights)).collect();
        let documents = unite(&lists);
        let scores = match needed {
            NeededRange::Nothing => Vec::new(),
            NeededRange::Least | NeededRange::LeastAndMost => {
                self.scores_of_all(resolved, &legs, &documents)?
            }
        };
        let fused = documents.into_iter().enumerate().map(|(at, document)| {
            let part = |(leg, share): (usize, &Share)| {
                let place = document.places[leg];
                let known = scores.get(leg).map(|scores: &Vec<Option<f32>>| scores[at]);
                share.part(place.map(|place| place.0), known.unwrap_or(place.map(|place| place.1)))
            };
            let parts: Vec<f64> = shares.iter().enumerate().map(part).collect();
            let mut found = document.found;
            found.hit.score = fused_score(&parts);
            (found, FusedParts { places: document.places, parts })
        });
        let mut fused: Vec<(SegmentHit, FusedParts)> = fused.collect();
        fused.sort_by(|a, b| self.order(&a.0, &b.0));
        let (best, fused) = fused.into_iter().unzip();
        let fuse_us = start.elapsed().as_micros() as u64;
        Ok(RankedList { best, fused, legs, fuse_us })
    }

    /// By leg, the true score of every document.
    fn scores_of_all(
        &self,
        resolved: &ResolvedRequest<'_>,
        answers: &[LegAnswer],
        documents: &[ListedDocument],
    ) -> Result<Vec<Vec<Option<f32>>>, SearchError> {
        let found: Vec<SegmentHit> = documents.iter().map(|document| document.found).collect();
        let of_leg = |(leg, answer): (&ResolvedLeg<'_>, &LegAnswer)| {
            let scores = self.scores_in_leg(&leg.query, answer, &found)?;
            Ok(scores.into_iter().map(|score| score.score).collect())
        };
        resolved.legs.iter().zip(answers).map(of_leg).collect()
    }
}
