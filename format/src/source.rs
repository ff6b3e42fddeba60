//! Files that are read from their beginning to their end, whatever they are packed in.
//!
//! - a path is a file, `-` for stdin, or leads into a `.zip` (`scifact.zip/corpus.jsonl`);
//! - gzip and Zstandard are known by their first bytes, not by their names (`unpack`);
//! - what is known and cannot be read is named, with what to do (`foreign`);
//! - `lines` reads lines of a limited length, `zip` finds the files of an archive.
//!
//! What a file says is left to its readers.

mod foreign;
mod lines;
mod unpack;
mod zip;
mod zstd;

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

pub use foreign::ForeignFile;
pub use lines::{LINE_LIMIT_BYTES, LineRead, read_line};

const READ_BUFFER_BYTES: usize = 1 << 20;

/// The path that stands for stdin.
const STDIN: &str = "-";

/// The ends of names of packed files, the plain name first.
const PACKED: [&str; 3] = ["", ".gz", ".zst"];

/// An open file, unpacked while it is read.
pub struct Source {
    reader: Box<dyn BufRead + Send>,
    read_bytes: Arc<AtomicU64>,
    size_bytes: u64,
}

/// Counts what is read, before it is unpacked.
struct Counted<R> {
    reader: R,
    read_bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.read_bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Source {
    /// Opens what a path stands for.
    ///
    /// Errors: those of the system; [`ForeignFile`] inside one for a file of a known format that is
    /// not read; stdin asked for twice.
    pub fn open(path: &Path) -> io::Result<Self> {
        let read_bytes = Arc::new(AtomicU64::new(0));
        let (reader, size_bytes) = open_packed(path)?;
        let counted = Counted { reader, read_bytes: Arc::clone(&read_bytes) };
        let plain = BufReader::with_capacity(READ_BUFFER_BYTES, counted);
        let mut reader = unpack::unpack(plain)?;
        foreign::check(reader.fill_buf()?)?;
        Ok(Self { reader, read_bytes, size_bytes })
    }

    /// Bytes read from the file itself so far: packed ones of a packed file.
    pub fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }

    /// Bytes of the file itself; 0 of stdin, whose length nobody knows.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.reader.consume(bytes);
    }
}

/// What a path stands for, as it is packed, and its length.
fn open_packed(path: &Path) -> io::Result<(Box<dyn Read + Send>, u64)> {
    if is_stdin(path) {
        return Ok((Box::new(take_stdin()?), 0));
    }
    if let Some((archive, member)) = zip::split(path) {
        return zip::open_member(archive, member);
    }
    let file = File::open(path)?;
    let size_bytes = file.metadata()?.len();
    Ok((Box::new(file), size_bytes))
}

/// Stdin, for the one file that it can be.
fn take_stdin() -> io::Result<io::Stdin> {
    static IS_TAKEN: AtomicBool = AtomicBool::new(false);
    match IS_TAKEN.swap(true, Ordering::Relaxed) {
        false => Ok(io::stdin()),
        true => Err(io::Error::other("stdin is read once; only one file can be `-`")),
    }
}

/// Whether a path stands for stdin.
pub fn is_stdin(path: &Path) -> bool {
    path == Path::new(STDIN)
}

/// Whether a path stands for something that can be read once: stdin, a pipe, a device.
pub fn is_stream(path: &Path) -> bool {
    is_stdin(path) || path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Whether there is a file to be read at a path: one of its own, stdin, or one in a zip.
pub fn is_source(path: &Path) -> bool {
    is_stdin(path)
        || path.metadata().is_ok_and(|found| !found.is_dir())
        || zip::split(path).is_some_and(|(archive, member)| zip::has_member(archive, member))
}

/// The file of this name in a folder or a zip, plain or packed.
pub fn find_source(folder: &Path, name: &str) -> Option<PathBuf> {
    let mut paths = PACKED.iter().map(|end| folder.join(format!("{name}{end}")));
    paths.find(|path| is_source(path))
}

/// Whether a path is a zip archive.
pub fn is_zip(path: &Path) -> bool {
    zip::is_archive(path)
}

/// The names in a folder, or in a folder of a zip; in order, without those of folders.
pub fn source_names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = match zip::split(folder) {
        Some((archive, folder)) => zip::names(archive, folder)?,
        None if zip::is_archive(folder) => zip::names(folder, Path::new(""))?,
        None => {
            let mut names = Vec::new();
            for entry in folder.read_dir()? {
                let entry = entry?;
                if entry.path().is_file() {
                    names.push(entry.file_name().to_string_lossy().into_owned());
                }
            }
            names
        }
    };
    names.sort();
    Ok(names)
}

/// A name without the ends that say how a file is packed.
pub fn unpacked_name(name: &str) -> &str {
    let packed = PACKED.iter().filter(|end| !end.is_empty());
    packed.filter_map(|end| name.strip_suffix(end)).next().unwrap_or(name)
}

/// The path by which a file is known: absolute where it has a place, `-` for stdin.
pub fn absolute(path: &Path) -> io::Result<PathBuf> {
    if is_stdin(path) {
        return Ok(path.to_path_buf());
    }
    match zip::split(path) {
        Some((archive, member)) => Ok(archive.canonicalize()?.join(member)),
        // What a pipe is named for the process that has it open leads nowhere.
        None if is_stream(path) => std::path::absolute(path),
        None => path.canonicalize(),
    }
}

/// The first bytes of a file, unpacked, at most `count`; of stdin what is there, of a pipe nothing: what is looked
/// at must not be lost.
pub fn head(path: &Path, count: usize) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    if is_stdin(path) {
        let mut stdin = io::stdin().lock();
        let waiting = stdin.fill_buf()?;
        head.extend_from_slice(&waiting[..waiting.len().min(count)]);
        // What cannot be unpacked so early says nothing.
        return Ok(if unpack::is_packed(&head) { Vec::new() } else { head });
    }
    if is_stream(path) {
        return Ok(head);
    }
    // It may end in the middle; and what is wrong with the file is said when it is read.
    let opened = Source::open(path);
    match opened.and_then(|source| source.take(count as u64).read_to_end(&mut head)) {
        Err(error) if head.is_empty() && !is_cut_off(&error) => Err(error),
        _ => Ok(head),
    }
}

/// Whether what is packed ends before anything can be unpacked.
fn is_cut_off(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput)
}

/// Open files, each with a place of its own, of what a path stands for. What is no plain file is
/// unpacked beside the system's other temporary files, under a name that is gone at once.
pub(crate) fn seekable<const N: usize>(path: &Path) -> io::Result<[File; N]> {
    let is_plain = !is_stdin(path) && path.is_file() && {
        let mut first = Vec::new();
        File::open(path)?.take(4).read_to_end(&mut first)?;
        !unpack::is_packed(&first)
    };
    let open = |path: &Path| -> io::Result<[File; N]> {
        let files = (0..N).map(|_| File::open(path)).collect::<io::Result<Vec<_>>>()?;
        files.try_into().map_err(|_| io::Error::other("another number of files was opened"))
    };
    if is_plain {
        return open(path);
    }
    let mut unpacked = tempfile::NamedTempFile::new()?;
    io::copy(&mut Source::open(path)?, &mut unpacked)?;
    unpacked.flush()?;
    open(unpacked.path())
}

/// An open file of what a path stands for, in which places can be sought.
///
/// Errors: as [`Source::open`].
pub fn open_seekable(path: &Path) -> io::Result<File> {
    let [file] = seekable(path)?;
    Ok(file)
}

#[cfg(test)]
mod tests;
