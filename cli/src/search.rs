//! `gleaner search`: one query, for people or as JSON.

use std::{
    collections::HashMap,
    io::{self, Write},
    time::{Duration, Instant},
};

use gleaner_encoder::{Model, Side, SparseVector};
use gleaner_indexer::parse_weights;
use gleaner_searcher::{
    Explanation, Index, Profile, Rank, SearchRequest, SearchResponse, Snapshot,
};

use crate::{
    args::{QueryModelArgs, SearchArgs},
    failure::Failure,
    model,
    output::stdout,
};

/// Contributions shown per hit to people; JSON has all.
const CONTRIBUTIONS_SHOWN: usize = 8;

pub(crate) fn run(args: &SearchArgs) -> anyhow::Result<()> {
    let rank: Rank = args.rank.parse()?;
    if args.query.as_deref().is_some_and(is_blank) {
        return Err(Failure::BlankQuery.into());
    }
    let snapshot = Index::open(&args.index)?.snapshot();
    let encoded = match (&args.query, &args.tokens) {
        (_, Some(tokens)) => EncodedQuery::given(&snapshot, &args.model, tokens)?,
        (text, None) => {
            let text = text.as_deref().unwrap_or_default();
            let mut encoded = EncodedQuery::new(&snapshot, &args.model, rank, text)?;
            if args.explain {
                encoded.trace(text)?;
            }
            encoded
        }
    };
    // People see titles, whatever else they ask for.
    let shown: Vec<String> = ["title".to_owned()].into_iter().chain(args.fields.clone()).collect();
    let request = SearchRequest {
        rank,
        vector: encoded.vector.as_ref(),
        text: args.query.as_deref(),
        k: args.k,
        offset: args.offset,
        filter: args.filter.as_deref(),
        fields: if args.json { &args.fields } else { &shown },
        effort: args.effort,
        deadline: deadline(args.timeout_ms),
        threads: args.threads,
        explain: args.explain,
        profile: args.profile,
    };
    let response = snapshot.search(&request, &|term| encoded.token(term))?;
    let mut out = stdout();
    if args.json {
        let words = &encoded.words;
        let answer = Answer { response: &response, query_words: words };
        writeln!(out, "{}", serde_json::to_string_pretty(&answer)?)?;
    } else {
        print(&mut out, &response, &encoded.words)?;
    }
    Ok(out.flush()?)
}

/// Whether there is nothing in a text to search for. A model would make a vector of it nevertheless.
pub(crate) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// The words of a query by the terms they gave their weights.
pub(crate) type QueryWords = HashMap<u32, String>;

/// A response, and where the query's terms come from.
#[derive(serde::Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    response: &'a SearchResponse,
    #[serde(skip_serializing_if = "HashMap::is_empty")]
    query_words: &'a QueryWords,
}

/// When to return the best found so far, from now.
pub(crate) fn deadline(timeout_ms: Option<u64>) -> Option<Instant> {
    // A time beyond what clocks can hold never comes.
    Instant::now().checked_add(Duration::from_millis(timeout_ms?))
}

/// A query's vector and the vocabulary it was made with; neither for BM25.
pub(crate) struct EncodedQuery {
    model: Option<Model>,
    pub(crate) vector: Option<SparseVector>,
    /// Empty where nobody asked, and where the model does not tell.
    pub(crate) words: QueryWords,
}

impl EncodedQuery {
    pub(crate) fn new(
        snapshot: &Snapshot,
        args: &QueryModelArgs,
        rank: Rank,
        text: &str,
    ) -> anyhow::Result<Self> {
        if rank != Rank::Sparse {
            return Ok(Self { model: None, vector: None, words: QueryWords::new() });
        }
        let model = model::open_for(snapshot, args)?;
        let vector = model.encoder(1)?.encode(Side::Query, &[text])?.pop();
        Ok(Self { model: Some(model), vector, words: QueryWords::new() })
    }

    /// A vector as it is written; its tokens belong to the model named, or are term ids.
    fn given(snapshot: &Snapshot, args: &QueryModelArgs, tokens: &str) -> anyhow::Result<Self> {
        let model = args.model.as_ref().map(|_| model::open_for(snapshot, args)).transpose()?;
        let terms = model.as_ref().map(model::terms);
        let vector = parse_weights(tokens, terms.as_ref())
            .map_err(|reason| Failure::Usage(format!("--tokens: {reason}")))?;
        Ok(Self { model, vector: Some(vector), words: QueryWords::new() })
    }

    /// Finds out which word of the text gave each term its weight.
    fn trace(&mut self, text: &str) -> anyhow::Result<()> {
        if let Some(model) = &self.model {
            let words = model::words(&mut model.encoder(1)?, Side::Query, text)?;
            self.words.extend(words.into_iter().flatten());
        }
        Ok(())
    }

    pub(crate) fn token(&self, term: u32) -> Option<String> {
        self.model.as_ref()?.token(term).map(str::to_owned)
    }
}

/// The response for people.
pub(crate) fn print(
    out: &mut impl Write,
    response: &SearchResponse,
    words: &QueryWords,
) -> io::Result<()> {
    if response.hits.is_empty() {
        let found = match response.certificate.complete {
            true => "no document matches",
            false => "nothing was found in time",
        };
        writeln!(out, "{found}")?;
    }
    for hit in &response.hits {
        let fields = hit.fields.as_ref();
        let title = fields.and_then(|fields| fields.get("title")?.as_str()).unwrap_or("");
        writeln!(out, "{:>3}. {:<8.4} {}  {title}", hit.rank, hit.score, hit.id)?;
        let others = fields.into_iter().flatten().filter(|(key, _)| *key != "title");
        for (key, value) in others {
            writeln!(out, "       {key}: {value}")?;
        }
        if let Some(explanation) = &hit.explanation {
            print_explanation(out, explanation, words)?;
        }
    }
    let certificate = &response.certificate;
    let took_us = response.took_us;
    let given_up = match certificate.complete {
        true => "approximate: hits may be missing",
        false => "not complete: the time was over",
    };
    match certificate.highest_bound_not_scored {
        Some(bound) if !response.exact => writeln!(
            out,
            "{given_up}, none above {bound:.4}; threshold {:.4}; {took_us} µs",
            certificate.threshold
        )?,
        None if !response.exact => writeln!(out, "{given_up}; {took_us} µs")?,
        Some(bound) => writeln!(
            out,
            "exact: threshold {:.4}, nothing unscored can exceed {bound:.4}; {took_us} µs",
            certificate.threshold
        )?,
        None => writeln!(out, "exact: every match was scored; {took_us} µs")?,
    }
    match &response.profile {
        Some(profile) => print_profile(out, profile),
        None => Ok(()),
    }
}

fn print_profile(out: &mut impl Write, profile: &Profile) -> io::Result<()> {
    let Profile { plan, why, query_terms, segments, counters: c, .. } = profile;
    writeln!(out, "plan {plan}: {why}")?;
    writeln!(out, "  query    {query_terms} terms, {segments} segments")?;
    writeln!(
        out,
        "  windows  {} of {} skipped, {} by one list",
        c.windows_skipped, c.windows_total, c.windows_by_list
    )?;
    writeln!(
        out,
        "  groups   {} summed, {} of {} dropped",
        c.groups_summed, c.groups_dropped, c.groups_total
    )?;
    writeln!(out, "  lists    {}, {} postings added, {} bytes read", c.lists, c.postings, c.bytes)?;
    writeln!(out, "  rows     {} scored exactly", c.finalists)?;
    let cached = if profile.filter_cached { " (cached)" } else { "" };
    let p = &profile.phases;
    let Profile { filter_us, search_us, .. } = profile;
    writeln!(out, "  time     filter {filter_us} µs{cached}, search {search_us} µs")?;
    writeln!(
        out,
        "  phases   plan {:.0} µs, scatter {:.0} µs, sweep {:.0} µs, finalists {:.0} µs, other {:.0} µs",
        p.plan_us, p.scatter_us, p.sweep_us, p.finalists_us, p.other_us
    )
}

fn print_explanation(
    out: &mut impl Write,
    explanation: &Explanation,
    words: &QueryWords,
) -> io::Result<()> {
    let shown = explanation.contributions.iter().take(CONTRIBUTIONS_SHOWN);
    for c in shown {
        let token = c.token.clone().or_else(|| Some(format!("#{}", c.id?))).unwrap_or_default();
        // A word that stands for itself needs no arrow.
        let from = c.id.and_then(|id| words.get(&id)).filter(|word| word.to_lowercase() != token);
        let from = from.map_or_else(String::new, |word| format!("  ← {word}"));
        writeln!(
            out,
            "       {token:<16} {:>7.4} = {:.4} × {:.4}  {:>4.1} %{from}",
            c.product,
            c.query_weight,
            c.doc_weight,
            100.0 * c.share
        )?;
    }
    let rest = explanation.contributions.get(CONTRIBUTIONS_SHOWN..).unwrap_or_default();
    if !rest.is_empty() {
        let sum: f64 = rest.iter().map(|c| c.product).sum();
        writeln!(out, "       {:<16} {sum:>7.4}", format!("{} more", rest.len()))?;
    }
    Ok(())
}
