//! JSONL of texts, for queries and for `encode`: ids and texts, errors with file and line.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use anyhow::Context;
use gleaner_indexer::Document;

use crate::failure::Failure;

/// The lines of a file, or of stdin for `-`, as documents.
pub(crate) struct Documents {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    line: u64,
}

impl Documents {
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let reader: Box<dyn BufRead> = if path == Path::new("-") {
            Box::new(std::io::stdin().lock())
        } else {
            let file =
                File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            Box::new(BufReader::new(file))
        };
        Ok(Self { path: path.to_path_buf(), reader, line: 0 })
    }

    /// The next documents, at most `count`; empty at the end.
    pub(crate) fn next_chunk(&mut self, count: usize) -> anyhow::Result<Vec<Document>> {
        let mut chunk = Vec::new();
        let mut line = Vec::new();
        while chunk.len() < count {
            line.clear();
            let read = self.reader.read_until(b'\n', &mut line);
            if read.with_context(|| format!("cannot read {}", self.path.display()))? == 0 {
                break;
            }
            self.line += 1;
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let (file, number) = (&self.path, self.line);
            let refuse = |reason| Failure::Input { file: file.clone(), line: number, reason };
            chunk.push(Document::parse(&line).map_err(refuse)?);
        }
        Ok(chunk)
    }
}
