//! `gleaner search`: one query, for people or as JSON.

use gleaner_encoder::{Model, Side, SparseVector};
use gleaner_searcher::{Explanation, Index, Rank, SearchRequest, SearchResponse, Snapshot};

use crate::{
    args::{QueryModelArgs, SearchArgs},
    model,
};

/// Contributions shown per hit to people; JSON has all.
const CONTRIBUTIONS_SHOWN: usize = 8;

pub(crate) fn run(args: &SearchArgs) -> anyhow::Result<()> {
    let rank: Rank = args.rank.parse()?;
    let snapshot = Index::open(&args.index)?.snapshot();
    let encoded = EncodedQuery::new(&snapshot, &args.model, rank, &args.query)?;
    let title = ["title".to_owned()];
    let request = SearchRequest {
        rank,
        vector: encoded.vector.as_ref(),
        text: Some(&args.query),
        k: args.k,
        offset: args.offset,
        filter: args.filter.as_deref(),
        fields: if args.json { &args.fields } else { &title },
        explain: args.explain,
        profile: args.profile,
    };
    let response = snapshot.search(&request, &|term| encoded.token(term))?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&response)?);
    } else {
        print(&response);
    }
    Ok(())
}

/// A query's vector and the vocabulary it was made with; neither for BM25.
pub(crate) struct EncodedQuery {
    model: Option<Model>,
    pub(crate) vector: Option<SparseVector>,
}

impl EncodedQuery {
    pub(crate) fn new(
        snapshot: &Snapshot,
        args: &QueryModelArgs,
        rank: Rank,
        text: &str,
    ) -> anyhow::Result<Self> {
        if rank != Rank::Sparse {
            return Ok(Self { model: None, vector: None });
        }
        let model = model::open_for(snapshot, args)?;
        let vector = model.encoder(1)?.encode(Side::Query, &[text])?.pop();
        Ok(Self { model: Some(model), vector })
    }

    pub(crate) fn token(&self, term: u32) -> Option<String> {
        self.model.as_ref()?.token(term).map(str::to_owned)
    }
}

/// The response for people.
pub(crate) fn print(response: &SearchResponse) {
    if response.hits.is_empty() {
        println!("no document matches");
    }
    for hit in &response.hits {
        let fields = hit.fields.as_ref();
        let title = fields.and_then(|fields| fields.get("title")?.as_str()).unwrap_or("");
        println!("{:>3}. {:<8.4} {}  {title}", hit.rank, hit.score, hit.id);
        if let Some(explanation) = &hit.explanation {
            print_explanation(explanation);
        }
    }
    let certificate = &response.certificate;
    match certificate.highest_bound_not_scored {
        Some(bound) => println!(
            "exact: threshold {:.4}, nothing unscored can exceed {bound:.4}; {} µs",
            certificate.threshold, response.took_us
        ),
        None => println!("exact: every match was scored; {} µs", response.took_us),
    }
    if let Some(profile) = &response.profile {
        let c = &profile.counters;
        println!(
            "plan {}: {} terms, {} segments",
            profile.plan, profile.query_terms, profile.segments
        );
        println!("  windows  {} of {} skipped", c.windows_skipped, c.windows_total);
        println!(
            "  blocks   {} scored, {} of {} skipped",
            c.blocks_scored, c.blocks_skipped, c.blocks_total
        );
        println!("  lists    {}, {} codes read", c.lists, c.postings);
        println!("  rows     {} scored exactly", c.finalists);
        println!("  time     filter {} µs, search {} µs", profile.filter_us, profile.search_us);
    }
}

fn print_explanation(explanation: &Explanation) {
    let shown = explanation.contributions.iter().take(CONTRIBUTIONS_SHOWN);
    for c in shown {
        println!(
            "       {:<16} {:>7.4} = {:.4} × {:.4}  {:>4.1} %",
            c.token.as_deref().unwrap_or("?"),
            c.product,
            c.query_weight,
            c.doc_weight,
            100.0 * c.share
        );
    }
    let rest = explanation.contributions.get(CONTRIBUTIONS_SHOWN..).unwrap_or_default();
    if !rest.is_empty() {
        let sum: f64 = rest.iter().map(|c| c.product).sum();
        println!("       {:<16} {sum:>7.4}", format!("{} more", rest.len()));
    }
}
