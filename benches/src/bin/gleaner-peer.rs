//! `gleaner-peer`: the engine behind the contract of side-by-side benchmarks
//! (`checks/src/contract.rs`).
//!
//! `build` makes an index of docs.bin; `search` runs the first queries of queries.bin on one
//! thread, untimed passes first. The build key `record` chooses what is measured: `product`
//! (default) a committed index, merged to one segment, searched as every client searches it;
//! `bare` the impact file alone. Keys of the product's builds: `segments`, `merge`, `deleted`; of
//! its searches: `admitted`. `offers` and `export` are verbs of the audit.

use std::collections::BTreeMap;

use anyhow::ensure;
use clap::{Parser, Subcommand};
use gleaner_benches::{
    clock,
    peer::{
        bare,
        product::{self, BuildOptions, Product, SearchOptions},
    },
};
use gleaner_checks::{
    audit::promise::Promise,
    contract::{self, Answers, BuildArgs, ExportArgs, Offers, SearchArgs, Taken, TieOrder},
    exchange,
};
use gleaner_format::SparseVector;
use gleaner_searcher::{Counters, QUERY_TERMS_LIMIT};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build an index of docs.bin
    Build(BuildArgs),
    /// Search it with queries.bin
    Search(SearchArgs),
    /// Say what is offered beyond the contract
    Offers(OffersArgs),
    /// Write the weights as they are stored
    Export(ExportArgs),
}

#[derive(clap::Args)]
struct OffersArgs {
    #[arg(long)]
    config: std::path::PathBuf,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Default)]
#[serde(rename_all = "lowercase")]
enum Record {
    #[default]
    Product,
    Bare,
}

/// How to build; unknown keys are refused, so that a misspelt one is not measured.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Build {
    #[serde(default, rename = "id")]
    _id: String,
    #[serde(default)]
    record: Record,
    #[serde(default = "one")]
    segments: usize,
    merge: Option<bool>,
    #[serde(default)]
    deleted: Vec<u32>,
}

fn one() -> usize {
    1
}

fn all() -> f32 {
    1.0
}

/// How to search.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Search {
    id: String,
    safe: Option<Promise>,
    /// Below 1, hits may be missed.
    #[serde(default = "all")]
    effort: f32,
    admitted: Option<Vec<u32>>,
}

type Config = contract::Config<Build, Search>;

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Build(args) => build(&args),
        Command::Search(args) => search(&args),
        Command::Offers(args) => offers(&args),
        Command::Export(args) => export(&args),
    }
}

fn build(args: &BuildArgs) -> anyhow::Result<()> {
    let build = Config::read(&args.config)?.build;
    let docs = exchange::read(&args.vectors.join("docs.bin"))?;
    match build.record {
        Record::Bare => {
            ensure!(
                build.segments == 1 && build.deleted.is_empty(),
                "segments and deletes are the product's, not the bare file's"
            );
            bare::build(&docs, &args.index)?;
        }
        Record::Product => {
            let merge = build.merge.unwrap_or(true);
            let options = BuildOptions { segments: build.segments, merge, deleted: &build.deleted };
            product::build(&docs, &args.index, options)?;
        }
    }
    contract::say(&json!({ "docs": docs.len() }));
    Ok(())
}

fn search(args: &SearchArgs) -> anyhow::Result<()> {
    let config = Config::read(&args.config)?;
    ensure!(args.k > 0 && args.passes > 0, "k and passes must be at least 1");
    let mut queries = exchange::read(&args.vectors.join("queries.bin"))?;
    queries.truncate(args.queries);
    ensure!(
        queries.iter().all(|query| query.len() <= QUERY_TERMS_LIMIT),
        "a query has more than {QUERY_TERMS_LIMIT} terms"
    );
    let mut report = BTreeMap::new();
    for search in &config.searches {
        check(search)?;
        let run = Run { args, queries: &queries, search };
        let (answers, counters) = match config.build.record {
            Record::Bare => run.bare()?,
            Record::Product => run.product()?,
        };
        answers.write(&args.results.join(format!("{}.res", search.id)))?;
        report.insert(search.id.clone(), fields(&counters, queries.len()));
    }
    contract::say(&json!({ "searches": report }));
    Ok(())
}

/// Refuses what the engine does not offer.
fn check(search: &Search) -> anyhow::Result<()> {
    let id = &search.id;
    let effort = search.effort;
    ensure!(effort > 0.0 && effort <= 1.0, "search {id}: effort is in (0, 1], not {effort}");
    ensure!(
        effort == 1.0 || !matches!(search.safe, Some(Promise::Float | Promise::Own)),
        "search {id}: effort {effort} is not safe"
    );
    Ok(())
}

fn fields(counters: &Counters, queries: usize) -> Value {
    let per_query = |count: u64| count as f64 / queries.max(1) as f64;
    json!({
        "engine_version": env!("CARGO_PKG_VERSION"),
        "windows_by_list": per_query(counters.windows_by_list),
        "groups_summed": per_query(counters.groups_summed),
        "groups_dropped": per_query(counters.groups_dropped),
        "postings": per_query(counters.postings),
        "bytes": per_query(counters.bytes),
        "finalists": per_query(counters.finalists),
    })
}

/// One search configuration over all queries.
struct Run<'a> {
    args: &'a SearchArgs,
    queries: &'a [SparseVector],
    search: &'a Search,
}

impl Run<'_> {
    fn bare(&self) -> anyhow::Result<(Answers, Counters)> {
        ensure!(self.search.admitted.is_none(), "filters are the product's, not the bare file's");
        let mut engine = bare::open(&self.args.index)?;
        let (k, effort) = (self.args.k, self.search.effort);
        let answers = self.time(|query| Ok(engine.search(query, k, effort)))?;
        engine.counters = Counters::default();
        self.queries.iter().for_each(|query| {
            engine.search(query, k, effort);
        });
        Ok((answers, engine.counters))
    }

    fn product(&self) -> anyhow::Result<(Answers, Counters)> {
        let engine = product::open(&self.args.index)?;
        let filter = self.search.admitted.as_deref().map(product::filter_of).transpose()?;
        let (k, effort) = (self.args.k, self.search.effort);
        let options = SearchOptions { k, filter: filter.as_deref(), effort };
        let answers = self.time(|query| engine.search(query, options))?;
        Ok((answers, self.count(&engine, options)?))
    }

    fn count(&self, engine: &Product, options: SearchOptions<'_>) -> anyhow::Result<Counters> {
        let mut all = Counters::default();
        for query in self.queries {
            all.add(&engine.count(query, options)?);
        }
        Ok(all)
    }

    fn time(
        &self,
        mut search: impl FnMut(&SparseVector) -> anyhow::Result<(Vec<(u32, f32)>, Taken)>,
    ) -> anyhow::Result<Answers> {
        let mut hits = vec![Vec::new(); self.queries.len()];
        let mut passes = vec![Vec::new(); self.queries.len()];
        for pass in 0..self.args.warmup + self.args.passes {
            for (query, vector) in self.queries.iter().enumerate() {
                let (found, taken) = search(vector)?;
                if pass >= self.args.warmup {
                    passes[query].push(taken);
                    hits[query] = found;
                }
            }
        }
        let taken = passes.iter().map(|passes| clock::median(passes)).collect();
        Ok(Answers { k: self.args.k, hits, taken })
    }
}

fn offers(args: &OffersArgs) -> anyhow::Result<()> {
    let product = Config::read(&args.config)?.build.record == Record::Product;
    let everyone = ["export", "large_terms"];
    let products = ["deleted", "admitted", "segments"];
    let offers = everyone.iter().chain(products.iter().filter(|_| product));
    let offers = offers.map(|&offer| offer.to_owned()).collect();
    let ties = Some(if product { TieOrder::Id } else { TieOrder::Row });
    contract::say(&serde_json::to_value(Offers { offers, ties })?);
    Ok(())
}

fn export(args: &ExportArgs) -> anyhow::Result<()> {
    let stored = match Config::read(&args.config)?.build.record {
        Record::Product => product::open(&args.index)?.stored()?,
        Record::Bare => {
            let engine = bare::open(&args.index)?;
            let view = engine.view();
            let rows = (0..view.rows())
                .map(|row| view.row(row).iter().map(|(term, weight)| (term, weight as f32)));
            rows.map(SparseVector::from_pairs).collect::<Result<_, _>>()?
        }
    };
    exchange::write(&args.out, &stored)?;
    contract::say(&json!({ "docs": stored.len() }));
    Ok(())
}
