//! Request to response: all segments under one threshold, ids, explanations, the certificate.
//!
//! What comes out is `response.rs`.

use std::{cmp::Ordering, str::FromStr, sync::Arc, time::Instant};

use gleaner_format::SparseVector;
use serde_json::{Map, Value};

use crate::{
    block_max::{self, Limits},
    bm25,
    error::SearchError,
    exhaustive, filter,
    filter_cache::FilteredRows,
    index::Snapshot,
    passages::{Passages, collapse},
    plan::{Choice, QUERY_TERMS_LIMIT},
    profile::Counters,
    response::{Certificate, Contribution, Explanation, Hit, PhasesUs, Profile, SearchResponse},
    rows::RowSet,
    topk::{RowHit, TopK},
};

/// Most hits of one request, `k` and `offset` together.
pub const DEPTH_LIMIT: usize = 1_000_000;

/// Most threads of one query.
pub const THREADS_LIMIT: usize = 64;

/// What orders the hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// Learned sparse weights, exact.
    Sparse,
    /// BM25 over the text.
    Bm25,
}

impl FromStr for Rank {
    type Err = SearchError;

    fn from_str(rank: &str) -> Result<Self, SearchError> {
        match rank {
            "sparse" => Ok(Self::Sparse),
            "bm25" => Ok(Self::Bm25),
            _ => Err(SearchError::Rank { rank: rank.to_owned() }),
        }
    }
}

/// One search. No defaults: the caller decides everything.
pub struct SearchRequest<'a> {
    /// What orders the hits.
    pub rank: Rank,
    /// The encoded query, needed by [`Rank::Sparse`].
    pub vector: Option<&'a SparseVector>,
    /// The query's text, needed by [`Rank::Bm25`].
    pub text: Option<&'a str>,
    /// Hits to return.
    pub k: usize,
    /// Hits to pass over first.
    pub offset: usize,
    /// Only documents that match this.
    pub filter: Option<&'a str>,
    /// Keys of the stored document to return with each hit.
    pub fields: &'a [String],
    /// In (0, 1]. Below 1, [`Rank::Sparse`] may miss hits; what it returns has true scores.
    pub effort: f32,
    /// When to return the best found so far.
    pub deadline: Option<Instant>,
    /// Threads that share the windows of a large segment, at least 1. More of them answer one query
    /// of many windows sooner; many queries are answered soonest by one thread each.
    pub threads: usize,
    /// Whether to say where scores come from.
    pub explain: bool,
    /// Whether to say what the search did.
    pub profile: bool,
}

/// The best of all segments, and what was proven about the rest.
struct Ranking {
    best: Vec<Found>,
    highest_bound_not_scored: Option<f64>,
    is_exact: bool,
    is_complete: bool,
    /// How the largest segment was searched.
    choice: Choice,
}

impl Ranking {
    /// Of an index without segments.
    fn new() -> Self {
        Self {
            best: Vec::new(),
            highest_bound_not_scored: None,
            is_exact: true,
            is_complete: true,
            choice: Choice { plan: "none", why: "the index holds no document" },
        }
    }
}

/// A hit on its way; its id is the segment's of the ordinal `hit.tie`.
#[derive(Clone, Copy)]
struct Found {
    segment: usize,
    hit: RowHit,
}

/// The living documents that a filter lets through; without one, those that live.
struct Admission<'a> {
    snapshot: &'a Snapshot,
    filtered: Option<Arc<FilteredRows>>,
    /// Whether the filter's rows were known already.
    is_cached: bool,
}

impl Admission<'_> {
    /// The rows of a segment that may be returned; `None` for all.
    fn of(&self, ordinal: usize) -> Option<&RowSet> {
        match &self.filtered {
            Some(rows) => Some(rows.of(ordinal)),
            None => self.snapshot.segments()[ordinal].alive(),
        }
    }
}

impl Snapshot {
    /// Answers one request from this commit.
    ///
    /// `token` names a term id where a vocabulary is at hand. Errors: `MissingInput`, `NoText`,
    /// `Filter`, `NoHits`, `Depth`, `Effort`, `QueryTerms`; storage errors as they are. A deadline
    /// that has passed is no error: the answer says that it is not complete. Filters and
    /// explanations are not cut short.
    pub fn search(
        &self,
        request: &SearchRequest<'_>,
        token: &dyn Fn(u32) -> Option<String>,
    ) -> Result<SearchResponse, SearchError> {
        let start = Instant::now();
        let depth = depth(request)?;
        let admission = self.admit(request.filter)?;
        let filter_us = start.elapsed().as_micros() as u64;
        let mut counters = Counters::default();
        let ranking = match request.rank {
            Rank::Sparse => self.rank_sparse(request, depth, &admission, &mut counters)?,
            Rank::Bm25 => self.rank_bm25(request, depth, &admission)?,
        };
        let search_us = start.elapsed().as_micros() as u64 - filter_us;
        let profile = request.profile.then(|| Profile {
            plan: ranking.choice.plan,
            why: ranking.choice.why,
            query_terms: request.vector.map_or(0, SparseVector::len),
            segments: self.segments().len(),
            filter_us,
            filter_cached: admission.is_cached,
            search_us,
            phases: PhasesUs::of(&counters.phases, search_us),
            counters,
        });
        let (exact, certificate) = (ranking.is_exact, certificate(request, depth, &ranking));
        let hits = self.present(&ranking.best, request, token)?;
        let took_us = start.elapsed().as_micros() as u64;
        Ok(SearchResponse { exact, certificate, took_us, hits, profile })
    }

    fn admit(&self, filter: Option<&str>) -> Result<Admission<'_>, SearchError> {
        let filtered = filter.map(|filter| filter::admit(self, filter)).transpose()?;
        let (filtered, is_cached) = filtered.map_or((None, false), |(rows, is)| (Some(rows), is));
        Ok(Admission { snapshot: self, filtered, is_cached })
    }

    fn rank_sparse(
        &self,
        request: &SearchRequest<'_>,
        depth: usize,
        admission: &Admission<'_>,
        counters: &mut Counters,
    ) -> Result<Ranking, SearchError> {
        let needs = "a query vector: text and a model, or tokens with weights";
        let query = request.vector.ok_or(SearchError::MissingInput { rank: "sparse", needs })?;
        if query.len() > QUERY_TERMS_LIMIT {
            let (found, limit) = (query.len(), QUERY_TERMS_LIMIT);
            return Err(SearchError::QueryTerms { found, limit });
        }
        let mut ranking = Ranking::new();
        self.with_scratch(request.threads.clamp(1, THREADS_LIMIT), |scratches| {
            for (visit, &ordinal) in self.visits().iter().enumerate() {
                let segment = &self.segments()[ordinal];
                let view = segment.impacts();
                // A document is found by its best row, which its other rows may keep company.
                let passages = segment.passages();
                let limits = Limits {
                    k: passages.map_or(depth, |passages| rows_for(depth, passages, view.rows())),
                    floor: floor(&ranking.best, depth),
                    admitted: admission.of(ordinal),
                    effort: request.effort,
                    deadline: request.deadline,
                    is_timed: request.profile,
                };
                let ties = segment.ties();
                let threads = scratches.len().min(view.windows());
                let answer = match &mut scratches[..threads.max(1)] {
                    [scratch] => block_max::search(view, query, limits, ties, scratch, counters),
                    many => block_max::search_parallel(view, query, limits, ties, many, counters),
                };
                if visit == 0 {
                    ranking.choice = answer.choice;
                }
                let bounds = [ranking.highest_bound_not_scored, answer.highest_bound_not_scored];
                ranking.highest_bound_not_scored = bounds.into_iter().flatten().reduce(f64::max);
                ranking.is_exact &= answer.is_exact;
                ranking.is_complete &= answer.is_complete;
                match passages {
                    None => self.merge(&mut ranking.best, ordinal, &answer.hits, depth),
                    Some(_) => {
                        let documents = collapse(&answer.hits, depth);
                        self.merge(&mut ranking.best, ordinal, &documents, depth);
                    }
                }
            }
        });
        Ok(ranking)
    }

    fn rank_bm25(
        &self,
        request: &SearchRequest<'_>,
        depth: usize,
        admission: &Admission<'_>,
    ) -> Result<Ranking, SearchError> {
        let needs = "the query's text";
        let text = request.text.ok_or(SearchError::MissingInput { rank: "bm25", needs })?;
        bm25::check_text(self)?;
        let words = bm25::words(self, text)?;
        let mut ranking = Ranking::new();
        let why = "every document that has a word of the query is scored";
        ranking.choice = Choice { plan: "bm25_exhaustive", why };
        for &ordinal in self.visits() {
            if request.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                (ranking.is_exact, ranking.is_complete) = (false, false);
                break;
            }
            let mut top = TopK::new(depth, floor(&ranking.best, depth));
            bm25::search(self, ordinal, &words, admission.of(ordinal), &mut top)?;
            self.merge(&mut ranking.best, ordinal, &top.into_sorted(), depth);
        }
        Ok(ranking)
    }

    /// Merges one segment's hits, best first, into the best so far, ties by `_id`.
    fn merge(&self, best: &mut Vec<Found>, segment: usize, hits: &[RowHit], depth: usize) {
        let is_first = best.is_empty();
        best.extend(hits.iter().map(|&hit| Found { segment, hit }));
        if is_first || hits.is_empty() {
            return;
        }
        // Two sorted runs, which this sort merges in one pass.
        best.sort_by(|a, b| match b.hit.score.total_cmp(&a.hit.score) {
            Ordering::Equal => self.id(a).cmp(self.id(b)),
            unequal => unequal,
        });
        best.truncate(depth);
    }

    fn id(&self, found: &Found) -> &str {
        self.segments()[found.segment].id_at(found.hit.tie)
    }

    fn doc(&self, found: &Found) -> u32 {
        self.segments()[found.segment].impacts().doc(found.hit.row as usize)
    }

    fn present(
        &self,
        found: &[Found],
        request: &SearchRequest<'_>,
        token: &dyn Fn(u32) -> Option<String>,
    ) -> Result<Vec<Hit>, SearchError> {
        let page = found.get(request.offset..).unwrap_or_default();
        // Ids lie far apart: looked up in a loop of their own, their cache misses overlap.
        let ids: Vec<&str> = page.iter().map(|found| self.id(found)).collect();
        let hits = page.iter().zip(ids).zip(request.offset + 1..);
        hits.map(|((found, id), rank)| {
            let explanation = match request.explain {
                true => Some(self.explain(found, request, token)?),
                false => None,
            };
            let fields = match request.fields {
                [] => None,
                keys => Some(self.stored_fields(found, keys)?),
            };
            let passage = match request.rank {
                Rank::Sparse => self.passage(found.segment, self.doc(found))?,
                Rank::Bm25 => None,
            };
            let (id, score) = (id.to_owned(), found.hit.score);
            Ok(Hit { id, rank, score, passage, fields, explanation })
        })
        .collect()
    }

    fn stored_fields(
        &self,
        found: &Found,
        keys: &[String],
    ) -> Result<Map<String, Value>, SearchError> {
        let mut source = self.stored(found.segment, self.doc(found))?;
        Ok(keys.iter().filter_map(|key| source.remove_entry(key)).collect())
    }

    fn explain(
        &self,
        found: &Found,
        request: &SearchRequest<'_>,
        token: &dyn Fn(u32) -> Option<String>,
    ) -> Result<Explanation, SearchError> {
        let view = self.segments()[found.segment].impacts();
        let row = found.hit.row as usize;
        let contribution = |token, id, query_weight: f64, doc_weight: f64| Contribution {
            token,
            id,
            query_weight,
            doc_weight,
            product: query_weight * doc_weight,
            share: 0.0,
        };
        let mut contributions: Vec<Contribution> = match (request.rank, request.vector) {
            (Rank::Sparse, Some(query)) => exhaustive::contributions(query, view.row(row))
                .map(|(term, query, doc)| {
                    contribution(token(term), Some(term), f64::from(query), doc)
                })
                .collect(),
            _ => {
                let words = bm25::words(self, request.text.unwrap_or_default())?;
                bm25::contributions(self, found.segment, &words, view.doc(row))?
                    .into_iter()
                    .map(|(word, count, score)| {
                        contribution(Some(word), None, f64::from(count), f64::from(score))
                    })
                    .collect()
            }
        };
        let sum: f64 = contributions.iter().map(|c| c.product).sum();
        contributions.iter_mut().for_each(|c| c.share = c.product / sum);
        contributions.sort_by(|a, b| b.product.total_cmp(&a.product));
        Ok(Explanation { score: found.hit.score, contributions })
    }
}

/// How many rows of a segment are to be found, so that the best of each of its `depth` best documents
/// is among them: fewer than `depth` documents are better, none with more than `most` rows.
fn rows_for(depth: usize, passages: &Passages, rows: usize) -> usize {
    // One more than there are: where every match is found, none is said to have been skipped.
    depth.saturating_mul(passages.most()).min(rows + 1)
}

/// The number of hits to find, once the request is checked.
fn depth(request: &SearchRequest<'_>) -> Result<usize, SearchError> {
    if request.k == 0 {
        return Err(SearchError::NoHits);
    }
    let depth = request.k.saturating_add(request.offset);
    if depth > DEPTH_LIMIT {
        return Err(SearchError::Depth { found: depth, limit: DEPTH_LIMIT });
    }
    // Not a number is not above 0 either.
    match request.effort > 0.0 && request.effort <= 1.0 {
        true => Ok(depth),
        false => Err(SearchError::Effort { effort: request.effort }),
    }
}

fn certificate(request: &SearchRequest<'_>, depth: usize, ranking: &Ranking) -> Certificate {
    Certificate {
        kind: match request.rank {
            _ if !ranking.is_exact => "approximate",
            Rank::Sparse => "rank_safe",
            Rank::Bm25 => "exhaustive",
        },
        effort: request.effort,
        complete: ranking.is_complete,
        threshold: floor(&ranking.best, depth),
        highest_bound_not_scored: ranking.highest_bound_not_scored,
    }
}

/// The score that `depth` documents already reach, or 0.
fn floor(best: &[Found], depth: usize) -> f32 {
    match best.last() {
        Some(last) if best.len() == depth => last.hit.score,
        _ => 0.0,
    }
}
