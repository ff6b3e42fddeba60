//! What `inspect` says of an index: documents, settings, segments, and bytes by section.

use std::{io, path::Path};

use gleaner_format::{ImpactView, Section, VectorData};
use gleaner_searcher::{DenseField, Manifest, Segment, Snapshot};
use serde::Serialize;

use super::effort::EffortPoint;

/// All that `inspect` says.
#[derive(Serialize)]
pub(super) struct IndexReport {
    pub(super) documents: u64,
    /// Rows that a merge will drop.
    pub(super) deleted: u64,
    pub(super) generation: u64,
    pub(super) size_bytes: u64,
    /// What makes words of text.
    pub(super) analyzer: &'static str,
    pub(super) fusion_window: usize,
    pub(super) dense: Vec<DenseFieldReport>,
    pub(super) manifest: Manifest,
    pub(super) segments: Vec<SegmentReport>,
    /// Present when queries were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) effort: Option<Vec<EffortPoint>>,
}

/// A dense field over all segments.
#[derive(Serialize)]
pub(super) struct DenseFieldReport {
    #[serde(flatten)]
    pub(super) field: DenseField,
    /// Those of deleted rows included.
    pub(super) vectors: usize,
    pub(super) vector_bytes: usize,
}

/// A segment and where its bytes are.
#[derive(Serialize)]
pub(super) struct SegmentReport {
    pub(super) name: String,
    pub(super) rows: usize,
    pub(super) living_rows: u64,
    pub(super) postings: u64,
    pub(super) postings_per_row: f64,
    pub(super) terms: usize,
    pub(super) windows: usize,
    pub(super) lists: usize,
    pub(super) long_lists: usize,
    pub(super) postings_in_long_lists: u64,
    pub(super) row_bytes: usize,
    pub(super) column_bytes: usize,
    pub(super) directory_bytes: usize,
}

impl IndexReport {
    /// Gathers it from a snapshot of the index in a folder.
    ///
    /// Errors: what cannot be read of the folder.
    pub(super) fn of(
        folder: &Path,
        snapshot: &Snapshot,
        effort: Option<Vec<EffortPoint>>,
    ) -> io::Result<Self> {
        let rows: u64 = snapshot.segments().iter().map(|s| s.impacts().rows() as u64).sum();
        Ok(Self {
            documents: snapshot.live_docs(),
            deleted: rows - snapshot.live_rows(),
            generation: snapshot.generation(),
            size_bytes: folder_bytes(folder)?,
            analyzer: snapshot.analyzer().name(),
            fusion_window: snapshot.manifest().fusion_depth,
            dense: dense_reports(snapshot),
            manifest: snapshot.manifest().clone(),
            segments: snapshot.segments().iter().map(|segment| segment_report(segment)).collect(),
            effort,
        })
    }
}

fn dense_reports(snapshot: &Snapshot) -> Vec<DenseFieldReport> {
    let report = |field: &DenseField| {
        let views =
            || snapshot.segments().iter().filter_map(|it| it.dense().field(&field.spec.name));
        DenseFieldReport {
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
