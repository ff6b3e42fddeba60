//! The answer of a search, for people: hits, where their scores come from, and what was done.
//!
//! JSON is the response itself and needs nothing of this.

use std::io::{self, Write};

use gleaner::{CertificateKind, Contribution, Hit, Profile, SearchResponse};
use serde::{Serialize, Serializer};

/// Contributions shown per hit to people; JSON has all.
const CONTRIBUTIONS_SHOWN: usize = 8;

/// The words of a query by the terms they gave their weights, in the order of the words.
#[derive(Debug, Clone, Default)]
pub(crate) struct QueryWords(Vec<(u32, String)>);

impl QueryWords {
    /// Of terms and their words, in the order of the words.
    pub(crate) fn new(words: Vec<(u32, String)>) -> Self {
        Self(words)
    }

    /// Whether no word is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The word that gave a term its weight.
    fn get(&self, term: u32) -> Option<&str> {
        let found = self.0.iter().find(|(of, _)| *of == term);
        found.map(|(_, word)| word.as_str())
    }
}

/// An object whose members are in the order of the words.
impl Serialize for QueryWords {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(term, word)| (term, word)))
    }
}

/// The response for people.
pub(crate) fn print(
    out: &mut impl Write,
    response: &SearchResponse,
    words: &QueryWords,
) -> io::Result<()> {
    if response.hits.is_empty() {
        let is_past = response.notes.iter().any(|note| note.starts_with("the offset"));
        let found = match response.certificate.complete {
            true if is_past => "no document on this page",
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
    writeln!(out, "ranked by {}", response.ranking)?;
    print_certificate(out, response)?;
    match &response.profile {
        Some(profile) => print_profile(out, profile),
        None => Ok(()),
    }
}

/// What is known of documents that are not among the hits.
fn print_certificate(out: &mut impl Write, response: &SearchResponse) -> io::Result<()> {
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
        ),
        None if !response.exact => writeln!(out, "{given_up}; {took_us} µs"),
        Some(bound) => writeln!(
            out,
            "exact: threshold {:.4}, nothing unscored can exceed {bound:.4}; {took_us} µs",
            certificate.threshold
        ),
        None if certificate.kind == CertificateKind::Fused => {
            writeln!(out, "exact: no leg missed a better document; {took_us} µs")
        }
        None => writeln!(out, "exact: every match was scored; {took_us} µs"),
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
        let from = c.id.and_then(|id| words.get(id)).filter(|word| word.to_lowercase() != token);
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
