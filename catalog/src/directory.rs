//! A directory that is only read: no lock files, no writes.
//!
//! tantivy takes a lock to read, which means writing a file: an index on a read-only mount, or one
//! that belongs to somebody else, could not be searched. The lock keeps files from being removed
//! between reading their list and opening them; `open.rs` tries again instead.
//!
//! Only regular files are opened: a pipe in the place of a file would be waited for without end.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tantivy::{
    Directory,
    directory::{
        DirectoryLock, FileHandle, Lock, MmapDirectory, WatchCallback, WatchHandle, WritePtr,
        error::{DeleteError, LockError, OpenReadError, OpenWriteError},
    },
};

/// Bytes that the list of a commit has at most; the largest real ones have some hundred thousand.
const LIST_LIMIT_BYTES: u64 = 64 << 20;

/// Maps files for reading; everything that would write is refused.
#[derive(Debug, Clone)]
pub(crate) struct ReadOnlyDirectory {
    mapped: MmapDirectory,
    /// The folder itself, whatever links lead to it now or later.
    root: PathBuf,
}

/// What is in the place of a file and is none.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("it is {found}, not a regular file")]
pub struct NotAFile {
    found: &'static str,
}

impl ReadOnlyDirectory {
    pub(crate) fn open(path: &Path) -> tantivy::Result<Self> {
        let root = path.canonicalize()?;
        Ok(Self { mapped: MmapDirectory::open(&root)?, root })
    }

    /// The folder, without links on the way to it.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    fn check(
        &self,
        path: &Path,
        look: impl Fn(&Path) -> io::Result<fs::Metadata>,
    ) -> Result<(), OpenReadError> {
        match look(&self.root.join(path)) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(OpenReadError::FileDoesNotExist(path.to_path_buf()))
            }
            Err(error) => Err(OpenReadError::wrap_io_error(error, path.to_path_buf())),
        }
    }
}

/// Looks at a file without opening it.
///
/// # Errors
/// The system's; one that holds [`NotAFile`] for folders, pipes, sockets and devices.
pub fn regular_file(path: &Path) -> io::Result<fs::Metadata> {
    let found = fs::metadata(path)?;
    if found.is_file() {
        return Ok(found);
    }
    let found = if found.is_dir() { "a folder" } else { "a pipe, a socket or a device" };
    Err(io::Error::other(NotAFile { found }))
}

/// Looks at a list of files, which is read into memory whole, without opening it.
///
/// # Errors
/// As [`regular_file`]; `InvalidData` if it is too long to be a list.
pub fn list_file(path: &Path) -> io::Result<fs::Metadata> {
    let found = regular_file(path)?;
    if found.len() <= LIST_LIMIT_BYTES {
        return Ok(found);
    }
    let message = format!("{} bytes are too many for a list of files", found.len());
    Err(io::Error::new(io::ErrorKind::InvalidData, message))
}

/// Whether the system refused. Other errors say what is wrong with the bytes that were read.
pub(crate) fn is_refusal(error: &io::Error) -> bool {
    error.raw_os_error().is_some()
        || error.get_ref().is_some_and(|inner| inner.is::<NotAFile>())
        || matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied)
}

/// The same error once more. (The storage layer shares its errors.)
pub(crate) fn again(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

fn refused() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "the index is open for reading only")
}

impl Directory for ReadOnlyDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.check(path, regular_file)?;
        self.mapped.get_file_handle(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        Err(DeleteError::IoError { io_error: Arc::new(refused()), filepath: path.into() })
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.mapped.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        Err(OpenWriteError::IoError { io_error: Arc::new(refused()), filepath: path.into() })
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.check(path, list_file)?;
        self.mapped.atomic_read(path)
    }

    fn atomic_write(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(refused())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn acquire_lock(&self, _: &Lock) -> Result<DirectoryLock, LockError> {
        Ok(DirectoryLock::from(Box::new(PathBuf::new())))
    }

    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}
