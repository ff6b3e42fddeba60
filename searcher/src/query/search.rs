//! Request to response: resolved, ranked, cut where the request says, and shown.
//!
//! Queries are made ready in `resolved.rs` and anew in `ranking/feedback/`. Hits are found in
//! `ranking/list.rs` and shown in `present.rs`. The types of the answer are `response.rs`'s.

use std::time::Instant;

use crate::{
    error::SearchError,
    filter::admission::Admission,
    query::{
        certificate::{certificate, is_exact},
        like::ExampleDocument,
        profile::profile,
        request::SearchRequest,
        resolved::ResolvedRequest,
        response::{PhasesUs, Profile, SearchResponse},
        stored::unknown_keys_note,
    },
    ranking::{knee::hits_to_knee, leg_query::LegQuery, legs::LegRun, list::RankedList},
    snapshot::commit::Snapshot,
    sparse::profile::Counters,
};

impl Snapshot {
    /// Answers one request from this commit.
    ///
    /// `token` names a term id where a vocabulary is at hand. Errors: `MissingInput`, `NoText`,
    /// `DenseField`, `DenseQuery`, `NoDocument`, `Unlike`, `Feedback`, `Filter`, `NoHits`, `Depth`,
    /// `Effort`, `MinScore`, `Boost`, `QueryTerms`; storage errors as they are. A deadline that has
    /// passed is no error: the answer says that it is not complete. Filters, fusion and
    /// explanations are not cut short.
    pub fn search(
        &self,
        request: &SearchRequest<'_>,
        token: &dyn Fn(u32) -> Option<String>,
    ) -> Result<SearchResponse, SearchError> {
        let start = Instant::now();
        let hits_to_find = request.hits_to_find()?;
        let mut admission = Admission::new(self, request.filter, request.stop())?;
        let filter_us = start.elapsed().as_micros() as u64;
        let mut counters = Counters::default();
        self.check_dense_fields(request)?;
        let example = request.like.map(|id| ExampleDocument::find(self, id)).transpose()?;
        if let Some(example) = &example {
            admission.except(example.segment, example.rows.clone());
        }
        let resolved = self.resolve(request, example.as_ref())?;
        let resolved = self.apply_feedback(resolved, request, &admission, &mut counters)?;
        let depth = hits_to_find;
        let run = LegRun { request, admission: &admission, depth, keeps_scores: false };
        let mut list = self.ranked_list(&resolved, &run, &mut counters)?;
        let certificate = certificate(request, hits_to_find, &resolved, &list);
        cut(&mut list, request, resolved.depth);
        let search_us = start.elapsed().as_micros() as u64 - filter_us;
        let mut notes = admission.notes().to_vec();
        notes.extend(unmet_words_note(self, request, &resolved)?);
        notes.extend(offset_note(request.offset, list.best.len()));
        let page = request.offset.min(list.best.len())..hits_to_find.min(list.best.len());
        let hits = self.present(&resolved, &list, page, (request, token))?;
        notes.extend(unknown_keys_note(self, request.fields, &hits));
        let profile = request.profile.then(|| Profile {
            filter_us,
            filter_cached: admission.is_cached,
            search_us,
            phases: PhasesUs::of(&counters.phases, search_us),
            segments: self.segments().len(),
            counters,
            ..profile(&resolved, &list)
        });
        let exact = is_exact(&resolved, &list);
        let took_us = start.elapsed().as_micros() as u64;
        let ranking = request.rank.to_string();
        Ok(SearchResponse { exact, certificate, ranking, notes, took_us, hits, profile })
    }
}

/// Says that the words of the text found nothing.
fn unmet_words_note(
    snapshot: &Snapshot,
    request: &SearchRequest<'_>,
    resolved: &ResolvedRequest<'_>,
) -> Result<Option<String>, SearchError> {
    let words = resolved.legs.iter().find_map(|leg| match &leg.query {
        LegQuery::Bm25(words) => Some(words),
        LegQuery::Sparse(_) | LegQuery::Dense { .. } => None,
    });
    match (words, request.text) {
        (Some(words), Some(text)) => words.unmet_note(snapshot, text),
        _ => Ok(None),
    }
}

/// Says that a page is empty because the list ends before it.
fn offset_note(offset: usize, found: usize) -> Option<String> {
    let is_past = offset > 0 && found > 0 && offset >= found;
    is_past.then(|| format!("the offset {offset} is past the end: the list has {found} hits"))
}

/// Ends the list where the request says.
fn cut(list: &mut RankedList, request: &SearchRequest<'_>, depth: usize) {
    let scores: Vec<f32> = list.best.iter().map(|found| found.hit.score).collect();
    let mut end = scores.len();
    if request.until_knee {
        let first = &scores[..end.min(depth)];
        let knee = hits_to_knee(first);
        end = if knee < first.len() { knee } else { end };
    }
    if let Some(least) = request.min_score {
        end = end.min(scores.partition_point(|&score| score >= least));
    }
    list.best.truncate(end);
    list.fused.truncate(end);
}
