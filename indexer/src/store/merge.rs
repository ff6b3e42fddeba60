//! Segments into fewer segments: all of them, those that are due, or those that are due beside other work.
//!
//! Which ones are due is `policy.rs`'s. A merge of the storage layer that fails is only logged there, so
//! every merge is waited for, here or by a thread of its own.

use std::{
    sync::mpsc::{Receiver, TryRecvError, channel},
    thread,
};

use gleaner_catalog::DenseField;
use tantivy::{TantivyError, index::SegmentId};

use super::{
    open::IndexStore,
    policy::{SegmentSize, due},
};
use crate::error::{IndexError, storage};

/// Rows of the largest merge that may run beside another one.
const SECOND_MERGE_ROWS: u64 = 1 << 15;
/// Merges that run at once.
const MERGES: usize = 2;
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
        self.merge_due()?;
        let collected = self.writer.garbage_collect_files().wait();
        collected.map_err(|error| self.directory.explain(error))?;
        Ok(())
    }

    /// Merges all segments into as few as the size limit allows and removes replaced files, after the
    /// merges that run. The files of an index of an earlier version are then named by its manifest.
    ///
    /// # Errors
    /// `Write`, `Storage`; the sources of a failed merge stay in place.
    pub fn merge(&mut self) -> Result<MergeReport, IndexError> {
        self.end_merges(true)?;
        if self.uncommitted == 0 && !self.manifest.is_sealed() {
            self.commit(self.manifest.inputs.clone())?;
        }
        let before = self.index.searchable_segment_ids().map_err(storage)?.len();
        let mut batch: Vec<SegmentId> = Vec::new();
        let mut batch_docs = 0;
        let docs_limit = self.merged_docs_limit();
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

    /// Makes all merges that are due, one after the other.
    ///
    /// # Errors
    /// As [`IndexStore::merge`].
    pub fn merge_due(&mut self) -> Result<(), IndexError> {
        while let Some(segments) = due(&self.segment_sizes()?, self.merged_docs_limit()) {
            self.merge_segments(&segments)?;
        }
        Ok(())
    }

    /// Begins the merges that are due beside other work. They end with [`IndexStore::end_merges`].
    ///
    /// # Errors
    /// `Storage`, of reading the list of segments.
    pub fn begin_merges(&mut self) -> Result<(), IndexError> {
        while self.merging.len() < MERGES {
            let limit = match self.merging.is_empty() {
                true => self.merged_docs_limit(),
                false => SECOND_MERGE_ROWS,
            };
            let is_free = |segment: &SegmentSize| {
                let mut merging = self.merging.iter();
                segment.living <= limit && merging.all(|it| !it.segments.contains(&segment.id))
            };
            let free = self.segment_sizes()?.into_iter().filter(is_free).collect::<Vec<_>>();
            let Some(segments) = due(&free, limit) else { return Ok(()) };
            let merged = self.writer.merge(&segments);
            let (ended, merge) = channel();
            // A merge that nobody waits for any more has no one to tell.
            thread::spawn(move || drop(ended.send(merged.wait().map(|_| ()))));
            self.merging.push(RunningMerge { segments, ended: merge });
        }
        Ok(())
    }

    /// Merges that were begun and have not ended.
    pub fn running_merges(&self) -> usize {
        self.merging.len()
    }

    /// Takes the merges that have ended since, or waits for all. Says how many ended.
    ///
    /// # Errors
    /// `Write`, `Storage` of the first that failed; its segments stay as they were.
    pub fn end_merges(&mut self, waits: bool) -> Result<usize, IndexError> {
        let (mut ended, mut first_error) = (0, None);
        self.merging.retain(|merge| match merge.result(waits) {
            None => true,
            Some(result) => {
                ended += 1;
                first_error = first_error.take().or(result.err());
                false
            }
        });
        match first_error {
            Some(error) => Err(self.directory.explain(error)),
            None => Ok(ended),
        }
    }

    fn segment_sizes(&self) -> Result<Vec<SegmentSize>, IndexError> {
        let metas = self.index.searchable_segment_metas().map_err(storage)?;
        let size = |meta: &tantivy::SegmentMeta| SegmentSize {
            id: meta.id(),
            rows: u64::from(meta.max_doc()),
            living: u64::from(meta.num_docs()),
        };
        Ok(metas.iter().map(size).collect())
    }

    fn merged_docs_limit(&self) -> u64 {
        merged_docs_limit(&self.manifest.dense)
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

/// A merge beside other work.
pub(super) struct RunningMerge {
    segments: Vec<SegmentId>,
    ended: Receiver<Result<(), TantivyError>>,
}

impl RunningMerge {
    /// How it ended, if it did; or in the end.
    fn result(&self, waits: bool) -> Option<Result<(), TantivyError>> {
        let died = || Err(TantivyError::SystemError("a merge ended without a result".to_owned()));
        match waits {
            true => Some(self.ended.recv().unwrap_or_else(|_| died())),
            false => match self.ended.try_recv() {
                Ok(result) => Some(result),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => Some(died()),
            },
        }
    }
}

/// Documents of the largest segment that merging makes.
fn merged_docs_limit(fields: &[DenseField]) -> u64 {
    let row_bytes: u64 = fields.iter().map(|field| field.spec.row_len_bytes() as u64).sum();
    MERGED_DOCS_LIMIT.min(MERGED_DENSE_BYTES / row_bytes.max(1))
}
