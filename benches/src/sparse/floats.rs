//! What stored weights cost: exact answers against brute force over the weights as given.
//!
//! The measure is recall of the true hits. How long a search takes is left to `variants`.

use std::collections::HashMap;

use anyhow::ensure;
use gleaner_format::SparseVector;
use gleaner_searcher::{
    Counters,
    block_max::{self, Limits, Scratch},
};

use super::workload::Workload;

/// Least share of the true hits that must be found.
const LEAST_RECALL: f64 = 0.9999;

/// Rows of the documents that have a term, with their weights.
type Postings = HashMap<u32, Vec<(u32, f32)>>;

/// Compares every answer with the true one, and prints the recall.
///
/// Errors: if the recall is too low, whatever the speed.
pub fn check(workload: Workload<'_>, docs: &[SparseVector]) -> anyhow::Result<()> {
    let mut postings = Postings::new();
    for (row, doc) in (0u32..).zip(docs) {
        doc.iter().for_each(|(term, weight)| {
            postings.entry(term).or_default().push((row, weight));
        });
    }
    let (mut scratch, mut counters) = (Scratch::default(), Counters::default());
    let (mut right, mut all) = (0, 0);
    for query in workload.queries {
        let limits = Limits::exact(workload.k, None);
        let scratch = &mut scratch;
        let answer =
            block_max::search(workload.view, query, limits, u64::from, scratch, &mut counters);
        let scores = scores(&postings, query, docs.len());
        let mut best: Vec<f64> = scores.iter().copied().filter(|&score| score > 0.0).collect();
        best.sort_unstable_by(|a, b| b.total_cmp(a));
        best.truncate(workload.k);
        let least = best.last().copied().unwrap_or(f64::INFINITY);
        right += answer.hits.iter().filter(|hit| scores[hit.row as usize] >= least).count();
        all += best.len();
    }
    let recall = right as f64 / all.max(1) as f64;
    println!("recall of floats           {recall:.5} ({} of {all} lost)", all - right.min(all));
    ensure!(recall >= LEAST_RECALL, "recall {recall:.5} against floats is below {LEAST_RECALL}");
    Ok(())
}

/// The true score of every row.
fn scores(postings: &Postings, query: &SparseVector, rows: usize) -> Vec<f64> {
    let mut scores = vec![0.0; rows];
    for (term, query_weight) in query.iter() {
        for &(row, weight) in postings.get(&term).into_iter().flatten() {
            scores[row as usize] += f64::from(query_weight) * f64::from(weight);
        }
    }
    scores
}
