//! `gleaner batch-search`: a file of queries, texts or vectors, to a TREC run.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use gleaner::{
    BatchSearch, Index, QUERIES_AT_ONCE, Query, Rank, Search, SparseVector, eval::RunWriter,
};

use crate::{
    args::{BatchSearchArgs, threads_or_cores},
    failure::with_rank,
    io::{model_folder::say_where_found, output::create, query_file::QueryFile},
};

/// `gleaner batch-search`
pub(crate) fn run(args: &BatchSearchArgs) -> anyhow::Result<()> {
    let search = search(args)?;
    let rank = search.ranking().clone();
    let models = args.model.models();
    let snapshot = Index::open_with(&args.index, &models)?.snapshot();
    let queries = QueryFile::read(&args.queries, args.format, snapshot.manifest(), &models)?;
    queries.warn_of_blanks();
    let batch = BatchSearch::new(&snapshot, &models, search);
    let mut batch = batch.threads(threads_or_cores(args.threads));
    if let QueryFile::Texts(_) = &queries {
        batch.open_models().map_err(with_rank(&rank))?;
    }
    say_where_found(&models);
    let mut writer = RunWriter::new(create(&args.run)?, "gleaner")?;
    let (start, mut cut_short, mut empty) = (Instant::now(), 0, 0);
    for first in (0..queries.len()).step_by(QUERIES_AT_ONCE) {
        let places = first..queries.len().min(first + QUERIES_AT_ONCE);
        let answers = batch.hits(asked(&queries, places.clone(), rank.rank()));
        for (place, answer) in places.clone().zip(answers.map_err(with_rank(&rank))?) {
            cut_short += usize::from(answer.is_cut_short);
            empty += usize::from(answer.hits.is_empty());
            writer.write_ranked(queries.id(place), &answer.hits)?;
        }
        let rate = places.end as f64 / start.elapsed().as_secs_f64().max(1e-3);
        say!("{} queries, {rate:.0}/s", places.end);
    }
    if cut_short > 0 {
        say!("{cut_short} queries were cut short by --timeout-ms");
    }
    if empty > 0 {
        say!(
            "note: {empty} of {} queries found nothing; the run has no line for them",
            queries.len()
        );
    }
    writer.finish()?.finish()
}

/// What is asked for every query alike.
fn search(args: &BatchSearchArgs) -> anyhow::Result<Search> {
    let mut search = args.ranking.search()?.k(args.k).effort(args.effort);
    if let Some(filter) = &args.filter {
        search = search.filter(filter);
    }
    if let Some(ms) = args.timeout_ms {
        search = search.timeout(Duration::from_millis(ms));
    }
    Ok(search)
}

/// Some of the queries, as they are searched for.
fn asked(queries: &QueryFile, places: Range<usize>, rank: Option<&Rank>) -> Vec<Query> {
    // A ranking without a sparse leg says itself what it lacks.
    let given = |vector: &SparseVector| match rank.is_none_or(Rank::needs_sparse) {
        true => Query::vector(vector.clone()),
        false => Query::default(),
    };
    match queries {
        QueryFile::Texts(queries) => {
            queries[places].iter().map(|query| Query::text(&query.text[..])).collect()
        }
        QueryFile::Vectors(queries) => {
            queries[places].iter().map(|(_, vector)| given(vector)).collect()
        }
    }
}
