//! Texts as `encode` reads them: ids and texts, from a file or from stdin.
//!
//! They are read in chunks, so that memory does not grow with the input. An error names file and
//! line. What formats there are is the indexer's to know.

use std::path::Path;

use gleaner::{
    InputFormat,
    exchange::{Input, ReadDocument, find_inputs, is_source},
};

use crate::failure::Failure;

/// The documents of a file, or of stdin for `-`.
pub(crate) struct Documents {
    input: Input,
}

/// Texts of a chunk for each thread: enough that those of one length find each other.
pub(crate) const CHUNK_TEXTS: usize = 256;
/// Bytes of lines after which a chunk ends, however few they are.
const CHUNK_BYTES: usize = 16 << 20;

impl Documents {
    /// Opens them; nothing is read yet.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        // What is missing is said as what it is: a file that cannot be read.
        let files = match is_source(path) {
            true => find_inputs(&[path.to_path_buf()], InputFormat::Auto)?,
            false => vec![path.to_path_buf().into()],
        };
        match &files[..] {
            [file] if file.kind.is_texts() => Ok(Self { input: Input::open(file)? }),
            _ => {
                let message = format!("--input {} is not one file of texts", path.display());
                Err(Failure::Usage(message).into())
            }
        }
    }

    /// The SHA-256 of what was read so far.
    pub(crate) fn hash(&self) -> String {
        self.input.read_sha256()
    }

    /// The next documents, at most `count`, fewer where they are large; empty at the end.
    pub(crate) fn next_chunk(&mut self, count: usize) -> anyhow::Result<Vec<ReadDocument>> {
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        while chunk.len() < count && bytes < CHUNK_BYTES {
            let Some(document) = self.input.next_document()? else { break };
            let document = document.map_err(Failure::Rejected)?.document;
            bytes += document.source.len();
            chunk.push(document);
        }
        Ok(chunk)
    }
}
