//! What small segments beside a large one cost.
//!
//! The small files start from the threshold of the large one, as small segments of an index do.

use std::time::Instant;

use gleaner_format::{ImpactFile, SparseVector};
use gleaner_searcher::{
    Counters,
    block_max::{self, Limits, Scratch},
};

use super::workload::Workload;
use crate::peer::bare;

/// Small segments beside a large one, and documents of each.
const SMALL_SEGMENTS: usize = 50;
const SMALL_SEGMENT_DOCS: usize = 100;

/// Times the documents in one file, and in one file with fifty small ones beside it, which start
/// from the threshold of the large one as small segments do.
///
/// Errors: if a small file cannot be built.
pub fn measure(workload: Workload<'_>, docs: &[SparseVector]) -> anyhow::Result<()> {
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
    for pass in 0..=workload.passes {
        for query in workload.queries {
            for (with_small, total_us) in totals_us.iter_mut().enumerate() {
                let start = Instant::now();
                let limits = Limits::exact(workload.k, None);
                let (scratch, counters) = (&mut scratch, &mut counters);
                let large =
                    block_max::search(workload.view, query, limits, u64::from, scratch, counters);
                let floor = large.hits.get(workload.k - 1).map_or(0.0, |hit| hit.score);
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
    let searches = (workload.queries.len() * workload.passes).max(1) as f64;
    let [one, many] = totals_us.map(|total| total / searches);
    println!("{:<26} {one:>9.1} µs   {:>5.2}", "one segment", 1.0);
    let name = format!("and {SMALL_SEGMENTS} of {SMALL_SEGMENT_DOCS}");
    println!("{name:<26} {many:>9.1} µs   {:>5.2}", many / one);
    Ok(())
}
