//! What `inspect` says of an index: documents, settings, segments, and bytes by section.

use std::io;

use gleaner::{DenseStatistics, Manifest, SegmentStatistics, Snapshot};
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
    pub(super) dense: Vec<DenseStatistics>,
    pub(super) manifest: Manifest,
    pub(super) segments: Vec<SegmentStatistics>,
    /// Present when queries were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) effort: Option<Vec<EffortPoint>>,
}

impl IndexReport {
    /// Gathers it from a snapshot.
    ///
    /// Errors: what cannot be read of the folder.
    pub(super) fn of(snapshot: &Snapshot, effort: Option<Vec<EffortPoint>>) -> io::Result<Self> {
        Ok(Self {
            documents: snapshot.documents(),
            deleted: snapshot.deleted_rows(),
            generation: snapshot.generation(),
            size_bytes: snapshot.size_bytes()?,
            analyzer: snapshot.analyzer().name(),
            fusion_window: snapshot.manifest().fusion_depth,
            dense: snapshot.dense_fields(),
            // Names and checksums of files are for whoever opens them.
            manifest: Manifest { files: Default::default(), ..snapshot.manifest().clone() },
            segments: snapshot.segments(),
            effort,
        })
    }
}
