//! An engine that is wrong on purpose, behind the same contract.
//!
//! It scores exhaustively and then does what engines have been seen to do. With the fault `none`
//! the audit must find nothing; with any other it must find something.

use std::{cmp::Ordering, fs, path::Path};

use anyhow::ensure;
use gleaner_format::SparseVector;
use serde::Deserialize;
use serde_json::json;

use super::oracle::Oracle;
use crate::{
    contract::{self, Answers, BuildArgs, Config, ExportArgs, Offers, SearchArgs, Taken, TieOrder},
    exchange,
};

const BLOCK_ROWS: usize = 64;

/// What is wrong with the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// The last block of 64 rows is never scored.
    LastBlock,
    /// Sums are kept in 16 bits.
    Wrap,
    /// A row must beat the first score seen, not reach it: ties with it are dropped.
    StrictTies,
    /// The first two hits change places.
    Order,
    /// The first score is one part in a thousand too high.
    Scores,
    /// The first hit appears again in the last place.
    Duplicate,
    /// An empty slot is filled with a row that does not exist.
    Invent,
    /// Deletes are forgotten.
    Deletes,
    /// Filters are applied after the top k is known.
    LateFilter,
    /// The process fails when a document has no term.
    Crash,
}

/// Keys of a build.
#[derive(Debug, Deserialize)]
pub struct Build {
    #[serde(default)]
    fault: Fault,
    #[serde(default)]
    deleted: Vec<u32>,
}

/// Keys of a search.
#[derive(Debug, Deserialize)]
pub struct Search {
    id: String,
    admitted: Option<Vec<u32>>,
}

type FakeConfig = Config<Build, Search>;

/// `build`: keeps the vectors.
pub fn build(args: &BuildArgs) -> anyhow::Result<()> {
    let fault = FakeConfig::read(&args.config)?.build.fault;
    let docs = exchange::read(&args.vectors.join("docs.bin"))?;
    ensure!(fault != Fault::Crash || docs.iter().all(|doc| !doc.is_empty()), "an empty document");
    fs::copy(args.vectors.join("docs.bin"), args.index.join("docs.bin"))?;
    contract::say(&json!({}));
    Ok(())
}

/// `offers`: everything.
pub fn offers() -> anyhow::Result<()> {
    let all = ["export", "large_terms", "deleted", "admitted", "segments"];
    let offers = all.map(str::to_owned).to_vec();
    contract::say(&serde_json::to_value(Offers { offers, ties: Some(TieOrder::Row) })?);
    Ok(())
}

/// `export`: the weights are held as given.
pub fn export(args: &ExportArgs) -> anyhow::Result<()> {
    let deleted = FakeConfig::read(&args.config)?.build.deleted;
    let mut docs = exchange::read(&args.index.join("docs.bin"))?;
    deleted.iter().for_each(|&row| docs[row as usize] = SparseVector::default());
    exchange::write(&args.out, &docs)?;
    contract::say(&json!({}));
    Ok(())
}

/// `search`.
pub fn search(args: &SearchArgs) -> anyhow::Result<()> {
    let config = FakeConfig::read(&args.config)?;
    let docs = exchange::read(&args.index.join("docs.bin"))?;
    let mut queries = exchange::read(&args.vectors.join("queries.bin"))?;
    queries.truncate(args.queries);
    for search in &config.searches {
        let hits = answer(&config.build, search, &docs, &queries, args.k);
        let taken = vec![Taken::default(); queries.len()];
        let answers = Answers { k: args.k, hits, taken };
        answers.write(&args.results.join(Path::new(&format!("{}.res", search.id))))?;
    }
    contract::say(&json!({ "searches": {} }));
    Ok(())
}

fn answer(
    build: &Build,
    search: &Search,
    docs: &[SparseVector],
    queries: &[SparseVector],
    k: usize,
) -> Vec<Vec<(u32, f32)>> {
    let fault = build.fault;
    let admitted = |row: &u32| search.admitted.as_ref().is_none_or(|rows| rows.contains(row));
    let deleted = |row: &u32| fault != Fault::Deletes && build.deleted.contains(row);
    let early = |row: &u32| !deleted(row) && (fault == Fault::LateFilter || admitted(row));
    let hidden = (0..docs.len() as u32).filter(|row| !early(row)).collect();
    let oracle = Oracle::new(docs, &hidden);
    let one = |query: &SparseVector| {
        let mut top = top(spoil_scores(fault, oracle.scores(query)), k);
        top.retain(|hit| admitted(&hit.0));
        spoil_hits(fault, top, k, docs.len())
    };
    queries.iter().map(one).collect()
}

fn spoil_scores(fault: Fault, mut scores: Vec<f64>) -> Vec<f64> {
    match fault {
        Fault::LastBlock => {
            let last = scores.len().saturating_sub(1) / BLOCK_ROWS * BLOCK_ROWS;
            scores[last..].fill(0.0);
        }
        Fault::Wrap => {
            for score in &mut scores {
                *score = (*score * 64.0) % 65_536.0 / 64.0;
            }
        }
        Fault::StrictTies => {
            if let Some(seen) = scores.iter().position(|&score| score > 0.0) {
                let bar = scores[seen];
                scores[seen + 1..].iter_mut().filter(|score| **score == bar).for_each(|s| *s = 0.0);
            }
        }
        Fault::None
        | Fault::Order
        | Fault::Scores
        | Fault::Duplicate
        | Fault::Invent
        | Fault::Deletes
        | Fault::LateFilter
        | Fault::Crash => {}
    }
    scores
}

fn top(scores: Vec<f64>, k: usize) -> Vec<(u32, f32)> {
    let mut hits: Vec<(u32, f32)> = (0u32..)
        .zip(scores)
        .filter(|(_, score)| *score > 0.0)
        .map(|(row, score)| (row, score as f32))
        .collect();
    hits.sort_by(|a, b| match b.1.total_cmp(&a.1) {
        Ordering::Equal => a.0.cmp(&b.0),
        unequal => unequal,
    });
    hits.truncate(k);
    hits
}

fn spoil_hits(fault: Fault, mut hits: Vec<(u32, f32)>, k: usize, rows: usize) -> Vec<(u32, f32)> {
    match fault {
        Fault::Order if hits.len() > 1 => hits.swap(0, 1),
        Fault::Scores => hits.iter_mut().take(1).for_each(|hit| hit.1 *= 1.001),
        Fault::Duplicate if hits.len() > 1 => {
            let last = hits.len() - 1;
            hits[last] = hits[0];
        }
        Fault::Invent if hits.len() < k => hits.push((rows as u32, 0.0)),
        Fault::Order | Fault::Duplicate | Fault::Invent => {}
        Fault::None
        | Fault::LastBlock
        | Fault::Wrap
        | Fault::StrictTies
        | Fault::Deletes
        | Fault::LateFilter
        | Fault::Crash => {}
    }
    hits
}
