//! `gleaner inspect`: what an index holds and where its bytes are.

use std::path::Path;

use gleaner_format::{Column, ImpactView, Section};
use gleaner_searcher::{Index, Manifest, Segment};
use serde::Serialize;

use crate::args::InspectArgs;

#[derive(Serialize)]
struct Report {
    documents: u64,
    deleted: u64,
    generation: u64,
    size_bytes: u64,
    manifest: Manifest,
    segments: Vec<SegmentReport>,
}

#[derive(Serialize)]
struct SegmentReport {
    name: String,
    rows: usize,
    living_rows: u64,
    postings: u64,
    postings_per_row: f64,
    terms: usize,
    windows: usize,
    lists: usize,
    dense_lists: usize,
    postings_in_dense_lists: u64,
    row_bytes: usize,
    column_bytes: usize,
    directory_bytes: usize,
}

pub(crate) fn run(args: &InspectArgs) -> anyhow::Result<()> {
    let snapshot = Index::open(&args.index)?.snapshot();
    let rows: u64 = snapshot.segments().iter().map(|s| s.impacts().rows() as u64).sum();
    let report = Report {
        documents: snapshot.live_docs(),
        deleted: rows - snapshot.live_docs(),
        generation: snapshot.generation(),
        size_bytes: folder_bytes(&args.index)?,
        manifest: snapshot.manifest().clone(),
        segments: snapshot.segments().iter().map(|segment| segment_report(segment)).collect(),
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

fn segment_report(segment: &Segment) -> SegmentReport {
    let view = segment.impacts();
    let bytes = |sections: &[Section]| -> usize {
        sections.iter().map(|section| view.section_len_bytes(*section)).sum()
    };
    let (dense_lists, postings_in_dense_lists) = dense(view);
    SegmentReport {
        name: segment.name(),
        rows: view.rows(),
        living_rows: segment.alive().map_or(view.rows() as u64, |alive| alive.count()),
        postings: view.postings(),
        postings_per_row: view.postings() as f64 / view.rows().max(1) as f64,
        terms: view.terms(),
        windows: view.windows(),
        lists: view.list_count(),
        dense_lists,
        postings_in_dense_lists,
        row_bytes: bytes(&[
            Section::RowStarts,
            Section::RowExponents,
            Section::Rows,
            Section::RowDocs,
        ]),
        column_bytes: bytes(&[Section::Columns]),
        directory_bytes: bytes(&[Section::Terms, Section::TermLists, Section::Lists]),
    }
}

/// Number of dense lists and of the postings in them.
fn dense(view: ImpactView<'_>) -> (usize, u64) {
    let lists = (0..view.terms()).flat_map(|ordinal| view.lists(ordinal));
    let dense = lists.filter(|list| matches!(list.column, Column::Dense { .. }));
    dense.fold((0, 0), |(lists, postings), list| (lists + 1, postings + list.postings as u64))
}

fn folder_bytes(folder: &Path) -> std::io::Result<u64> {
    std::fs::read_dir(folder)?.map(|entry| Ok(entry?.metadata()?.len())).sum()
}

fn print(report: &Report) {
    println!("documents   {} ({} deleted)", report.documents, report.deleted);
    println!("size        {} bytes, generation {}", report.size_bytes, report.generation);
    match &report.manifest.model {
        Some(model) => println!("model       {}\n            {}", model.path, model.fingerprint),
        None => println!("model       none: built from vectors"),
    }
    for input in &report.manifest.inputs {
        let state = if input.complete { "complete" } else { "interrupted" };
        let (documents, rejected) = (input.documents, input.rejected);
        println!("input       {}: {documents} documents, {rejected} rejected, {state}", input.path);
    }
    for segment in &report.segments {
        println!("segment     {}", segment.name);
        println!("  rows        {} ({} living)", segment.rows, segment.living_rows);
        println!("  postings    {} ({:.1} a row)", segment.postings, segment.postings_per_row);
        println!("  terms       {}, windows {}", segment.terms, segment.windows);
        println!(
            "  lists       {}, dense {} with {} postings",
            segment.lists, segment.dense_lists, segment.postings_in_dense_lists
        );
        println!(
            "  bytes       rows {}, columns {}, directory {}",
            segment.row_bytes, segment.column_bytes, segment.directory_bytes
        );
    }
}
