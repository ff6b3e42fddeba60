//! The folder of an index as its writer sees it: files are sealed while they are written.
//!
//! The storage layer writes through this. Every file is summed on its way to the disk, and the list of a
//! commit (`meta.json`) gets the seals of its files into its manifest, so that both appear at once. The
//! list is made like other files, with the rights that the umask leaves. What the disk refuses is
//! remembered: the storage layer's own errors often say only that a thread of it ended.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gleaner_catalog::{Sealer, list_file, regular_file};
use tantivy::{
    Directory, TantivyError,
    directory::{
        AntiCallToken, DirectoryLock, FileHandle, Lock, MmapDirectory, TerminatingWrite,
        WatchCallback, WatchHandle, WritePtr,
        error::{DeleteError, LockError, OpenReadError, OpenWriteError},
    },
};

use super::seals::{Seals, with_seals};
use crate::error::{IndexError, storage};

/// The list of a commit.
const LIST: &str = "meta.json";

/// Files of an index folder, sealed as they are written.
#[derive(Debug, Clone)]
pub(super) struct SealingDirectory {
    mapped: MmapDirectory,
    root: PathBuf,
    ledger: Arc<Mutex<Ledger>>,
}

/// What is known of the files of a folder.
#[derive(Debug, Default)]
struct Ledger {
    seals: Seals,
    /// The first write that failed.
    failure: Option<WriteFailure>,
}

/// A file, and why it could not be written.
#[derive(Debug)]
struct WriteFailure {
    file: PathBuf,
    source: io::Error,
}

impl SealingDirectory {
    /// The folder, of which no seal is known yet.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let root = folder.canonicalize()?;
        let mapped = MmapDirectory::open(&root).map_err(io::Error::other)?;
        Ok(Self { mapped, root, ledger: Arc::default() })
    }

    /// Takes over the seals of a commit whose files were checked.
    pub(super) fn know(&self, seals: Seals) {
        self.ledger().seals.extend(seals);
    }

    /// An error of the storage layer, with the file and the reason if a write failed.
    pub(super) fn explain(&self, error: TantivyError) -> IndexError {
        match self.ledger().failure.take() {
            Some(WriteFailure { file, source }) => IndexError::Write { file, source },
            None => storage(error),
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// Notes a failure and hands it on.
    fn noted<T>(&self, path: &Path, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| note(&self.ledger, &self.root.join(path), error))
    }

    /// Makes a file appear whole: written beside its place, then renamed.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let place = self.root.join(path);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // One name for all attempts, so that those that died leave no more than one file.
        let beside = place.with_file_name(format!(".tmp{name}"));
        let written = write_whole(&beside, bytes).and_then(|()| fs::rename(&beside, &place));
        if written.is_err() {
            // The error that matters is the first one.
            let _ = fs::remove_file(&beside);
        }
        written?;
        self.mapped.sync_directory()
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

fn note(ledger: &Mutex<Ledger>, file: &Path, error: &io::Error) {
    let source = match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    };
    let failure = WriteFailure { file: file.to_path_buf(), source };
    lock(ledger).failure.get_or_insert(failure);
}

/// A file that is being written.
struct SealingWriter {
    inner: Box<dyn TerminatingWrite + Send + Sync>,
    /// Taken when the file is whole.
    sealer: Option<Sealer>,
    name: String,
    file: PathBuf,
    ledger: Arc<Mutex<Ledger>>,
}

impl Write for SealingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes);
        let written = written.inspect_err(|error| note(&self.ledger, &self.file, error))?;
        if let Some(sealer) = &mut self.sealer {
            sealer.update(&bytes[..written]);
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush().inspect_err(|error| note(&self.ledger, &self.file, error))
    }
}

impl TerminatingWrite for SealingWriter {
    fn terminate_ref(&mut self, token: AntiCallToken) -> io::Result<()> {
        let ended = self.inner.terminate_ref(token);
        ended.inspect_err(|error| note(&self.ledger, &self.file, error))?;
        if let Some(sealer) = self.sealer.take() {
            let name = std::mem::take(&mut self.name);
            lock(&self.ledger).seals.insert(name, sealer.finish());
        }
        Ok(())
    }
}

impl Directory for SealingDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.mapped.get_file_handle(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.mapped.delete(path)?;
        self.ledger().seals.remove(&*path.to_string_lossy());
        Ok(())
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.mapped.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let refused = |error: io::Error| {
            note(&self.ledger, &self.root.join(path), &error);
            OpenWriteError::wrap_io_error(error, path.to_path_buf())
        };
        let opened = self.mapped.open_write(path).inspect_err(|error| {
            if let OpenWriteError::IoError { io_error, filepath } = error {
                note(&self.ledger, &self.root.join(filepath), io_error);
            }
        })?;
        let inner = opened.into_inner().map_err(|error| refused(error.into_error()))?;
        Ok(BufWriter::new(Box::new(SealingWriter {
            inner,
            sealer: Some(Sealer::default()),
            name: path.to_string_lossy().into_owned(),
            file: self.root.join(path),
            ledger: Arc::clone(&self.ledger),
        })))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        match list_file(&self.root.join(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(OpenReadError::wrap_io_error(error, path.to_path_buf()));
            }
            _ => {}
        }
        self.mapped.atomic_read(path)
    }

    fn atomic_write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if path != Path::new(LIST) {
            return self.noted(path, self.replace(path, bytes));
        }
        let seals = self.ledger().seals.clone();
        let sealed = self.noted(path, with_seals(bytes, &seals, &self.root))?;
        self.noted(path, self.replace(path, &sealed))
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.noted(Path::new(""), self.mapped.sync_directory())
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        // Opening a pipe for writing waits for a reader.
        match regular_file(&self.root.join(&lock.filepath)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                note(&self.ledger, &self.root.join(&lock.filepath), &error);
                Err(LockError::wrap_io_error(error))
            }
            _ => self.mapped.acquire_lock(lock).inspect_err(|error| {
                if let LockError::IoError(error) = error {
                    note(&self.ledger, &self.root.join(&lock.filepath), error);
                }
            }),
        }
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.mapped.watch(callback)
    }
}
