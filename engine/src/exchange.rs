//! Files that programs exchange: vectors, queries and documents, read and written.
//!
//! [`Input`] reads the entries of a file of any format, [`parse_weights`] a vector that stands alone.
//! [`write_vectors`] and [`CiffWriter`] write. Files that become an index are [`IndexBuilder::files`]'s.
//!
//! ```
//! use gleaner::exchange::{CiffWriter, parse_weights};
//!
//! let vector = parse_weights("{\"1012\": 0.8, \"2054\": 1.3}", None)?;
//! let mut file = CiffWriter::new();
//! file.push("first".to_owned(), &vector)?;
//! let mut bytes = Vec::new();
//! file.write(None, "one document", &mut bytes)?;
//! assert!(!bytes.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`IndexBuilder::files`]: crate::IndexBuilder::files

use std::{
    io::{self, BufRead, Write},
    path::Path,
};

use gleaner_encoder::{Model, SparseVector};
use gleaner_format::CiffBuilder;

pub use gleaner_format::json::{plain_reason, reason_of};
pub use gleaner_format::source::{LINE_LIMIT_BYTES, is_source};
pub use gleaner_format::write_vectors;
pub use gleaner_indexer::{
    Document as ReadDocument, Input, InputDocument, Place, Rejection, Vocabulary, find_inputs,
    parse_weights, read_encoded,
};

/// Collects documents and writes them as a CIFF file, the Common Index File Format: lists by term, each
/// weight as `round(100 × weight)`. Weights that round to 0 are left out.
///
/// Memory: eight bytes a posting and the ids, twice that for postings while writing.
#[derive(Debug, Default)]
pub struct CiffWriter {
    lists: CiffBuilder,
}

impl CiffWriter {
    /// A writer without documents.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a document.
    ///
    /// # Errors
    /// The reason: a weight beyond the format's integers, or more documents than they number.
    pub fn push(&mut self, id: String, vector: &SparseVector) -> Result<(), String> {
        self.lists.push(id, vector)
    }

    /// Writes the file. Terms are called by the model's tokens, and by their ids where there is none.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(
        &self,
        model: Option<&Model>,
        description: &str,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let token = |term: u32| model.map_or_else(|| term.to_string(), |it| it.term_text(term));
        self.lists.write(token, description, out)
    }
}

/// The lines of a file that are not blank, without the space around them; packed or not, `-` is stdin.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let file = folder.path().join("ids");
/// std::fs::write(&file, "a\n\n b\n")?;
/// assert_eq!(gleaner::exchange::read_lines(&file)?, ["a", "b"]);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// The system's; bytes that are not UTF-8.
pub fn read_lines(path: &Path) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    for line in gleaner_format::source::Source::open(path)?.lines() {
        let line = line?;
        let line = line.trim_start_matches('\u{feff}').trim();
        if !line.is_empty() {
            lines.push(line.to_owned());
        }
    }
    Ok(lines)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn terms_without_a_model_are_written_as_ids_and_read_again() {
        let vector = SparseVector::from_pairs([(7, 1.5), (40, 0.25), (90, 0.004)]).unwrap();
        let mut writer = CiffWriter::new();
        writer.push("a".to_owned(), &vector).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lists.ciff");
        writer.write(None, "a test", &mut std::fs::File::create(&path).unwrap()).unwrap();
        let mut input = Input::open(&find_inputs(&[path], crate::InputFormat::Auto).unwrap()[0]);
        let read = input.as_mut().unwrap().next_document().unwrap().unwrap().unwrap();
        assert_eq!(read.document.id, "a");
        let scaled = SparseVector::from_pairs([(7, 150.0), (40, 25.0)]).unwrap();
        assert_eq!(read.vector, Some(scaled));
    }
}
