//! One leg over all segments: its best documents, and the true score of any document in it.
//!
//! A [`LegQuery`] is a leg with everything it needs of the request, checked. [`Snapshot::run_leg`] finds
//! its best documents under one threshold over all segments; [`LegQuery::completer`] scores documents that other
//! legs found. How lists become one is `fuse.rs`'s, what is shown of them `present.rs`'s.

use std::{cmp::Ordering, sync::Arc, time::Instant};

use gleaner_format::{DenseSpec, SparseVector};
use gleaner_kernels::Kernels;

use crate::{
    block_max::{self, Limits, SegmentAnswer},
    bm25::{self, Bm25Query},
    dense::{DenseLimits, Nearest, PreparedVector, Scan},
    error::SearchError,
    filter,
    filter_cache::FilteredRows,
    index::{Segment, Snapshot},
    passages::collapse,
    plan::{Choice, QUERY_TERMS_LIMIT},
    profile::Counters,
    rank::Leg,
    rows::RowSet,
    search::{SearchRequest, THREADS_LIMIT},
    topk::{RowHit, TopK},
};

/// A document found; its id is the segment's of the ordinal `hit.tie`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) segment: usize,
    pub(crate) hit: RowHit,
}

/// The best of all segments, and what was proven about the rest.
pub(crate) struct Ranking {
    pub(crate) best: Vec<Found>,
    pub(crate) highest_bound_not_scored: Option<f64>,
    pub(crate) is_exact: bool,
    pub(crate) is_complete: bool,
    /// How the largest segment was searched.
    pub(crate) choice: Choice,
    /// Scores that BM25 computed of all documents of a segment, by segment.
    pub(crate) scores: Vec<Option<Vec<f32>>>,
    /// Time it took.
    pub(crate) took_us: u64,
}

impl Ranking {
    /// Of an index without segments.
    fn new(snapshot: &Snapshot) -> Self {
        Self {
            best: Vec::new(),
            highest_bound_not_scored: None,
            is_exact: true,
            is_complete: true,
            choice: Choice { plan: "none", why: "the index holds no document" },
            scores: vec![None; snapshot.segments().len()],
            took_us: 0,
        }
    }
}

/// The living documents that may be found.
pub(crate) struct Admission<'a> {
    snapshot: &'a Snapshot,
    filtered: Option<Arc<FilteredRows>>,
    /// Whether the filter's rows were known already.
    pub(crate) is_cached: bool,
    /// A segment, and what is admitted of it instead.
    instead: Option<(usize, RowSet)>,
}

impl<'a> Admission<'a> {
    /// What a filter lets through; without one, what lives.
    ///
    /// Errors: those of the filter.
    pub(crate) fn new(snapshot: &'a Snapshot, filter: Option<&str>) -> Result<Self, SearchError> {
        let filtered = filter.map(|filter| filter::admit(snapshot, filter)).transpose()?;
        let (filtered, is_cached) = filtered.map_or((None, false), |(rows, is)| (Some(rows), is));
        Ok(Self { snapshot, filtered, is_cached, instead: None })
    }

    /// Leaves out the rows of one document.
    pub(crate) fn except(&mut self, segment: usize, rows: std::ops::Range<usize>) {
        let view = self.snapshot.segments()[segment].impacts();
        let left = match self.of(segment) {
            Some(admitted) => admitted.without(rows),
            None => RowSet::from_docs(view, |_| true).without(rows),
        };
        self.instead = Some((segment, left));
    }

    /// The rows of a segment that may be returned; `None` for all.
    pub(crate) fn of(&self, ordinal: usize) -> Option<&RowSet> {
        match (&self.instead, &self.filtered) {
            (Some((segment, rows)), _) if *segment == ordinal => Some(rows),
            (_, Some(rows)) => Some(rows.of(ordinal)),
            (_, None) => self.snapshot.segments()[ordinal].alive(),
        }
    }
}

/// A leg with its query.
pub(crate) enum LegQuery {
    /// Learned weights.
    Sparse(SparseVector),
    /// Words.
    Bm25(Bm25Query),
    /// A dense vector.
    Dense {
        /// Place of the field among the index's.
        position: usize,
        /// The field.
        spec: DenseSpec,
        /// The prepared query.
        query: PreparedVector,
    },
}

/// How a leg is to be run.
pub(crate) struct LegRun<'a> {
    pub(crate) request: &'a SearchRequest<'a>,
    pub(crate) admission: &'a Admission<'a>,
    pub(crate) depth: usize,
    /// Whether BM25 is to keep the scores of all documents, for completing other legs' hits.
    pub(crate) keeps_scores: bool,
}

impl LegQuery {
    /// Takes what the leg needs out of the request.
    ///
    /// Errors: `MissingInput`, `QueryTerms`, `NoText`, `DenseField`, `DenseQuery`.
    pub(crate) fn new(
        snapshot: &Snapshot,
        leg: &Leg,
        request: &SearchRequest<'_>,
    ) -> Result<Self, SearchError> {
        match leg {
            Leg::Sparse => {
                let needs = "a query vector: text and a model, or tokens with weights";
                let missing = SearchError::MissingInput { rank: "sparse".to_owned(), needs };
                Self::sparse(request.vector.ok_or(missing)?.clone())
            }
            Leg::Bm25 => {
                let needs = "the query's text";
                let missing = SearchError::MissingInput { rank: "bm25".to_owned(), needs };
                Self::bm25(snapshot, request.text.ok_or(missing)?)
            }
            Leg::Dense(field) => {
                let name = &snapshot.manifest().dense_field(field.as_deref())?.spec.name;
                let given = request.dense.iter().find(|given| given.field == name);
                let needs =
                    "a dense query vector: text and the field's model, or the vector itself";
                let missing = SearchError::MissingInput { rank: leg.to_string(), needs };
                Self::dense(snapshot, name, given.ok_or(missing)?.vector)
            }
        }
    }

    /// Errors: `NoText`.
    pub(crate) fn bm25(snapshot: &Snapshot, text: &str) -> Result<Self, SearchError> {
        Ok(Self::Bm25(Bm25Query::new(snapshot, text)?))
    }

    /// The words of a whole document, the strongest of them.
    ///
    /// Errors: `NoText`.
    pub(crate) fn bm25_like(snapshot: &Snapshot, text: &str) -> Result<Self, SearchError> {
        Ok(Self::Bm25(Bm25Query::like(snapshot, text)?))
    }

    /// Errors: `QueryTerms`.
    pub(crate) fn sparse(vector: SparseVector) -> Result<Self, SearchError> {
        match vector.len() {
            found if found > QUERY_TERMS_LIMIT => {
                Err(SearchError::QueryTerms { found, limit: QUERY_TERMS_LIMIT })
            }
            _ => Ok(Self::Sparse(vector)),
        }
    }

    /// Errors: `DenseField`, `DenseQuery`.
    pub(crate) fn dense(
        snapshot: &Snapshot,
        name: &str,
        vector: &[f32],
    ) -> Result<Self, SearchError> {
        let spec = snapshot.manifest().dense_field(Some(name))?.spec.clone();
        let position = snapshot.dense_position(name);
        let query = PreparedVector::new(spec.prepare_query(vector)?);
        Ok(Self::Dense { position, spec, query })
    }
}

impl Snapshot {
    /// The `depth` best admitted documents of a leg.
    ///
    /// Errors: the storage layer's. A deadline that has passed is none: the ranking says that it is
    /// not complete.
    pub(crate) fn run_leg(
        &self,
        leg: &LegQuery,
        run: &LegRun<'_>,
        counters: &mut Counters,
    ) -> Result<Ranking, SearchError> {
        let start = Instant::now();
        let mut ranking = Ranking::new(self);
        match leg {
            LegQuery::Sparse(query) => self.run_sparse(query, run, counters, &mut ranking),
            LegQuery::Bm25(query) => self.run_bm25(query, run, &mut ranking)?,
            LegQuery::Dense { position, query, .. } => {
                self.run_dense((*position, query), run, counters, &mut ranking);
            }
        }
        ranking.took_us = start.elapsed().as_micros() as u64;
        Ok(ranking)
    }

    fn run_sparse(
        &self,
        query: &SparseVector,
        run: &LegRun<'_>,
        counters: &mut Counters,
        ranking: &mut Ranking,
    ) {
        let request = run.request;
        self.with_scratch(request.threads.clamp(1, THREADS_LIMIT), |scratches| {
            for &ordinal in self.visits() {
                let segment = &self.segments()[ordinal];
                let view = segment.impacts();
                let limits = Limits {
                    k: rows_of(segment, run.depth),
                    floor: floor(&ranking.best, run.depth).unwrap_or(0.0),
                    admitted: run.admission.of(ordinal),
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
                self.take(ranking, ordinal, answer, run.depth);
            }
        });
    }

    fn run_bm25(
        &self,
        query: &Bm25Query,
        run: &LegRun<'_>,
        ranking: &mut Ranking,
    ) -> Result<(), SearchError> {
        let why = "every document that has a word of the query is scored";
        ranking.choice = Choice { plan: "bm25_exhaustive", why };
        for &ordinal in self.visits() {
            if run.request.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                (ranking.is_exact, ranking.is_complete) = (false, false);
                break;
            }
            let mut top = TopK::new(run.depth, floor(&ranking.best, run.depth).unwrap_or(0.0));
            let scores = query.scores(self, ordinal)?;
            bm25::offer(&self.segments()[ordinal], &scores, run.admission.of(ordinal), &mut top);
            self.merge(&mut ranking.best, ordinal, &top.into_sorted(), run.depth);
            ranking.scores[ordinal] = run.keeps_scores.then_some(scores);
        }
        Ok(())
    }

    fn run_dense(
        &self,
        (position, query): (usize, &PreparedVector),
        run: &LegRun<'_>,
        counters: &mut Counters,
        ranking: &mut Ranking,
    ) {
        for &ordinal in self.visits() {
            let segment = &self.segments()[ordinal];
            let limits = DenseLimits {
                k: rows_of(segment, run.depth),
                floor: floor(&ranking.best, run.depth),
                admitted: run.admission.of(ordinal),
                deadline: run.request.deadline,
                threads: run.request.threads.clamp(1, THREADS_LIMIT),
            };
            let answer = segment.scan(position).nearest(query, limits, &segment.ties(), counters);
            self.take(ranking, ordinal, answer, run.depth);
        }
    }

    /// Merges the answer of one segment into the ranking.
    fn take(&self, ranking: &mut Ranking, ordinal: usize, answer: SegmentAnswer, depth: usize) {
        if self.visits().first() == Some(&ordinal) {
            ranking.choice = answer.choice;
        }
        let bounds = [ranking.highest_bound_not_scored, answer.highest_bound_not_scored];
        ranking.highest_bound_not_scored = bounds.into_iter().flatten().reduce(f64::max);
        ranking.is_exact &= answer.is_exact;
        ranking.is_complete &= answer.is_complete;
        match self.segments()[ordinal].passages() {
            None => self.merge(&mut ranking.best, ordinal, &answer.hits, depth),
            Some(_) => {
                let documents = collapse(&answer.hits, depth);
                self.merge(&mut ranking.best, ordinal, &documents, depth);
            }
        }
    }

    /// Merges one segment's hits, best first, into the best so far, ties by `_id`.
    fn merge(&self, best: &mut Vec<Found>, segment: usize, hits: &[RowHit], depth: usize) {
        let is_first = best.is_empty();
        best.extend(hits.iter().map(|&hit| Found { segment, hit }));
        if is_first || hits.is_empty() {
            return;
        }
        // Two sorted runs, which this sort merges in one pass.
        best.sort_by(|a, b| self.order(a, b));
        best.truncate(depth);
    }

    /// The total order of hits: the best first, ties by the bytes of the `_id`.
    pub(crate) fn order(&self, a: &Found, b: &Found) -> Ordering {
        match b.hit.score.total_cmp(&a.hit.score) {
            Ordering::Equal => self.id_of(a).cmp(self.id_of(b)),
            unequal => unequal,
        }
    }

    /// The place of a dense field of the index among its fields.
    pub(crate) fn dense_position(&self, name: &str) -> usize {
        let fields = &self.manifest().dense;
        fields.iter().position(|field| field.spec.name == name).unwrap_or(fields.len())
    }

    /// A hit's `_id`.
    pub(crate) fn id_of(&self, found: &Found) -> &str {
        self.segments()[found.segment].id_at(found.hit.tie)
    }

    /// A hit's number in the storage layer.
    pub(crate) fn doc_of(&self, found: &Found) -> u32 {
        self.segments()[found.segment].impacts().doc(found.hit.row as usize)
    }
}

impl Segment {
    /// A dense field of the segment, to be searched.
    pub(crate) fn scan(&self, position: usize) -> Scan<'_> {
        Scan { field: self.dense_field(position), kernels: Kernels::detect() }
    }

    /// All rows of a living row's document, and perhaps dead ones behind them: where rows are
    /// passages, those that lie together. (Rows are in document order there.)
    pub(crate) fn span_of_document(&self, row: usize) -> std::ops::Range<usize> {
        match self.passages() {
            None => row..row + 1,
            Some(passages) => {
                let rows = passages.rows(row as u32);
                rows.start as usize..rows.end as usize
            }
        }
    }

    /// The living rows of a living row's document.
    pub(crate) fn rows_of_document(&self, row: usize) -> impl Iterator<Item = usize> + '_ {
        let is_alive = |row: &usize| self.alive().is_none_or(|alive| alive.contains(*row));
        self.span_of_document(row).filter(is_alive)
    }
}

/// How many rows of a segment are to be found, so that the best of each of its `depth` best documents
/// is among them: fewer than `depth` documents are better, none with more than `most` rows.
fn rows_of(segment: &Segment, depth: usize) -> usize {
    match segment.passages() {
        None => depth,
        // One more than there are: where every match is found, none is said to have been skipped.
        Some(passages) => depth.saturating_mul(passages.most()).min(segment.impacts().rows() + 1),
    }
}

/// The score that `depth` documents already reach, if so many do.
pub(crate) fn floor(best: &[Found], depth: usize) -> Option<f32> {
    best.last().filter(|_| best.len() == depth).map(|last| last.hit.score)
}
