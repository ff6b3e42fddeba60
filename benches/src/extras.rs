//! What `gleaner-bench` measures beyond latency: instruction sets, less effort, filters, throughput.
//!
//! Variants take turns query by query within a pass, so that a noisy machine troubles all alike; the
//! figures to quote are ratios. Every exact variant must give the plain search's answers.

use std::time::Instant;

use anyhow::ensure;
use gleaner_format::{ImpactFile, ImpactView, SparseVector};
use gleaner_kernels::Kernels;
use gleaner_searcher::{
    Counters, RowHit, RowSet,
    block_max::{self, Limits, Scratch},
};

use crate::bare;

/// Values of `effort` whose recall is measured.
const EFFORTS: [f32; 6] = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5];

/// Queries that share a pass.
const BATCH_QUERIES: usize = 32;

/// Small segments beside a large one, and documents of each.
const SMALL_SEGMENTS: usize = 50;
const SMALL_SEGMENT_DOCS: usize = 100;

/// What there is to search, and how often.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// The documents.
    pub view: ImpactView<'a>,
    /// The queries.
    pub queries: &'a [SparseVector],
    /// Number of hits.
    pub k: usize,
    /// Timed passes over all queries.
    pub passes: usize,
}

/// One way to search, and what it took.
struct Variant<'a> {
    name: String,
    limits: Limits<'a>,
    scratch: Scratch,
    counters: Counters,
    total_us: f64,
    hits: Vec<Vec<RowHit>>,
}

impl<'a> Variant<'a> {
    fn new(name: impl Into<String>, limits: Limits<'a>, kernels: Kernels) -> Self {
        let scratch = Scratch::new(kernels);
        let counters = Counters::default();
        Self { name: name.into(), limits, scratch, counters, total_us: 0.0, hits: Vec::new() }
    }

    fn run(&mut self, given: Given<'_>, query: usize, is_timed: bool) {
        let vector = &given.queries[query];
        let start = Instant::now();
        let scratch = &mut self.scratch;
        let counters = &mut self.counters;
        let answer =
            block_max::search(given.view, vector, self.limits, u64::from, scratch, counters);
        if is_timed {
            self.total_us += start.elapsed().as_secs_f64() * 1e6;
        } else {
            self.hits.push(answer.hits);
        }
    }
}

/// Runs all variants in turn, once untimed; prints mean times and ratios to the first.
fn take_turns(given: Given<'_>, variants: &mut [Variant<'_>]) -> Vec<f64> {
    for pass in 0..=given.passes {
        for query in 0..given.queries.len() {
            variants.iter_mut().for_each(|variant| variant.run(given, query, pass > 0));
        }
    }
    let searches = (given.queries.len() * given.passes).max(1) as f64;
    let means: Vec<f64> = variants.iter().map(|variant| variant.total_us / searches).collect();
    for (variant, mean) in variants.iter().zip(&means) {
        println!("{:<26} {mean:>9.1} µs   {:>5.2}", variant.name, mean / means[0]);
    }
    means
}

fn bits(hits: &[Vec<RowHit>]) -> Vec<(u32, u32)> {
    hits.iter().flatten().map(|hit| (hit.row, hit.score.to_bits())).collect()
}

/// Times every instruction set of this machine.
///
/// Errors: if their answers differ.
pub fn kernels(given: Given<'_>) -> anyhow::Result<()> {
    let limits = Limits::exact(given.k, None);
    let levels = Kernels::available().into_iter().rev();
    let mut variants: Vec<Variant<'_>> =
        levels.map(|level| Variant::new(level.name(), limits, level)).collect();
    take_turns(given, &mut variants);
    for variant in &variants {
        let same = bits(&variant.hits) == bits(&variants[0].hits);
        ensure!(same, "{} answers otherwise than {}", variant.name, variants[0].name);
    }
    Ok(())
}

/// Times less effort, with the recall it leaves: hits that score no less than the k-th of exact
/// search.
pub fn effort(given: Given<'_>) {
    let kernels = Kernels::detect();
    let mut variants: Vec<Variant<'_>> = EFFORTS
        .into_iter()
        .map(|effort| {
            let limits = Limits { effort, ..Limits::exact(given.k, None) };
            Variant::new(format!("effort {effort}"), limits, kernels)
        })
        .collect();
    take_turns(given, &mut variants);
    for variant in &variants {
        println!("{:<26} recall {:.4}", variant.name, recall(&variant.hits, &variants[0].hits));
    }
}

fn recall(hits: &[Vec<RowHit>], exact: &[Vec<RowHit>]) -> f64 {
    let (mut right, mut all) = (0, 0);
    for (hits, exact) in hits.iter().zip(exact) {
        let least = exact.last().map_or(f32::INFINITY, |hit| hit.score);
        right += hits.iter().filter(|hit| hit.score >= least).count().min(exact.len());
        all += exact.len();
    }
    right as f64 / all.max(1) as f64
}

/// Times filters that admit shares of the rows, spread evenly and in one piece.
pub fn filters(given: Given<'_>) {
    let rows = given.view.rows() as u32;
    // Multiplying by an odd number visits the rows as if by chance.
    let spread = |share: u32| {
        RowSet::from_docs(given.view, move |doc| doc.wrapping_mul(2_654_435_761) % 1_000 < share)
    };
    let piece = |share: u32| RowSet::from_docs(given.view, move |doc| doc < rows / 1_000 * share);
    let sets =
        [("50 % spread", spread(500)), ("10 % spread", spread(100)), ("1 % spread", spread(10))];
    let pieces = [("0.1 % spread", spread(1)), ("10 % in one piece", piece(100))];
    let sets: Vec<_> = sets.into_iter().chain(pieces).collect();
    let kernels = Kernels::detect();
    let mut variants = vec![Variant::new("no filter", Limits::exact(given.k, None), kernels)];
    variants.extend(
        sets.iter()
            .map(|(name, set)| Variant::new(*name, Limits::exact(given.k, Some(set)), kernels)),
    );
    take_turns(given, &mut variants);
}

/// Queries per second: one by one, in batches that share a pass, and on two threads.
///
/// Errors: if batches or threads answer otherwise than single searches.
pub fn throughput(given: Given<'_>) -> anyhow::Result<()> {
    let limits = Limits::exact(given.k, None);
    let mut scratches = [Scratch::default(), Scratch::default()];
    let mut seconds = [0.0f64; 5];
    for _ in 0..given.passes {
        let timed = |total: &mut f64, work: &mut dyn FnMut()| {
            let start = Instant::now();
            work();
            *total += start.elapsed().as_secs_f64();
        };
        let [first, second] = &mut scratches;
        let (mut single, mut batched) = (Vec::new(), Vec::new());
        let (mut parted, mut parted_batches, mut threads) = (Vec::new(), Vec::new(), Vec::new());
        timed(&mut seconds[0], &mut || single = one_by_one(given, given.queries, limits, first));
        timed(&mut seconds[1], &mut || batched = in_batches(given, given.queries, limits, first));
        timed(&mut seconds[2], &mut || {
            parted = on_two_threads(given, limits, one_by_one, first, second)
        });
        timed(&mut seconds[3], &mut || {
            parted_batches = on_two_threads(given, limits, in_batches, first, second);
        });
        timed(&mut seconds[4], &mut || threads = shared(given, limits, &mut scratches));
        for other in [batched, parted, parted_batches, threads] {
            ensure!(bits(&other) == bits(&single), "batches or threads answer otherwise");
        }
    }
    let names = ["one by one", "batches", "one by one, 2 threads", "batches, 2 threads"];
    let searches = (given.queries.len() * given.passes) as f64;
    for (name, seconds) in names.iter().chain(&["each on 2 threads"]).zip(seconds) {
        println!("{name:<26} {:>9.0} queries/s", searches / seconds);
    }
    Ok(())
}

/// A way to search many queries on one thread.
type Search = fn(Given<'_>, &[SparseVector], Limits<'_>, &mut Scratch) -> Vec<Vec<RowHit>>;

/// Half of the queries on a thread of its own, half on this one.
fn on_two_threads(
    given: Given<'_>,
    limits: Limits<'_>,
    search: Search,
    first: &mut Scratch,
    second: &mut Scratch,
) -> Vec<Vec<RowHit>> {
    let (left, right) = given.queries.split_at(given.queries.len() / 2);
    std::thread::scope(|scope| {
        let left = scope.spawn(move || search(given, left, limits, first));
        let right = search(given, right, limits, second);
        let mut hits = left.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        hits.extend(right);
        hits
    })
}

fn one_by_one(
    given: Given<'_>,
    queries: &[SparseVector],
    limits: Limits<'_>,
    scratch: &mut Scratch,
) -> Vec<Vec<RowHit>> {
    let mut counters = Counters::default();
    let mut search = |query: &SparseVector| {
        block_max::search(given.view, query, limits, u64::from, scratch, &mut counters).hits
    };
    queries.iter().map(&mut search).collect()
}

fn in_batches(
    given: Given<'_>,
    queries: &[SparseVector],
    limits: Limits<'_>,
    scratch: &mut Scratch,
) -> Vec<Vec<RowHit>> {
    let mut counters = Counters::default();
    let mut hits = Vec::with_capacity(queries.len());
    for batch in queries.chunks(BATCH_QUERIES) {
        let batch: Vec<_> = batch.iter().map(|query| (query, limits)).collect();
        let answers =
            block_max::search_batch(given.view, &batch, u64::from, scratch, &mut counters);
        hits.extend(answers.into_iter().map(|answer| answer.hits));
    }
    hits
}

fn shared(given: Given<'_>, limits: Limits<'_>, scratches: &mut [Scratch]) -> Vec<Vec<RowHit>> {
    let (view, mut counters) = (given.view, Counters::default());
    let mut search = |query: &SparseVector| {
        block_max::search_parallel(view, query, limits, u64::from, scratches, &mut counters).hits
    };
    given.queries.iter().map(&mut search).collect()
}

/// Times the documents in one file, and in one file with fifty small ones beside it, which start from
/// the threshold of the large one as small segments do.
///
/// Errors: if a small file cannot be built.
pub fn segments(given: Given<'_>, docs: &[SparseVector]) -> anyhow::Result<()> {
    let small = docs
        .chunks(SMALL_SEGMENT_DOCS)
        .take(SMALL_SEGMENTS)
        .map(|docs| {
            let mut bytes = Vec::new();
            bare::impacts(docs)?.write(&mut bytes)?;
            Ok(ImpactFile::open(bytes)?)
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut scratch = Scratch::default();
    let mut counters = Counters::default();
    let mut totals_us = [0.0f64; 2];
    for pass in 0..=given.passes {
        for query in given.queries {
            for (with_small, total_us) in totals_us.iter_mut().enumerate() {
                let start = Instant::now();
                let limits = Limits::exact(given.k, None);
                let (scratch, counters) = (&mut scratch, &mut counters);
                let large =
                    block_max::search(given.view, query, limits, u64::from, scratch, counters);
                let floor = large.hits.get(given.k - 1).map_or(0.0, |hit| hit.score);
                for file in small.iter().take(with_small * SMALL_SEGMENTS) {
                    let limits = Limits { floor, ..limits };
                    block_max::search(file.view(), query, limits, u64::from, scratch, counters);
                }
                if pass > 0 {
                    *total_us += start.elapsed().as_secs_f64() * 1e6;
                }
            }
        }
    }
    let searches = (given.queries.len() * given.passes).max(1) as f64;
    let [one, many] = totals_us.map(|total| total / searches);
    println!("{:<26} {one:>9.1} µs   {:>5.2}", "one segment", 1.0);
    let name = format!("and {SMALL_SEGMENTS} of {SMALL_SEGMENT_DOCS}");
    println!("{name:<26} {many:>9.1} µs   {:>5.2}", many / one);
    Ok(())
}
