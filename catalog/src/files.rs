//! The files of a commit: which there are, and whether their bytes are what was written.
//!
//! The manifest names every file with its length and checksum. An index of before has files with
//! checksums of their own alone. `meta.json` has none: it must read back to the byte. What is inside our
//! vector files, `commit` has checked by `format`.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use tantivy::{
    Directory, IndexMeta, IndexSettings, Opstamp, SegmentMeta, TantivyError,
    directory::error::OpenReadError,
    index::{SegmentComponent, SegmentId},
};

use crate::{
    directory::{ReadOnlyDirectory, again, is_refusal, regular_file},
    error::CatalogError,
    manifest::Manifest,
    schema::{DENSE_EXTENSION, IMPACT_EXTENSION},
    seal::FileSeal,
    storage::storage_error,
};

/// Longest reason that is taken over from the storage layer.
const REASON_LIMIT_CHARS: usize = 200;

/// The shortest footer that the storage layer can look at; it stops at shorter files.
const SHORTEST_FILE_BYTES: u64 = 8;

/// Files that were found right. Files are immutable, so once is enough.
#[derive(Default)]
pub(crate) struct CheckedFiles {
    /// By name, with the seal that the commit had for it.
    files: BTreeMap<PathBuf, Option<FileSeal>>,
    /// Checks made since the index was opened.
    checks: u64,
}

impl CheckedFiles {
    /// Checks all files of the commit that were not checked yet, and forgets those that it no longer has.
    /// A manifest that names its files is compared with them; else their own checksums must do.
    ///
    /// # Errors
    /// `Damaged`, `Missing`, `Replaced`, `Io`, `Storage`.
    pub(crate) fn check(
        &mut self,
        opened: &Opened<'_>,
        metas: &IndexMeta,
        manifest: &Manifest,
    ) -> Result<(), CatalogError> {
        check_list(opened, metas)?;
        let names = metas.segments.iter().flat_map(segment_files);
        let sealed = |name: PathBuf| {
            let seal = name.to_str().and_then(|name| manifest.files.get(name)).copied();
            (name, seal)
        };
        let files: BTreeMap<PathBuf, Option<FileSeal>> = names.map(sealed).collect();
        for (name, seal) in &files {
            match (self.files.get(name), seal) {
                (Some(Some(known)), Some(seal)) if known != seal => {
                    let reason = format!("{} is another file of that name", name.display());
                    return Err(CatalogError::Replaced { path: opened.path.into(), reason });
                }
                (Some(Some(_)), _) | (Some(None), None) => continue,
                (_, None) if manifest.is_sealed() => {
                    let (file, name) = (opened.path.join("meta.json"), name.display());
                    let reason = format!("its manifest does not name {name}");
                    return Err(CatalogError::Damaged { file, reason });
                }
                (_, Some(seal)) => opened.check_sealed(name, *seal)?,
                (_, None) => opened.check_unsealed(name)?,
            }
            // Our files are counted when they are opened.
            self.checks += u64::from(!is_vectors(name));
        }
        self.files = files;
        Ok(())
    }

    /// Whether the files of the commit that was checked last still lie in the folder, as long as they
    /// were. Their bytes are not read again.
    ///
    /// # Errors
    /// `Damaged`, `Missing`, `Io`.
    pub(crate) fn check_presence(&self, opened: &Opened<'_>) -> Result<(), CatalogError> {
        for (name, seal) in &self.files {
            let found = regular_file(&opened.directory.root().join(name))
                .map_err(|error| unreadable(error, opened.path.join(name)))?;
            let expected = seal.map_or(found.len(), |seal| seal.len_bytes);
            if found.len() != expected {
                let reason = format!("it has {} bytes, {expected} were written", found.len());
                return Err(CatalogError::Damaged { file: opened.path.join(name), reason });
            }
        }
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

/// A folder whose files are checked.
pub(crate) struct Opened<'a> {
    /// The folder as it was named.
    pub(crate) path: &'a Path,
    pub(crate) directory: &'a ReadOnlyDirectory,
    pub(crate) tantivy: &'a tantivy::Index,
}

impl Opened<'_> {
    /// Compares all bytes of a file with its seal.
    fn check_sealed(&self, name: &Path, seal: FileSeal) -> Result<(), CatalogError> {
        let file = self.path.join(name);
        let failed = |error: OpenReadError| damage(error.into(), file.clone());
        let handle = self.directory.get_file_handle(name).map_err(failed)?;
        let found = handle.len() as u64;
        let reason = if found != seal.len_bytes {
            format!("it has {found} bytes, {} were written", seal.len_bytes)
        } else {
            let bytes = handle.read_bytes(0..handle.len());
            let bytes = bytes.map_err(|error| unreadable(error, file.clone()))?;
            if FileSeal::of(&bytes) == seal {
                return Ok(());
            }
            "its checksum does not match that of the file that was written".to_owned()
        };
        Err(CatalogError::Damaged { file, reason })
    }

    /// Compares the checksum in a file's own footer with its bytes; those of ours are checked when they
    /// are opened.
    fn check_unsealed(&self, name: &Path) -> Result<(), CatalogError> {
        let file = self.path.join(name);
        let found = regular_file(&self.directory.root().join(name))
            .map_err(|error| unreadable(error, file.clone()))?
            .len();
        if found < SHORTEST_FILE_BYTES {
            let reason = format!("it has {found} bytes, fewer than its footer");
            return Err(CatalogError::Damaged { file, reason });
        }
        if is_vectors(name) {
            return Ok(());
        }
        let sound = self.tantivy.directory().validate_checksum(name);
        match sound.map_err(|error| damage(error.into(), file.clone()))? {
            true => Ok(()),
            false => {
                let reason = "its checksum does not match its bytes".to_owned();
                Err(CatalogError::Damaged { file, reason })
            }
        }
    }
}

/// Whether a file is one of ours.
fn is_vectors(name: &Path) -> bool {
    let ours = |extension| extension == IMPACT_EXTENSION || extension == DENSE_EXTENSION;
    name.extension().and_then(|extension| extension.to_str()).is_some_and(ours)
}

/// All files of a segment: those of the storage layer, and ours.
fn segment_files(meta: &SegmentMeta) -> impl Iterator<Item = PathBuf> + '_ {
    use SegmentComponent::{
        Custom, Delete, FastFields, FieldNorms, Positions, Postings, Store, Terms,
    };
    let ours = [IMPACT_EXTENSION, DENSE_EXTENSION].map(|extension| Custom(extension.to_owned()));
    [Postings, Positions, FastFields, FieldNorms, Terms, Store]
        .into_iter()
        .chain(ours)
        .chain(meta.has_deletes().then_some(Delete))
        .map(|component| meta.relative_path(component))
}

/// Compares `meta.json` with what it was understood as. The storage layer writes it without a checksum
/// and reads it forgivingly: a damaged name of an optional key would lose deletes without a word.
fn check_list(opened: &Opened<'_>, metas: &IndexMeta) -> Result<(), CatalogError> {
    let file = opened.path.join("meta.json");
    let found = opened.directory.atomic_read(Path::new("meta.json"));
    let found = found.map_err(|error| damage(error.into(), file.clone()))?;
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

/// Whether a folder has a list of segments that can be read.
///
/// # Errors
/// `IndexNotFound` for what is no index; `Missing` for an index that lost its list; `Io`.
pub(crate) fn find_list(path: &Path) -> Result<(), CatalogError> {
    let file = path.join("meta.json");
    let error = match regular_file(&file) {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    let is_file = || path.metadata().is_ok_and(|found| !found.is_dir());
    match error.kind() {
        io::ErrorKind::NotFound if file.symlink_metadata().is_ok() => {
            Err(CatalogError::Missing { file })
        }
        io::ErrorKind::NotFound => Err(missing_list(path)),
        io::ErrorKind::NotADirectory if is_file() => {
            Err(CatalogError::IndexNotFound { path: path.to_path_buf() })
        }
        _ => Err(unreadable(error, file)),
    }
}

/// A folder without a list of segments: nothing there, or an index that lost it.
fn missing_list(path: &Path) -> CatalogError {
    let is_impacts = |file: &Path| file.extension().is_some_and(|name| name == IMPACT_EXTENSION);
    let files = match std::fs::read_dir(path) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return CatalogError::IndexNotFound { path: path.to_path_buf() };
        }
        Err(error) => return unreadable(error, path.to_path_buf()),
    };
    match files.flatten().any(|entry| is_impacts(&entry.path())) {
        true => CatalogError::Missing { file: path.join("meta.json") },
        false => CatalogError::IndexNotFound { path: path.to_path_buf() },
    }
}

/// The segments of a list, each with the number of its latest deletes.
pub(crate) fn segment_ids(metas: &IndexMeta) -> BTreeMap<SegmentId, Option<Opstamp>> {
    metas.segments.iter().map(|meta| (meta.id(), meta.delete_opstamp())).collect()
}

/// An error of reading a file that is known to the system, or is not.
pub(crate) fn unreadable(source: io::Error, file: PathBuf) -> CatalogError {
    match source.kind() {
        io::ErrorKind::NotFound => CatalogError::Missing { file },
        _ => CatalogError::Io { file, source },
    }
}

/// What contradicts itself in a file. Errors of lists that are JSON name types of the storage layer: of
/// them, only the place is told.
fn damage_reason(error: &TantivyError) -> String {
    if let TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. }) = error {
        return io_error.to_string();
    }
    let message = error.to_string();
    let place = |mark: &str| {
        let (_, rest) = message.split_once(mark)?;
        Some(rest.chars().take_while(char::is_ascii_digit).collect::<String>())
    };
    if message.contains("does not contain valid utf8") {
        return "it is not UTF-8".to_owned();
    }
    if message.contains("cannot be deserialized") {
        return match (place(", line: "), place(", column: ")) {
            (Some(line), Some(column)) => {
                format!("it is not the JSON that was written, from line {line}, column {column} on")
            }
            _ => "it is not the JSON that was written".to_owned(),
        };
    }
    // Some messages quote whole files.
    message.chars().take(REASON_LIMIT_CHARS).collect()
}

/// A storage error while opening: what the system refused as that, bytes that contradict each other as
/// damage. `file` is what was opened; the error may know better, by a name inside the same folder.
pub(crate) fn damage(error: TantivyError, file: PathBuf) -> CatalogError {
    let beside = |name: &Path| match name.file_name() {
        Some(name) => file.with_file_name(name),
        None => file.clone(),
    };
    match &error {
        TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(name)) => {
            return CatalogError::Missing { file: beside(name) };
        }
        TantivyError::OpenReadError(OpenReadError::IoError { io_error, filepath })
            if is_refusal(io_error) =>
        {
            return unreadable(again(io_error), beside(filepath));
        }
        TantivyError::IoError(io_error) if is_refusal(io_error) => {
            return unreadable(again(io_error), file);
        }
        _ => {}
    }
    match error {
        TantivyError::DataCorruption(_)
        | TantivyError::DeserializeError(_)
        | TantivyError::IncompatibleIndex(_)
        | TantivyError::SchemaError(_)
        | TantivyError::OpenReadError(_)
        | TantivyError::InternalError(_)
        | TantivyError::IoError(_) => CatalogError::Damaged { file, reason: damage_reason(&error) },
        other => storage_error(other).into(),
    }
}
