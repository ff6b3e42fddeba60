//! An open input: its entries one by one, and proof that what was read before is still the same.
//!
//! The formats are `lines`, `table`, `rows` and `ciff`. An [`Input`] keeps a running checksum of what was read. By
//! it an interrupted run proves, before it goes on, that the file still says what was indexed from it.

use std::{path::Path, sync::Arc};

use gleaner_catalog::{DenseField, InputProgress};
use gleaner_format::source::{absolute, is_stream};
use sha2::{Digest, Sha256};

use super::{
    ciff::CiffRows,
    entries::{Entries, Entry, Tally},
    files::{InputFile, InputKind},
    lines::Lines,
    rows::VectorRows,
    table::TableRows,
};
use crate::{
    document::InputDocument,
    error::{IndexError, Rejection},
};

/// Said where a line that deletes is no document.
const DELETION: &str = "\"_deleted\" deletes a document of an index, and there is no index here";

/// A place in an input.
pub(crate) struct Position {
    hash: Sha256,
    consumed_bytes: u64,
    lines: u64,
}

/// An open input and how far it was read.
pub struct Input {
    pub(crate) tally: Tally,
    entries: Box<dyn Entries>,
}

/// Refuses files without a single document before anything is created for them.
///
/// # Errors
/// `EmptyCorpus`, `Read`, `Malformed`.
pub fn check_not_empty(inputs: &[InputFile]) -> Result<(), IndexError> {
    for input in inputs {
        if is_stream(&input.path) {
            // What is read of it cannot be read again: the run will see.
            return Ok(());
        }
        if Input::open(input)?.has_entries()? {
            return Ok(());
        }
    }
    let names = inputs.iter().map(|input| input.path.display().to_string());
    Err(IndexError::EmptyCorpus { inputs: names.collect::<Vec<_>>().join(", ") })
}

impl Input {
    /// Opens a file at its start, without dense fields: their keys are keys like any other.
    ///
    /// # Errors
    /// `Read`; `Malformed` where the first bytes already contradict the format.
    pub fn open(input: &InputFile) -> Result<Self, IndexError> {
        Self::open_with(input, &Arc::from([]))
    }

    /// As [`Input::open`], for an index with these dense fields.
    pub(crate) fn open_with(
        input: &InputFile,
        dense: &Arc<[DenseField]>,
    ) -> Result<Self, IndexError> {
        let InputFile { path, kind, vocabulary, max_line_bytes } = input;
        let failed = |source| IndexError::Read { path: path.clone(), line: 0, source };
        let (tokens, fields) = (vocabulary.clone(), Arc::clone(dense));
        let limit = *max_line_bytes;
        let texts = move |line: &[u8]| InputDocument::parse_text(line, &fields);
        let fields = Arc::clone(dense);
        let vectors =
            move |line: &[u8]| InputDocument::parse_vector(line, tokens.as_deref(), &fields);
        let entries: Box<dyn Entries> = match kind {
            InputKind::Texts => Box::new(Lines::open(path, limit, texts).map_err(failed)?),
            InputKind::VectorsJsonl => Box::new(Lines::open(path, limit, vectors).map_err(failed)?),
            InputKind::Csv | InputKind::Tsv => {
                let fields = Arc::clone(dense);
                Box::new(TableRows::open(path, *kind, limit, fields).map_err(failed)?)
            }
            InputKind::Vectors => Box::new(VectorRows::open(path)?),
            InputKind::Ciff => Box::new(CiffRows::open(path, vocabulary.clone())?),
        };
        let absolute = absolute(path).map_err(failed)?;
        let progress = InputProgress {
            path: absolute.to_string_lossy().into_owned(),
            size_bytes: entries.size_bytes(),
            consumed_bytes: 0,
            consumed_sha256: hex(Sha256::new()),
            lines: 0,
            documents: 0,
            rejected: 0,
            complete: false,
        };
        let tally = Tally { path: path.clone(), progress, hash: Sha256::new(), blank: 0 };
        Ok(Self { tally, entries })
    }

    /// Goes to where an earlier run stopped, after proving that everything before is unchanged.
    ///
    /// # Errors
    /// `ChangedInput`, `Read`, `Malformed`.
    pub fn resume(&mut self, earlier: &InputProgress) -> Result<(), IndexError> {
        let (path, lines) = (self.tally.path.clone(), earlier.lines);
        let changed = |reason| Err(IndexError::ChangedInput { path, lines, reason });
        let size_bytes = self.tally.progress.size_bytes;
        if earlier.complete && earlier.size_bytes != size_bytes {
            return changed("its size differs");
        }
        if let Some(reason) = self.entries.pass_over(earlier, &mut self.tally)? {
            return changed(reason);
        }
        if hex(self.tally.hash.clone()) != earlier.consumed_sha256 {
            return changed("its content differs");
        }
        self.tally.progress = InputProgress { size_bytes, ..earlier.clone() };
        Ok(())
    }

    /// Whether there is a line that is not blank, or a row; reading may move on by one.
    ///
    /// # Errors
    /// `Read`, `Malformed`.
    pub fn has_entries(&mut self) -> Result<bool, IndexError> {
        self.entries.has_entries(&mut self.tally)
    }

    /// The next document, or why its line or row makes none; `None` at the end of the file. A line that
    /// deletes makes none: it is for an index.
    ///
    /// # Errors
    /// `Read`, `Malformed`.
    pub fn next_document(
        &mut self,
    ) -> Result<Option<Result<InputDocument, Rejection>>, IndexError> {
        let entry = self.next()?.map(|entry| match entry {
            Ok(read) if read.document.is_deletion => Err(DELETION.to_owned()),
            entry => entry,
        });
        Ok(entry.map(|entry| entry.map_err(|reason| self.rejection(reason))))
    }

    /// The SHA-256 of the bytes read so far, in hexadecimal digits.
    pub fn read_sha256(&self) -> String {
        hex(self.tally.hash.clone())
    }

    /// The file as given.
    pub fn path(&self) -> &Path {
        &self.tally.path
    }

    /// The next entry; `None` at the end of the file, which is then complete.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, IndexError> {
        let entry = self.entries.next(&mut self.tally)?;
        self.tally.progress.complete |= entry.is_none();
        Ok(entry)
    }

    /// The refusal of the entry read last.
    pub(crate) fn rejection(&self, reason: String) -> Rejection {
        let place = self.entries.place(self.tally.progress.lines);
        Rejection { file: self.tally.path.clone(), place, reason }
    }

    /// Progress up to the last entry read; its documents and rejects are the caller's to count.
    pub(crate) fn progress(&mut self) -> &mut InputProgress {
        &mut self.tally.progress
    }

    /// Bytes read from the file itself so far.
    pub(crate) fn read_bytes(&self) -> u64 {
        self.entries.read_bytes()
    }

    /// Where reading stands, to come back to with [`Input::forget_after`].
    pub(crate) fn position(&self) -> Position {
        let InputProgress { consumed_bytes, lines, .. } = self.tally.progress;
        Position { hash: self.tally.hash.clone(), consumed_bytes, lines }
    }

    /// Reports progress as if nothing had been read since `position`. Reading cannot go on.
    pub(crate) fn forget_after(&mut self, position: Position) {
        self.tally.hash = position.hash;
        let progress = &mut self.tally.progress;
        progress.consumed_bytes = position.consumed_bytes;
        progress.lines = position.lines;
        progress.complete = false;
    }

    /// Progress with the checksum brought up to date.
    pub(crate) fn mark(&mut self) -> InputProgress {
        self.tally.progress.consumed_sha256 = hex(self.tally.hash.clone());
        self.tally.progress.clone()
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
