//! `gleaner inspect`: what an index holds and where its bytes are.

use std::{
    io::{self, Write},
    path::Path,
};

use gleaner_format::{ImpactView, Section, VectorData};
use gleaner_searcher::{DenseField, Index, Manifest, Segment, Snapshot};
use serde::Serialize;

use crate::{
    args::InspectArgs,
    batch_search::Queries,
    effort::{self, Point},
    failure::Failure,
    output::stdout,
};

#[derive(Serialize)]
struct Report {
    documents: u64,
    /// Rows that a merge will drop.
    deleted: u64,
    generation: u64,
    size_bytes: u64,
    /// What makes words of text.
    analyzer: &'static str,
    fusion_window: usize,
    dense: Vec<DenseReport>,
    manifest: Manifest,
    segments: Vec<SegmentReport>,
    /// Present when queries were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<Vec<Point>>,
}

/// A dense field over all segments.
#[derive(Serialize)]
struct DenseReport {
    #[serde(flatten)]
    field: DenseField,
    /// Those of deleted rows included.
    vectors: usize,
    vector_bytes: usize,
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
    long_lists: usize,
    postings_in_long_lists: u64,
    row_bytes: usize,
    column_bytes: usize,
    directory_bytes: usize,
}

pub(crate) fn run(args: &InspectArgs) -> anyhow::Result<()> {
    let snapshot = Index::open(&args.index)?.snapshot();
    let rows: u64 = snapshot.segments().iter().map(|s| s.impacts().rows() as u64).sum();
    let report = Report {
        documents: snapshot.live_docs(),
        deleted: rows - snapshot.live_rows(),
        generation: snapshot.generation(),
        size_bytes: folder_bytes(&args.index)?,
        analyzer: snapshot.analyzer().name(),
        fusion_window: snapshot.manifest().fusion_depth,
        dense: dense_reports(&snapshot),
        manifest: snapshot.manifest().clone(),
        segments: snapshot.segments().iter().map(|segment| segment_report(segment)).collect(),
        effort: effort_curve(args, &snapshot)?,
    };
    let mut out = stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        print(&mut out, &report)?;
        if let Some(curve) = &report.effort {
            effort::print(&mut out, curve, args.k)?;
        }
    }
    Ok(out.flush()?)
}

fn effort_curve(args: &InspectArgs, snapshot: &Snapshot) -> anyhow::Result<Option<Vec<Point>>> {
    let Some(file) = &args.queries else { return Ok(None) };
    let queries = Queries::read(file, args.format, &args.model, snapshot)?;
    let vectors = queries.into_vectors(&args.model, snapshot)?;
    if vectors.is_empty() {
        let message = format!("there is no query in {}", file.display());
        return Err(Failure::Usage(message).into());
    }
    Ok(Some(effort::curve(snapshot, &vectors, args.k)?))
}

fn dense_reports(snapshot: &Snapshot) -> Vec<DenseReport> {
    let report = |field: &DenseField| {
        let views =
            || snapshot.segments().iter().filter_map(|it| it.dense().field(&field.spec.name));
        DenseReport {
            field: field.clone(),
            vectors: views().map(|view| view.vectors()).sum(),
            vector_bytes: views().map(|view| data_bytes(view.data())).sum(),
        }
    };
    snapshot.manifest().dense.iter().map(report).collect()
}

fn data_bytes(data: VectorData<'_>) -> usize {
    match data {
        VectorData::F32(bytes) | VectorData::F16(bytes) => bytes.len(),
        VectorData::Int8 { codes, scales, norms, errors, floats } => {
            let bounds = scales.len() + norms.len() + errors.len();
            codes.len() + bounds + floats.map_or(0, <[u8]>::len)
        }
    }
}

fn segment_report(segment: &Segment) -> SegmentReport {
    let view = segment.impacts();
    let bytes = |sections: &[Section]| -> usize {
        sections.iter().map(|section| view.section_len_bytes(*section)).sum()
    };
    let (long_lists, postings_in_long_lists) = long_lists(view);
    SegmentReport {
        name: segment.name(),
        rows: view.rows(),
        living_rows: segment.alive().map_or(view.rows() as u64, |alive| alive.count()),
        postings: view.postings(),
        postings_per_row: view.postings() as f64 / view.rows().max(1) as f64,
        terms: view.terms(),
        windows: view.windows(),
        lists: view.list_count(),
        long_lists,
        postings_in_long_lists,
        row_bytes: bytes(&[Section::RowStarts, Section::Rows, Section::RowDocs]),
        column_bytes: bytes(&[Section::Columns]),
        directory_bytes: bytes(&[Section::Terms, Section::TermLists, Section::Lists]),
    }
}

/// Number of lists that are added to whole groups (bitmaps and dense ones), and of their postings.
fn long_lists(view: ImpactView<'_>) -> (usize, u64) {
    let lists = (0..view.terms()).flat_map(|ordinal| view.lists(ordinal));
    let long = lists.filter(|list| list.column.block_max().is_some());
    long.fold((0, 0), |(lists, postings), list| (lists + 1, postings + list.postings as u64))
}

/// Size of all files; one that a commit removes meanwhile counts nothing.
fn folder_bytes(folder: &Path) -> io::Result<u64> {
    let sizes = std::fs::read_dir(folder)?.map(|entry| match entry?.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        metadata => Ok(metadata?.len()),
    });
    sizes.sum()
}

fn print(out: &mut impl Write, report: &Report) -> io::Result<()> {
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
    for DenseReport { field, vectors, vector_bytes } in &report.dense {
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

fn print_segment(out: &mut impl Write, segment: &SegmentReport) -> io::Result<()> {
    writeln!(out, "segment     {}", segment.name)?;
    writeln!(out, "  rows        {} ({} living)", segment.rows, segment.living_rows)?;
    writeln!(out, "  postings    {} ({:.1} a row)", segment.postings, segment.postings_per_row)?;
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
