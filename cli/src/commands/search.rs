//! `gleaner search`: one query, for people or as JSON.
//!
//! `prepared_query` makes of the flags what is searched for; `io::answer` prints for people.

mod prepared_query;

use std::{collections::HashMap, io::Write};

use gleaner_searcher::{Index, SearchRequest, SearchResponse};

use prepared_query::PreparedQuery;

use crate::{
    args::{SearchArgs, deadline},
    failure::Failure,
    io::{
        answer::{QueryWords, print},
        output::stdout,
    },
    models::queries::{Ranking, is_blank},
};

/// `gleaner search`
pub(crate) fn run(args: &SearchArgs) -> anyhow::Result<()> {
    let ranking = Ranking::read(&args.ranking)?;
    if args.query.as_deref().is_some_and(is_blank) {
        return Err(Failure::BlankQuery.into());
    }
    let snapshot = Index::open(&args.index)?.snapshot();
    let prepared = PreparedQuery::new(&snapshot, args, &ranking)?;
    let dense = prepared.query.dense_queries();
    // People see titles, whatever else they ask for.
    let shown: Vec<String> = ["title".to_owned()].into_iter().chain(args.fields.clone()).collect();
    let request = SearchRequest {
        vector: prepared.query.vector.as_ref(),
        text: args.query.as_deref(),
        dense: &dense,
        like: args.like.as_deref(),
        boosts: &prepared.boosts,
        feedback: &ranking.feedback,
        offset: args.offset,
        min_score: ranking.min_score,
        until_knee: ranking.until_knee,
        filter: args.filter.as_deref(),
        fields: if args.json { &args.fields } else { &shown },
        effort: args.effort,
        deadline: deadline(args.timeout_ms),
        threads: args.threads,
        explain: args.explain,
        profile: args.profile,
        ..SearchRequest::exact(&ranking.rank, args.k)
    };
    let response = snapshot.search(&request, &|term| prepared.token(term))?;
    let mut out = stdout();
    if args.json {
        let words = &prepared.words;
        let answer = TracedResponse { response: &response, query_words: words };
        writeln!(out, "{}", serde_json::to_string_pretty(&answer)?)?;
    } else {
        print(&mut out, &response, &prepared.words)?;
    }
    Ok(out.flush()?)
}

/// A response, and where the query's terms come from.
#[derive(serde::Serialize)]
struct TracedResponse<'a> {
    #[serde(flatten)]
    response: &'a SearchResponse,
    #[serde(skip_serializing_if = "HashMap::is_empty")]
    query_words: &'a QueryWords,
}
