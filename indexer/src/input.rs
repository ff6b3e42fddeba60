//! Files to lines: BEIR folders and JSONL, plain or gzip, with a running checksum.
//!
//! The checksum of everything read so far is what lets an interrupted run prove, before it goes
//! on, that the file still says what was indexed from it.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::read::MultiGzDecoder;
use gleaner_searcher::InputProgress;
use sha2::{Digest, Sha256};

use crate::error::IndexError;

/// Longest line that is read; longer ones are refused.
pub(crate) const LINE_LIMIT_BYTES: usize = 64 << 20;

const READ_BUFFER_BYTES: usize = 1 << 20;

/// How inputs are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputFormat {
    /// A folder is BEIR's, a file JSONL.
    Auto,
    /// A folder with `corpus.jsonl` or `corpus.jsonl.gz`.
    Beir,
    /// One JSON object per line.
    Jsonl,
}

/// Resolves the paths given on the command line to files, in order.
///
/// Errors: `Input` naming what was expected.
pub fn find_inputs(paths: &[PathBuf], format: InputFormat) -> Result<Vec<PathBuf>, IndexError> {
    paths.iter().map(|path| find_input(path, format)).collect()
}

fn find_input(path: &Path, format: InputFormat) -> Result<PathBuf, IndexError> {
    let refuse = |reason| Err(IndexError::Input { path: path.to_path_buf(), reason });
    match (path.is_dir(), format) {
        (true, InputFormat::Jsonl) => refuse("a folder; --format jsonl takes files"),
        (true, _) => {
            let names = ["corpus.jsonl", "corpus.jsonl.gz"].map(|name| path.join(name));
            match names.into_iter().find(|file| file.is_file()) {
                Some(file) => Ok(file),
                None => refuse("a folder without corpus.jsonl (a BEIR folder has one)"),
            }
        }
        (false, InputFormat::Beir) => refuse("not a folder; --format beir takes BEIR folders"),
        (false, _) if path.is_file() => Ok(path.to_path_buf()),
        (false, _) => refuse("no such file"),
    }
}

/// A line, or why it is too long to be one.
pub(crate) enum Line {
    Text(Vec<u8>),
    TooLong,
}

/// Counts what is read from the file itself, before decompression.
struct Counted {
    file: File,
    read_bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read_bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// A place in an input.
pub(crate) struct Position {
    hash: Sha256,
    consumed_bytes: u64,
    lines: u64,
}

/// An open input and how far it was read.
pub struct Input {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    hash: Sha256,
    progress: InputProgress,
    read_bytes: Arc<AtomicU64>,
}

impl Input {
    /// Opens a file at its start; gzip is recognised by its first bytes.
    ///
    /// Errors: `Read`.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        let failed = |source| IndexError::Read { path: path.to_path_buf(), line: 0, source };
        let file = File::open(path).map_err(failed)?;
        let size_bytes = file.metadata().map_err(failed)?.len();
        let read_bytes = Arc::new(AtomicU64::new(0));
        let file = Counted { file, read_bytes: Arc::clone(&read_bytes) };
        let mut plain = BufReader::with_capacity(READ_BUFFER_BYTES, file);
        let gzip = plain.fill_buf().map_err(failed)?.starts_with(&[0x1f, 0x8b]);
        let reader: Box<dyn BufRead + Send> = if gzip {
            Box::new(BufReader::with_capacity(READ_BUFFER_BYTES, MultiGzDecoder::new(plain)))
        } else {
            Box::new(plain)
        };
        let absolute = path.canonicalize().map_err(failed)?;
        let progress = InputProgress {
            path: absolute.to_string_lossy().into_owned(),
            size_bytes,
            consumed_bytes: 0,
            consumed_sha256: hex(Sha256::new()),
            lines: 0,
            documents: 0,
            rejected: 0,
            complete: false,
        };
        Ok(Self { path: path.to_path_buf(), reader, hash: Sha256::new(), progress, read_bytes })
    }

    /// Goes to where an earlier run stopped, after proving that everything before is unchanged.
    ///
    /// Errors: `ChangedInput`, `Read`.
    pub fn resume(&mut self, earlier: &InputProgress) -> Result<(), IndexError> {
        let changed = |reason| {
            let (path, lines) = (self.path.clone(), earlier.lines);
            Err(IndexError::ChangedInput { path, lines, reason })
        };
        if earlier.complete && earlier.size_bytes != self.progress.size_bytes {
            return changed("its size differs");
        }
        let mut left = earlier.consumed_bytes;
        while left > 0 {
            let failed = |source| IndexError::Read { path: self.path.clone(), line: 0, source };
            let buffer = self.reader.fill_buf().map_err(failed)?;
            if buffer.is_empty() {
                return changed("it is shorter");
            }
            let take = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            self.hash.update(&buffer[..take]);
            self.reader.consume(take);
            left -= take as u64;
        }
        if hex(self.hash.clone()) != earlier.consumed_sha256 {
            return changed("its content differs");
        }
        let size_bytes = self.progress.size_bytes;
        self.progress = InputProgress { size_bytes, ..earlier.clone() };
        Ok(())
    }

    /// Whether anything but blank lines is left to read; reading moves on by a line.
    ///
    /// Errors: `Read`.
    pub fn has_lines(&mut self) -> Result<bool, IndexError> {
        Ok(self.next_line()?.is_some())
    }

    /// The file as given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Progress up to the last line read; its documents and rejects are the caller's to count.
    pub fn progress(&mut self) -> &mut InputProgress {
        &mut self.progress
    }

    /// Bytes read from the file itself so far, for estimates: compressed bytes of a gzip file.
    pub(crate) fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }

    /// Where reading stands, to come back to with [`Input::forget_after`].
    pub(crate) fn position(&self) -> Position {
        let InputProgress { consumed_bytes, lines, .. } = self.progress;
        Position { hash: self.hash.clone(), consumed_bytes, lines }
    }

    /// Reports progress as if nothing had been read since `position`. Reading cannot go on.
    pub(crate) fn forget_after(&mut self, position: Position) {
        self.hash = position.hash;
        self.progress.consumed_bytes = position.consumed_bytes;
        self.progress.lines = position.lines;
        self.progress.complete = false;
    }

    /// Progress with the checksum brought up to date.
    pub(crate) fn mark(&mut self) -> InputProgress {
        self.progress.consumed_sha256 = hex(self.hash.clone());
        self.progress.clone()
    }

    /// The next line that is not blank, without its line end; `None` at the end of the file.
    pub(crate) fn next_line(&mut self) -> Result<Option<Line>, IndexError> {
        loop {
            let line = self.read_line().map_err(|source| IndexError::Read {
                path: self.path.clone(),
                line: self.progress.lines,
                source,
            })?;
            match line {
                None => {
                    self.progress.complete = true;
                    return Ok(None);
                }
                Some(Line::Text(text)) if text.iter().all(u8::is_ascii_whitespace) => {}
                Some(line) => return Ok(Some(line)),
            }
        }
    }

    fn read_line(&mut self) -> io::Result<Option<Line>> {
        let mut line = Vec::new();
        let limit = LINE_LIMIT_BYTES as u64 + 1;
        let read = (&mut self.reader).take(limit).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        self.count(&line);
        self.progress.lines += 1;
        if line.len() <= LINE_LIMIT_BYTES || line.ends_with(b"\n") {
            return Ok(Some(Line::Text(line)));
        }
        while !line.ends_with(b"\n") {
            line.clear();
            if (&mut self.reader).take(limit).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            self.count(&line);
        }
        Ok(Some(Line::TooLong))
    }

    fn count(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.progress.consumed_bytes += bytes.len() as u64;
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use super::*;

    fn lines(input: &mut Input) -> Vec<String> {
        std::iter::from_fn(|| match input.next_line().unwrap()? {
            Line::Text(text) => Some(String::from_utf8(text).unwrap().trim().to_owned()),
            Line::TooLong => Some("too long".to_owned()),
        })
        .collect()
    }

    #[test]
    fn gzip_and_plain_files_read_alike() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, packed) = (folder.path().join("a.jsonl"), folder.path().join("a.jsonl.gz"));
        std::fs::write(&plain, "one\n\n  \ntwo").unwrap();
        let mut gzip = flate2::write::GzEncoder::new(
            File::create(&packed).unwrap(),
            flate2::Compression::fast(),
        );
        gzip.write_all(b"one\n\n  \ntwo").unwrap();
        gzip.finish().unwrap();
        for path in [plain, packed] {
            let mut input = Input::open(&path).unwrap();
            assert_eq!(lines(&mut input), ["one", "two"]);
            assert_eq!((input.progress.lines, input.progress.complete), (4, true));
        }
    }

    #[test]
    fn a_resumed_input_goes_on_and_a_changed_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        std::fs::write(&path, "one\ntwo\nthree\n").unwrap();
        let mut first = Input::open(&path).unwrap();
        first.next_line().unwrap();
        let mark = first.mark();
        let mut second = Input::open(&path).unwrap();
        second.resume(&mark).unwrap();
        assert_eq!(lines(&mut second), ["two", "three"]);
        assert_eq!(second.progress.lines, 3);

        std::fs::write(&path, "one\ntwo, corrected\n").unwrap();
        Input::open(&path).unwrap().resume(&mark).unwrap();
        std::fs::write(&path, "One\ntwo\nthree\n").unwrap();
        let resumed = Input::open(&path).unwrap().resume(&mark);
        assert!(matches!(resumed, Err(IndexError::ChangedInput { lines: 1, .. })));
        std::fs::write(&path, "o").unwrap();
        let resumed = Input::open(&path).unwrap().resume(&mark);
        assert!(matches!(resumed, Err(IndexError::ChangedInput { .. })));
    }

    #[test]
    fn truncated_gzip_is_an_error_not_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gz");
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        (0..1000).for_each(|i| writeln!(gzip, "line {i} {}", i * i).unwrap());
        let bytes = gzip.finish().unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let mut input = Input::open(&path).unwrap();
        let end = loop {
            match input.next_line() {
                Ok(Some(_)) => {}
                other => break other.map(|line| line.is_none()),
            }
        };
        assert!(matches!(end, Err(IndexError::Read { .. })));
    }
}
