//! The files of a commit: which there are, and whether their bytes are what was written.
//!
//! The storage layer's files carry checksums in their footers. `meta.json` has none: it must read back to
//! the byte. Our vector files carry checksums of their own, which `commit` has checked by `format`.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    path::{Path, PathBuf},
};

use tantivy::{
    IndexMeta, IndexSettings, Opstamp, SegmentMeta, TantivyError,
    directory::error::OpenReadError,
    index::{SegmentComponent, SegmentId},
};

use crate::{
    error::CatalogError,
    schema::{DENSE_EXTENSION, IMPACT_EXTENSION},
    storage::storage_error,
};

/// Longest reason that is taken over from the storage layer.
const REASON_LIMIT_CHARS: usize = 200;

/// Files of the storage layer whose checksums were found right. Files are immutable, so once is enough.
#[derive(Default)]
pub(crate) struct CheckedFiles {
    names: HashSet<PathBuf>,
    /// Checks made since the index was opened.
    checks: u64,
}

impl CheckedFiles {
    /// Compares the checksums of all files of the commit that were not checked yet, and forgets those
    /// that it no longer has.
    ///
    /// # Errors
    /// `Damaged`, `Io`, `Storage`.
    pub(crate) fn check(
        &mut self,
        tantivy: &tantivy::Index,
        path: &Path,
        metas: &IndexMeta,
    ) -> Result<(), CatalogError> {
        check_list(path, metas)?;
        let files: HashSet<PathBuf> = metas.segments.iter().flat_map(storage_files).collect();
        for file in files.difference(&self.names) {
            self.checks += 1;
            let sound = tantivy
                .directory()
                .validate_checksum(file)
                .map_err(|error| damage(error.into(), path.join(file)))?;
            if !sound {
                let reason = "its checksum does not match its bytes".to_owned();
                return Err(CatalogError::Damaged { file: path.join(file), reason });
            }
        }
        self.names = files;
        Ok(())
    }

    /// Counts files that were checked otherwise.
    pub(crate) fn count(&mut self, files: u64) {
        self.checks += files;
    }

    /// Checks made since the index was opened.
    pub(crate) fn checks(&self) -> u64 {
        self.checks
    }
}

/// The files of a segment that the storage layer wrote; ours carry checksums of their own.
fn storage_files(meta: &SegmentMeta) -> impl Iterator<Item = PathBuf> + '_ {
    use SegmentComponent::{Delete, FastFields, FieldNorms, Positions, Postings, Store, Terms};
    [Postings, Positions, FastFields, FieldNorms, Terms, Store]
        .into_iter()
        .chain(meta.has_deletes().then_some(Delete))
        .map(|component| meta.relative_path(component))
}

/// Compares `meta.json` with what it was understood as. The storage layer writes it without a checksum
/// and reads it forgivingly: a damaged name of an optional key would lose deletes without a word.
fn check_list(path: &Path, metas: &IndexMeta) -> Result<(), CatalogError> {
    let file = path.join("meta.json");
    let found =
        std::fs::read(&file).map_err(|source| CatalogError::Io { file: file.clone(), source })?;
    let understood = serde_json::to_vec_pretty(metas).unwrap_or_default();
    let ours = metas.index_settings == IndexSettings::default()
        && metas.persisted_custom_extensions.iter().map(String::as_str).collect::<BTreeSet<_>>()
            == BTreeSet::from([IMPACT_EXTENSION, DENSE_EXTENSION]);
    match ours && found.trim_ascii_end() == understood {
        true => Ok(()),
        false => {
            let reason = "it is not what was written".to_owned();
            Err(CatalogError::Damaged { file, reason })
        }
    }
}

/// A folder without a list of segments: nothing there, or an index that lost it.
pub(crate) fn missing_list(path: &Path) -> CatalogError {
    let is_impacts = |file: &Path| file.extension().is_some_and(|name| name == IMPACT_EXTENSION);
    let mut files = std::fs::read_dir(path).into_iter().flatten().flatten();
    match files.any(|entry| is_impacts(&entry.path())) {
        true => CatalogError::Damaged {
            file: path.join("meta.json"),
            reason: "the file is missing".to_owned(),
        },
        false => CatalogError::IndexNotFound { path: path.to_path_buf() },
    }
}

/// The segments of a list, each with the number of its latest deletes.
pub(crate) fn segment_ids(metas: &IndexMeta) -> BTreeMap<SegmentId, Option<Opstamp>> {
    metas.segments.iter().map(|meta| (meta.id(), meta.delete_opstamp())).collect()
}

/// A storage error while opening, as damage where it says so.
pub(crate) fn damage(error: TantivyError, file: PathBuf) -> CatalogError {
    match error {
        TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(missing)) => {
            CatalogError::Damaged { file: missing, reason: "the file is missing".to_owned() }
        }
        TantivyError::DataCorruption(_)
        | TantivyError::DeserializeError(_)
        | TantivyError::IncompatibleIndex(_)
        | TantivyError::SchemaError(_)
        | TantivyError::OpenReadError(_)
        | TantivyError::InternalError(_)
        | TantivyError::IoError(_) => {
            // Some messages quote whole files.
            let reason = error.to_string().chars().take(REASON_LIMIT_CHARS).collect();
            CatalogError::Damaged { file, reason }
        }
        other => storage_error(other).into(),
    }
}
