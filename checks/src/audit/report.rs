//! The audit's outcome: a table to read, JSON to keep, a verdict.

use serde::Serialize;

use super::{cases::Case, judge::Faults, promise::Promise};

/// One case's outcome.
#[derive(Debug, Serialize)]
pub struct CaseReport {
    /// The case.
    pub case: String,
    /// Documents.
    pub docs: usize,
    /// Depths.
    pub ks: Vec<usize>,
    /// Answers judged.
    pub answers: usize,
    /// Against the weights given.
    pub float: Faults,
    /// Against the weights that the engine says it holds, or against its own longest answer.
    pub own: Faults,
    /// Processes that failed, hung, or left an unreadable result.
    pub crashes: u64,
    /// The reasons, one per crash.
    pub reasons: Vec<String>,
    /// The extension that the case needs and the engine does not offer.
    pub not_offered: Option<String>,
    /// Largest difference between given and stored weights, as a share of the document's largest.
    pub stored_error: f64,
    /// Time spent.
    pub seconds: f64,
}

impl CaseReport {
    /// A report without findings.
    pub fn new(case: &Case) -> Self {
        Self {
            case: case.name.clone(),
            docs: case.docs.len(),
            ks: case.ks.clone(),
            answers: 0,
            float: Faults::default(),
            own: Faults::default(),
            crashes: 0,
            reasons: Vec::new(),
            not_offered: None,
            stored_error: 0.0,
            seconds: 0.0,
        }
    }

    /// Notes a crash.
    pub fn crashed(&mut self, what: &str, error: &anyhow::Error) {
        self.crashes += 1;
        self.reasons.push(format!("{what}: {error:#}"));
    }
}

/// The outcome of all cases.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The engine's command.
    pub engine: String,
    /// What it was held to.
    pub promise: &'static str,
    /// What the generated cases were made from.
    pub seed: u64,
    /// One per case.
    pub cases: Vec<CaseReport>,
}

impl Report {
    /// Whether the promise was kept: nothing lost, misordered or wrong under it, and, whatever
    /// the promise, no bad id, no duplicate, no crash.
    pub fn is_kept(&self, promise: Promise) -> bool {
        self.cases.iter().all(|case| {
            let faults = held_to(case, promise);
            let ranking = faults.lost + faults.misordered + faults.wrong_scores;
            let shape = faults.bad_ids + faults.duplicates + case.crashes;
            shape == 0 && (promise == Promise::No || ranking == 0)
        })
    }

    /// The table, Markdown, a line per case that has a finding and one for all.
    pub fn table(&self, promise: Promise, every_case: bool) -> String {
        let mut lines = vec![
            "| case | documents | answers | lost (float) | worst gap | lost (own) | missing | \
             misordered | wrong scores | bad ids | duplicates | crashes |"
                .to_owned(),
            format!("|---|{}", "---:|".repeat(11)),
        ];
        let skipped: Vec<&CaseReport> =
            self.cases.iter().filter(|case| case.not_offered.is_some()).collect();
        let run = || self.cases.iter().filter(|case| case.not_offered.is_none());
        let is_clean = |case: &CaseReport| {
            let held = held_to(case, promise);
            case.crashes == 0 && case.float.lost == 0 && *held == Faults::default()
        };
        let shown = run().filter(|case| every_case || !is_clean(case));
        lines.extend(shown.map(|case| line(case, promise)));
        let mut total = total(run());
        total.case = format!("**all {} cases**", run().count());
        lines.push(line(&total, promise));
        if let Some(stored) = run().map(|case| case.stored_error).reduce(f64::max)
            && stored > 0.0
        {
            lines.push(format!(
                "\nLargest difference between a given and a stored weight: {stored:.1e} of the \
                 document's largest."
            ));
        }
        if !skipped.is_empty() {
            let names: Vec<&str> = skipped.iter().map(|case| case.case.as_str()).collect();
            lines.push(format!("\nNot offered: {}.", names.join("; ")));
        }
        lines.join("\n")
    }
}

fn held_to(case: &CaseReport, promise: Promise) -> &Faults {
    match promise {
        Promise::Own => &case.own,
        Promise::Float | Promise::No => &case.float,
    }
}

fn line(case: &CaseReport, promise: Promise) -> String {
    let held = held_to(case, promise);
    let own = match promise {
        Promise::Own => case.own.lost.to_string(),
        Promise::Float | Promise::No => "–".to_owned(),
    };
    let gap = match case.float.lost {
        0 => "–".to_owned(),
        _ => format!("{:.1e}", case.float.worst_gap),
    };
    format!(
        "| {} | {} | {} | {} | {gap} | {own} | {} | {} | {} | {} | {} | {} |",
        case.case,
        case.docs,
        case.answers,
        case.float.lost,
        case.float.missing,
        held.misordered,
        held.wrong_scores,
        case.float.bad_ids.max(held.bad_ids),
        held.duplicates,
        case.crashes
    )
}

fn total<'a>(cases: impl Iterator<Item = &'a CaseReport>) -> CaseReport {
    let mut total = CaseReport::new(&Case::default());
    for case in cases {
        total.docs += case.docs;
        total.answers += case.answers;
        total.float += case.float.clone();
        total.own += case.own.clone();
        total.crashes += case.crashes;
        total.seconds += case.seconds;
    }
    total
}
