//! What less effort costs and saves, measured on given queries: the curve of `gleaner inspect`.

use std::{
    collections::HashSet,
    io::{self, Write},
    time::Instant,
};

use gleaner::{Models, Prepared, Query, Rank, Search, Snapshot, SparseVector};
use serde::Serialize;

/// Efforts that are measured, the exact one first.
const EFFORTS: [f32; 6] = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5];
/// Timed passes over the queries, after one that only warms.
const PASSES: usize = 3;

/// One effort over all queries.
#[derive(Serialize)]
pub(super) struct EffortPoint {
    effort: f32,
    /// Share of the exact hits that are found, over all queries.
    recall: f64,
    /// Microseconds of a search, mean.
    mean_us: f64,
    /// The same, over that of the exact search.
    time: f64,
}

/// Measures every effort on one thread, the efforts taking turns query by query.
///
/// Errors: those of a search. Queries without a hit count nothing.
pub(super) fn curve(
    snapshot: &Snapshot,
    queries: &[SparseVector],
    k: usize,
) -> anyhow::Result<Vec<EffortPoint>> {
    let (mut found, mut total_us) = ([0usize; EFFORTS.len()], [0.0; EFFORTS.len()]);
    for pass in 0..=PASSES {
        for query in queries {
            let mut exact = HashSet::new();
            for (point, effort) in EFFORTS.into_iter().enumerate() {
                let search = prepared(snapshot, query, k, effort)?;
                let start = Instant::now();
                let response = snapshot.search(&search)?;
                if pass > 0 {
                    total_us[point] += start.elapsed().as_secs_f64() * 1e6;
                    continue;
                }
                let ids = response.hits.into_iter().map(|hit| hit.id);
                match point {
                    0 => exact = ids.collect(),
                    _ => found[point] += ids.filter(|id| exact.contains(id)).count(),
                }
            }
            found[0] += exact.len();
        }
    }
    let points = EFFORTS.into_iter().zip(found).zip(total_us);
    let point = |((effort, hits), us): ((f32, usize), f64)| EffortPoint {
        effort,
        recall: hits as f64 / found[0].max(1) as f64,
        mean_us: us / (queries.len() * PASSES).max(1) as f64,
        time: us / total_us[0].max(f64::MIN_POSITIVE),
    };
    Ok(points.map(point).collect())
}

/// A search that needs no model, made ready before the clock starts.
fn prepared(
    snapshot: &Snapshot,
    query: &SparseVector,
    k: usize,
    effort: f32,
) -> anyhow::Result<Prepared> {
    let query = Query::vector(query.clone());
    let search = Search::new(query).rank(Rank::SPARSE.into()).k(k).effort(effort);
    Ok(Prepared::new(search, snapshot, &Models::new())?)
}

/// The curve for people.
pub(super) fn print(out: &mut impl Write, curve: &[EffortPoint], k: usize) -> io::Result<()> {
    writeln!(out, "effort      recall@{k:<5} time   µs")?;
    for EffortPoint { effort, recall, mean_us, time } in curve {
        writeln!(out, "  {effort:<9} {recall:<12.4} {time:<6.2} {mean_us:.1}")?;
    }
    Ok(())
}
