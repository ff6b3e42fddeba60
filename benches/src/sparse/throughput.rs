//! Queries per second: one by one, in batches that share a pass, and on two threads.
//!
//! All ways must give the same answers. How long a single query takes is left to `variants`.

use std::time::Instant;

use anyhow::ensure;
use gleaner_format::SparseVector;
use gleaner_searcher::{
    Counters, RowHit,
    block_max::{self, Limits, Scratch},
};

use super::workload::{Workload, bits};

/// Queries that share a pass.
const BATCH_QUERIES: usize = 32;

/// Queries per second: one by one, in batches that share a pass, and on two threads.
///
/// Errors: if batches or threads answer otherwise than single searches.
pub fn measure(workload: Workload<'_>) -> anyhow::Result<()> {
    let limits = Limits::exact(workload.k, None);
    let mut scratches = [Scratch::default(), Scratch::default()];
    let mut seconds = [0.0f64; 5];
    for _ in 0..workload.passes {
        let timed = |total: &mut f64, work: &mut dyn FnMut()| {
            let start = Instant::now();
            work();
            *total += start.elapsed().as_secs_f64();
        };
        let [first, second] = &mut scratches;
        let (mut single, mut batched) = (Vec::new(), Vec::new());
        let (mut parted, mut parted_batches, mut threads) = (Vec::new(), Vec::new(), Vec::new());
        timed(&mut seconds[0], &mut || {
            single = one_by_one(workload, workload.queries, limits, first)
        });
        timed(&mut seconds[1], &mut || {
            batched = in_batches(workload, workload.queries, limits, first)
        });
        timed(&mut seconds[2], &mut || {
            parted = on_two_threads(workload, limits, one_by_one, first, second)
        });
        timed(&mut seconds[3], &mut || {
            parted_batches = on_two_threads(workload, limits, in_batches, first, second);
        });
        timed(&mut seconds[4], &mut || threads = shared(workload, limits, &mut scratches));
        for other in [batched, parted, parted_batches, threads] {
            ensure!(bits(&other) == bits(&single), "batches or threads answer otherwise");
        }
    }
    let names = ["one by one", "batches", "one by one, 2 threads", "batches, 2 threads"];
    let searches = (workload.queries.len() * workload.passes) as f64;
    for (name, seconds) in names.iter().chain(&["each on 2 threads"]).zip(seconds) {
        println!("{name:<26} {:>9.0} queries/s", searches / seconds);
    }
    Ok(())
}

/// A way to search many queries on one thread.
type SearchMany = fn(Workload<'_>, &[SparseVector], Limits<'_>, &mut Scratch) -> Vec<Vec<RowHit>>;

/// Half of the queries on a thread of its own, half on this one.
fn on_two_threads(
    workload: Workload<'_>,
    limits: Limits<'_>,
    search: SearchMany,
    first: &mut Scratch,
    second: &mut Scratch,
) -> Vec<Vec<RowHit>> {
    let (left, right) = workload.queries.split_at(workload.queries.len() / 2);
    std::thread::scope(|scope| {
        let left = scope.spawn(move || search(workload, left, limits, first));
        let right = search(workload, right, limits, second);
        let mut hits = left.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        hits.extend(right);
        hits
    })
}

fn one_by_one(
    workload: Workload<'_>,
    queries: &[SparseVector],
    limits: Limits<'_>,
    scratch: &mut Scratch,
) -> Vec<Vec<RowHit>> {
    let mut counters = Counters::default();
    let mut search = |query: &SparseVector| {
        block_max::search(workload.view, query, limits, u64::from, scratch, &mut counters).hits
    };
    queries.iter().map(&mut search).collect()
}

fn in_batches(
    workload: Workload<'_>,
    queries: &[SparseVector],
    limits: Limits<'_>,
    scratch: &mut Scratch,
) -> Vec<Vec<RowHit>> {
    let mut counters = Counters::default();
    let mut hits = Vec::with_capacity(queries.len());
    for batch in queries.chunks(BATCH_QUERIES) {
        let batch: Vec<_> = batch.iter().map(|query| (query, limits)).collect();
        let answers =
            block_max::search_batch(workload.view, &batch, u64::from, scratch, &mut counters);
        hits.extend(answers.into_iter().map(|answer| answer.hits));
    }
    hits
}

fn shared(
    workload: Workload<'_>,
    limits: Limits<'_>,
    scratches: &mut [Scratch],
) -> Vec<Vec<RowHit>> {
    let (view, mut counters) = (workload.view, Counters::default());
    let mut search = |query: &SparseVector| {
        block_max::search_parallel(view, query, limits, u64::from, scratches, &mut counters).hits
    };
    workload.queries.iter().map(&mut search).collect()
}
