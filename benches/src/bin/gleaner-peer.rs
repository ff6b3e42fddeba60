//! `gleaner-peer`: the engine behind the contract of a side-by-side benchmark.
//!
//! `build` turns `docs.bin` into an impact file; `search` runs the first queries of `queries.bin`, one
//! thread, untimed passes first, and writes ids, scores and per-query medians of both clocks:
//! `u32 n, u32 k, u32 ids[n·k] (0xFFFFFFFF: none), f32 scores[n·k], u64 wall_ns[n], u64 cpu_ns[n]`,
//! little-endian. Both end with one line of JSON on stdout. Rows stand for ids here, so ties go to
//! the lower row.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, ensure};
use clap::{Args, Parser, Subcommand};
use gleaner_format::{ImpactBuilder, ImpactFile, ImpactView, SparseVector, map_file, read_vectors};
use gleaner_searcher::{
    Counters, QUERY_TERMS_LIMIT, RowHit,
    block_max::{self, Limits, Scratch},
};
use serde::Deserialize;
use serde_json::json;

const NO_ROW: u32 = u32::MAX;
const INDEX_FILE: &str = "vectors.imp";

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
}

#[derive(Args)]
struct BuildArgs {
    #[arg(long)]
    vectors: PathBuf,
    #[arg(long)]
    index: PathBuf,
    /// Accepted for the contract; there is nothing to configure yet
    #[arg(long)]
    config: PathBuf,
}

#[derive(Args)]
struct SearchArgs {
    #[arg(long)]
    vectors: PathBuf,
    #[arg(long)]
    index: PathBuf,
    #[arg(long)]
    config: PathBuf,
    #[arg(long)]
    k: usize,
    #[arg(long)]
    queries: usize,
    #[arg(long)]
    warmup: usize,
    #[arg(long)]
    passes: usize,
    #[arg(long)]
    results: PathBuf,
}

/// The part of the configuration that is the contract's.
#[derive(Deserialize)]
struct Config {
    searches: Vec<SearchConfig>,
}

/// One search; exact search has no settings of its own, so unknown ones are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchConfig {
    id: String,
    safe: Option<String>,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Build(args) => build(&args),
        Command::Search(args) => search(&args),
    }
}

fn build(args: &BuildArgs) -> anyhow::Result<()> {
    read_config(&args.config)?;
    let docs = read(&args.vectors.join("docs.bin"))?;
    let mut builder = ImpactBuilder::new();
    docs.iter().try_for_each(|vector| builder.push(vector))?;
    drop(docs);
    let path = args.index.join(INDEX_FILE);
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut out = BufWriter::new(file);
    let bytes = builder.write(&mut out)?;
    out.flush()?;
    println!("{}", json!({ "bytes": bytes }));
    Ok(())
}

fn search(args: &SearchArgs) -> anyhow::Result<()> {
    let config = read_config(&args.config)?;
    ensure!(args.k > 0 && args.passes > 0, "k and passes must be at least 1");
    let file = ImpactFile::open(map_file(&args.index.join(INDEX_FILE))?)?;
    let mut queries = read(&args.vectors.join("queries.bin"))?;
    queries.truncate(args.queries);
    ensure!(
        queries.iter().all(|query| query.len() <= QUERY_TERMS_LIMIT),
        "a query has more than {QUERY_TERMS_LIMIT} terms"
    );
    let mut report = BTreeMap::new();
    for search in &config.searches {
        let safe = search.safe.as_deref().unwrap_or("float");
        ensure!(
            safe == "float",
            "search {}: only exact search is offered, not {safe:?}",
            search.id
        );
        let mut timed = Timed::new(file.view(), args.k, queries.len());
        for pass in 0..args.warmup + args.passes {
            timed.pass(&queries, pass >= args.warmup);
        }
        timed.write(&args.results.join(format!("{}.res", search.id)))?;
        let searches = (queries.len() * (args.warmup + args.passes)).max(1) as f64;
        let per_query = |count: u64| count as f64 / searches;
        let fields = json!({
            "engine_version": env!("CARGO_PKG_VERSION"),
            "groups_summed": per_query(timed.counters.groups_summed),
            "groups_dropped": per_query(timed.counters.groups_dropped),
            "postings": per_query(timed.counters.postings),
            "finalists": per_query(timed.counters.finalists),
            "phases": format!("{:?}", timed.counters.phases), "n": searches,
            "bytes": per_query(timed.counters.bytes), "lists": per_query(timed.counters.lists),
        });
        report.insert(search.id.clone(), fields);
    }
    println!("{}", json!({ "searches": report }));
    Ok(())
}

fn read_config(path: &Path) -> anyhow::Result<Config> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_reader(BufReader::new(file)).with_context(|| path.display().to_string())
}

fn read(path: &Path) -> anyhow::Result<Vec<SparseVector>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    read_vectors(&mut BufReader::new(file)).with_context(|| path.display().to_string())
}

/// Answers and times of one search configuration.
struct Timed<'a> {
    view: ImpactView<'a>,
    k: usize,
    scratch: Scratch,
    counters: Counters,
    hits: Vec<Vec<RowHit>>,
    wall_ns: Vec<Vec<u64>>,
    cpu_ns: Vec<Vec<u64>>,
}

impl<'a> Timed<'a> {
    fn new(view: ImpactView<'a>, k: usize, queries: usize) -> Self {
        Self {
            view,
            k,
            scratch: Scratch::default(),
            counters: Counters::default(),
            hits: vec![Vec::new(); queries],
            wall_ns: vec![Vec::new(); queries],
            cpu_ns: vec![Vec::new(); queries],
        }
    }

    fn pass(&mut self, queries: &[SparseVector], is_timed: bool) {
        let limits = Limits {
            k: self.k,
            floor: 0.0,
            admitted: None,
            is_timed: std::env::var_os("PH").is_some(),
        };
        for (query, vector) in queries.iter().enumerate() {
            let (wall, cpu) = (Instant::now(), thread_cpu_ns());
            let (scratch, counters) = (&mut self.scratch, &mut self.counters);
            let answer = block_max::search(self.view, vector, limits, u64::from, scratch, counters);
            let (cpu, wall) = (thread_cpu_ns() - cpu, wall.elapsed());
            if is_timed {
                self.wall_ns[query].push(wall.as_nanos() as u64);
                self.cpu_ns[query].push(cpu);
                self.hits[query] = answer.hits;
            }
        }
    }

    fn write(&mut self, path: &Path) -> anyhow::Result<()> {
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut out = BufWriter::new(file);
        out.write_all(&u32::try_from(self.hits.len())?.to_le_bytes())?;
        out.write_all(&u32::try_from(self.k)?.to_le_bytes())?;
        let padded =
            |hits: &'_ [RowHit], rank: usize| hits.get(rank).map(|hit| (hit.row, hit.score));
        let slots = || self.hits.iter().flat_map(|hits| (0..self.k).map(|rank| padded(hits, rank)));
        for hit in slots() {
            out.write_all(&hit.map_or(NO_ROW, |hit| hit.0).to_le_bytes())?;
        }
        for hit in slots() {
            out.write_all(&hit.map_or(0.0, |hit| hit.1).to_le_bytes())?;
        }
        for times in self.wall_ns.iter_mut().chain(&mut self.cpu_ns) {
            times.sort_unstable();
            out.write_all(&times[times.len() / 2].to_le_bytes())?;
        }
        Ok(out.flush()?)
    }
}

/// CPU time of this thread.
fn thread_cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
