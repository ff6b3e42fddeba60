//! `gleaner search`: one query, for people or as JSON.

use std::{
    collections::HashMap,
    io::{self, Write},
    time::{Duration, Instant},
};

use gleaner_encoder::{Model, Side};
use gleaner_indexer::{parse_weights, term_of};
use gleaner_searcher::{
    Boost, CertificateKind, Contribution, Hit, Index, Profile, SearchRequest, SearchResponse,
    Snapshot,
};

use crate::{
    args::SearchArgs,
    failure::Failure,
    model,
    output::stdout,
    queries::{EncodedQuery, QueryEncoders, Ranking, read_dense},
};

/// Contributions shown per hit to people; JSON has all.
const CONTRIBUTIONS_SHOWN: usize = 8;

pub(crate) fn run(args: &SearchArgs) -> anyhow::Result<()> {
    let ranking = Ranking::read(&args.ranking)?;
    if args.query.as_deref().is_some_and(is_blank) {
        return Err(Failure::BlankQuery.into());
    }
    let snapshot = Index::open(&args.index)?.snapshot();
    let asked = AskedQuery::new(&snapshot, args, &ranking)?;
    let dense = asked.query.dense_queries();
    // People see titles, whatever else they ask for.
    let shown: Vec<String> = ["title".to_owned()].into_iter().chain(args.fields.clone()).collect();
    let request = SearchRequest {
        vector: asked.query.vector.as_ref(),
        text: args.query.as_deref(),
        dense: &dense,
        like: args.like.as_deref(),
        boosts: &asked.boosts,
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
    let response = snapshot.search(&request, &|term| asked.token(term))?;
    let mut out = stdout();
    if args.json {
        let words = &asked.words;
        let answer = Answer { response: &response, query_words: words };
        writeln!(out, "{}", serde_json::to_string_pretty(&answer)?)?;
    } else {
        print(&mut out, &response, &asked.words)?;
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

/// A query with the vocabulary that its terms are from.
struct AskedQuery {
    query: EncodedQuery,
    /// The sparse model, where it was opened.
    model: Option<Model>,
    boosts: Vec<Boost>,
    /// Empty where nobody asked, and where the model does not tell.
    words: QueryWords,
}

impl AskedQuery {
    /// Takes vectors as they are given, and encodes the text for the legs that have none.
    fn new(snapshot: &Snapshot, args: &SearchArgs, ranking: &Ranking) -> anyhow::Result<Self> {
        let mut given = EncodedQuery::default();
        for (flag, is_given) in [
            ("--tokens", args.tokens.is_some()),
            ("--boost", !args.boost.is_empty()),
            ("--mute", !args.mute.is_empty()),
        ] {
            if is_given && !ranking.rank.needs_sparse() {
                return Err(Failure::NoLeg { flag, rank: ranking.rank.to_string() }.into());
            }
        }
        if let Some(json) = &args.dense_vector {
            given.dense = read_dense(snapshot, &ranking.rank, json)?;
        }
        let controls = !args.boost.is_empty() || !args.mute.is_empty();
        let named = args.tokens.is_some() || args.like.is_some();
        // Tokens belong to the model named, or are term ids.
        let mut model = (named && (args.model.model.is_some() || controls && is_bound(snapshot)))
            .then(|| model::open_for(snapshot, &args.model))
            .transpose()?;
        if let Some(tokens) = &args.tokens {
            let terms = model.as_ref().filter(|_| args.model.model.is_some()).map(model::terms);
            let vector = parse_weights(tokens, terms.as_deref())
                .map_err(|reason| Failure::Usage(format!("--tokens: {reason}")))?;
            given.vector = Some(vector);
        }
        let mut words = QueryWords::new();
        if let Some(text) = &args.query {
            let mut encoders =
                QueryEncoders::open(snapshot, &args.model, &ranking.rank, &given, 1)?;
            let encoded = encoders.encode(&[text])?.pop().unwrap_or_default();
            given.vector = given.vector.or(encoded.vector);
            given.dense.extend(encoded.dense);
            model = model.or_else(|| encoders.model().cloned());
            if let (true, Some(model)) = (args.explain, encoders.model()) {
                let traced = model::words(&mut model.encoder(1)?, Side::Query, text)?;
                words.extend(traced.into_iter().flatten());
            }
        }
        let boosts = boosts(args, model.as_ref())?;
        Ok(Self { query: given, model, boosts, words })
    }

    fn token(&self, term: u32) -> Option<String> {
        self.model.as_ref()?.token(term).map(str::to_owned)
    }
}

/// Whether the index belongs to a model.
fn is_bound(snapshot: &Snapshot) -> bool {
    snapshot.manifest().model.is_some()
}

/// Reads `--boost` and `--mute`; without a vocabulary, tokens are term ids.
fn boosts(args: &SearchArgs, model: Option<&Model>) -> anyhow::Result<Vec<Boost>> {
    let terms = model.map(model::terms);
    let term = |flag: &str, token: &str| {
        term_of(token, terms.as_deref())
            .map_err(|reason| Failure::Usage(format!("{flag}: {reason}")))
    };
    let mut boosts = Vec::new();
    for boost in &args.boost {
        let usage = || Failure::Usage(format!("--boost {boost}: it is TOKEN=FACTOR"));
        let (token, factor) = boost.rsplit_once('=').ok_or_else(usage)?;
        let factor = factor.parse().map_err(|_| usage())?;
        boosts.push(Boost { term: term("--boost", token)?, factor });
    }
    for token in &args.mute {
        boosts.push(Boost { term: term("--mute", token)?, factor: 0.0 });
    }
    Ok(boosts)
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
        print_legs(out, hit, words)?;
        if let Some(explanation) = &hit.explanation {
            print_contributions(out, &explanation.contributions, words)?;
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
        None if certificate.kind == CertificateKind::Fused => {
            writeln!(out, "exact: so is the window of every leg; {took_us} µs")?;
        }
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
    if c.vectors > 0 {
        writeln!(out, "  vectors  {} compared, {} bytes read", c.vectors, c.vector_bytes)?;
    }
    for leg in &profile.legs {
        writeln!(
            out,
            "  {:<8} {} found in {} µs by {}: {}",
            leg.leg, leg.found, leg.search_us, leg.plan, leg.why
        )?;
    }
    if !profile.legs.is_empty() {
        writeln!(out, "  fusion   {} µs", profile.fuse_us)?;
    }
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

/// Where a hit stands in every leg of a fused ranking, and what its scores there come from.
fn print_legs(out: &mut impl Write, hit: &Hit, words: &QueryWords) -> io::Result<()> {
    for (name, leg) in hit.legs.iter().flatten() {
        let place = match leg.rank {
            Some(rank) => format!("rank {rank}, score {:.4}", leg.score),
            None if leg.score == 0.0 => "not found".to_owned(),
            None => format!("outside the window, score {:.4}", leg.score),
        };
        writeln!(out, "       {name:<8} {:>+7.4}  {place}", leg.contribution)?;
        let explained = hit.explanation.as_ref().and_then(|all| all.legs.get(name));
        if let Some(explained) = explained {
            print_contributions(out, &explained.contributions, words)?;
        }
    }
    Ok(())
}

fn print_contributions(
    out: &mut impl Write,
    contributions: &[Contribution],
    words: &QueryWords,
) -> io::Result<()> {
    let shown = contributions.iter().take(CONTRIBUTIONS_SHOWN);
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
    let rest = contributions.get(CONTRIBUTIONS_SHOWN..).unwrap_or_default();
    if !rest.is_empty() {
        let sum: f64 = rest.iter().map(|c| c.product).sum();
        writeln!(out, "       {:<16} {sum:>7.4}", format!("{} more", rest.len()))?;
    }
    Ok(())
}
