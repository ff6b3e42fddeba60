//! A comparison as a table for people.

use std::io::{self, Write};

use super::report::{Comparison, ComparisonReport, RunMeans};
use crate::io::intervals::interval_text;

const COLUMNS: usize = 12;

/// Rows of the printed table, the heading first: per measure the baseline, then the others.
pub(super) fn table(report: &ComparisonReport) -> Vec<TableRow> {
    let mut rows = vec![TableRow::heading()];
    let measures = report.runs.first().map_or(&[][..], |baseline| &baseline.metrics);
    for (place, (measure, _)) in measures.iter().enumerate() {
        let measure = measure.to_string();
        let mut comparisons = report.comparisons.iter().filter(|found| found.measure == measure);
        for (index, means) in report.runs.iter().enumerate() {
            let against = if index == 0 { None } else { comparisons.next() };
            rows.push(TableRow::new(&measure, means, place, against));
        }
    }
    rows
}

/// A row of the printed table.
pub(super) struct TableRow([String; COLUMNS]);

impl TableRow {
    fn heading() -> Self {
        let names = ["metric", "run", "mean", "95 %", "difference", "95 %"];
        let more = ["wins", "losses", "ties", "effect", "p", "p (Holm)"];
        let mut names = names.into_iter().chain(more);
        Self(std::array::from_fn(|_| names.next().unwrap_or_default().to_owned()))
    }

    /// A run's mean and interval, and how it compares with the baseline if it is not the baseline.
    fn new(measure: &str, means: &RunMeans, place: usize, against: Option<&Comparison>) -> Self {
        let (mean, interval) = (means.metrics[place].1, means.intervals[place].1);
        let mut row = Self(std::array::from_fn(|_| String::new()));
        row.0[0] = measure.to_owned();
        row.0[1] = means.run.clone();
        row.0[2] = format!("{mean:.4}");
        row.0[3] = interval_text(interval);
        let Some(found) = against else {
            row.0[4] = "baseline".to_owned();
            return row;
        };
        row.0[4] = format!("{:+.4}", found.difference);
        row.0[5] = interval_text(found.interval);
        row.0[6] = found.tally.wins.to_string();
        row.0[7] = found.tally.losses.to_string();
        row.0[8] = found.tally.ties.to_string();
        row.0[9] = found.effect.map_or("–".to_owned(), |effect| format!("{effect:+.2}"));
        row.0[10] = p_text(found.p);
        row.0[11] = p_text(found.p_holm);
        row
    }
}

/// Measures and runs to the left, all else to the right, two spaces between.
pub(super) fn write_table(out: &mut impl Write, rows: &[TableRow]) -> io::Result<()> {
    let width = |column: usize| {
        rows.iter().map(|row| row.0[column].chars().count()).max().unwrap_or_default()
    };
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    for row in rows {
        let cells = row.0.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            if column < 2 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// Four decimals, or what a small p is of the size of.
fn p_text(p: f64) -> String {
    if p < 0.0001 { format!("{p:.1e}") } else { format!("{p:.4}") }
}
