//! `gleaner doctor`: is every byte what was written, and every bound true?

use std::{collections::HashMap, io::Write, path::Path};

use gleaner_searcher::{Index, SearchError, Snapshot};
use serde::Serialize;

use crate::{
    args::{DoctorArgs, DoctorLevel},
    failure::{Failure, chain},
    io::output::stdout,
};

/// What a check has found.
#[derive(Serialize)]
struct Finding {
    check: &'static str,
    ok: bool,
    detail: String,
}

/// `gleaner doctor`
pub(crate) fn run(args: &DoctorArgs) -> anyhow::Result<()> {
    let findings = examine(&args.index, args.level)?;
    let damaged = findings.iter().find(|finding| !finding.ok);
    let written = write(&findings, args.json);
    // Damage is said by the exit code even if nobody reads the report.
    match damaged {
        Some(finding) => Err(Failure::Damage(finding.detail.clone()).into()),
        None => written,
    }
}

fn write(findings: &[Finding], json: bool) -> anyhow::Result<()> {
    let mut out = stdout();
    if json {
        let ok = findings.iter().all(|finding| finding.ok);
        let report = serde_json::json!({ "ok": ok, "findings": findings });
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        for finding in findings {
            let mark = if finding.ok { "ok     " } else { "DAMAGED" };
            writeln!(out, "{mark} {}: {}", finding.check, finding.detail)?;
        }
    }
    Ok(out.flush()?)
}

fn examine(index: &Path, level: DoctorLevel) -> Result<Vec<Finding>, SearchError> {
    let snapshot = match Index::open(index) {
        Ok(index) => index.snapshot(),
        Err(error) if error.is_damage() => {
            let detail = chain(&error);
            return Ok(vec![Finding { check: "files", ok: false, detail }]);
        }
        Err(error) => return Err(error),
    };
    let segments = snapshot.segments().len();
    let detail = format!(
        "{} documents in {segments} segments; structure and checksums of all files hold",
        snapshot.live_docs()
    );
    let mut findings = vec![Finding { check: "files", ok: true, detail }];
    match level {
        DoctorLevel::Fast => {}
        DoctorLevel::Full => {
            findings.extend(bounds(&snapshot));
            findings.extend(dense(&snapshot));
            findings.push(documents(&snapshot));
        }
    }
    Ok(findings)
}

/// Every segment's columns and maxima, derived again from its rows.
fn bounds(snapshot: &Snapshot) -> Vec<Finding> {
    let audit = |segment: &gleaner_searcher::Segment| match segment.impacts().verify() {
        Ok(audit) => Finding {
            check: "bounds",
            ok: true,
            detail: format!(
                "{}: {} postings, {} lists and {} block maxima recomputed, all equal",
                segment.name(),
                audit.postings,
                audit.lists,
                audit.block_maxima
            ),
        },
        Err(error) => {
            let detail = format!("the index is damaged: {}: {}", segment.name(), chain(&error));
            Finding { check: "bounds", ok: false, detail }
        }
    };
    snapshot.segments().iter().map(|segment| audit(segment)).collect()
}

/// Every dense vector read, every code and bound derived again.
fn dense(snapshot: &Snapshot) -> Vec<Finding> {
    let audit = |segment: &gleaner_searcher::Segment| {
        let mut vector = Vec::new();
        let mut read = 0;
        for field in segment.dense_fields() {
            read += field.vectors();
            (0..field.vectors()).for_each(|ordinal| field.read(ordinal, &mut vector));
        }
        match segment.dense().verify() {
            Ok(codes) => Finding {
                check: "dense",
                ok: true,
                detail: format!(
                    "{}: {read} vectors read, the codes of {codes} recomputed, all equal",
                    segment.name()
                ),
            },
            Err(error) => {
                let detail = format!("the index is damaged: {}: {}", segment.name(), chain(&error));
                Finding { check: "dense", ok: false, detail }
            }
        }
    };
    let segments = if snapshot.manifest().dense.is_empty() { &[] } else { snapshot.segments() };
    segments.iter().map(|segment| audit(segment)).collect()
}

/// Every living document readable, every id once.
fn documents(snapshot: &Snapshot) -> Finding {
    let result = read_documents(snapshot);
    let (ok, detail) = match result {
        Ok(count) => (true, format!("{count} stored documents read, every _id unique")),
        Err(detail) => (false, detail),
    };
    Finding { check: "documents", ok, detail }
}

fn read_documents(snapshot: &Snapshot) -> Result<usize, String> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (ordinal, segment) in snapshot.segments().iter().enumerate() {
        let view = segment.impacts();
        for row in 0..view.rows() {
            if segment.alive().is_some_and(|alive| !alive.contains(row)) {
                continue;
            }
            let doc = view.doc(row);
            // The first row of several stands for the document.
            if segment.first_row(doc) != doc {
                continue;
            }
            let id = segment.id(doc);
            snapshot.stored(ordinal, doc).map_err(|error| chain(&error))?;
            if let Some(other) = seen.insert(id, ordinal) {
                let name = |ordinal: usize| snapshot.segments()[ordinal].name();
                return Err(format!("_id {id:?} lives in {} and {}", name(other), name(ordinal)));
            }
        }
    }
    Ok(seen.len())
}
