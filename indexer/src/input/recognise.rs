//! Paths to inputs: which file each path means, and of what kind it is.
//!
//! Where nobody names the kind, a file is recognised by its name, its counts, its first bytes and its
//! first line. Only what is sound is taken without being named. A file that looks like another format
//! than JSONL of texts is refused with that format's name.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use gleaner_format::{CiffReader, ExchangeError, VectorReader};
use serde_json::Value;

use super::files::{InputFile, InputFormat, InputKind};
use crate::error::IndexError;

/// How much of a file is looked at: more than any line but the longest.
const HEAD_LEN_BYTES: u64 = 1 << 20;

/// Resolves the paths given on the command line to files, in order.
///
/// # Errors
/// `Input` naming what was expected; `OtherFormat`, `Read` where the kind must be recognised.
pub fn find_inputs(paths: &[PathBuf], format: InputFormat) -> Result<Vec<InputFile>, IndexError> {
    paths.iter().map(|path| find_input(path, format)).collect()
}

fn find_input(path: &Path, format: InputFormat) -> Result<InputFile, IndexError> {
    let refuse = |reason| Err(IndexError::Input { path: path.to_path_buf(), reason });
    match (path.is_dir(), format) {
        (true, InputFormat::Files(InputKind::Texts)) => {
            refuse("a folder; --format jsonl takes files")
        }
        (true, InputFormat::Files(_)) => refuse("a folder; this format is one of files"),
        (true, InputFormat::Auto | InputFormat::Beir) => {
            let names = ["corpus.jsonl", "corpus.jsonl.gz"].map(|name| path.join(name));
            match names.into_iter().find(|file| file.is_file()) {
                Some(file) => Ok(file.into()),
                None => refuse("a folder without corpus.jsonl (a BEIR folder has one)"),
            }
        }
        (false, InputFormat::Beir) => refuse("not a folder; --format beir takes BEIR folders"),
        (false, _) if !path.is_file() => refuse("no such file"),
        (false, InputFormat::Files(kind)) => Ok(InputFile::new(path, kind)),
        (false, InputFormat::Auto) => Ok(InputFile::new(path, recognise(path)?)),
    }
}

/// What a file is by its name or, for binary vectors, by its counts; else JSONL of texts.
///
/// # Errors
/// `OtherFormat` naming the format that it looks like; `Read`.
fn recognise(path: &Path) -> Result<InputKind, IndexError> {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("ciff")) {
        return Ok(InputKind::Ciff);
    }
    let head = head(path).map_err(|source| IndexError::Read {
        path: path.to_path_buf(),
        line: 0,
        source,
    })?;
    let other = |found: String, format| {
        Err(IndexError::OtherFormat { path: path.to_path_buf(), found, format })
    };
    // Bytes of a compressed file say nothing.
    let compressed = head.starts_with(&[0x1f, 0x8b]);
    if !compressed {
        match VectorReader::open(path) {
            Ok(_) => return Ok(InputKind::Vectors),
            Err(error @ (ExchangeError::Length { .. } | ExchangeError::Starts { .. })) => {
                return other(
                    format!("it begins as a file of vectors does, but {error}"),
                    "vectors",
                );
            }
            Err(_) => {}
        }
        if is_binary(&head) {
            return match CiffReader::open(&head[..]) {
                Ok(_) => other("it begins as CIFF does".to_owned(), "ciff"),
                Err(_) => other("it is binary".to_owned(), "vectors or --format ciff"),
            };
        }
    }
    let text = if compressed { unpacked(&head) } else { head };
    match is_vector_line(&text) {
        true => {
            let found = "its first line has a \"vector\" and neither \"text\" nor \"title\"";
            other(found.to_owned(), "vectors-jsonl")
        }
        false => Ok(InputKind::Texts),
    }
}

fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD_LEN_BYTES).read_to_end(&mut head)?;
    Ok(head)
}

/// What the start of a gzip file holds, as far as it goes.
fn unpacked(head: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    // It ends in the middle; and what is wrong with the file is said when it is read.
    let _ = MultiGzDecoder::new(head).take(HEAD_LEN_BYTES).read_to_end(&mut text);
    text
}

/// Whether there are bytes that neither JSON nor white space has. (UTF-16 has them too; its mark is
/// text, which the reader of lines will name as what it is.)
fn is_binary(head: &[u8]) -> bool {
    let is_utf16 = head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]);
    !is_utf16 && head.iter().any(|byte| matches!(byte, 0..=8 | 14..=31))
}

/// Whether the first line that is not blank can be a document only by its vector.
fn is_vector_line(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n');
    let line = lines.find(|line| !line.iter().all(u8::is_ascii_whitespace)).unwrap_or_default();
    let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
    match serde_json::from_slice(line) {
        Ok(Value::Object(line)) => {
            line.get("vector").is_some_and(Value::is_object)
                && !line.contains_key("text")
                && !line.contains_key("title")
        }
        _ => false,
    }
}
