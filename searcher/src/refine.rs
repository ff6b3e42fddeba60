//! Feedback applied: which documents a leg learns from, and its query made anew of what they have.
//!
//! The arithmetic, and how feedback is asked for, is `feedback.rs`; searching again is `search.rs`'s.

use crate::{
    boost::{Boost, without_muted},
    error::SearchError,
    feedback::{Feedback, FeedbackMethod, Interpolate, Seen, average_weights, rm3, rocchio},
    index::Snapshot,
    legs::{Admission, Found, LegQuery, LegRun, Ranking},
    profile::Counters,
    rank::Leg,
    search::{Asked, AskedLeg, SearchRequest},
};

/// What feedback learns from.
struct FirstAnswers {
    documents: Vec<Found>,
    is_exact: bool,
    is_complete: bool,
}

impl Snapshot {
    /// Makes queries anew from the first answers, as the request asks.
    pub(crate) fn feed_back(
        &self,
        mut asked: Asked,
        request: &SearchRequest<'_>,
        admission: &Admission<'_>,
        counters: &mut Counters,
    ) -> Result<Asked, SearchError> {
        let mut new = Vec::with_capacity(request.feedback.len());
        let mut alone = None;
        for feedback in request.feedback {
            let at = self.fed_leg(&asked, request, feedback)?;
            let depth = feedback.documents;
            let run = LegRun { request, admission, depth, keeps_scores: false };
            let seen = self.first_answers(&asked, (at, feedback.interpolate), &run, counters)?;
            asked.is_fed_exactly &= seen.is_exact;
            asked.is_fed_completely &= seen.is_complete;
            let query = &asked.legs[at].query;
            new.push((at, self.fed(query, feedback, &seen.documents, request.boosts)?));
            if feedback.interpolate == Interpolate::Before && alone.replace(at).is_some() {
                let reason = "interpolate=before returns one leg, and two ask for it";
                return Err(refused(feedback, reason));
            }
        }
        new.into_iter().for_each(|(at, query)| asked.legs[at].query = query);
        match alone {
            None => Ok(asked),
            Some(at) => Ok(Asked { legs: vec![asked.legs.swap_remove(at)], method: None, ..asked }),
        }
    }

    /// The documents that a leg learns from, each by its best row in that leg.
    fn first_answers(
        &self,
        asked: &Asked,
        (at, interpolate): (usize, Interpolate),
        run: &LegRun<'_>,
        counters: &mut Counters,
    ) -> Result<FirstAnswers, SearchError> {
        let query = &asked.legs[at].query;
        if interpolate == Interpolate::After {
            let Ranking { best, is_exact, is_complete, .. } = self.run_leg(query, run, counters)?;
            return Ok(FirstAnswers { documents: best, is_exact, is_complete });
        }
        let listed = self.list(asked, run, counters)?;
        let mut documents = listed.best;
        documents.truncate(run.depth);
        // The row that a document was found by may be another leg's.
        let rows = self.complete(query, &listed.rankings[at], &documents)?;
        for (found, best) in documents.iter_mut().zip(rows) {
            found.hit.row = best.row as u32;
        }
        Ok(FirstAnswers {
            documents,
            is_exact: listed.rankings.iter().all(|ranking| ranking.is_exact),
            is_complete: listed.rankings.iter().all(|ranking| ranking.is_complete),
        })
    }

    /// The leg that feedback is for.
    ///
    /// Errors: `Feedback`, `DenseField`.
    fn fed_leg(
        &self,
        asked: &Asked,
        request: &SearchRequest<'_>,
        feedback: &Feedback,
    ) -> Result<usize, SearchError> {
        feedback.check().map_err(|reason| refused(feedback, &reason))?;
        if asked.method.is_none() && feedback.interpolate != Interpolate::After {
            return Err(refused(feedback, "a ranking of one leg has only interpolate=after"));
        }
        let name = |leg: &Leg| -> Result<Option<&str>, SearchError> {
            match leg {
                Leg::Dense(field) => {
                    Ok(Some(&self.manifest().dense_field(field.as_deref())?.spec.name[..]))
                }
                Leg::Sparse | Leg::Bm25 => Ok(None),
            }
        };
        let dense: Vec<&AskedLeg> =
            asked.legs.iter().filter(|leg| matches!(leg.leg, Leg::Dense(_))).collect();
        let wanted = match (&feedback.leg, &dense[..]) {
            // The ranking says which field is meant.
            (Leg::Dense(None), [only]) => name(&only.leg)?,
            (leg, _) => name(leg)?,
        };
        let is_wanted = |leg: &Leg| Ok((*leg == Leg::Bm25, name(leg)?) == (false, wanted));
        let same = request.feedback.iter().map(|other| is_wanted(&other.leg));
        let same: Vec<bool> = same.collect::<Result<_, SearchError>>()?;
        if same.into_iter().filter(|is_same| *is_same).count() > 1 {
            return Err(refused(feedback, "it is given twice for this leg"));
        }
        for (at, leg) in asked.legs.iter().enumerate() {
            if is_wanted(&leg.leg)? {
                return Ok(at);
            }
        }
        Err(refused(feedback, "the ranking has no such leg"))
    }

    /// A leg's query made anew.
    fn fed(
        &self,
        query: &LegQuery,
        feedback: &Feedback,
        documents: &[Found],
        boosts: &[Boost],
    ) -> Result<LegQuery, SearchError> {
        match (query, feedback.method) {
            (LegQuery::Sparse(query), FeedbackMethod::Rm3 { terms, weight }) => {
                let seen = documents.iter().map(|found| Seen {
                    score: found.hit.score.max(0.0),
                    vector: self.sparse_vector(found),
                });
                let fed = rm3(query, &seen.collect::<Vec<_>>(), terms, weight);
                LegQuery::sparse(without_muted(&fed, boosts))
            }
            (LegQuery::Dense { position, spec, query }, method) => {
                let vector = |found: &Found| {
                    let field = self.segments()[found.segment].dense_field(*position);
                    let mut vector = Vec::new();
                    field.read(field.ordinal(found.hit.row as usize)?, &mut vector);
                    Some(vector)
                };
                let vectors: Vec<Vec<f32>> = documents.iter().filter_map(vector).collect();
                let weights = match method {
                    FeedbackMethod::Rocchio { alpha, beta } => (alpha, beta),
                    _ => average_weights(vectors.len()),
                };
                let fed = rocchio(&query.vector, &vectors, weights);
                LegQuery::dense(self, &spec.name, &fed)
            }
            _ => Err(refused(feedback, "the leg takes no such feedback")),
        }
    }

    fn sparse_vector(&self, found: &Found) -> Vec<(u32, f64)> {
        let view = self.segments()[found.segment].impacts();
        view.row(found.hit.row as usize).iter().collect()
    }
}

fn refused(feedback: &Feedback, reason: &str) -> SearchError {
    SearchError::Feedback { feedback: feedback.leg.to_string(), reason: reason.to_owned() }
}
