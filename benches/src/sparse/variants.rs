//! Variants of one search, in turns: instruction sets, less effort, filters.
//!
//! Variants take turns query by query within a pass, so that a noisy machine troubles all alike;
//! the figures to quote are ratios. Every exact variant must give the plain search's answers.

use std::time::Instant;

use anyhow::ensure;
use gleaner_kernels::Kernels;
use gleaner_searcher::{
    Counters, RowHit, RowSet,
    block_max::{self, Limits, Scratch},
};

use super::workload::{Workload, bits};

/// Values of `effort` whose recall is measured.
const EFFORTS: [f32; 6] = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5];

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

    fn run(&mut self, workload: Workload<'_>, query: usize, is_timed: bool) {
        let vector = &workload.queries[query];
        let start = Instant::now();
        let scratch = &mut self.scratch;
        let counters = &mut self.counters;
        let answer =
            block_max::search(workload.view, vector, self.limits, u64::from, scratch, counters);
        if is_timed {
            self.total_us += start.elapsed().as_secs_f64() * 1e6;
        } else {
            self.hits.push(answer.hits);
        }
    }
}

/// Runs all variants in turn, once untimed; prints mean times and ratios to the first.
fn take_turns(workload: Workload<'_>, variants: &mut [Variant<'_>]) -> Vec<f64> {
    for pass in 0..=workload.passes {
        for query in 0..workload.queries.len() {
            variants.iter_mut().for_each(|variant| variant.run(workload, query, pass > 0));
        }
    }
    let searches = (workload.queries.len() * workload.passes).max(1) as f64;
    let means: Vec<f64> = variants.iter().map(|variant| variant.total_us / searches).collect();
    for (variant, mean) in variants.iter().zip(&means) {
        println!("{:<26} {mean:>9.1} µs   {:>5.2}", variant.name, mean / means[0]);
    }
    means
}

/// Times every instruction set of this machine.
///
/// Errors: if their answers differ.
pub fn kernels(workload: Workload<'_>) -> anyhow::Result<()> {
    let limits = Limits::exact(workload.k, None);
    let levels = Kernels::available().into_iter().rev();
    let mut variants: Vec<Variant<'_>> =
        levels.map(|level| Variant::new(level.name(), limits, level)).collect();
    take_turns(workload, &mut variants);
    for variant in &variants {
        let same = bits(&variant.hits) == bits(&variants[0].hits);
        ensure!(same, "{} answers otherwise than {}", variant.name, variants[0].name);
    }
    Ok(())
}

/// Times less effort, with the recall it leaves: hits that score no less than the k-th of exact
/// search.
pub fn effort(workload: Workload<'_>) {
    let kernels = Kernels::detect();
    let mut variants: Vec<Variant<'_>> = EFFORTS
        .into_iter()
        .map(|effort| {
            let limits = Limits { effort, ..Limits::exact(workload.k, None) };
            Variant::new(format!("effort {effort}"), limits, kernels)
        })
        .collect();
    take_turns(workload, &mut variants);
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
pub fn filters(workload: Workload<'_>) {
    let rows = workload.view.rows() as u32;
    // Multiplying by an odd number visits the rows as if by chance.
    let spread = |share: u32| {
        RowSet::from_docs(workload.view, move |doc| doc.wrapping_mul(2_654_435_761) % 1_000 < share)
    };
    let piece =
        |share: u32| RowSet::from_docs(workload.view, move |doc| doc < rows / 1_000 * share);
    let sets =
        [("50 % spread", spread(500)), ("10 % spread", spread(100)), ("1 % spread", spread(10))];
    let pieces = [("0.1 % spread", spread(1)), ("10 % in one piece", piece(100))];
    let sets: Vec<_> = sets.into_iter().chain(pieces).collect();
    let kernels = Kernels::detect();
    let mut variants = vec![Variant::new("no filter", Limits::exact(workload.k, None), kernels)];
    variants.extend(
        sets.iter()
            .map(|(name, set)| Variant::new(*name, Limits::exact(workload.k, Some(set)), kernels)),
    );
    take_turns(workload, &mut variants);
}
