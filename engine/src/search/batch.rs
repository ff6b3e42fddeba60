//! Many searches of one commit: encoded together, then searched on several threads.
//!
//! Each thread answers one query after the other. Threads that share a query, and queries that share a
//! pass over the index, were measured and are slower (ARCHITECTURE.md).

use std::{panic::resume_unwind, thread::ScopedJoinHandle};

use gleaner_eval::{Dataset, Run, ScoredDoc};
use gleaner_searcher::SearchResponse;

use crate::{
    error::Error,
    models::Models,
    search::encode::{QueryEncoder, threads_or_cores},
    search::prepare::Prepared,
    search::query::{Query, Search},
    snapshot::Snapshot,
};

/// Queries encoded and searched together.
pub const QUERIES_AT_ONCE: usize = 1_024;

/// Many queries against one snapshot, the models opened once.
///
/// ```
/// use gleaner::{BatchSearch, Document, Index, Query, Search, SparseVector};
///
/// let folder = tempfile::tempdir()?;
/// let mut index = Index::create(folder.path().join("my.index")).open()?;
/// let vector = SparseVector::from_pairs([(7, 1.0)])?;
/// index.upsert([Document::bare("a").vector(vector.clone())])?;
/// index.commit()?;
///
/// let snapshot = index.snapshot();
/// let mut batch = BatchSearch::new(&snapshot, index.models(), Search::new(""));
/// let answers = batch.search(vec![Query::vector(vector); 3])?;
/// assert_eq!(answers.len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct BatchSearch<'a> {
    snapshot: &'a Snapshot,
    models: &'a Models,
    search: Search,
    encoder: QueryEncoder,
    threads: usize,
}

impl<'a> BatchSearch<'a> {
    /// All queries are searched as `search` says, whose own query does not count; on all cores.
    pub fn new(snapshot: &'a Snapshot, models: &'a Models, search: Search) -> Self {
        let threads = threads_or_cores(None);
        Self { snapshot, models, search, encoder: QueryEncoder::new(0), threads }
    }

    /// Queries that are searched at the same time, at least 1.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// The answers, in the order of the queries.
    ///
    /// # Errors
    /// The first one met, those of [`Prepared::new`], [`QueryEncoder::encode_all`] and
    /// [`Snapshot::search`].
    pub fn search(&mut self, queries: Vec<Query>) -> Result<Vec<SearchResponse>, Error> {
        let prepare = |query: Query| {
            let search = self.search.clone().with_query(query);
            Prepared::new(search, self.snapshot.manifest(), self.models)
        };
        let mut prepared = queries.into_iter().map(prepare).collect::<Result<Vec<_>, Error>>()?;
        self.encoder.encode_all(&mut prepared)?;
        let share = prepared.len().div_ceil(self.threads).max(1);
        let snapshot = self.snapshot;
        let answers: Vec<_> = std::thread::scope(|scope| {
            let answer = |share: &[Prepared]| -> Vec<_> {
                share.iter().map(|search| snapshot.search(search)).collect()
            };
            let workers: Vec<_> =
                prepared.chunks(share).map(|share| scope.spawn(move || answer(share))).collect();
            let join = |worker: ScopedJoinHandle<'_, Vec<_>>| {
                worker.join().unwrap_or_else(|panic| resume_unwind(panic))
            };
            workers.into_iter().flat_map(join).collect()
        });
        answers.into_iter().collect()
    }

    /// The run of every query of a dataset that has a relevant judgement. A blank query finds nothing.
    ///
    /// # Errors
    /// As [`BatchSearch::search`]; `Eval`.
    pub fn run(&mut self, dataset: &Dataset) -> Result<Run, Error> {
        let queries: Vec<_> = dataset.relevant_queries().collect();
        let mut run = Run::new();
        for part in queries.chunks(QUERIES_AT_ONCE) {
            let is_blank = |text: &str| text.trim().is_empty();
            let asked = part.iter().filter(|query| !is_blank(&query.text));
            let asked = asked.map(|query| Query::text(&query.text[..])).collect();
            let mut answers = self.search(asked)?.into_iter();
            for query in part {
                let answer = if is_blank(&query.text) { None } else { answers.next() };
                let hits = answer.map_or_else(Vec::new, |answer| answer.hits);
                // Scores as they are, ties as trec_eval breaks them.
                let hits = hits.into_iter().map(|hit| ScoredDoc::new(hit.id, hit.score));
                run.insert(&query.id, hits.collect())?;
            }
        }
        Ok(run)
    }
}
