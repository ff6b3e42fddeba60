//! Where data goes: stdout, and files that appear whole.
//!
//! Stdout is written with `writeln!` and `?`, never `println!`, which panics when the reader has gone
//! away (`gleaner search … | head -1`); `failure` lets that error end the process in silence.

use std::{
    fs::{self, File},
    io::{self, BufWriter, StdoutLock, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;

/// The reader of stdout closed it.
#[derive(Debug, thiserror::Error)]
#[error("the reader of the output has gone")]
pub(crate) struct ReaderGone;

/// Buffered stdout; flush it at the end.
pub(crate) fn stdout() -> Stdout {
    Stdout(BufWriter::new(io::stdout().lock()))
}

/// Stdout whose broken pipes can be told from those of other outputs.
pub(crate) struct Stdout(BufWriter<StdoutLock<'static>>);

fn name_reader(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => io::Error::new(io::ErrorKind::BrokenPipe, ReaderGone),
        _ => error,
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(name_reader)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(name_reader)
    }
}

/// A file that replaces another one only when it is complete. Opened early, so that a path that
/// cannot be written is found before the work; what stood there stays until [`Output::finish`].
pub(crate) struct Output {
    file: BufWriter<File>,
    path: PathBuf,
    staged: Option<PathBuf>,
}

impl Output {
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        // Devices and pipes are written as they are: they cannot be replaced.
        let is_special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
        let staged = (!is_special).then(|| {
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".{}.part", std::process::id()));
            PathBuf::from(name)
        });
        let file = File::create(staged.as_deref().unwrap_or(path))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { file: BufWriter::new(file), path: path.to_path_buf(), staged })
    }

    /// Puts the file in its place.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        let failed = || format!("cannot write {}", self.path.display());
        self.file.flush().with_context(failed)?;
        if let Some(staged) = self.staged.take() {
            fs::rename(staged, &self.path).with_context(failed)?;
        }
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some(staged) = self.staged.take() {
            // Nothing more can be done about a partial file that cannot be removed.
            let _ = fs::remove_file(staged);
        }
    }
}
