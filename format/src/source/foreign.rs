//! Known formats that are not read: what they are, and what to do.

use std::io;

/// A file of a known format that is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is {format}, which is not read; {remedy}")]
pub struct ForeignFile {
    /// What it is.
    pub format: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

const TO_JSONL: &str = "convert it to JSONL, one JSON object per line";
const TO_UTF_8: &str = "save it as UTF-8 (iconv -f UTF-16 -t UTF-8)";
const TO_GZIP: &str = "unpack it, or pack it as .gz or .zst";

/// First bytes, what they mean, and what to do.
const FIRST_BYTES: [(&[u8], &str, &str); 14] = [
    (b"PAR1", "a Parquet file", TO_JSONL),
    (b"ARROW1", "an Arrow file", TO_JSONL),
    (b"Obj\x01", "an Avro file", TO_JSONL),
    (b"ORC", "an ORC file", TO_JSONL),
    (b"SQLite format 3", "an SQLite database", TO_JSONL),
    (b"\x89HDF", "an HDF5 file", TO_JSONL),
    (b"\x93NUMPY", "a NumPy array", TO_JSONL),
    (b"%PDF", "a PDF", "extract its text and write it as JSONL"),
    (b"PK\x03\x04", "a zip", "name a file in it (SET.zip/corpus.jsonl), or unpack it"),
    (b"\xfd7zXZ", "packed by xz", TO_GZIP),
    (b"BZh", "packed by bzip2", TO_GZIP),
    (b"\xff\xfe", "text in UTF-16", TO_UTF_8),
    (b"\xfe\xff", "text in UTF-16", TO_UTF_8),
    (b"7z\xbc\xaf", "packed by 7-Zip", TO_GZIP),
];

/// Where a tar file has its mark.
const TAR_MARK: std::ops::Range<usize> = 257..262;

/// Refuses a file that begins as one of these formats.
pub(super) fn check(head: &[u8]) -> io::Result<()> {
    let known = FIRST_BYTES.iter().find(|(first, ..)| head.starts_with(first));
    let known = known.map(|&(_, format, remedy)| ForeignFile { format, remedy });
    let is_tar = head.get(TAR_MARK) == Some(b"ustar");
    let tar = ForeignFile { format: "a tar archive", remedy: "unpack it and name its files" };
    match known.or(is_tar.then_some(tar)) {
        Some(foreign) => Err(io::Error::new(io::ErrorKind::InvalidData, foreign)),
        None => Ok(()),
    }
}
