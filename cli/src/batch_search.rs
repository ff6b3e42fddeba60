//! `gleaner batch-search`: a file of queries to a TREC run.

use std::time::Instant;

use gleaner_encoder::{Side, SparseVector};
use gleaner_eval::{RunWriter, ScoredDoc, read_queries};
use gleaner_searcher::{Index, Rank, SearchRequest, Snapshot};

use crate::{
    args::{BatchSearchArgs, QueryModelArgs},
    model,
    output::Output,
};

/// Queries encoded and searched together.
const QUERIES_AT_ONCE: usize = 1_024;

pub(crate) fn run(args: &BatchSearchArgs) -> anyhow::Result<()> {
    let rank: Rank = args.rank.parse()?;
    let snapshot = Index::open(&args.index)?.snapshot();
    let queries = read_queries(&args.queries)?;
    let mut searcher = BatchSearcher::new(&snapshot, &args.model, rank)?;
    let mut writer = RunWriter::new(Output::create(&args.run)?, "gleaner")?;
    let start = Instant::now();
    let mut answered = 0usize;
    for batch in queries.chunks(QUERIES_AT_ONCE) {
        let texts: Vec<&str> = batch.iter().map(|query| &query.text[..]).collect();
        let answers = searcher.search(&texts, args.k, args.filter.as_deref())?;
        for (query, hits) in batch.iter().zip(answers) {
            writer.write_ranked(&query.id, &hits)?;
        }
        answered += batch.len();
        let rate = answered as f64 / start.elapsed().as_secs_f64().max(1e-3);
        eprintln!("{answered} queries, {rate:.0}/s");
    }
    writer.finish()?.finish()
}

/// Many queries against one snapshot, the model opened once.
pub(crate) struct BatchSearcher<'a> {
    snapshot: &'a Snapshot,
    rank: Rank,
    encoder: Option<gleaner_encoder::Encoder>,
}

impl<'a> BatchSearcher<'a> {
    pub(crate) fn new(
        snapshot: &'a Snapshot,
        args: &QueryModelArgs,
        rank: Rank,
    ) -> anyhow::Result<Self> {
        let encoder = match rank {
            Rank::Sparse => Some(model::open_for(snapshot, args)?.encoder(0)?),
            Rank::Bm25 => None,
        };
        Ok(Self { snapshot, rank, encoder })
    }

    /// Hits of every query, best first, at most `k` each.
    pub(crate) fn search(
        &mut self,
        texts: &[&str],
        k: usize,
        filter: Option<&str>,
    ) -> anyhow::Result<Vec<Vec<ScoredDoc>>> {
        let vectors: Vec<Option<SparseVector>> = match &mut self.encoder {
            Some(encoder) => encoder.encode(Side::Query, texts)?.into_iter().map(Some).collect(),
            None => vec![None; texts.len()],
        };
        let answer = |(text, vector): (&&str, &Option<SparseVector>)| {
            let request = SearchRequest {
                rank: self.rank,
                vector: vector.as_ref(),
                text: Some(*text),
                k,
                offset: 0,
                filter,
                fields: &[],
                explain: false,
                profile: false,
            };
            let response = self.snapshot.search(&request, &|_| None)?;
            let hits = response.hits.into_iter();
            Ok(hits.map(|hit| ScoredDoc::new(hit.id, hit.score)).collect())
        };
        texts.iter().zip(&vectors).map(answer).collect()
    }
}
