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
const TO_GZIP: &str = "unpack it, or pack it as .gz or .zst";

/// First bytes, what they mean, and what to do.
const FIRST_BYTES: [(&[u8], &str, &str); 12] = [
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
    (b"7z\xbc\xaf", "packed by 7-Zip", TO_GZIP),
];

/// Enough letters to tell UTF-16 from numbers of four bytes.
const LETTERS_LEN_BYTES: usize = 8;

/// Where a tar file has its mark.
const TAR_MARK: std::ops::Range<usize> = 257..262;

/// Refuses a file that begins as one of these formats.
pub(super) fn check(head: &[u8]) -> io::Result<()> {
    let known = FIRST_BYTES.iter().find(|(first, ..)| head.starts_with(first));
    let known = known.map(|&(_, format, remedy)| ForeignFile { format, remedy });
    let is_tar = head.get(TAR_MARK) == Some(b"ustar");
    let tar = ForeignFile { format: "a tar archive", remedy: "unpack it and name its files" };
    let utf_16 = ForeignFile { format: "text in UTF-16", remedy: "save it as UTF-8" };
    match known.or(is_tar.then_some(tar)).or(is_utf_16(head).then_some(utf_16)) {
        Some(foreign) => Err(io::Error::new(io::ErrorKind::InvalidData, foreign)),
        None => Ok(()),
    }
}

/// Whether a file begins with the mark of UTF-16 and letters of ASCII. The mark alone may be the count of a
/// binary file.
fn is_utf_16(head: &[u8]) -> bool {
    let (mark, letters) = head.split_at(head.len().min(2));
    let zero = match mark {
        b"\xff\xfe" => 1,
        b"\xfe\xff" => 0,
        _ => return false,
    };
    let letters = letters.get(..LETTERS_LEN_BYTES).unwrap_or_default();
    !letters.is_empty()
        && letters.chunks_exact(2).all(|letter| letter[zero] == 0 && letter[1 - zero] != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_16_is_told_from_binary_files_that_begin_as_it_does() {
        let text = "{\"_id\": 1}";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert!(check(&[b"\xff\xfe", &little[..]].concat()).is_err());
        assert!(check(&[b"\xfe\xff", &big[..]].concat()).is_err());
        // 65,279 and 130,815 vectors of 3 terms each, in numbers of four bytes.
        for count in [b"\xff\xfe\0\0", b"\xff\xfe\x01\0"] {
            assert!(check(&[&count[..], b"\x03\0\0\0\x07\0\0\0"].concat()).is_ok());
        }
        assert!(check(&little).is_ok() && check(b"\xff\xfe").is_ok() && check(b"").is_ok());
    }
}
