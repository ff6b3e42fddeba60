//! Files in a zip archive, by paths that lead into it: `scifact.zip/qrels/test.tsv`.
//!
//! The folder that an archive has around everything may be left out, as BEIR's archives have one.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use crc32fast::Hasher;
use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

const FIRST_BYTES: &[u8] = b"PK\x03\x04";

fn invalid(reason: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.to_string())
}

/// Whether a file begins as a zip does.
pub(super) fn is_archive(path: &Path) -> bool {
    let mut first = Vec::new();
    path.is_file()
        && File::open(path)
            .and_then(|file| file.take(FIRST_BYTES.len() as u64).read_to_end(&mut first))
            .is_ok_and(|_| first == FIRST_BYTES)
}

/// The archive that a path leads into, and the path inside it.
pub(super) fn split(path: &Path) -> Option<(&Path, &Path)> {
    if path.exists() {
        return None;
    }
    let archive = path.ancestors().skip(1).find(|folder| folder.exists())?;
    is_archive(archive).then_some(())?;
    Some((archive, path.strip_prefix(archive).ok()?))
}

fn open_archive(path: &Path) -> io::Result<ZipArchive<BufReader<File>>> {
    ZipArchive::new(BufReader::new(File::open(path)?)).map_err(invalid)
}

/// The names of an archive, in its order.
fn all_names(archive: &ZipArchive<BufReader<File>>) -> Vec<String> {
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    archive.file_names_raw().map(text).collect()
}

/// A name without the one folder around it.
fn without_top(name: &str) -> &str {
    name.split_once('/').map_or("", |(_, rest)| rest)
}

/// Where a file is in the archive.
fn find(names: &[String], member: &Path) -> Option<usize> {
    let member = member.to_str()?;
    let is_it = |name: &String| name == member;
    let is_below = |name: &String| without_top(name) == member;
    names.iter().position(is_it).or_else(|| names.iter().position(is_below))
}

pub(super) fn has_member(archive: &Path, member: &Path) -> bool {
    open_archive(archive).is_ok_and(|archive| find(&all_names(&archive), member).is_some())
}

/// Names of the files right in a folder of the archive.
pub(super) fn names(archive: &Path, folder: &Path) -> io::Result<Vec<String>> {
    let prefix = match folder.to_string_lossy() {
        folder if folder.is_empty() => String::new(),
        folder => format!("{folder}/"),
    };
    let all = all_names(&open_archive(archive)?);
    let inside = |name: &String| {
        let rest = name.strip_prefix(&prefix).filter(|rest| !rest.contains('/'));
        let rest = rest.or_else(|| without_top(name).strip_prefix(&prefix));
        rest.filter(|rest| !rest.is_empty() && !rest.contains('/')).map(str::to_owned)
    };
    Ok(all.iter().filter_map(inside).collect())
}

/// A file of the archive, unpacked, and how many bytes it has there.
pub(super) fn open_member(
    archive: &Path,
    member: &Path,
) -> io::Result<(Box<dyn Read + Send>, u64)> {
    let mut opened = open_archive(archive)?;
    let missing = || io::Error::new(io::ErrorKind::NotFound, "the zip has no such file");
    let at = find(&all_names(&opened), member).ok_or_else(missing)?;
    let entry = opened.by_index_raw(at).map_err(invalid)?;
    if entry.encrypted() {
        return Err(invalid("this file of the zip is encrypted; unpack the zip with its password"));
    }
    let start = entry.data_start().ok_or_else(|| invalid("the zip does not say where it is"))?;
    let (packed_bytes, method, crc32) =
        (entry.compressed_size(), entry.compression(), entry.crc32());
    drop(entry);
    let mut file = File::open(archive)?;
    file.seek(SeekFrom::Start(start))?;
    let packed = file.take(packed_bytes);
    let reader: Box<dyn Read + Send> = match method {
        CompressionMethod::Stored => Box::new(packed),
        method if method == CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(packed)),
        other => {
            let reason =
                format!("it is packed by {other:?}; unpack the zip, or pack it by deflate");
            return Err(invalid(reason));
        }
    };
    Ok((Box::new(Checked { reader, found: Hasher::new(), crc32 }), packed_bytes))
}

/// Holds a file to its checksum where it ends.
struct Checked {
    reader: Box<dyn Read + Send>,
    found: Hasher,
    crc32: u32,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.found.update(&buffer[..read]);
        let is_end = read == 0 && !buffer.is_empty();
        match is_end && self.found.clone().finalize() != self.crc32 {
            true => Err(invalid("the zip is damaged: a checksum differs")),
            false => Ok(read),
        }
    }
}
