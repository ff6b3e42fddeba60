//! What `inspect` says, for people.

use std::io::{self, Write};

use gleaner::{DenseStatistics, RowsByWeight, SegmentStatistics};

use super::report::IndexReport;

/// Prints all but the curve of efforts.
pub(super) fn print_report(out: &mut impl Write, report: &IndexReport) -> io::Result<()> {
    writeln!(out, "documents   {} ({} deleted)", report.documents, report.deleted)?;
    writeln!(out, "size        {} bytes, generation {}", report.size_bytes, report.generation)?;
    match (&report.manifest.model, &report.dense[..]) {
        (Some(model), _) => {
            writeln!(out, "model       {}\n            {}", model.path, model.fingerprint)?;
            writeln!(out, "long texts  {}", report.manifest.long)?;
        }
        (None, []) => writeln!(out, "model       none: built from vectors")?,
        (None, _) => writeln!(out, "model       none: no sparse vectors but given ones")?,
    }
    for DenseStatistics { field, vectors, vector_bytes } in &report.dense {
        writeln!(out, "dense       {}: {vectors} vectors, {vector_bytes} bytes", field.spec)?;
        match &field.model {
            Some(model) => {
                writeln!(out, "            {}\n            {}", model.path, model.fingerprint)?;
            }
            None => writeln!(out, "            given by documents")?,
        }
    }
    writeln!(out, "analyzer    {}", report.analyzer)?;
    writeln!(out, "fusion      of the first {} of each leg", report.fusion_window)?;
    for input in &report.manifest.inputs {
        let state = if input.complete { "complete" } else { "interrupted" };
        let (documents, rejected) = (input.documents, input.rejected);
        writeln!(
            out,
            "input       {}: {documents} documents, {rejected} rejected, {state}",
            input.path
        )?;
    }
    report.segments.iter().try_for_each(|segment| print_segment(out, segment))
}

fn print_segment(out: &mut impl Write, segment: &SegmentStatistics) -> io::Result<()> {
    writeln!(out, "segment     {}", segment.name)?;
    writeln!(out, "  rows        {} ({} living)", segment.rows, segment.living_rows)?;
    writeln!(out, "  postings    {} ({:.1} a row)", segment.postings, segment.postings_per_row)?;
    let RowsByWeight { bits_16, bits_20, bits_24 } = segment.rows_by_weight;
    writeln!(out, "  weights     of 16 bits in {bits_16} rows, 20 in {bits_20}, 24 in {bits_24}")?;
    writeln!(out, "  terms       {}, windows {}", segment.terms, segment.windows)?;
    writeln!(
        out,
        "  lists       {}, long {} with {} postings",
        segment.lists, segment.long_lists, segment.postings_in_long_lists
    )?;
    writeln!(
        out,
        "  bytes       rows {}, columns {}, directory {}",
        segment.row_bytes, segment.column_bytes, segment.directory_bytes
    )?;
    Ok(())
}
