//! JSONL of texts as `encode` reads it: ids and texts, from a file or from stdin.
//!
//! Lines are read in chunks, so that memory does not grow with the input. An error names file and
//! line. Files that an index is made of are the indexer's to read.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use anyhow::Context;
use gleaner::exchange::ReadDocument;
use sha2::{Digest, Sha256};

use super::{hash::digits, output::is_standard_stream};
use crate::failure::Failure;

/// The lines of a file, or of stdin for `-`, as documents.
pub(crate) struct Documents {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    line: u64,
    hash: Sha256,
}

/// Texts of a chunk for each thread: enough that those of one length find each other.
pub(crate) const CHUNK_TEXTS: usize = 256;
/// Bytes of lines after which a chunk ends, however few they are.
const CHUNK_BYTES: usize = 16 << 20;

impl Documents {
    /// Opens them; nothing is read yet.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let reader: Box<dyn BufRead> = if is_standard_stream(path) {
            Box::new(std::io::stdin().lock())
        } else {
            let file =
                File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            Box::new(BufReader::new(file))
        };
        Ok(Self { path: path.to_path_buf(), reader, line: 0, hash: Sha256::new() })
    }

    /// The SHA-256 of the lines read so far.
    pub(crate) fn hash(&self) -> String {
        digits(self.hash.clone())
    }

    /// The next documents, at most `count`, fewer where they are large; empty at the end.
    pub(crate) fn next_chunk(&mut self, count: usize) -> anyhow::Result<Vec<ReadDocument>> {
        let mut chunk = Vec::new();
        let (mut line, mut bytes) = (Vec::new(), 0);
        while chunk.len() < count && bytes < CHUNK_BYTES {
            line.clear();
            let read = self.reader.read_until(b'\n', &mut line);
            if read.with_context(|| format!("cannot read {}", self.path.display()))? == 0 {
                break;
            }
            self.line += 1;
            self.hash.update(&line);
            bytes += line.len();
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let (file, number) = (&self.path, self.line);
            let refuse = |reason| Failure::Input { file: file.clone(), line: number, reason };
            chunk.push(ReadDocument::parse(&line).map_err(refuse)?);
        }
        Ok(chunk)
    }
}
