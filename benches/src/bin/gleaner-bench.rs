//! `gleaner-bench`: times the engine on given vectors, against the oracle in the same run.
//!
//! Every timed answer is compared with the oracle's, score bits included: a fast wrong answer
//! fails. The two methods take turns query by query, so that a noisy machine troubles both alike;
//! the figure to quote is their ratio.

use std::{path::PathBuf, time::Instant};

use anyhow::ensure;
use clap::{Parser, ValueEnum};
use gleaner_benches::{
    peer::bare,
    sparse::{floats, segments, throughput, variants, workload::Workload},
};
use gleaner_checks::exchange;
use gleaner_format::{ImpactFile, ImpactView, SparseVector};
use gleaner_searcher::{
    Counters, RowHit,
    block_max::{self, Limits, Scratch},
    exhaustive,
};

/// Times exact search over exchanged vectors, one thread.
#[derive(Parser)]
struct BenchArgs {
    /// Folder with docs.bin and queries.bin (`gleaner export`, `gleaner encode --format vectors`)
    #[arg(long, value_name = "DIR")]
    vectors: PathBuf,
    /// Number of hits
    #[arg(short, long, default_value_t = 10)]
    k: usize,
    /// Queries to run, from the start of the file
    #[arg(long, default_value_t = 300)]
    queries: usize,
    /// Timed passes; each query counts with its median
    #[arg(long, default_value_t = 5)]
    passes: usize,
    /// What else to measure
    #[arg(long, value_enum, value_delimiter = ',')]
    also: Vec<Extra>,
    /// Leave the oracle out: no answer is compared with it
    #[arg(long)]
    no_oracle: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Extra {
    /// Every instruction set of this machine
    Kernels,
    /// Less effort, with its recall
    Effort,
    /// Filters that admit 50 % to 0.1 % of the rows
    Filters,
    /// Queries per second on one and two threads, one by one and in batches
    Throughput,
    /// Fifty small segments beside the large one
    Segments,
    /// Recall against brute force over the weights as they were given; fails below 0.9999
    Floats,
}

fn main() -> anyhow::Result<()> {
    let args = BenchArgs::parse();
    let docs = exchange::read(&args.vectors.join("docs.bin"))?;
    let mut queries = exchange::read(&args.vectors.join("queries.bin"))?;
    queries.truncate(args.queries);
    ensure!(!queries.is_empty(), "there is no query in {}", args.vectors.display());
    let start = Instant::now();
    let file = build(&docs)?;
    let build_s = start.elapsed().as_secs_f64();
    let view = file.view();
    let mut suite = Suite::new(view, args.k);
    let oracle_passes = if args.no_oracle { 0 } else { args.passes };
    for _ in 0..oracle_passes {
        queries.iter().enumerate().try_for_each(|(query, vector)| suite.run(query, vector))?;
    }
    let terms: usize = queries.iter().map(SparseVector::len).sum();
    println!(
        "{} documents, {:.1} postings each; {} queries, {:.1} terms each; k {}",
        docs.len(),
        view.postings() as f64 / docs.len().max(1) as f64,
        queries.len(),
        terms as f64 / queries.len() as f64,
        args.k
    );
    if !args.no_oracle {
        suite.report(queries.len() * args.passes);
    }
    println!("build {build_s:.2} s");
    let workload = Workload { view, queries: &queries, k: args.k, passes: args.passes };
    args.also.into_iter().try_for_each(|extra| measure(extra, workload, &docs))
}

fn measure(extra: Extra, workload: Workload<'_>, docs: &[SparseVector]) -> anyhow::Result<()> {
    println!();
    match extra {
        Extra::Kernels => variants::kernels(workload),
        Extra::Effort => {
            variants::effort(workload);
            Ok(())
        }
        Extra::Filters => {
            variants::filters(workload);
            Ok(())
        }
        Extra::Throughput => throughput::measure(workload),
        Extra::Segments => segments::measure(workload, docs),
        Extra::Floats => floats::check(workload, docs),
    }
}

fn build(docs: &[SparseVector]) -> anyhow::Result<ImpactFile<Vec<u8>>> {
    let mut bytes = Vec::new();
    bare::impacts(docs)?.write(&mut bytes)?;
    println!("{:.1} bytes a document on disk", bytes.len() as f64 / docs.len().max(1) as f64);
    Ok(ImpactFile::open(bytes)?)
}

/// Latencies in µs per query, one entry per pass, for both methods.
struct Suite<'a> {
    view: ImpactView<'a>,
    k: usize,
    scratch: Scratch,
    counters: Counters,
    block_max_us: Vec<Vec<f64>>,
    exhaustive_us: Vec<Vec<f64>>,
}

impl<'a> Suite<'a> {
    fn new(view: ImpactView<'a>, k: usize) -> Self {
        let (scratch, counters) = (Scratch::default(), Counters::default());
        Self { view, k, scratch, counters, block_max_us: Vec::new(), exhaustive_us: Vec::new() }
    }

    fn run(&mut self, query: usize, vector: &SparseVector) -> anyhow::Result<()> {
        let limits = Limits::exact(self.k, None);
        let start = Instant::now();
        let scratch = &mut self.scratch;
        let answer =
            block_max::search(self.view, vector, limits, u64::from, scratch, &mut self.counters);
        let block_max_us = start.elapsed().as_secs_f64() * 1e6;
        let start = Instant::now();
        let truth = exhaustive::search(self.view, vector, None, self.k, u64::from);
        let exhaustive_us = start.elapsed().as_secs_f64() * 1e6;
        let bits = |hits: &[RowHit]| -> Vec<(u32, u32)> {
            hits.iter().map(|hit| (hit.row, hit.score.to_bits())).collect()
        };
        ensure!(bits(&answer.hits) == bits(&truth), "query {query}: not the oracle's answer");
        for (times, time) in
            [(&mut self.block_max_us, block_max_us), (&mut self.exhaustive_us, exhaustive_us)]
        {
            if times.len() <= query {
                times.push(Vec::new());
            }
            times[query].push(time);
        }
        Ok(())
    }

    fn report(&mut self, searches: usize) {
        println!("{:<12} {:>9} {:>9} {:>9} {:>9}", "µs/query", "mean", "p50", "p95", "p99");
        let block_max = summary("block_max", &mut self.block_max_us);
        let exhaustive = summary("exhaustive", &mut self.exhaustive_us);
        println!(
            "ratio of means {:.1}; every answer equal to the oracle's",
            exhaustive / block_max
        );
        let per = |count: u64| count as f64 / searches as f64;
        let c = &self.counters;
        println!(
            "per query: windows {:.2} of {:.2} skipped, groups {:.1} of {:.1} dropped, {:.0} postings \
             scattered, {:.1} rows scored exactly",
            per(c.windows_skipped),
            per(c.windows_total),
            per(c.groups_dropped),
            per(c.groups_total),
            per(c.postings),
            per(c.finalists)
        );
    }
}

/// Prints a line and returns the mean of the per-query medians.
fn summary(name: &str, times: &mut [Vec<f64>]) -> f64 {
    let mut medians: Vec<f64> = times
        .iter_mut()
        .map(|passes| {
            passes.sort_by(f64::total_cmp);
            passes[passes.len() / 2]
        })
        .collect();
    medians.sort_by(f64::total_cmp);
    let mean = medians.iter().sum::<f64>() / medians.len() as f64;
    let at = |share: f64| medians[((medians.len() - 1) as f64 * share) as usize];
    println!("{name:<12} {mean:>9.1} {:>9.1} {:>9.1} {:>9.1}", at(0.5), at(0.95), at(0.99));
    mean
}
