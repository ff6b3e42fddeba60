//! Many queries against one snapshot: encoded together, then searched one on each thread.

use std::{panic::resume_unwind, thread::ScopedJoinHandle};

use gleaner_eval::ScoredDoc;
use gleaner_searcher::{SearchRequest, Snapshot};

use crate::{
    args::{QueryModelArgs, deadline, threads_or_cores},
    models::queries::{EncodedQuery, QueryEncoders, Ranking, is_blank},
};

/// What is asked for every query alike.
#[derive(Clone, Copy)]
pub(crate) struct BatchRequest<'a> {
    pub(crate) ranking: &'a Ranking,
    pub(crate) k: usize,
    pub(crate) filter: Option<&'a str>,
    pub(crate) effort: f32,
    pub(crate) timeout_ms: Option<u64>,
    /// Queries searched at the same time, at least 1.
    pub(crate) threads: usize,
}

impl<'a> BatchRequest<'a> {
    /// The exact `k` best of all documents, on all cores.
    pub(crate) fn exact(ranking: &'a Ranking, k: usize) -> Self {
        Self {
            ranking,
            k,
            filter: None,
            effort: 1.0,
            timeout_ms: None,
            threads: threads_or_cores(None),
        }
    }
}

/// Many queries against one snapshot, the models opened once.
pub(crate) struct BatchSearcher<'a> {
    snapshot: &'a Snapshot,
    request: BatchRequest<'a>,
    encoders: Option<QueryEncoders>,
    /// Queries whose time was over before everything was looked at.
    cut_short: usize,
}

impl<'a> BatchSearcher<'a> {
    /// Opens the models that the ranking needs for texts.
    pub(crate) fn new(
        snapshot: &'a Snapshot,
        args: &QueryModelArgs,
        request: BatchRequest<'a>,
    ) -> anyhow::Result<Self> {
        let (rank, given) = (&request.ranking.rank, EncodedQuery::default());
        let encoders = Some(QueryEncoders::open(snapshot, args, rank, &given, 0)?);
        Ok(Self { snapshot, request, encoders, cut_short: 0 })
    }

    /// One that is given vectors only and needs no model.
    pub(crate) fn without_models(snapshot: &'a Snapshot, request: BatchRequest<'a>) -> Self {
        Self { snapshot, request, encoders: None, cut_short: 0 }
    }

    /// Queries whose time was over before everything was looked at.
    pub(crate) fn cut_short(&self) -> usize {
        self.cut_short
    }

    /// Hits of every query, best first, at most `k` each; none of a blank one.
    pub(crate) fn search(&mut self, texts: &[&str]) -> anyhow::Result<Vec<Vec<ScoredDoc>>> {
        let searched: Vec<&str> = texts.iter().copied().filter(|text| !is_blank(text)).collect();
        let encoded = match &mut self.encoders {
            Some(encoders) if !searched.is_empty() => encoders.encode(&searched)?,
            _ => Vec::new(),
        };
        let queries: Vec<_> = searched.into_iter().map(Some).zip(encoded).collect();
        let mut answers = self.answer(&queries)?.into_iter();
        let answer = |text: &&str| match is_blank(text) {
            true => Vec::new(),
            false => answers.next().unwrap_or_default(),
        };
        Ok(texts.iter().map(answer).collect())
    }

    /// Hits of every query, given as its text and what it was encoded to.
    pub(crate) fn answer(
        &mut self,
        queries: &[(Option<&str>, EncodedQuery)],
    ) -> anyhow::Result<Vec<Vec<ScoredDoc>>> {
        // One query after the other on each thread: threads that share a query, and queries that
        // share a pass over the index, were measured and are slower.
        let share = queries.len().div_ceil(self.request.threads).max(1);
        let (request, snapshot) = (self.request, self.snapshot);
        let search = |share: &[(Option<&str>, EncodedQuery)]| -> Vec<_> {
            share.iter().map(|(text, query)| request.answer(snapshot, *text, query)).collect()
        };
        let answers: Vec<_> = std::thread::scope(|scope| {
            let workers: Vec<_> =
                queries.chunks(share).map(|share| scope.spawn(move || search(share))).collect();
            let join = |worker: ScopedJoinHandle<'_, Vec<_>>| {
                worker.join().unwrap_or_else(|panic| resume_unwind(panic))
            };
            workers.into_iter().flat_map(join).collect()
        });
        let answers = answers.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        self.cut_short += answers.iter().filter(|answer| !answer.is_complete).count();
        Ok(answers.into_iter().map(|answer| answer.hits).collect())
    }
}

/// What was found for one query.
struct QueryHits {
    hits: Vec<ScoredDoc>,
    is_complete: bool,
}

impl BatchRequest<'_> {
    fn answer(
        &self,
        snapshot: &Snapshot,
        text: Option<&str>,
        query: &EncodedQuery,
    ) -> anyhow::Result<QueryHits> {
        let dense = query.dense_queries();
        let ranking = self.ranking;
        let request = SearchRequest {
            vector: query.vector.as_ref(),
            text,
            dense: &dense,
            feedback: &ranking.feedback,
            min_score: ranking.min_score,
            until_knee: ranking.until_knee,
            filter: self.filter,
            effort: self.effort,
            deadline: deadline(self.timeout_ms),
            ..SearchRequest::exact(&ranking.rank, self.k)
        };
        let response = snapshot.search(&request, &|_| None)?;
        let hits = response.hits.into_iter().map(|hit| ScoredDoc::new(hit.id, hit.score));
        Ok(QueryHits { hits: hits.collect(), is_complete: response.certificate.complete })
    }
}
