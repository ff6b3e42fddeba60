//! `gleaner doctor`: is every byte what was written, and every bound true?

use std::io::Write;

use gleaner::{Finding, Level, examine};
use serde_json::json;

use crate::{
    args::{DoctorArgs, DoctorLevel},
    failure::Failure,
    io::output::stdout,
};

/// `gleaner doctor`
pub(crate) fn run(args: &DoctorArgs) -> anyhow::Result<()> {
    let level = match args.level {
        DoctorLevel::Fast => Level::Files,
        DoctorLevel::Full => Level::Full,
    };
    let findings = examine(&args.index, level)?;
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
        let passed = findings.iter().all(|finding| finding.ok);
        let mut report = json!({ "passed": passed, "ok": passed, "findings": findings });
        // `ok` is the older name of `passed`.
        for (at, finding) in findings.iter().enumerate() {
            report["findings"][at]["passed"] = finding.ok.into();
        }
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        for finding in findings {
            let mark = if finding.ok { "passed " } else { "DAMAGED" };
            writeln!(out, "{mark} {}: {}", finding.check.name(), finding.detail)?;
        }
    }
    Ok(out.flush()?)
}
