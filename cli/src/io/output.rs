//! Where data goes: stdout, and files that appear whole.
//!
//! Commands write stdout with `writeln!` and `?`, and flush it: what is only dropped may be lost
//! without a word. `println!` panics when the reader has gone away (`gleaner search … | head -1`); an
//! error here names that case, and `failure` ends the process in silence. A file grows beside its place
//! and is renamed when it is complete. What is written is the commands' business; files that an interrupted run can go on with are `resumable_file`'s.

use std::{
    ffi::OsStr,
    fmt::Display,
    fs::{self, File},
    io::{self, BufWriter, StdoutLock, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::failure::Failure;

/// Endings of compressed files.
const COMPRESSED: [&str; 5] = ["gz", "zst", "bz2", "xz", "zip"];

/// The reader of stdout closed it.
#[derive(Debug, thiserror::Error)]
#[error("the reader of the output has gone")]
pub(crate) struct ReaderGone;

/// Stdout cannot be written, as on a full disk.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to stdout")]
struct StdoutFailed(#[source] io::Error);

/// A file cannot be written, as on a full disk.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}", path.display())]
struct FileFailed {
    path: PathBuf,
    source: io::Error,
}

/// Buffered stdout; flush it at the end.
pub(crate) fn stdout() -> Stdout {
    Stdout(BufWriter::new(io::stdout().lock()))
}

/// Stdout whose broken pipes can be told from those of other outputs.
pub(crate) struct Stdout(BufWriter<StdoutLock<'static>>);

/// Writes one line to stdout.
pub(crate) fn print_line(line: impl Display) -> anyhow::Result<()> {
    let mut out = stdout();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// An error of stdout, told from those of other outputs.
pub(crate) fn name_stdout(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => io::Error::new(io::ErrorKind::BrokenPipe, ReaderGone),
        // `writeln!` goes on after it, and a name would hide it.
        io::ErrorKind::Interrupted => error,
        kind => io::Error::new(kind, StdoutFailed(error)),
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(name_stdout)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(name_stdout)
    }
}

/// An output that is complete only when that is said.
pub(crate) trait Finish: Write {
    /// Says that everything is written.
    fn finish(self: Box<Self>) -> anyhow::Result<()>;
}

impl Finish for Stdout {
    fn finish(mut self: Box<Self>) -> anyhow::Result<()> {
        Ok(self.flush()?)
    }
}

impl Finish for WholeFile {
    fn finish(self: Box<Self>) -> anyhow::Result<()> {
        WholeFile::finish(*self)
    }
}

/// Whether a path stands for stdin or stdout.
pub(crate) fn is_standard_stream(path: &Path) -> bool {
    path == Path::new("-")
}

/// Whether a path is a device or a pipe: such a thing is written as it is and cannot be replaced.
pub(crate) fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file())
}

/// A path with more at the end of its name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A file that appears when it is whole, or stdout for `-`.
///
/// Errors: `Usage` for a name that promises compression; the system's, with the file.
pub(crate) fn create(path: &Path) -> anyhow::Result<Box<dyn Finish>> {
    check_name(path)?;
    Ok(match is_standard_stream(path) {
        true => Box::new(stdout()),
        false => Box::new(WholeFile::create(path)?),
    })
}

/// Refuses a name that promises compression: what is written is not compressed.
///
/// Errors: `Usage`.
pub(crate) fn check_name(path: &Path) -> anyhow::Result<()> {
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    let plain = path.with_extension("");
    match COMPRESSED.contains(&ending) {
        true => Err(Failure::Usage(format!(
            "{}: output is not compressed; write {}, or pipe it: `--… - | gzip`",
            path.display(),
            plain.display()
        ))
        .into()),
        false => Ok(()),
    }
}

/// A file that replaces another one only when it is complete. It is opened early, so that a path
/// that cannot be written is found before the work. What stood there stays until
/// [`WholeFile::finish`].
pub(crate) struct WholeFile {
    file: BufWriter<File>,
    path: PathBuf,
    staged: Option<PathBuf>,
}

impl WholeFile {
    /// Begins a file that is to stand at `path`.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        let staged = (!is_special(path))
            .then(|| with_suffix(path, &format!(".{}.part", std::process::id())));
        let file = File::create(staged.as_deref().unwrap_or(path))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { file: BufWriter::new(file), path: path.to_path_buf(), staged })
    }

    /// Puts the file in its place.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        self.flush()?;
        let failed = || format!("cannot write {}", self.path.display());
        if let Some(staged) = self.staged.take() {
            fs::rename(staged, &self.path).with_context(failed)?;
        }
        Ok(())
    }
}

impl WholeFile {
    /// An error with the file's name, unless `writeln!` goes on after it.
    fn named(&self, error: io::Error) -> io::Error {
        match error.kind() {
            io::ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, FileFailed { path: self.path.clone(), source: error }),
        }
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|error| self.named(error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(|error| self.named(error))
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if let Some(staged) = self.staged.take() {
            // Nothing more can be done about a partial file that cannot be removed.
            let _ = fs::remove_file(staged);
        }
    }
}
