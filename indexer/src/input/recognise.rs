//! Paths to inputs: which file each path means, and of what kind it is.
//!
//! Where nobody names the kind, a file is recognised by its name, its counts, its first bytes and its
//! first line. Only what is sound is taken without being named. A file that looks like another format
//! than JSONL of texts is refused with that format's name.

use std::path::{Path, PathBuf};

use gleaner_format::{
    CiffReader, ExchangeError, VectorReader,
    source::{find_source, head, is_source, is_stream, is_zip, source_names, unpacked_name},
};
use serde_json::Value;

use super::files::{InputFile, InputFormat, InputKind};
use crate::error::IndexError;

/// How much of a file is looked at: more than any line but the longest.
const HEAD_LEN_BYTES: usize = 1 << 20;

/// Ends of names of files of texts, and what they are.
const TEXT_ENDS: [(&str, InputKind); 5] = [
    (".jsonl", InputKind::Texts),
    (".ndjson", InputKind::Texts),
    (".json", InputKind::Texts),
    (".csv", InputKind::Csv),
    (".tsv", InputKind::Tsv),
];

/// Resolves the paths given on the command line to files, in order.
///
/// # Errors
/// `Input` naming what was expected; `OtherFormat`, `Read` where the kind must be recognised.
pub fn find_inputs(paths: &[PathBuf], format: InputFormat) -> Result<Vec<InputFile>, IndexError> {
    let found = paths.iter().map(|path| find_input(path, format)).collect::<Result<Vec<_>, _>>()?;
    Ok(found.into_iter().flatten().collect())
}

fn find_input(path: &Path, format: InputFormat) -> Result<Vec<InputFile>, IndexError> {
    let refuse = |reason| Err(IndexError::Input { path: path.to_path_buf(), reason });
    let is_folder = path.is_dir();
    let corpus = || find_source(path, "corpus.jsonl").map(|file| vec![file.into()]);
    match format {
        InputFormat::Auto | InputFormat::Beir if is_zip(path) => {
            corpus().map_or_else(|| refuse("a zip without corpus.jsonl (a BEIR set has one)"), Ok)
        }
        InputFormat::Beir if is_folder => corpus()
            .map_or_else(|| refuse("a folder without corpus.jsonl (a BEIR folder has one)"), Ok),
        InputFormat::Beir => refuse("not a folder; --format beir takes BEIR folders and zips"),
        InputFormat::Auto if is_folder => match corpus() {
            Some(corpus) => Ok(corpus),
            None => texts_in(path, None),
        },
        InputFormat::Files(kind) if is_folder && kind.is_texts() => texts_in(path, Some(kind)),
        InputFormat::Files(_) if is_folder => refuse("a folder; this format is one of files"),
        _ if !is_source(path) => refuse("no such file"),
        InputFormat::Files(kind) => Ok(vec![InputFile::new(path, kind)]),
        InputFormat::Auto => Ok(vec![InputFile::new(path, recognise(path)?)]),
    }
}

/// The kind that a name tells, if it is one of texts.
fn kind_by_name(name: &str) -> Option<InputKind> {
    let name = name.to_ascii_lowercase();
    let name = unpacked_name(&name);
    TEXT_ENDS.iter().find(|(end, _)| name.ends_with(end)).map(|(_, kind)| *kind)
}

/// The files of texts in a folder, of all kinds or of one, in the order of their names.
fn texts_in(folder: &Path, kind: Option<InputKind>) -> Result<Vec<InputFile>, IndexError> {
    let failed = |source| IndexError::Read { path: folder.to_path_buf(), line: 0, source };
    let mut files = Vec::new();
    for name in source_names(folder).map_err(failed)? {
        let found = kind_by_name(&name).filter(|found| kind.is_none_or(|kind| kind == *found));
        files.extend(found.map(|found| InputFile::new(folder.join(&name), found)));
    }
    if files.is_empty() {
        let reason = match kind {
            None => {
                "a folder with neither corpus.jsonl (a BEIR folder has one) nor files named \
                     .jsonl, .ndjson, .json, .csv or .tsv, packed (.gz, .zst) or not"
            }
            Some(InputKind::Csv) => "a folder without files named .csv, packed (.gz, .zst) or not",
            Some(InputKind::Tsv) => "a folder without files named .tsv, packed (.gz, .zst) or not",
            Some(_) => {
                "a folder without files named .jsonl, .ndjson or .json, packed (.gz, .zst) or not"
            }
        };
        return Err(IndexError::Input { path: folder.to_path_buf(), reason });
    }
    Ok(files)
}

/// What a file is by its name or, for binary vectors, by its counts; else JSONL of texts.
///
/// # Errors
/// `OtherFormat` naming the format that it looks like; `Read`.
fn recognise(path: &Path) -> Result<InputKind, IndexError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if unpacked_name(&name).ends_with(".ciff") {
        return Ok(InputKind::Ciff);
    }
    if let Some(kind @ (InputKind::Csv | InputKind::Tsv)) = kind_by_name(&name) {
        return Ok(kind);
    }
    let failed = |source| IndexError::Read { path: path.to_path_buf(), line: 0, source };
    let other = |found: String, format| {
        Err(IndexError::OtherFormat { path: path.to_path_buf(), found, format })
    };
    // A packed file would have to be unpacked whole to compare its counts with its length.
    if !is_stream(path) && unpacked_name(&name) == name {
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
    }
    let head = head(path, HEAD_LEN_BYTES).map_err(failed)?;
    if is_binary(&head) {
        return match CiffReader::open(&head[..]) {
            Ok(_) => other("it begins as CIFF does".to_owned(), "ciff"),
            Err(_) => other("it is binary".to_owned(), "vectors or --format ciff"),
        };
    }
    match is_vector_line(&head) {
        true => {
            let found = "its first line has a \"vector\" and neither \"text\" nor \"title\"";
            other(found.to_owned(), "vectors-jsonl")
        }
        false => Ok(InputKind::Texts),
    }
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
