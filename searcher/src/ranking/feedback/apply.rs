//! Feedback applied: which documents a leg learns from, and its query made anew of what they have.
//!
//! The arithmetic is `expand.rs`'s, how feedback is asked for `request.rs`'s. Searching again with
//! the new queries is left to `query/search.rs`.

use std::borrow::Cow;

use crate::{
    error::SearchError,
    filter::admission::Admission,
    query::{
        boost::{Boost, without_muted},
        request::SearchRequest,
        resolved::{ResolvedLeg, ResolvedRequest},
    },
    ranking::{
        feedback::{
            expand::{FeedbackDocument, average_weights, rm3, rocchio},
            request::{Feedback, FeedbackMethod},
        },
        hits::SegmentHit,
        leg_query::LegQuery,
        legs::{LegAnswer, LegRun},
        rank::Leg,
    },
    snapshot::commit::Snapshot,
    sparse::profile::Counters,
};

/// What feedback learns from.
struct FirstAnswers {
    documents: Vec<SegmentHit>,
    is_exact: bool,
    is_complete: bool,
}

impl Snapshot {
    /// Makes queries anew from the first answers, as the request asks.
    pub(crate) fn apply_feedback<'q>(
        &self,
        mut resolved: ResolvedRequest<'q>,
        request: &SearchRequest<'_>,
        admission: &Admission<'_>,
        counters: &mut Counters,
    ) -> Result<ResolvedRequest<'q>, SearchError> {
        let mut expanded = Vec::with_capacity(request.feedback.len());
        let mut alone = None;
        for feedback in request.feedback {
            let at = self.leg_of_feedback(&resolved, request, feedback)?;
            let depth = feedback.documents;
            let run = LegRun { request, admission, depth, keeps_scores: false };
            let first = self.first_answers(&resolved, (at, feedback), &run, counters)?;
            resolved.is_feedback_exact &= first.is_exact;
            resolved.is_feedback_complete &= first.is_complete;
            let query = &resolved.legs[at].query;
            let query = self.expanded_query(query, feedback, &first.documents, request.boosts)?;
            expanded.push((at, query));
            if feedback.interpolate.returns_leg_alone() && alone.replace(at).is_some() {
                let reason = "interpolate=before returns one leg, and two ask for it";
                return Err(refused(feedback, reason));
            }
        }
        expanded.into_iter().for_each(|(at, query)| resolved.legs[at].query = query);
        match alone {
            None => Ok(resolved),
            Some(at) => {
                let legs = vec![resolved.legs.swap_remove(at)];
                Ok(ResolvedRequest { legs, method: None, ..resolved })
            }
        }
    }

    /// The documents that a leg learns from, each by its best row in that leg.
    fn first_answers(
        &self,
        resolved: &ResolvedRequest<'_>,
        (at, feedback): (usize, &Feedback),
        run: &LegRun<'_>,
        counters: &mut Counters,
    ) -> Result<FirstAnswers, SearchError> {
        let query = &resolved.legs[at].query;
        if !feedback.interpolate.learns_from_fusion() {
            let LegAnswer { best, is_exact, is_complete, .. } =
                self.run_leg(query, run, counters)?;
            return Ok(FirstAnswers { documents: best, is_exact, is_complete });
        }
        let list = self.ranked_list(resolved, run, counters)?;
        let mut documents = list.best;
        documents.truncate(run.depth);
        // The row that a document was found by may be another leg's.
        let scores = self.scores_in_leg(query, &list.legs[at], &documents)?;
        for (document, best) in documents.iter_mut().zip(scores) {
            document.hit.row = best.row as u32;
        }
        Ok(FirstAnswers {
            documents,
            is_exact: list.legs.iter().all(|leg| leg.is_exact),
            is_complete: list.legs.iter().all(|leg| leg.is_complete),
        })
    }

    /// The place of the leg that feedback is for.
    ///
    /// Errors: `Feedback`, `DenseField`.
    fn leg_of_feedback(
        &self,
        resolved: &ResolvedRequest<'_>,
        request: &SearchRequest<'_>,
        feedback: &Feedback,
    ) -> Result<usize, SearchError> {
        feedback.check().map_err(|reason| refused(feedback, &reason))?;
        if resolved.method.is_none() && feedback.interpolate.learns_from_fusion() {
            return Err(refused(feedback, "a ranking of one leg has only interpolate=after"));
        }
        let mut dense = resolved.legs.iter().map(|leg| &leg.leg).filter(|leg| leg.is_dense());
        let wanted = match (&feedback.leg, dense.next(), dense.next()) {
            // The ranking says which field is meant.
            (Leg::Dense(None), Some(only), None) => self.with_field_name(only)?,
            (leg, _, _) => self.with_field_name(leg)?,
        };
        let legs = request.feedback.iter().map(|other| self.with_field_name(&other.leg));
        let legs = legs.collect::<Result<Vec<Leg>, SearchError>>()?;
        if legs.iter().filter(|leg| **leg == wanted).count() > 1 {
            return Err(refused(feedback, "it is given twice for this leg"));
        }
        for (at, ResolvedLeg { leg, .. }) in resolved.legs.iter().enumerate() {
            if self.with_field_name(leg)? == wanted {
                return Ok(at);
            }
        }
        Err(refused(feedback, "the ranking has no such leg"))
    }

    /// The leg with its dense field named, so that two of them can be compared.
    ///
    /// Errors: `DenseField`.
    fn with_field_name(&self, leg: &Leg) -> Result<Leg, SearchError> {
        match leg {
            Leg::Sparse => Ok(Leg::Sparse),
            Leg::Bm25 => Ok(Leg::Bm25),
            Leg::Dense(field) => {
                let name = &self.manifest().dense_field(field.as_deref())?.spec.name;
                Ok(Leg::Dense(Some(name.clone())))
            }
        }
    }

    /// A leg's query made anew of the documents that it learns from.
    fn expanded_query<'q>(
        &self,
        query: &LegQuery<'_>,
        feedback: &Feedback,
        documents: &[SegmentHit],
        boosts: &[Boost],
    ) -> Result<LegQuery<'q>, SearchError> {
        match (query, feedback.method) {
            (LegQuery::Sparse(query), FeedbackMethod::Rm3 { terms, weight }) => {
                let documents = documents.iter().map(|document| FeedbackDocument {
                    score: document.hit.score.max(0.0),
                    vector: self.sparse_vector(document),
                });
                let expanded = rm3(query, &documents.collect::<Vec<_>>(), terms, weight);
                LegQuery::sparse(without_muted(Cow::Owned(expanded), boosts))
            }
            (LegQuery::Dense { position, spec, query }, FeedbackMethod::Average) => {
                let vectors = self.dense_vectors(*position, documents);
                let weights = average_weights(vectors.len());
                LegQuery::dense(self, &spec.name, &rocchio(&query.vector, &vectors, weights))
            }
            (
                LegQuery::Dense { position, spec, query },
                FeedbackMethod::Rocchio { alpha, beta },
            ) => {
                let vectors = self.dense_vectors(*position, documents);
                let expanded = rocchio(&query.vector, &vectors, (alpha, beta));
                LegQuery::dense(self, &spec.name, &expanded)
            }
            (LegQuery::Sparse(_), FeedbackMethod::Average | FeedbackMethod::Rocchio { .. })
            | (LegQuery::Dense { .. }, FeedbackMethod::Rm3 { .. })
            | (
                LegQuery::Bm25(_),
                FeedbackMethod::Rm3 { .. }
                | FeedbackMethod::Average
                | FeedbackMethod::Rocchio { .. },
            ) => Err(refused(feedback, "the leg takes no such feedback")),
        }
    }

    /// The vectors that documents have in a dense field.
    fn dense_vectors(&self, position: usize, documents: &[SegmentHit]) -> Vec<Vec<f32>> {
        let vector = |document: &SegmentHit| {
            let field = self.segments()[document.segment].dense_field(position);
            let mut vector = Vec::new();
            field.read(field.ordinal(document.hit.row as usize)?, &mut vector);
            Some(vector)
        };
        documents.iter().filter_map(vector).collect()
    }

    fn sparse_vector(&self, document: &SegmentHit) -> Vec<(u32, f64)> {
        let view = self.segments()[document.segment].impacts();
        view.row(document.hit.row as usize).iter().collect()
    }
}

fn refused(feedback: &Feedback, reason: &str) -> SearchError {
    SearchError::Feedback { feedback: feedback.leg.to_string(), reason: reason.to_owned() }
}
