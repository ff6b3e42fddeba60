//! `gleaner search`: one query, for people or as JSON.
//!
//! `prepared_query` makes of the flags what is searched for. `given_json` explains JSON that cannot be
//! read. `io::answer` prints for people.

mod given_json;
mod prepared_query;

use std::{io::Write, time::Duration};

use gleaner::{Index, Search, SearchResponse, is_blank};

use prepared_query::PreparedQuery;

use crate::{
    args::SearchArgs,
    failure::Failure,
    io::{
        answer::{QueryWords, print},
        model_folder::say_where_found,
        output::stdout,
    },
};

/// `gleaner search`
pub(crate) fn run(args: &SearchArgs) -> anyhow::Result<()> {
    let search = search(args)?;
    if args.text().is_some_and(|text| is_blank(&text)) {
        return Err(Failure::BlankQuery.into());
    }
    let models = args.model.models();
    let snapshot = Index::open_with(&args.index, &models)?.snapshot();
    let prepared = PreparedQuery::new(&snapshot, &models, args, search)?;
    say_where_found(&models);
    let response = snapshot.search(&prepared.search)?;
    let mut out = stdout();
    response.notes.iter().for_each(|note| say!("note: {note}"));
    if args.json {
        let words = &prepared.words;
        let answer = TracedResponse { response: &response, query_words: words };
        writeln!(out, "{}", serde_json::to_string_pretty(&answer)?)?;
    } else {
        print(&mut out, &response, &prepared.words)?;
    }
    Ok(out.flush()?)
}

/// All that the flags say but the query.
fn search(args: &SearchArgs) -> anyhow::Result<Search> {
    // People see titles, whatever else they ask for.
    let title = (!args.json).then(|| "title".to_owned());
    let mut search = args
        .ranking
        .search()?
        .k(args.k)
        .offset(args.offset)
        .fields(title.into_iter().chain(args.fields.iter().map(|key| key.trim().to_owned())))
        .effort(args.effort)
        .threads(args.threads)
        .explain(args.explain)
        .profile(args.profile);
    if let Some(filter) = &args.filter {
        search = search.filter(filter);
    }
    if let Some(ms) = args.timeout_ms {
        search = search.timeout(Duration::from_millis(ms));
    }
    Ok(search)
}

/// A response, and where the query's terms come from.
#[derive(serde::Serialize)]
struct TracedResponse<'a> {
    #[serde(flatten)]
    response: &'a SearchResponse,
    #[serde(skip_serializing_if = "QueryWords::is_empty")]
    query_words: &'a QueryWords,
}
