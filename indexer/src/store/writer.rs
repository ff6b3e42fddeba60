//! The storage layer's writer of a folder, which holds the folder's lock, and what a commit carries.

use std::path::Path;

use gleaner_catalog::Manifest;
use tantivy::{IndexWriter, TantivyError, directory::error::LockError, indexer::NoMergePolicy};

use super::directory::SealingDirectory;
use crate::error::{IndexError, storage};

/// Memory of the writer before it starts a new segment by itself.
const WRITER_BUDGET_BYTES: usize = 512 << 20;

/// The manifest as a commit carries it.
pub(super) fn payload(manifest: &Manifest) -> Result<String, IndexError> {
    let internal = |error: serde_json::Error| TantivyError::InternalError(error.to_string());
    manifest.to_payload().map_err(internal).map_err(storage)
}

/// Takes the lock of an index.
///
/// # Errors
/// `Locked`, `Write`, `Storage`.
pub(super) fn open_writer(
    index: &tantivy::Index,
    directory: &SealingDirectory,
    path: &Path,
) -> Result<IndexWriter, IndexError> {
    let writer = index.writer_with_num_threads(1, WRITER_BUDGET_BYTES);
    let writer: IndexWriter = writer.map_err(|error| match error {
        TantivyError::LockFailure(LockError::LockBusy, _) => {
            IndexError::Locked { path: path.to_path_buf() }
        }
        other => directory.explain(other),
    })?;
    writer.set_merge_policy(Box::new(NoMergePolicy));
    Ok(writer)
}
