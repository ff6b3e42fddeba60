//! Exact top-k by bounded accumulation: windows, block maxima, finalists.
//!
//! Term-at-a-time accumulation over windows of 32,768 rows, after SINDI's windows (VSAG, Milvus)
//! and Qdrant's, with block maxima per window, list and group of 64 rows as in Block-Max Pruning
//! (Mallia, Suel, Tonellotto, SIGIR 2024). Different here: columns hold upper bounds, not scores.
//! Short lists are scattered; then a sweep over the groups drops those that cannot reach the
//! threshold and adds the long lists, in the form of rows, to the others; where one list decides,
//! `max_score.rs` finds the rows without either. A row whose bound survives becomes a candidate,
//! and candidates are scored from their stored rows in descending order of bound, until no
//! bound reaches the threshold. The answer has the oracle's rows and score bits (`exhaustive.rs`),
//! whatever was skipped on the way.

use std::{sync::atomic::AtomicU16, thread::ScopedJoinHandle};

use gleaner_format::{ImpactView, SparseVector};

use crate::sparse::{
    profile::Counters,
    topk::{Ties, TopK},
    windows::Search,
};

pub use crate::sparse::{
    answer::{Limits, SegmentAnswer},
    scratch::Scratch,
};

/// Returns the `k` best admitted rows, skipping what block maxima rule out.
///
/// Shapes: at most `k` hits, best first; equal scores in the order of `ties`. Units: scores are the
/// oracle's. `counters` are added to. Panics: if `limits.k` is 0, its effort is not in (0, 1], or
/// the query has more than [`crate::QUERY_TERMS_LIMIT`] terms, which callers check; never on the
/// bytes of an opened file.
pub fn search(
    view: ImpactView<'_>,
    query: &SparseVector,
    limits: Limits<'_>,
    ties: impl Ties,
    scratch: &mut Scratch,
    counters: &mut Counters,
) -> SegmentAnswer {
    let mut search = Search::new(view, query, limits, scratch);
    for window in 0..view.windows() {
        search.window(window, scratch);
    }
    search.finish(&ties, scratch, counters)
}

/// Answers several queries in one pass: every window is brought near once for all of them.
///
/// Shapes: one answer per query, in order. The answers are those of [`search`]. Panics: as there.
pub fn search_batch(
    view: ImpactView<'_>,
    queries: &[(&SparseVector, Limits<'_>)],
    ties: impl Ties,
    scratch: &mut Scratch,
    counters: &mut Counters,
) -> Vec<SegmentAnswer> {
    let mut searches: Vec<_> =
        queries.iter().map(|&(query, limits)| Search::new(view, query, limits, scratch)).collect();
    for window in 0..view.windows() {
        searches.iter_mut().for_each(|search| search.window(window, scratch));
    }
    searches.into_iter().map(|search| search.finish(&ties, scratch, counters)).collect()
}

/// Answers one query on several threads, one per scratch: each takes a share of the windows, and
/// all raise one threshold.
///
/// The answer is that of [`search`], but for what was not scored. Worth it for segments of many
/// windows only: starting a thread costs as much as summing one or two. Panics: as there, and if
/// there is no scratch.
pub fn search_parallel(
    view: ImpactView<'_>,
    query: &SparseVector,
    limits: Limits<'_>,
    ties: impl Ties + Sync,
    scratches: &mut [Scratch],
    counters: &mut Counters,
) -> SegmentAnswer {
    let share = view.windows().div_ceil(scratches.len()).max(1);
    let raised = AtomicU16::new(0);
    let work = |first: usize, scratch: &mut Scratch| {
        let mut counters = Counters::default();
        let mut search = Search::new(view, query, limits, scratch);
        search.share(&raised, first == 0);
        for window in first..(first + share).min(view.windows()) {
            search.window(window, scratch);
        }
        (search.finish(&ties, scratch, &mut counters), counters)
    };
    let answers: Vec<(SegmentAnswer, Counters)> = std::thread::scope(|scope| {
        let firsts = (0..).step_by(share);
        let workers: Vec<_> = scratches
            .iter_mut()
            .zip(firsts)
            .map(|(scratch, first)| scope.spawn(move || work(first, scratch)))
            .collect();
        let join = |worker: ScopedJoinHandle<'_, _>| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().map(join).collect()
    });
    let mut top = TopK::new(limits.k, limits.floor);
    let (mut highest, mut is_exact, mut is_complete) = (None, true, true);
    // The first thread's stands for all: those that leave the rows to it chose nothing.
    let choice = answers[0].0.choice;
    for (answer, counted) in answers {
        counters.add(&counted);
        answer.hits.into_iter().for_each(|hit| top.offer(hit));
        highest = answer.highest_bound_not_scored.into_iter().chain(highest).reduce(f64::max);
        is_exact &= answer.is_exact;
        is_complete &= answer.is_complete;
    }
    let hits = top.into_sorted();
    SegmentAnswer { hits, highest_bound_not_scored: highest, is_exact, is_complete, choice }
}
