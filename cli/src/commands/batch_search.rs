//! `gleaner batch-search`: a file of queries, texts or vectors, to a TREC run.

mod searcher;

use std::time::Instant;

use gleaner_encoder::SparseVector;
use gleaner_eval::RunWriter;
use gleaner_searcher::Index;

pub(super) use searcher::{BatchRequest, BatchSearcher};

use crate::{
    args::{BatchSearchArgs, threads_or_cores},
    io::{output::WholeFile, query_file::QueryFile},
    models::queries::{EncodedQuery, Ranking},
};

/// Queries encoded and searched together.
const QUERIES_AT_ONCE: usize = 1_024;

/// `gleaner batch-search`
pub(crate) fn run(args: &BatchSearchArgs) -> anyhow::Result<()> {
    let ranking = Ranking::read(&args.ranking)?;
    let snapshot = Index::open(&args.index)?.snapshot();
    let queries = QueryFile::read(&args.queries, args.format, &args.model, &snapshot)?;
    queries.warn_of_blanks();
    let wanted = BatchRequest {
        ranking: &ranking,
        k: args.k,
        filter: args.filter.as_deref(),
        effort: args.effort,
        timeout_ms: args.timeout_ms,
        threads: threads_or_cores(args.threads),
    };
    let mut searcher = match queries {
        QueryFile::Texts(_) => BatchSearcher::new(&snapshot, &args.model, wanted)?,
        QueryFile::Vectors(_) => BatchSearcher::without_models(&snapshot, wanted),
    };
    let mut writer = RunWriter::new(WholeFile::create(&args.run)?, "gleaner")?;
    let start = Instant::now();
    for first in (0..queries.len()).step_by(QUERIES_AT_ONCE) {
        let batch = first..queries.len().min(first + QUERIES_AT_ONCE);
        let answers = match &queries {
            QueryFile::Texts(queries) => {
                let texts: Vec<&str> =
                    queries[batch.clone()].iter().map(|query| &query.text[..]).collect();
                searcher.search(&texts)?
            }
            QueryFile::Vectors(queries) => {
                let given = |query: &(String, SparseVector)| {
                    let vector = Some(query.1.clone());
                    (None, EncodedQuery { vector, dense: Vec::new() })
                };
                searcher.answer(&queries[batch.clone()].iter().map(given).collect::<Vec<_>>())?
            }
        };
        for (query, hits) in batch.clone().zip(answers) {
            writer.write_ranked(queries.id(query), &hits)?;
        }
        let rate = batch.end as f64 / start.elapsed().as_secs_f64().max(1e-3);
        eprintln!("{} queries, {rate:.0}/s", batch.end);
    }
    if searcher.cut_short() > 0 {
        eprintln!("{} queries were cut short by --timeout-ms", searcher.cut_short());
    }
    writer.finish()?.finish()
}
