//! Segments into fewer segments, and how large they may become.
//!
//! Merges are explicit and waited for, because a merge that fails in the background would only be logged.

use gleaner_catalog::DenseField;
use tantivy::index::SegmentId;

use super::open::IndexStore;
use crate::error::{IndexError, storage};

/// Small segments that are merged into one as soon as there are so many of them.
const SMALL_SEGMENTS_LIMIT: usize = 8;
/// Documents below which a segment counts as small.
const SMALL_SEGMENT_DOCS: u64 = 50_000;
/// Merging never makes a segment of more documents than this: a merge holds about 8 bytes a posting
/// in memory (rows, and columns twice), 0.7 GB at this size with 175 postings a document.
const MERGED_DOCS_LIMIT: u64 = 1 << 19;
/// Nor one of more bytes of dense vectors, which a merge holds as well.
const MERGED_DENSE_BYTES: u64 = 2 << 30;
/// A run that indexed less than this share of an index leaves its large segments as they are.
const SETTLE_ONE_IN: u64 = 8;

/// What a merge did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergeReport {
    /// Segments before.
    pub before: usize,
    /// Segments after.
    pub after: usize,
}

impl IndexStore {
    /// Merges at the end of a run: everything after a run that wrote a good part of the index,
    /// only small segments after a few documents, so that an upsert does not rewrite it all.
    ///
    /// # Errors
    /// As [`IndexStore::merge`].
    pub fn settle(&mut self, indexed: u64) -> Result<(), IndexError> {
        // Whoever holds what is known of a segment keeps its files: none of it is held past this line.
        let metas = self.index.searchable_segment_metas().map_err(storage)?;
        let living: u64 = metas.into_iter().map(|meta| u64::from(meta.num_docs())).sum();
        // Living rows: those of a document are several where passages are kept.
        let written = std::mem::take(&mut self.rows_written).max(indexed);
        if written * SETTLE_ONE_IN >= living {
            return self.merge().map(|_| ());
        }
        self.merge_small()?;
        let collected = self.writer.garbage_collect_files().wait();
        collected.map_err(|error| self.directory.explain(error))?;
        Ok(())
    }

    /// Merges all segments into as few as the size limit allows and removes replaced files. The files of an
    /// index of an earlier version are then named by its manifest.
    ///
    /// # Errors
    /// `Write`, `Storage`; the sources of a failed merge stay in place.
    pub fn merge(&mut self) -> Result<MergeReport, IndexError> {
        if self.uncommitted == 0 && !self.manifest.is_sealed() {
            self.commit(self.manifest.inputs.clone())?;
        }
        let before = self.index.searchable_segment_ids().map_err(storage)?.len();
        let mut batch: Vec<SegmentId> = Vec::new();
        let mut batch_docs = 0;
        let docs_limit = merged_docs_limit(&self.manifest.dense);
        let mut metas = self.index.searchable_segment_metas().map_err(storage)?;
        metas.sort_by_key(|meta| meta.num_docs());
        for meta in metas {
            if batch_docs + u64::from(meta.num_docs()) > docs_limit {
                self.merge_segments(&batch)?;
                (batch, batch_docs) = (Vec::new(), 0);
            }
            batch.push(meta.id());
            batch_docs += u64::from(meta.num_docs());
        }
        self.merge_segments(&batch)?;
        let collected = self.writer.garbage_collect_files().wait();
        collected.map_err(|error| self.directory.explain(error))?;
        Ok(MergeReport {
            before,
            after: self.index.searchable_segment_ids().map_err(storage)?.len(),
        })
    }

    /// Keeps the number of segments bounded while indexing goes on.
    pub(super) fn merge_small(&mut self) -> Result<(), IndexError> {
        let metas = self.index.searchable_segment_metas().map_err(storage)?;
        let limit = merged_docs_limit(&self.manifest.dense) / SMALL_SEGMENTS_LIMIT as u64;
        let small: Vec<SegmentId> = metas
            .iter()
            .filter(|meta| u64::from(meta.num_docs()) < limit.min(SMALL_SEGMENT_DOCS))
            .map(|meta| meta.id())
            .collect();
        if small.len() < SMALL_SEGMENTS_LIMIT {
            return Ok(());
        }
        self.merge_segments(&small)
    }

    fn merge_segments(&mut self, segments: &[SegmentId]) -> Result<(), IndexError> {
        let has_deletes = || -> Result<bool, IndexError> {
            let metas = self.index.searchable_segment_metas().map_err(storage)?;
            Ok(metas.iter().any(|meta| segments.contains(&meta.id()) && meta.has_deletes()))
        };
        if segments.len() < 2 && !has_deletes()? || segments.is_empty() {
            return Ok(());
        }
        let merged = self.writer.merge(segments).wait();
        merged.map_err(|error| self.directory.explain(error))?;
        Ok(())
    }
}

/// Documents of the largest segment that merging makes.
fn merged_docs_limit(fields: &[DenseField]) -> u64 {
    let row_bytes: u64 = fields.iter().map(|field| field.spec.row_len_bytes() as u64).sum();
    MERGED_DOCS_LIMIT.min(MERGED_DENSE_BYTES / row_bytes.max(1))
}
