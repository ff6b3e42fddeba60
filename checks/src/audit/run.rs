//! One case of the audit: built, searched and judged.
//!
//! An answer is compared with the true ranking of the weights given and, where the engine promises
//! its own, of the weights that it holds. What a table makes of the findings is left to `report`.

use std::{collections::BTreeSet, path::Path, time::Instant};

use gleaner_format::SparseVector;

use super::{
    cases::Case,
    engine::Engine,
    judge::{Faults, Rule, Ties, judge},
    oracle::{self, Oracle},
    promise::Promise,
    report::CaseReport,
};
use crate::{contract::Answers, exchange};

/// Runs one case in `folder`.
///
/// Errors: only what is the audit's own failure; what the engine does wrong is in the report.
pub fn run_case(engine: &Engine, case: &Case, folder: &Path) -> anyhow::Result<CaseReport> {
    let start = Instant::now();
    let mut report = CaseReport::new(case);
    let lacking = case.needs.iter().find(|need| !engine.offers(need));
    if let Some(lacking) = lacking {
        report.not_offered = Some((*lacking).to_owned());
        return Ok(report);
    }
    let index = folder.join("index");
    std::fs::create_dir_all(&index)?;
    let vectors = case.write(folder)?;
    if let Err(error) = engine.build(&vectors, &index, folder, case) {
        report.crashed("build", &error);
        return Ok(report);
    }
    let given = Oracle::new(&case.docs, &hidden(case));
    let mut own = Own::open(engine, case, &index, folder, &mut report)?;
    for &k in &case.ks {
        match engine.search(&vectors, &index, folder, case, k) {
            Ok(answers) if answers.hits.len() == case.queries.len() && answers.k == k => {
                for (query, vector) in case.queries.iter().enumerate() {
                    let hits = &answers.hits[query];
                    report.float += judge(&given.scores(vector), hits, k, vector.len(), FLOAT);
                    report.own += own.judge(query, vector, hits, k);
                }
                report.answers += answers.hits.len();
            }
            Ok(answers) => {
                let (queries, slots) = (answers.hits.len(), answers.k);
                report.crashed("search", &anyhow::anyhow!("{queries} answers of {slots} slots"));
            }
            Err(error) => report.crashed(&format!("search k={k}"), &error),
        }
    }
    report.seconds = start.elapsed().as_secs_f64();
    Ok(report)
}

const FLOAT: Rule<'static> = Rule { compare_scores: true, ties: None };

/// Rows that must not be found.
fn hidden(case: &Case) -> BTreeSet<u32> {
    let mut hidden: BTreeSet<u32> = case.deleted.iter().copied().collect();
    if let Some(admitted) = &case.admitted {
        let admitted: BTreeSet<u32> = admitted.iter().copied().collect();
        hidden.extend((0..case.docs.len() as u32).filter(|row| !admitted.contains(row)));
    }
    hidden
}

/// The engine's own truth: the weights it says it holds or, failing that, the scores of its
/// longest answer.
enum Own {
    Stored { oracle: Oracle, ties: Option<Ties> },
    Longest(Answers),
    Unknown,
}

impl Own {
    fn open(
        engine: &Engine,
        case: &Case,
        index: &Path,
        folder: &Path,
        report: &mut CaseReport,
    ) -> anyhow::Result<Self> {
        if engine.promise != Promise::Own {
            return Ok(Self::Unknown);
        }
        if !engine.offers("export") {
            let vectors = case.folder(folder);
            let longest = engine.search(&vectors, index, folder, case, case.docs.len().max(1));
            return Ok(match longest {
                Ok(answers) if answers.hits.len() == case.queries.len() => Self::Longest(answers),
                Ok(_) => Self::Unknown,
                Err(error) => {
                    report.crashed("search k=n", &error);
                    Self::Unknown
                }
            });
        }
        let file = folder.join("stored.bin");
        if let Err(error) = engine.export(index, folder, &file) {
            report.crashed("export", &error);
            return Ok(Self::Unknown);
        }
        let mut stored = exchange::read(&file)?;
        stored.resize(case.docs.len(), SparseVector::default());
        let hidden = hidden(case);
        report.stored_error = oracle::largest_error(&case.docs, &stored, &hidden);
        let ties = engine.ties().map(|ties| Ties::new(ties, stored.len()));
        Ok(Self::Stored { oracle: Oracle::new(&stored, &hidden), ties })
    }

    fn judge(
        &mut self,
        query: usize,
        vector: &SparseVector,
        hits: &[(u32, f32)],
        k: usize,
    ) -> Faults {
        match self {
            Self::Stored { oracle, ties } => {
                let rule = Rule { compare_scores: true, ties: ties.as_ref() };
                judge(&oracle.scores(vector), hits, k, vector.len(), rule)
            }
            Self::Longest(longest) => {
                let rows = longest.k;
                let mut scores = vec![0.0; rows];
                for &(row, score) in longest.hits[query].iter().filter(|hit| hit.0 < rows as u32) {
                    scores[row as usize] = f64::from(score);
                }
                judge(&scores, hits, k, vector.len(), FLOAT)
            }
            Self::Unknown => Faults::default(),
        }
    }
}
